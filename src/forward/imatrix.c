/* imatrix.c - llama.cpp's importance matrices as statistics of activations */
#include "src/forward/imatrix.h"

#include "formats/format.h"
#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/tensor_read.h"
#include "src/base/text.h"
#include "src/model/gguf/archs.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LIMIT 1024    /* bytes of a weight's name */
#define ENTRY_LIMIT 100000 /* weights of a file */

/* The list in the making. */
struct reader {
    struct q8_source source;
    struct q8_statistic *entry;
    uint64_t count, room;
    uint64_t at; /* of .dat: where reading goes on */
    struct q8_arena *mem;
};

bool q8_imatrix_is(const char *path)
{
    return q8_text_ends(path, ".gguf") || q8_text_ends(path, ".dat");
}

static bool add_entry(struct reader *r, const char *name, uint64_t features, const float *rms,
                      struct q8_err *err)
{
    struct q8_statistic *list = q8_grow(r->mem, r->entry, r->count, &r->room, sizeof *list, err);
    const size_t stem = q8_text_stem(name, ".weight");

    if (!list)
        return false;
    r->entry = list;
    list[r->count] = (struct q8_statistic){
        q8_strndup(r->mem, name, stem ? stem : strlen(name), err), features, rms};
    return list[r->count++].module != NULL;
}

/* Sums of squares to root mean squares; a count of 0 gives NaN. */
static bool make_rms(float *x, uint64_t n, float count, struct q8_err *err)
{
    for (uint64_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || x[i] < 0)
            return q8_fail(err, Q8_EINPUT, "value %" PRIu64 " is %g, which is no sum of squares", i,
                           (double)x[i]);
        x[i] = count > 0 ? (float)sqrt((double)x[i] / (double)count) : NAN;
    }
    return true;
}

/* ---- GGUF ---- */

/* The floats of a tensor of at least one F32. */
static float *read_tensor(struct reader *r, const struct q8_tensor *t, struct q8_err *err)
{
    float *x;

    if (t->dtype != Q8_F32 || t->rank == 0 || t->nbytes == 0) {
        q8_fail(err, Q8_EINPUT, "is %s of rank %" PRIu32 ": expected F32", q8_dtypes[t->dtype].name,
                t->rank);
        return NULL;
    }
    x = q8_alloc(r->mem, t->nbytes, 1, err);
    return x && q8_tensor_read(&r->source, t, 0, x, t->nbytes, err) ? x : NULL;
}

/* NAME.in_sum2 [matrices, features] and NAME.counts [matrices, 1]. */
static bool add_sums(struct reader *r, const struct q8_index *ix, const struct q8_tensor *sums,
                     struct q8_err *err)
{
    const size_t stem = q8_text_stem(sums->name, ".in_sum2");
    const char *name = q8_strndup(r->mem, sums->name, stem, err);
    const char *other = name ? q8_sprintf(r->mem, err, "%s.counts", name) : NULL;
    const struct q8_tensor *counts = other ? q8_index_find(ix, other) : NULL;
    uint64_t matrices, each;
    float *x, *n;

    if (!counts)
        return !err->code && q8_fail(err, Q8_EINPUT, "is without its '.counts'");
    x = read_tensor(r, sums, err);
    n = x ? read_tensor(r, counts, err) : NULL;
    if (!n)
        return false;
    matrices = q8_tensor_elements(counts);
    if (q8_tensor_elements(sums) % matrices)
        return q8_fail(err, Q8_EINPUT, "has %" PRIu64 " values for %" PRIu64 " counts",
                       q8_tensor_elements(sums), matrices);
    each = q8_tensor_elements(sums) / matrices;
    for (uint64_t i = 0; i < matrices; i++)
        if (!make_rms(x + i * each, each, n[i], err))
            return false;
    return add_entry(r, name, matrices * each, x, err);
}

static bool read_gguf(struct reader *r, struct q8_err *err)
{
    struct q8_index ix = {0};
    const char *type = "";
    bool ok = q8_format_parse(q8_format_find("gguf"), &r->source, &ix, r->mem, err);

    for (uint64_t i = 0; ok && i < ix.metas; i++)
        if (strcmp(ix.meta[i].key, "general.type") == 0 && ix.meta[i].value.type == Q8_META_TEXT)
            type = ix.meta[i].value.text;
    if (ok && strcmp(type, "imatrix") != 0)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "is no imatrix of llama.cpp, by its general.type: statistics of "
                       "activations in GGUF are such");
    q8_index_sort(&ix);
    for (uint64_t i = 0; ok && i < ix.count; i++)
        if (q8_text_stem(ix.tensor[i].name, ".in_sum2"))
            ok = add_sums(r, &ix, &ix.tensor[i], err) || q8_tensor_fail(ix.tensor[i].name, err);
    return ok;
}

/* ---- .dat ---- */

static bool take(struct reader *r, void *to, uint64_t n, struct q8_err *err)
{
    if (!q8_within(r->at, n, r->source.size))
        return q8_fail(err, Q8_EINPUT,
                       "ends at byte %" PRIu64 " inside of what it claims: it is cut short, or no "
                       "imatrix of llama.cpp",
                       r->source.size);
    if (!r->source.read(r->source.self, r->at, to, n, err))
        return false;
    r->at += n;
    return true;
}

/* A count from 1 to `most`. */
static bool take_count(struct reader *r, uint64_t most, const char *what, uint64_t *ret,
                       struct q8_err *err)
{
    const uint64_t at = r->at;
    int32_t n;

    if (!take(r, &n, sizeof n, err))
        return false;
    *ret = (uint64_t)n;
    return (n > 0 && (uint64_t)n <= most) ||
           q8_fail(err, Q8_EINPUT,
                   "byte %" PRIu64 " says %" PRId32 " %s: it is no imatrix of llama.cpp", at, n,
                   what);
}

/* i32 length, name, i32 calls, i32 values, values: mean squares times calls. */
static bool read_dat_entry(struct reader *r, struct q8_err *err)
{
    char name[NAME_LIMIT + 1];
    uint64_t length, calls, values, bytes;
    float *x;

    if (!take_count(r, NAME_LIMIT, "bytes of a name", &length, err) ||
        !take(r, name, length, err) || !take_count(r, INT32_MAX, "calls", &calls, err) ||
        !take_count(r, INT32_MAX, "values", &values, err))
        return false;
    name[length] = 0;
    bytes = values * sizeof *x;
    if (!q8_within(r->at, bytes, r->source.size))
        return q8_fail(err, Q8_EINPUT, "%" PRIu64 " values at byte %" PRIu64 ", and the file ends",
                       values, r->at);
    x = q8_alloc(r->mem, values, sizeof *x, err);
    return x && take(r, x, bytes, err) &&
           (make_rms(x, values, (float)calls, err) || q8_tensor_fail(name, err)) &&
           add_entry(r, name, values, x, err);
}

static bool read_dat(struct reader *r, struct q8_err *err)
{
    uint64_t entries;

    if (!take_count(r, ENTRY_LIMIT, "weights", &entries, err))
        return false;
    for (uint64_t i = 0; i < entries; i++)
        if (!read_dat_entry(r, err))
            return false;
    return true;
}

static bool read_file(struct reader *r, const char *path, struct q8_err *err)
{
    if (r->source.size > Q8_STATISTICS_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "%" PRIu64 " bytes; an imatrix has at most %" PRIu64,
                       r->source.size, Q8_STATISTICS_LIMIT);
    if (!(q8_text_ends(path, ".dat") ? read_dat(r, err) : read_gguf(r, err)))
        return false;
    if (r->count == 0)
        return q8_fail(err, Q8_EINPUT, "holds no sums of squares (.in_sum2)");
    q8_statistics_sort(r->entry, r->count);
    for (uint64_t i = 1; i < r->count; i++)
        if (strcmp(r->entry[i - 1].module, r->entry[i].module) == 0)
            return q8_fail(err, Q8_EINPUT, "is there twice") ||
                   q8_tensor_fail(r->entry[i].module, err);
    return true;
}

bool q8_imatrix_read(struct q8_statistics *ret, const char *path, struct q8_arena *mem,
                     struct q8_err *err)
{
    struct q8_file file;
    struct reader r = {.mem = mem};
    bool ok;

    if (!q8_file_open(&file, path, err))
        return false;
    r.source = q8_file_source(&file);
    ok = read_file(&r, path, err) || q8_fail_in(err, path);
    q8_file_close(&file);
    if (ok)
        *ret =
            (struct q8_statistics){.path = path, .entry = r.entry, .count = r.count, .rms = true};
    return ok;
}

/* ---- names ---- */

/* The name of a weight of expert `expert`, as a module of the class; NULL: it has no such. */
static const char *make_module(const char *model_type, const char *name, uint64_t expert,
                               struct q8_arena *mem, struct q8_err *err)
{
    char weight[NAME_LIMIT + 10];

    (void)snprintf(weight, sizeof weight, "%s.weight", name);
    return q8_gguf_module(model_type, weight, expert, mem, err);
}

/* Adds the entries of one weight, an expert each; those without a module are left out. */
static bool fit_entry(struct reader *r, const struct q8_statistic *e,
                      const struct q8_weight_list *weights, const char *model_type,
                      struct q8_err *err)
{
    uint64_t cols;

    for (uint64_t at = 0, expert = 0; at < e->features; at += cols, expert++) {
        const char *module = make_module(model_type, e->module, expert, r->mem, err);
        const struct q8_weight *w = module ? q8_weights_find_module(weights, module) : NULL;

        if (!w)
            return !err->code;
        cols = w->view.cols;
        if (cols == 0 || e->features % cols)
            return q8_fail(err, Q8_EINPUT,
                           "%" PRIu64 " values, but the module has %" PRIu64 " input features",
                           e->features, cols) ||
                   q8_tensor_fail(e->module, err);
        if (!isnan(e->absmax[at]) && !add_entry(r, module, cols, e->absmax + at, err))
            return false;
    }
    return true;
}

bool q8_imatrix_fit(struct q8_statistics *ret, const struct q8_statistics *acts,
                    const struct q8_weight_list *weights, struct q8_arena *mem, struct q8_err *err)
{
    const char *type = q8_json_string(q8_json_get(weights->model->config_root, "model_type"));
    struct reader r = {.mem = mem};

    *ret = *acts;
    if (!acts->rms)
        return true;
    for (uint64_t i = 0; i < acts->count; i++)
        if (!fit_entry(&r, &acts->entry[i], weights, type, err))
            return q8_fail_in(err, acts->path);
    if (r.count == 0)
        return q8_fail(err, Q8_EINPUT,
                       "%s: none of its weights, '%.99s' for one, is a Linear module of the model "
                       "by the names that q8 knows of '%s'",
                       acts->path, acts->entry[0].module, type ? type : "no model_type");
    q8_statistics_sort(r.entry, r.count);
    ret->entry = r.entry;
    ret->count = r.count;
    return true;
}
