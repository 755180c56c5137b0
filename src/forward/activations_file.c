/* activations_file.c - the arrays of --activations: captured rows, and the absmax of features */
#include "src/forward/activations_parts.h"

#include "src/base/num.h"
#include "src/base/tensor_read.h"
#include "src/model/floats.h"

#include <string.h>

#define PIECE 16384 /* bytes that are read at once */

/* The arrays in the making. */
struct list {
    struct q8_activations_array *array;
    uint64_t count, room;
    uint64_t tokens; /* rows that are taken */
    struct q8_arena *mem;
};

static bool check_array(const struct q8_tensor *t, struct q8_err *err)
{
    char shape[200];

    q8_tensor_shape(t, shape, sizeof shape);
    if (t->rank == 0 || !q8_dtype_is_float(t->dtype))
        return q8_fail(err, Q8_EINPUT,
                       "%s of shape %s, but floats were expected: activations of shape [tokens, "
                       "features], or the largest magnitude of each feature",
                       q8_dtypes[t->dtype].name, shape);
    return t->nbytes > 0 || q8_fail(err, Q8_EINPUT, "is empty: its shape is %s", shape);
}

static float *keep_rows(const struct q8_activations_array *a, const struct q8_tensor *t,
                        const void *data, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t n = a->tokens * a->cols; /* at most the elements of t, which are there */
    float *value = q8_alloc(mem, n, sizeof *value, err);

    if (value)
        q8_floats_read(value, t->dtype, data, n);
    return value;
}

/* Adds an array: the `visit` of q8_arrays_each. */
static bool add_array(void *self, const struct q8_tensor *t, const void *data, struct q8_err *err)
{
    struct list *l = self;
    struct q8_activations_array a = {.where = *t}, *grown;
    float *value = NULL;

    if (!check_array(t, err))
        return false;
    a.cols = t->dim[t->rank - 1];
    if (t->rank > 1)
        a.tokens = q8_min(q8_tensor_elements(t) / a.cols, l->tokens);
    a.name = q8_strndup(l->mem, t->name, strlen(t->name), err);
    if (!a.name)
        return false;
    a.where.name = NULL; /* gone when this returns */
    if (data && t->rank == 1 && !q8_statistics_maxima(&value, t, data, l->mem, err))
        return false;
    if (data && t->rank > 1 && !(value = keep_rows(&a, t, data, l->mem, err)))
        return false;
    a.value = value;
    grown = q8_grow(l->mem, l->array, l->count, &l->room, sizeof *grown, err);
    if (!grown)
        return false;
    l->array = grown;
    grown[l->count++] = a;
    return true;
}

/* Statistics that are still in the file: only now is it sure that they are as wide as a weight. */
static bool load_maxima(struct q8_activations_array *a, const struct q8_file *file,
                        struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_source source = q8_file_source(file);
    struct q8_arena scratch;
    float *value = NULL;
    void *bytes;
    bool ok;

    q8_arena_init(&scratch, mem->limit);
    bytes = q8_alloc(&scratch, a->where.nbytes, 1, err);
    ok = bytes && q8_tensor_read(&source, &a->where, 0, bytes, a->where.nbytes, err) &&
         (q8_statistics_maxima(&value, &a->where, bytes, mem, err) || q8_tensor_fail(a->name, err));
    q8_arena_clear(&scratch);
    a->value = value;
    return ok;
}

/* Gives the arrays to their modules. */
static bool give_out(struct q8_activations_parts *parts, struct list *l,
                     const struct q8_weight_list *weights, struct q8_arena *scratch,
                     struct q8_err *err)
{
    const struct q8_weight **of = q8_alloc(scratch, l->count, sizeof *of, err);
    struct q8_statistic *entry = q8_alloc(scratch, l->count, sizeof *entry, err);
    const struct q8_statistics acts = {.path = parts->file.path, .entry = entry, .count = l->count};

    if (!of || !entry)
        return false;
    for (uint64_t i = 0; i < l->count; i++)
        entry[i] = (struct q8_statistic){l->array[i].name, l->array[i].cols, NULL};
    if (!q8_statistics_match(of, &acts, weights, scratch, err))
        return false;
    for (uint64_t i = 0; i < l->count; i++) {
        struct q8_activations_array *a = &l->array[i];

        if (!a->tokens && !a->value && !load_maxima(a, &parts->file, l->mem, err))
            return false;
        parts->module[of[i] - weights->weight].array = a;
    }
    return true;
}

bool q8_activations_read(struct q8_activations *p, const struct q8_weight_list *weights,
                         struct q8_arena *mem, struct q8_err *err)
{
    struct q8_activations_parts *parts = p->parts;
    struct list l = {.tokens = p->options.tokens, .mem = mem};
    const struct q8_npz_visitor visitor = {add_array, &l};
    struct q8_arena scratch;
    bool ok;

    if (!q8_arrays_open(&parts->file, p->options.path, err))
        return false;
    q8_arena_init(&scratch, mem->limit);
    ok = q8_arrays_each(&parts->file, &visitor, mem, err) &&
         (l.count || q8_fail(err, Q8_EINPUT, "holds no arrays")) &&
         give_out(parts, &l, weights, &scratch, err) &&
         q8_file_digest(&parts->file, parts->file.size, &p->digest, err) &&
         q8_file_same(&parts->file, err);
    q8_arena_clear(&scratch);
    return ok || q8_fail_in(err, p->options.path);
}

bool q8_activations_rows(const struct q8_activations *p, const struct q8_activations_array *a,
                         float *x, struct q8_err *err)
{
    uint64_t step = q8_dtype_size(a->where.dtype), n = a->tokens * a->cols, many;
    const struct q8_source source = q8_file_source(&p->parts->file);
    unsigned char piece[PIECE];

    if (a->value) {
        memcpy(x, a->value, n * sizeof *x);
        return true;
    }
    for (uint64_t i = 0; i < n; i += many) {
        many = q8_min(n - i, sizeof piece / step);
        if (!q8_tensor_read(&source, &a->where, i * step, piece, many * step, err))
            return false;
        q8_floats_read(x + i, a->where.dtype, piece, many);
    }
    return q8_file_same(&p->parts->file, err);
}
