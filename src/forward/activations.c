/*
 * activations.c - activations to multiply weights with: captured, from statistics, or made
 *
 * Made ones are z[t, j], number t * cols + j of the generator of gaussian.h for the module's name
 * and the seed, times
 *
 *   statistics  absmax[j] / max over t of |z[t, j]|, so that the largest of a feature is its absmax
 *   norm gains  gain[j] of the norm that feeds the module, w or 1 + w; its bias is left out
 *   gaussian    1
 *
 * The product is computed in double for statistics ((z * absmax) / max), in float for gains, then
 * rounded to float and to the type of the activations.
 */
#include "src/forward/activations_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/floats.h"
#include "src/model/norms.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 1024 /* features that are scaled together */

const char *q8_activations_kind_name(enum q8_activations_kind kind)
{
    static const char *const names[] = {
        [Q8_ACTIVATIONS_CAPTURED] = "captured",
        [Q8_ACTIVATIONS_STATISTICS] = "statistics",
        [Q8_ACTIVATIONS_GAINS] = "norm gains",
        [Q8_ACTIVATIONS_GAUSSIAN] = "gaussian",
    };

    return names[kind];
}

static int compare_name(const void *name, const void *module)
{
    return strcmp(name, ((const struct q8_activations_module *)module)->name);
}

struct q8_activations_module *q8_activations_module(const struct q8_activations_parts *parts,
                                                    const char *name)
{
    return bsearch(name, parts->module, parts->modules, sizeof *parts->module, compare_name);
}

/* Finds the norms that feed the weights. */
static bool find_norms(struct q8_activations *p, const struct q8_weight_list *weights,
                       struct q8_arena *scratch, struct q8_err *err)
{
    const struct q8_index *ix = &p->model->index;
    const struct q8_tensor **norm = q8_alloc(scratch, weights->count, sizeof *norm, err);
    uint64_t length;
    const char *name;

    if (!norm)
        return false;
    for (uint64_t i = 0; i < ix->count; i++) {
        if (!q8_norms_is_gain(&ix->tensor[i], &length))
            continue;
        name = q8_strndup(scratch, ix->tensor[i].name, length, err);
        if (!name)
            return false;
        q8_norms_mark(norm, weights, name, &ix->tensor[i]);
    }
    for (uint64_t i = 0; i < weights->count; i++) {
        if (!norm[i] || !q8_norms_is_gain(norm[i], &length))
            continue;
        name = q8_strndup(scratch, norm[i]->name, length, err);
        if (!name)
            return false;
        p->parts->module[i].norm = norm[i];
        p->parts->module[i].adds_one = q8_norms_adds_one(p->model, weights->arch, name);
    }
    return true;
}

bool q8_activations_open(struct q8_activations *ret, const struct q8_activations_options *options,
                         const struct q8_weight_list *weights, struct q8_arena *mem,
                         struct q8_err *err)
{
    struct q8_activations_parts *parts = q8_alloc(mem, 1, sizeof *parts, err);
    struct q8_arena scratch;
    bool ok;

    *ret = (struct q8_activations){.options = *options, .model = weights->model, .parts = parts};
    if (!parts)
        return false;
    parts->file.fd = -1;
    parts->module = q8_alloc(mem, weights->count, sizeof *parts->module, err);
    parts->quantile = q8_alloc(mem, Q8_GAUSSIAN_TABLE, sizeof *parts->quantile, err);
    if (!parts->module || !parts->quantile)
        return false;
    parts->modules = weights->count;
    for (uint64_t i = 0; i < weights->count; i++)
        parts->module[i] = (struct q8_activations_module){.name = weights->weight[i].module,
                                                          .cols = weights->weight[i].view.cols};
    q8_gaussian_table(parts->quantile);
    q8_arena_init(&scratch, mem->limit);
    ok = find_norms(ret, weights, &scratch, err);
    q8_arena_clear(&scratch);
    return ok && (!options->path || q8_activations_read(ret, weights, mem, err));
}

void q8_activations_close(struct q8_activations *p)
{
    if (p->parts)
        q8_file_close(&p->parts->file);
    *p = (struct q8_activations){0};
}

enum q8_activations_kind q8_activations_find(const struct q8_activations *p, const char *module,
                                             uint64_t *ret_tokens)
{
    const struct q8_activations_module *m = q8_activations_module(p->parts, module);

    *ret_tokens = p->options.tokens;
    if (m && m->array && m->array->tokens) {
        *ret_tokens = m->array->tokens;
        return Q8_ACTIVATIONS_CAPTURED;
    }
    return m && m->array  ? Q8_ACTIVATIONS_STATISTICS
           : m && m->norm ? Q8_ACTIVATIONS_GAINS
                          : Q8_ACTIVATIONS_GAUSSIAN;
}

/* Makes absmax [cols] the largest magnitude of each feature of x [tokens, cols]. */
static void scale_to_maxima(float *x, uint64_t tokens, uint64_t cols, const float *absmax)
{
    float most[COLUMNS];

    for (uint64_t first = 0, n; first < cols; first += n) {
        n = q8_min(cols - first, COLUMNS);
        memset(most, 0, sizeof most);
        for (uint64_t t = 0; t < tokens; t++)
            for (uint64_t i = 0; i < n; i++)
                most[i] = fabsf(x[t * cols + first + i]) > most[i] ? fabsf(x[t * cols + first + i])
                                                                   : most[i];
        /* exact for the largest: z * absmax has at most 48 bits; and the table has no 0 */
        for (uint64_t t = 0; t < tokens; t++)
            for (uint64_t i = 0; i < n; i++) {
                float *z = &x[t * cols + first + i];

                *z = (float)((double)*z * (double)absmax[first + i] / (double)most[i]);
            }
    }
}

static bool multiply_gains(const struct q8_activations *p, const struct q8_activations_module *m,
                           float *x, uint64_t tokens, struct q8_err *err)
{
    uint64_t step = q8_dtype_size(m->norm->dtype);
    unsigned char bytes[COLUMNS * sizeof(double)];
    float gain[COLUMNS];

    for (uint64_t first = 0, n; first < m->cols; first += n) {
        n = q8_min(m->cols - first, COLUMNS);
        if (!q8_model_read(p->model, m->norm, first * step, bytes, n * step, err))
            return false;
        q8_floats_read(gain, m->norm->dtype, bytes, n);
        for (uint64_t i = 0; m->adds_one && i < n; i++)
            gain[i] += 1.0f;
        for (uint64_t t = 0; t < tokens; t++)
            for (uint64_t i = 0; i < n; i++)
                x[t * m->cols + first + i] *= gain[i];
    }
    return true;
}

/* Rounds n elements; the first that is not finite then, or n. */
static uint64_t round_all(float *x, uint64_t n, enum q8_float type, float *ret_before)
{
    for (uint64_t i = 0; i < n; i++) {
        *ret_before = x[i];
        x[i] = q8_float_round(type, x[i]);
        if (!isfinite(x[i]))
            return i;
    }
    return n;
}

static bool fail_value(const struct q8_activations *p, const char *module, const char *norm,
                       const char *values, struct q8_err *err)
{
    char shown[200], gain[200];

    q8_text_escape(module, shown, sizeof shown);
    if (norm)
        q8_fail(err, Q8_EINPUT, "'%s': with the gains of '%s', %s", shown,
                q8_text_escape(norm, gain, sizeof gain), values);
    else
        q8_fail(err, Q8_EINPUT, "'%s': %s", shown, values);
    return q8_fail_in(err, norm ? p->model->path : p->options.path);
}

bool q8_activations_fill(const struct q8_activations *p, const char *module, uint64_t cols,
                         enum q8_float type, float *x, struct q8_err *err)
{
    static const char *const types[] = {"F16", "BF16", "F32"};
    const struct q8_activations_module *m = q8_activations_module(p->parts, module);
    bool flushed = q8_denormals_flush(false), ok = true; /* the same for any caller */
    uint64_t tokens, n, bad;
    enum q8_activations_kind kind = q8_activations_find(p, module, &tokens);
    char values[160];
    float before;

    assert(!m || m->cols == cols);
    n = tokens * cols;
    if (kind != Q8_ACTIVATIONS_CAPTURED)
        q8_gaussian_fill(x, p->parts->quantile, q8_gaussian_start(p->options.seed, module), 0, n);
    if (kind == Q8_ACTIVATIONS_CAPTURED)
        ok = q8_activations_rows(p, m->array, x, err);
    if (kind == Q8_ACTIVATIONS_STATISTICS)
        scale_to_maxima(x, tokens, cols, m->array->value);
    if (kind == Q8_ACTIVATIONS_GAINS)
        ok = multiply_gains(p, m, x, tokens, err);
    bad = ok ? round_all(x, n, type, &before) : n;
    (void)q8_denormals_flush(flushed);
    if (!ok || bad == n)
        return ok;
    (void)snprintf(values, sizeof values, "token %" PRIu64 ", feature %" PRIu64 " is %g%s%s",
                   bad / cols, bad % cols, (double)before,
                   isfinite(before) ? ", which is beyond the largest " : "",
                   isfinite(before) ? types[type] : "");
    return fail_value(p, module, kind == Q8_ACTIVATIONS_GAINS ? m->norm->name : NULL, values, err);
}
