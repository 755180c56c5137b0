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

/* A group below this in an ordinary row is lost whatever its codes are. */
#define GROUP_LEAST 0x1p-100f

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
    lost = absmax == 0 || step < GROUP_LEAST;
    g->step[i] = lost ? 0 : step;
    g->factor[i] = lost ? 0 : half ? 1.0f / step * 127.0f : 1.0f / step;
}

static float bits_float(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t float_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/*
 * set_group for bf16 groups of an ordinary row, from the absmax in g->step: the same numbers,
 * without a branch, so that the compiler does several at once.
 */
static void set_bf16_groups(struct q8_measure *g, uint64_t n)
{
    const uint32_t epsilon = float_bits(0x1p-7f), least = float_bits(GROUP_LEAST);

    for (uint64_t i = 0; i < n; i++) {
        const uint32_t absmax = float_bits(g->step[i]);
        uint32_t step = float_bits(g->step[i] / 127.5f), kept;

        step = (step + 0x7fff + (step >> 16 & 1)) & 0xffff0000;
        step = step ? step : epsilon;
        kept = absmax != 0 && step >= least ? UINT32_MAX : 0;
        g->step[i] = bits_float(step & kept);
        g->factor[i] = bits_float(float_bits(1.0f / bits_float(step)) & kept);
    }
}

/* Of every group of the row. */
static void set_groups(struct q8_measure *g, const struct trial *t, uint32_t most)
{
    const uint64_t cols = g->subject->view.cols, narrow = t->group / Q8_MEASURE_GROUP;
    const uint64_t groups = cols / t->group;

    if (t->group == cols) {
        set_group(g, t, 0, bits_float(most));
        return;
    }
    for (uint64_t i = 0; i < groups; i++) {
        uint32_t bits = 0;

        for (uint64_t k = 0; k < narrow; k++)
            bits = g->absmax[i * narrow + k] > bits ? g->absmax[i * narrow + k] : bits;
        g->step[i] = bits_float(bits);
    }
    if (t->dtype == Q8_BF16 && t->shift == 0) {
        set_bf16_groups(g, groups);
        return;
    }
    for (uint64_t i = 0; i < groups; i++)
        set_group(g, t, i, g->step[i]);
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
