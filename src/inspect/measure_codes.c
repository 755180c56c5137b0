/* measure_codes.c - what is special to an int8 weight: codes, scales, its reference */
#include "src/inspect/measure_parts.h"

#include "src/base/num.h"
#include "src/scheme/error.h"
#include "src/model/floats.h"

#include <math.h>
#include <string.h>

/* One scale: a value that runtimes multiply by. */
static void add_scale(struct q8_measure *g, double step, bool dead)
{
    struct q8_code_numbers *n = g->subject->codes;

    n->bad_scales += !isfinite(step) || step < 0 || (step == 0 && !dead);
    if (g->scales++ % g->stride == 0 && isfinite(step))
        g->scale[g->kept++] = step;
    if (isfinite(step)) {
        n->scale.least = fmin(n->scale.least, step);
        n->scale.most = fmax(n->scale.most, step);
    }
}

static void add_codes(struct q8_measure *g, uint64_t n)
{
    const struct q8_stored *w = g->subject->stored;
    const struct q8_decoder *d = &g->walk.decoder;
    const uint64_t groups = q8_div_up(w->cols, w->group);

    g->kernels.tally(g->tally, (const int8_t *)d->codes, n * w->cols);
    for (uint64_t r = 0; r < n; r++) {
        const bool dead = q8_codes_zero((const int8_t *)d->codes + r * w->cols, w->cols);

        g->subject->codes->dead += dead;
        for (uint64_t i = 0; i < groups; i++)
            add_scale(g, (double)d->step[r * groups + i], dead);
    }
}

/* The same rows of the reference, which may take several of its tiles. */
static bool add_reference(struct q8_measure *g, const float *x, uint64_t row, uint64_t n,
                          struct q8_err *err)
{
    const struct q8_view *view = &g->subject->reference;
    const enum q8_float type = q8_dtype_float(view->tensor->dtype);

    for (uint64_t r = 0, m; r < n; r += m) {
        void *rows;

        m = q8_min(q8_walk_rows(&g->reference, view), n - r);
        if (!(rows = q8_walk_read(&g->reference, g->in->options.reference, view, row + r, m, err)))
            return false;
        g->kernels.widen[type](g->wanted, rows, m * view->cols);
        for (uint64_t i = 0; i < m; i++) {
            struct q8_diff d;

            g->kernels.diff(&d, g->wanted + i * view->cols, x + (r + i) * view->cols, view->cols);
            g->diff.err2 += d.err2;
            g->diff.val2 += d.val2;
            g->diff.most = d.most > g->diff.most || isnan(d.most) ? d.most : g->diff.most;
        }
    }
    return true;
}

bool q8_measure_codes(struct q8_measure *g, const float *x, uint64_t row, uint64_t n,
                      struct q8_err *err)
{
    const struct q8_stored *w = g->subject->stored;

    if (row == 0) {
        g->stride = q8_div_up(w->rows * q8_div_up(w->cols, w->group), Q8_SCALES_KEPT);
        g->subject->codes->scale.least = INFINITY;
    }
    add_codes(g, n);
    return !g->subject->reference.tensor || add_reference(g, x, row, n, err);
}

void q8_measure_codes_end(struct q8_measure *g)
{
    struct q8_code_numbers *n = g->subject->codes;
    const double all = (double)g->subject->numbers.elements;
    const struct q8_stored *w = g->subject->stored;
    uint64_t saturated;

    n->scales = g->scales;
    n->scale.median = q8_spread_of(g->scale, g->kept).median;
    if (g->kept == 0)
        n->scale = (struct q8_spread){0};
    for (int code = -128; code < 128; code++) {
        const uint64_t count = g->tally[(uint8_t)code];

        if (count == 0)
            continue;
        if (n->used++ == 0)
            n->least = code;
        n->most = code;
        n->bits -= (double)count / all * log2((double)count / all);
    }
    saturated = g->tally[127];
    for (int code = -128; code <= w->scheme->least; code++)
        saturated += g->tally[(uint8_t)code];
    n->saturated = (double)saturated / all;
    n->have_reference = g->subject->reference.tensor != NULL;
    n->sqnr = q8_sqnr(g->diff.val2, g->diff.err2);
    n->mse = g->diff.err2 / all;
    n->most_error = isfinite(g->diff.err2) ? g->diff.most : NAN;
}
