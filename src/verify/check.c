/* check.c - one thread's verification of int8 weights: levels 1 to 3 in one pass over each */
#include "src/verify/check_parts.h"

#include "src/compare/values.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/scheme/scheme.h"
#include "src/scheme/error.h"
#include "src/model/floats.h"

#include <math.h>
#include <string.h>

/* Of int8 rows as floats.  Both sides stay in the L2 cache; products want more rows at a time. */
#define TILE_BYTES (UINT64_C(256) << 10)
#define PRODUCT_TILE_BYTES (UINT64_C(2) << 20)

enum { REFERENCE, STORED, EXPECTED, LIBRARY, DIGESTS };

void q8_checker_fit(struct q8_checker *w, const struct q8_layer *layer, uint64_t tokens)
{
    const struct q8_stored *stored = layer->item->b.stored;
    const struct q8_view int8 = q8_layer_view(&layer->item->b);
    const struct q8_view reference = q8_layer_view(&layer->item->a);
    const uint64_t groups = stored ? stored->cols / stored->group : 0;
    uint64_t rows;

    w->walk.tile_bytes = w->activations ? PRODUCT_TILE_BYTES : TILE_BYTES;
    w->reference.tile_bytes = TILE_BYTES;
    w->walk.stored = &w->v->pairs.stored_b;
    q8_walk_fit(&w->walk, &int8);
    q8_walk_fit(&w->reference, &reference);
    rows = q8_walk_rows(&w->walk, &int8);
    w->tile = q8_max(w->tile, rows * int8.cols);
    w->values = stored ? w->values : q8_max(w->values, rows * int8.cols);
    w->scales = q8_max(w->scales, rows * groups);
    w->cols = q8_max(w->cols, int8.cols);
    w->groups = q8_max(w->groups, groups);
    if (w->activations)
        q8_check_products_fit(w, layer, tokens);
}

bool q8_checker_engine(struct q8_checker *w, struct q8_err *err)
{
    const struct q8_verify_options *o = &w->v->options;
    const struct q8_engine_setup setup = {o->isa, &o->device, o->threads};

    return q8_engines[o->device.engine].open(&w->engine, &w->room, &setup, &w->mem, err);
}

bool q8_checker_open(struct q8_checker *w, struct q8_err *err)
{
    struct q8_arena *mem = &w->mem;

    q8_arena_init(mem, UINT64_MAX);
    q8_kernels_init(&w->kernels, w->v->options.isa);
    w->walk.kernels = &w->kernels;
    w->walk.infinite = w->reference.infinite = true;
    w->walk.room = q8_max(w->walk.room, 1);
    w->reference.room = q8_max(w->reference.room, 1);
    w->wanted = q8_alloc(mem, w->tile, sizeof *w->wanted, err);
    w->have = q8_alloc(mem, w->values, sizeof *w->have, err);
    w->codes = q8_alloc(mem, w->tile, sizeof *w->codes, err);
    w->found = q8_alloc(mem, w->scales, sizeof *w->found, err);
    w->expected = q8_alloc(mem, w->scales, sizeof *w->expected, err);
    w->difference = q8_alloc(mem, w->cols, sizeof *w->difference, err);
    w->most = q8_alloc(mem, w->groups, sizeof *w->most, err);
    w->x = q8_alloc(mem, w->room.elements, sizeof *w->x, err);
    w->kl = q8_alloc(mem, w->room.tokens, sizeof *w->kl, err);
    for (unsigned i = 0; i < DIGESTS; i++)
        if (!q8_xxh_open(&w->digest[i], err))
            return false;
    return !err->code && q8_expected_init(&w->expect, w->v->options.isa, w->groups, mem, err) &&
           q8_walk_open(&w->walk, mem, err) && q8_walk_open(&w->reference, mem, err);
}

void q8_checker_leave_engine(struct q8_checker *w)
{
    if (w->engine.close)
        w->engine.close(w->engine.self);
    w->engine = (struct q8_engine){0};
}

void q8_checker_close(struct q8_checker *w)
{
    for (unsigned i = 0; i < DIGESTS; i++)
        q8_xxh_close(&w->digest[i]);
    q8_checker_leave_engine(w);
    q8_arena_clear(&w->mem);
}

/* Keeps the rows of the lowest SQNR, as a plain ratio; of equal ones the first. */
static void add_worst(struct q8_weights *n, uint64_t row, double sqnr)
{
    unsigned k = n->worsts;

    while (k > 0 && n->worst[k - 1].sqnr > sqnr)
        k--;
    if (k == Q8_VERIFY_ROWS)
        return;
    n->worsts += n->worsts < Q8_VERIFY_ROWS;
    memmove(n->worst + k + 1, n->worst + k, (n->worsts - 1 - k) * sizeof *n->worst);
    n->worst[k] = (struct q8_bad_row){row, sqnr};
}

/* The largest error of a row in steps of its groups. */
static double most_steps(struct q8_checker *w, const float *wanted, const float *have,
                         const float *step, double most)
{
    const uint64_t cols = w->stored->cols, groups = cols / w->stored->group;
    double steps = 0;

    if (groups == 1)
        return step[0] > 0 ? most / (double)step[0] : 0;
    for (uint64_t i = 0; i < cols; i++)
        w->difference[i] = wanted[i] - have[i];
    w->kernels.absmax[Q8_FLOAT_F32](w->most, w->difference, cols, w->stored->group);
    for (uint64_t g = 0; g < groups; g++)
        if (step[g] > 0)
            steps =
                fmax(steps, (double)q8_bits_to_float(Q8_FLOAT_F32, w->most[g]) / (double)step[g]);
    return steps;
}

void q8_check_errors(struct q8_checker *w, const struct q8_rows_pair *pair, uint64_t row,
                     uint64_t n)
{
    const uint64_t cols = w->view.cols, groups = pair->step ? cols / w->stored->group : 0;
    struct q8_weights *result = &w->layer->weights;

    for (uint64_t r = 0; r < n; r++) {
        const float *wanted = pair->wanted + r * cols, *have = pair->have + r * cols;
        struct q8_diff d;

        w->kernels.diff(&d, wanted, have, cols);
        w->diff.err2 += d.err2;
        w->diff.val2 += d.val2;
        w->diff.b2 += d.b2;
        w->diff.dot += d.dot;
        if (pair->step)
            result->most_steps = fmax(result->most_steps,
                                      most_steps(w, wanted, have, pair->step + r * groups, d.most));
        if (!(d.err2 == 0))
            add_worst(result, row + r, isnan(d.err2) ? 0 : d.val2 / d.err2);
        if (!isfinite(d.val2) && w->faults.bad_rows++ == 0)
            w->faults.bad_row = row + r;
    }
}

/* Scales of n rows against those that the reference asks for. */
static void judge_scales(struct q8_checker *w, const float *found, uint64_t n)
{
    const uint64_t count = n * (w->stored->cols / w->stored->group);
    struct q8_weights *result = &w->layer->weights;

    result->scales += count;
    for (uint64_t i = 0; i < count; i++) {
        const double want = (double)w->expected[i], have = (double)found[i];

        if (want == have)
            continue;
        result->scales_off++;
        result->scale_off = fmax(result->scale_off,
                                 want > 0 && isfinite(have) ? fabs(have - want) / want : INFINITY);
    }
}

/* Codes of a row against those that the rule gives for the stored scales. */
static void judge_row(struct q8_checker *w, const unsigned char *x, const float *scale,
                      const int8_t *have, const int8_t *want)
{
    const uint64_t size = q8_float_bytes(w->type);
    struct q8_weights *result = &w->layer->weights;

    for (uint64_t i = 0; i < w->stored->cols; i++)
        if (have[i] != want[i]) {
            if (q8_expected_tie(&w->expect, x + i * size, scale[i / w->stored->group], have[i]))
                result->ties++;
            else
                result->off++;
        }
}

/* Level 2 of n rows: x is the reference's as they lie in the file. */
static void judge_codes(struct q8_checker *w, const unsigned char *x, const float *found,
                        const int8_t *codes, uint64_t n)
{
    const uint64_t cols = w->stored->cols, groups = cols / w->stored->group;
    const uint64_t size = q8_float_bytes(w->type);

    q8_expected_scales(&w->expect, x, n, w->expected);
    judge_scales(w, found, n);
    q8_expected_codes(&w->expect, x, n, found, w->codes);
    for (uint64_t r = 0; r < n; r++)
        if (memcmp(codes + r * cols, w->codes + r * cols, cols) != 0)
            judge_row(w, x + r * cols * size, found + r * groups, codes + r * cols,
                      w->codes + r * cols);
}

static void digest_rows(struct q8_checker *w, const unsigned char *x, const int8_t *codes,
                        uint64_t n)
{
    const uint64_t count = n * w->stored->cols, bytes = count * q8_float_bytes(w->type);

    q8_xxh_add(&w->digest[REFERENCE], x, bytes);
    q8_sameness_see(&w->faults.same, x, bytes);
    q8_xxh_add(&w->digest[STORED], codes, count);
}

/*
 * The second turn, of a weight that is off: what the rule makes of the reference alone, and how
 * many codes the library's own rule does not give.
 */
static void judge_again(struct q8_checker *w, const unsigned char *x, const float *found,
                        const int8_t *codes, uint64_t n)
{
    const uint64_t count = n * w->stored->cols;

    q8_expected_scales(&w->expect, x, n, w->expected);
    q8_expected_codes(&w->expect, x, n, w->expected, w->codes);
    q8_xxh_add(&w->digest[EXPECTED], w->codes, count);
    q8_expected_library_codes(&w->expect, x, n, found, w->codes);
    for (uint64_t i = 0; i < count; i++)
        w->library_off += codes[i] != w->codes[i];
    q8_xxh_add(&w->digest[LIBRARY], w->codes, count);
}

/* The reference's rows [row, row + n), which may take several of its tiles. */
static bool take_reference(struct q8_checker *w, const float *have, uint64_t row, uint64_t n,
                           struct q8_err *err)
{
    const uint64_t cols = w->stored->cols, groups = cols / w->stored->group;
    const int8_t *codes = (const int8_t *)w->walk.decoder.codes;

    for (uint64_t r = 0, m; r < n; r += m) {
        void *x;

        m = q8_min(q8_walk_rows(&w->reference, &w->view), n - r);
        if (!(x = q8_walk_read(&w->reference, w->v->options.reference, &w->view, row + r, m, err)))
            return false;
        if (w->again) {
            judge_again(w, x, w->found + r * groups, codes + r * cols, m);
            continue;
        }
        w->kernels.widen[w->type](w->wanted + r * cols, x, m * cols);
        if (q8_check_carried(w, w->found + r * groups, codes + r * cols, row + r, m))
            w->layer->weights.scales += m * groups;
        else
            judge_codes(w, x, w->found + r * groups, codes + r * cols, m);
        digest_rows(w, x, codes + r * cols, m);
        q8_check_errors(w,
                        &(struct q8_rows_pair){w->wanted + r * cols, have + r * cols,
                                               w->walk.decoder.step + r * groups},
                        row + r, m);
    }
    return true;
}

static bool take_tile(void *self, void *rows, uint64_t row, uint64_t n, struct q8_err *err)
{
    struct q8_checker *w = self;

    q8_expected_stored(&w->expect, &w->walk.decoder, n, w->found);
    if (!w->again)
        q8_check_scales(w, row, n);
    if (w->v->options.level < Q8_LEVEL_WEIGHTS)
        return true;
    return take_reference(w, rows, row, n, err) &&
           (!w->multiply || w->again || q8_check_products(w, rows, n, err));
}

/* One scale for all rows is that of the largest of them. */
static bool see_all(struct q8_checker *w, struct q8_pool *pool, struct q8_err *err)
{
    for (uint64_t row = 0, n; w->stored->scheme->shared && row < w->view.rows; row += n) {
        void *x;

        n = q8_min(q8_walk_rows(&w->reference, &w->view), w->view.rows - row);
        if (!(x = q8_walk_read(&w->reference, w->v->options.reference, &w->view, row, n, err)) ||
            !q8_pool_advance(pool, 0))
            return false;
        q8_expected_see(&w->expect, x, n);
    }
    return true;
}

/* Forgets the layer before. */
static void begin(struct q8_checker *w, struct q8_layer *layer)
{
    w->layer = layer;
    w->stored = layer->item->b.stored;
    w->view = q8_layer_view(&layer->item->a);
    w->type = q8_dtype_float(layer->item->a.tensor->dtype);
    w->faults = (struct q8_scale_faults){.same.size = q8_dtype_size(layer->item->a.tensor->dtype)};
    w->diff = (struct q8_diff){0};
    w->products = (struct q8_products){0};
    w->again = w->multiply = false;
    w->library_off = 0;
    layer->weights = (struct q8_weights){0};
    q8_check_carried_begin(w);
    if (w->stored)
        q8_expected_begin(&w->expect, w->stored, layer->item->a.tensor->dtype);
    for (unsigned i = 0; i < DIGESTS; i++)
        q8_xxh_reset(&w->digest[i]);
}

void q8_check_weights_end(struct q8_checker *w)
{
    struct q8_layer *l = w->layer;
    struct q8_weights *n = &l->weights;

    n->err2 = w->diff.err2;
    n->val2 = w->diff.val2;
    n->sqnr = q8_sqnr(n->val2, n->err2);
    n->relative_mse = q8_relative_mse(n->val2, n->err2);
    n->cosine = q8_cosine(n->val2, w->diff.b2, w->diff.dot);
    for (unsigned i = 0; i < n->worsts; i++)
        n->worst[i].sqnr = n->worst[i].sqnr > 0 ? 10 * log10(n->worst[i].sqnr) : -INFINITY;
    l->reference = q8_xxh_sum(&w->digest[REFERENCE]);
    l->stored = q8_xxh_sum(&w->digest[STORED]);
    l->have_weights = true;
}

/*
 * Codes of llm-compressor are judged by its own rule where that explains more of them.  A weight
 * that is as it should be holds what was expected.
 */
static bool look_again(struct q8_checker *w, const struct q8_visit *visit, struct q8_pool *pool,
                       struct q8_err *err)
{
    const struct q8_view int8 = q8_side_view(&w->layer->item->b);
    struct q8_weights *n = &w->layer->weights;

    w->layer->expected = w->layer->stored;
    if (n->off == 0 && n->ties == 0 && n->scales_off == 0)
        return true;
    w->again = true;
    q8_pool_extend(pool, int8.rows * int8.cols * sizeof(float));
    if (!q8_walk_run(&w->walk, w->v->options.quantized, &int8, visit, pool, err))
        return false;
    n->library_rule = q8_expected_has_library(&w->expect) && w->library_off < n->off;
    if (n->library_rule)
        n->off = w->library_off;
    w->layer->expected = q8_xxh_sum(&w->digest[n->library_rule ? LIBRARY : EXPECTED]);
    return true;
}

static bool check(struct q8_checker *w, struct q8_pool *pool, struct q8_err *err)
{
    const struct q8_visit visit = {.tile = take_tile, .self = w};
    const struct q8_view int8 = q8_side_view(&w->layer->item->b);
    const enum q8_level level = w->v->options.level;

    if (level >= Q8_LEVEL_WEIGHTS && !see_all(w, pool, err))
        return false;
    if (level >= Q8_LEVEL_MATMUL && !q8_check_products_begin(w, err))
        return false;
    if (!q8_walk_run(&w->walk, w->v->options.quantized, &int8, &visit, pool, err))
        return false;
    if (level >= Q8_LEVEL_WEIGHTS) {
        q8_check_weights_end(w);
        if (!look_again(w, &visit, pool, err))
            return false;
        w->layer->weights.off_nearest =
            (double)w->layer->weights.off / ((double)w->stored->rows * (double)w->stored->cols);
    }
    return q8_check_scales_end(w, err) && (!w->multiply || q8_check_products_end(w, err));
}

bool q8_checker_run(struct q8_checker *w, struct q8_layer *layer, struct q8_pool *pool,
                    struct q8_err *err)
{
    const bool flushed = q8_denormals_flush(false);
    char place[400];
    bool ok;

    begin(w, layer);
    ok = w->stored ? check(w, pool, err) : q8_check_values(w, pool, err);
    (void)q8_denormals_flush(flushed);
    if (!ok && err->code == Q8_EINPUT)
        q8_fail_in(err, q8_text_escape(layer->module, place, sizeof place));
    return ok;
}
