/* statistics.c - reads statistics of activations: one vector of maxima per module */
#include "src/forward/statistics.h"

#include "formats/format.h"
#include "src/base/num.h"
#include "src/base/tensor_read.h"
#include "src/base/text.h"
#include "src/forward/imatrix.h"
#include "src/model/floats.h"
#include "src/model/folder/magic.h"
#include "src/model/select.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The list in the making. */
struct reader {
    struct q8_statistic *entry;
    uint64_t count, room;
    const struct q8_file *file;
    struct q8_arena *mem;
    struct q8_arena scratch; /* one array as it is in the file */
};

static bool check_vector(const struct q8_tensor *t, struct q8_err *err)
{
    char shape[200];

    if (t->rank == 1 && q8_dtype_is_float(t->dtype))
        return true;
    q8_tensor_shape(t, shape, sizeof shape);
    return q8_fail(err, Q8_EINPUT,
                   "%s of shape %s, but a vector of floats was expected: the largest magnitude of "
                   "each input feature",
                   q8_dtypes[t->dtype].name, shape);
}

bool q8_statistics_maxima(float **ret, const struct q8_tensor *t, const void *data,
                          struct q8_arena *mem, struct q8_err *err)
{
    float *absmax = q8_alloc(mem, t->dim[0], sizeof *absmax, err);

    if (!absmax)
        return false;
    q8_floats_read(absmax, t->dtype, data, t->dim[0]);
    for (uint64_t i = 0; i < t->dim[0]; i++)
        if (!isfinite(absmax[i]) || absmax[i] < 0)
            return q8_fail(err, Q8_EINPUT,
                           "value %" PRIu64 " is %g, which cannot be a largest magnitude", i,
                           (double)absmax[i]);
    *ret = absmax;
    return true;
}

/* Adds a vector: the `visit` of q8_arrays_each. */
static bool add_vector(void *self, const struct q8_tensor *t, const void *data, struct q8_err *err)
{
    struct reader *r = self;
    struct q8_statistic *grown;
    void *bytes;
    float *absmax;
    char *name;

    if (!check_vector(t, err)) /* before its size takes memory */
        return false;
    if (!data) {
        const struct q8_source source = q8_file_source(r->file);

        q8_arena_clear(&r->scratch);
        data = bytes = q8_alloc(&r->scratch, t->nbytes, 1, err);
        if (!bytes || !q8_tensor_read(&source, t, 0, bytes, t->nbytes, err))
            return false;
    }
    name = q8_strndup(r->mem, t->name, strlen(t->name), err);
    if (!name || !q8_statistics_maxima(&absmax, t, data, r->mem, err))
        return false;
    grown = q8_grow(r->mem, r->entry, r->count, &r->room, sizeof *grown, err);
    if (!grown)
        return false;
    r->entry = grown;
    grown[r->count++] = (struct q8_statistic){name, t->dim[0], absmax};
    return true;
}

/* The tensors of a format whose tensors are ranges of the file. */
static bool visit_tensors(const struct q8_format *format, struct q8_source *source,
                          const struct q8_npz_visitor *visitor, uint64_t limit, struct q8_err *err)
{
    struct q8_index ix = {0};
    struct q8_arena names;
    bool ok;

    q8_arena_init(&names, limit);
    ok = q8_format_parse(format, source, &ix, &names, err);
    for (uint64_t i = 0; ok && i < ix.count; i++)
        ok = visitor->visit(visitor->self, &ix.tensor[i], NULL, err) ||
             q8_tensor_fail(ix.tensor[i].name, err);
    q8_arena_clear(&names);
    return ok;
}

bool q8_arrays_each(struct q8_file *file, const struct q8_npz_visitor *visitor,
                    struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_format *format = q8_format_of(file->path);
    struct q8_source source = q8_file_source(file);
    const char *leaf = q8_text_leaf(file->path), *name;
    const size_t stem = q8_text_stem(leaf, ".npy");

    if (format)
        return visit_tensors(format, &source, visitor, mem->limit, err);
    if (!stem)
        return q8_npz_read(&source, visitor, mem, err);
    name = q8_strndup(mem, leaf, stem, err); /* the only place that says whose it is */
    return name && q8_npy_read(&source, name, visitor, mem, err);
}

static bool fail_kind(struct q8_err *err)
{
    char suffixes[100];

    return q8_fail(err, Q8_EUNSUPPORTED,
                   "statistics of activations are read from %s, .dat, .npz and .npy files",
                   q8_format_suffixes(suffixes, sizeof suffixes));
}

bool q8_arrays_open(struct q8_file *ret, const char *path, struct q8_err *err)
{
    const struct q8_magic *magic;

    if (q8_imatrix_is(path))
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "is an imatrix by its name: root mean squares, where activations or the "
                       "largest magnitudes are needed; q8-inspect reads it") ||
               q8_fail_in(err, path);
    if (!q8_format_of(path) && !q8_text_stem(path, ".npz") && !q8_text_stem(path, ".npy"))
        return fail_kind(err) || q8_fail_in(err, path);
    if (!q8_file_open(ret, path, err))
        return false;
    magic = q8_magic_file(ret, err);
    if (magic && (magic->sort == Q8_MAGIC_POINTER || magic->sort == Q8_MAGIC_PAGE))
        q8_magic_fail(magic, path, err);
    if (err->code)
        q8_file_close(ret);
    return !err->code;
}

static bool read_file(struct reader *r, struct q8_file *file, struct q8_err *err)
{
    const struct q8_npz_visitor visitor = {add_vector, r};

    if (file->size > Q8_STATISTICS_LIMIT)
        return q8_fail(err, Q8_ELIMIT,
                       "%" PRIu64 " bytes; statistics of activations have at most %" PRIu64,
                       file->size, Q8_STATISTICS_LIMIT);
    if (!q8_arrays_each(file, &visitor, r->mem, err))
        return false;
    return r->count || q8_fail(err, Q8_EINPUT, "holds no vectors");
}

static int compare_modules(const void *a, const void *b)
{
    return strcmp(((const struct q8_statistic *)a)->module,
                  ((const struct q8_statistic *)b)->module);
}

void q8_statistics_sort(struct q8_statistic *entry, uint64_t count)
{
    qsort(entry, count, sizeof *entry, compare_modules);
}

bool q8_statistics_read(struct q8_statistics *ret, const char *path, struct q8_arena *mem,
                        struct q8_err *err)
{
    struct q8_file file = {.fd = -1};
    struct reader r = {.file = &file, .mem = mem};
    bool ok;

    if (q8_imatrix_is(path))
        return q8_imatrix_read(ret, path, mem, err);
    if (!q8_arrays_open(&file, path, err))
        return false;
    q8_arena_init(&r.scratch, mem->limit);
    ok = read_file(&r, &file, err) || q8_fail_in(err, path);
    q8_arena_clear(&r.scratch);
    q8_file_close(&file);
    if (!ok)
        return false;
    q8_statistics_sort(r.entry, r.count);
    *ret = (struct q8_statistics){.path = path, .entry = r.entry, .count = r.count};
    return true;
}

static const char *module_name(void *self, uint64_t i)
{
    return ((const struct q8_weight_list *)self)->weight[i].module;
}

/* Whether every entry fits a module once `prefix` is in front of it. */
static bool all_fit_with(const struct q8_statistics *acts, const struct q8_weight_list *m,
                         const char *prefix, struct q8_arena *scratch)
{
    struct q8_err none = {0};

    for (uint64_t i = 0; i < acts->count; i++) {
        const char *name = q8_sprintf(scratch, &none, "%s%s", prefix, acts->entry[i].module);

        if (!name || !q8_weights_find_module(m, name))
            return false;
    }
    return true;
}

/* Whether every entry fits a module without the first n bytes, which all have alike. */
static bool all_fit_without(const struct q8_statistics *acts, const struct q8_weight_list *m,
                            size_t n)
{
    const char *first = acts->entry[0].module;

    for (uint64_t i = 0; i < acts->count; i++)
        if (strncmp(acts->entry[i].module, first, n) != 0 ||
            !q8_weights_find_module(m, acts->entry[i].module + n))
            return false;
    return true;
}

/* One prefix too few or too many in all names: a sentence about that.  False when it is not so. */
static bool fail_prefix(const struct q8_statistics *acts, const struct q8_weight_list *m,
                        struct q8_arena *scratch, struct q8_err *err)
{
    const char *first = acts->entry[0].module;
    size_t length = strlen(first);
    char shown[200];

    for (const char *dot = strchr(first, '.'); dot; dot = strchr(dot + 1, '.'))
        if (all_fit_without(acts, m, (size_t)(dot + 1 - first))) {
            const char *prefix = q8_strndup(scratch, first, (uint64_t)(dot + 1 - first), err);

            if (prefix)
                q8_fail(err, Q8_EINPUT,
                        "all its names begin with '%s', which those of the model do not; take it "
                        "off the names in the file",
                        q8_text_escape(prefix, shown, sizeof shown));
            return true;
        }
    for (uint64_t i = 0; i < m->count; i++) {
        size_t n = strlen(m->weight[i].module);
        const char *prefix;

        if (n <= length + 1 || m->weight[i].module[n - length - 1] != '.' ||
            strcmp(m->weight[i].module + n - length, first) != 0)
            continue;
        prefix = q8_strndup(scratch, m->weight[i].module, n - length, err);
        if (prefix && !all_fit_with(acts, m, prefix, scratch))
            return false;
        if (prefix)
            q8_fail(err, Q8_EINPUT,
                    "all its names lack the '%s' that those of the model begin with; put it in "
                    "front of the names in the file",
                    q8_text_escape(prefix, shown, sizeof shown));
        return true;
    }
    return false;
}

static bool fail_unknown(const struct q8_statistics *acts, const char *name,
                         const struct q8_weight_list *m, struct q8_arena *scratch,
                         struct q8_err *err)
{
    char nearest[Q8_NEAREST * 152], shown[200];

    if (fail_prefix(acts, m, scratch, err))
        return false;
    return q8_fail(err, Q8_EINPUT, "'%s' is not a Linear module of the model; nearest: %s",
                   q8_text_escape(name, shown, sizeof shown),
                   q8_select_nearest(name, m->count, module_name, (void *)(uintptr_t)m, nearest));
}

bool q8_statistics_match(const struct q8_weight **ret, const struct q8_statistics *acts,
                         const struct q8_weight_list *weights, struct q8_arena *scratch,
                         struct q8_err *err)
{
    char shown[200];

    for (uint64_t i = 0; i < acts->count; i++) {
        const struct q8_statistic *entry = &acts->entry[i];

        ret[i] = q8_weights_find_module(weights, entry->module);
        if (!ret[i])
            return fail_unknown(acts, entry->module, weights, scratch, err);
        if (ret[i]->view.cols != entry->features)
            return q8_fail(err, Q8_EINPUT,
                           "'%s': %" PRIu64 " values, but the module has %" PRIu64
                           " input features",
                           q8_text_escape(entry->module, shown, sizeof shown), entry->features,
                           ret[i]->view.cols);
    }
    return true;
}
