/* measure_cost.c - what every scheme does to a row, from the absmax of its groups of 32 */
#include "src/inspect/measure_parts.h"

#include "src/scheme/encode.h"

#include <math.h>
#include <string.h>

/*
 * Rows whose absmax lies within these are measured as they are: squares of their errors neither
 * overflow nor vanish.  Others are scaled by a power of two first, which is exact.
 */
#define ORDINARY_LEAST 0x1p-40f
#define ORDINARY_MOST 0x1p60f

/* A scheme at work on a row. */
struct trial {
    const struct q8_scheme *scheme;
    enum q8_dtype dtype; /* of the weight */
    uint64_t group;      /* columns that share a scale */
    int shift;           /* the row was multiplied by 2^shift */
};

/*
 * Factor and step of a group, as kernels.h has them for `errors`.  A group of zeros, or one whose
 * numbers vanish beside the row's, gets codes of 0.
 */
static void set_group(struct q8_measure *g, const struct trial *t, uint64_t i, float absmax)
{
    const bool half = t->scheme->rule == Q8_RULE_HALF_TIMES;
    uint32_t bits;
    float step =
        half ? q8_half_to_float(q8_float_to_half(absmax)) : q8_llmc_step(absmax, t->dtype, &bits);
    bool lost;

    if (t->shift && !half)
        step = ldexpf(step, t->shift);
    lost = absmax == 0 || step < Q8_STEP_LEAST;
    g->step[i] = lost ? 0 : step;
    g->factor[i] = lost ? 0 : half ? 1.0f / step * 127.0f : 1.0f / step;
}

static float bits_float(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Of every group of the row; steps of a row that was multiplied are rounded as if it was not. */
static void set_groups(struct q8_measure *g, const struct trial *t, uint32_t most)
{
    const uint64_t cols = g->subject->view.cols, parts = t->group / Q8_MEASURE_GROUP;
    const uint64_t groups = cols / t->group;

    if (t->group == cols) {
        set_group(g, t, 0, bits_float(most));
        return;
    }
    if (t->shift == 0) {
        g->kernels.steps[g->type](g->factor, g->step, g->absmax, groups, parts);
        return;
    }
    for (uint64_t i = 0; i < groups; i++) {
        uint32_t bits = 0;

        for (uint64_t k = 0; k < parts; k++)
            bits = g->absmax[i * parts + k] > bits ? g->absmax[i * parts + k] : bits;
        set_group(g, t, i, bits_float(bits));
    }
}

/* Adds one scheme's errors on a row. */
static void add_cost(struct q8_measure *g, unsigned c, const struct trial *t, const float *x,
                     uint32_t most)
{
    const bool half = t->scheme->rule == Q8_RULE_HALF_TIMES;
    const double unit = ldexp(half ? 1.0 / 127 : 1, -t->shift);
    struct q8_error_scheme scheme = {t->scheme->rule, false, t->group, g->factor, g->step};
    struct q8_error e;

    set_groups(g, t, most);
    /* fp16 and bf16 above its denormals are the same numbers (ways.h) */
    scheme.narrow =
        half && g->type != Q8_FLOAT_F16 && (g->type == Q8_FLOAT_F32 || g->factor[0] > 8191.0f);
    g->kernels.errors(&e, &scheme, x, g->subject->view.cols);
    g->row_err2[c][g->usable - 1] = e.err2 * (unit * unit);
    g->cost[c].err2 += g->row_err2[c][g->usable - 1];
    g->cost[c].most = fmax(g->cost[c].most, (double)e.most * unit);
}

/* Multiplies the row by a power of two that brings its absmax to between 1 and 2. */
static int scale_row(struct q8_measure *g, const float *x, float absmax)
{
    int exponent;

    (void)frexpf(absmax, &exponent);
    for (uint64_t i = 0; i < g->subject->view.cols; i++)
        g->spare[i] = ldexpf(x[i], 1 - exponent);
    return 1 - exponent;
}

void q8_measure_costs(struct q8_measure *g, const float *x, uint64_t row, uint32_t most)
{
    struct q8_matrix *m = g->subject->matrix;
    const float absmax = q8_bits_to_float(Q8_FLOAT_F32, most);
    const bool ordinary = most == 0 || (absmax >= ORDINARY_LEAST && absmax <= ORDINARY_MOST);
    int shift = 0;

    if (!ordinary) {
        shift = scale_row(g, x, absmax);
        x = g->spare;
    }
    for (unsigned c = 0; c < Q8_COSTS; c++) {
        const struct q8_scheme *scheme = q8_costs(c)->scheme;
        struct trial t = {scheme, g->subject->tensor->dtype, scheme->group, shift};

        if (m->cost[c].obstacle)
            continue;
        if (t.group == 0)
            t.group = g->subject->view.cols;
        if (scheme->rule == Q8_RULE_HALF_TIMES && q8_float_to_half(absmax) >= 0x7c00)
            m->cost[c].obstacle = "it holds a number beyond fp16 (65504)", m->cost[c].row = row;
        else
            add_cost(g, c, &t, x, most);
    }
}

void q8_measure_refuse(struct q8_measure *g, uint64_t row)
{
    struct q8_matrix *m = g->subject->matrix;

    for (unsigned c = 0; m->have_costs && c < Q8_COSTS; c++)
        if (!m->cost[c].obstacle)
            m->cost[c].obstacle = "it holds a NaN or an infinity", m->cost[c].row = row;
}
