/* encode.c - rows of a tile through the kernels: codes, scales, sums */
#include "src/scheme/encode.h"

#include "src/base/num.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/*
 * Below this absmax a flushed denormal could be worth half a code: such groups go to the reference.
 */
#define TINY 0x1p-100f

static const uint32_t infinity_bits[Q8_FLOATS] = {0x7c00, 0x7f80, 0x7f800000};

static uint64_t count_groups(const struct q8_scheme *scheme, uint64_t cols)
{
    return scheme->group ? q8_div_up(cols, scheme->group) : 1;
}

uint64_t q8_encoder_bytes(const struct q8_scheme *scheme, uint64_t cols)
{
    const struct q8_encoder *e = NULL;

    return count_groups(scheme, cols) *
           (sizeof *e->absmax + sizeof *e->factor + sizeof *e->step + sizeof *e->sums);
}

bool q8_encoder_init(struct q8_encoder *e, const struct q8_scheme *scheme, enum q8_isa isa,
                     bool measure, uint64_t cols, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t groups = count_groups(scheme, cols);

    e->scheme = scheme;
    e->measure = measure;
    q8_kernels_init(&e->fast, isa);
    q8_kernels_init(&e->ref, Q8_ISA_ref);
    e->absmax = q8_alloc(mem, groups, sizeof *e->absmax, err);
    e->factor = q8_alloc(mem, groups, sizeof *e->factor, err);
    e->step = q8_alloc(mem, groups, sizeof *e->step, err);
    e->sums = q8_alloc(mem, groups, sizeof *e->sums, err);
    return e->absmax && e->factor && e->step && e->sums;
}

float q8_llmc_step(float absmax, enum q8_dtype dtype, void *ret_bits)
{
    float step = absmax / 127.5f;
    uint16_t bits;

    switch (dtype) {
    case Q8_F16:
        bits = q8_float_to_half(step);
        if (bits == 0)
            bits = q8_float_to_half(0x1p-10f);
        memcpy(ret_bits, &bits, sizeof bits);
        return q8_half_to_float(bits);
    case Q8_BF16:
        bits = q8_float_to_bf16(step);
        if (bits == 0)
            bits = q8_float_to_bf16(0x1p-7f);
        memcpy(ret_bits, &bits, sizeof bits);
        return q8_bf16_to_float(bits);
    default:
        if (step == 0)
            step = FLT_EPSILON;
        memcpy(ret_bits, &step, sizeof step);
        return step;
    }
}

/*
 * Factor and step of one group, and its scale as it is stored.  A bitsandbytes row that is 0 once
 * rounded to fp16 gets factor and step 1: its codes come out 0 and its error is the row itself.
 */
static void group_factor(const struct q8_encoder *e, enum q8_dtype dtype, float absmax,
                         float *ret_factor, double *ret_step, void *ret_scale)
{
    if (e->scheme->rule == Q8_RULE_HALF_TIMES) {
        float rounded = q8_half_to_float(q8_float_to_half(absmax));

        memcpy(ret_scale, &rounded, sizeof rounded);
        *ret_factor = rounded > 0 ? (1.0f / rounded) * 127.0f : 1.0f;
        *ret_step = rounded > 0 ? (double)rounded / 127.0 : 1.0;
    } else {
        *ret_factor = q8_llmc_step(absmax, dtype, ret_scale);
        *ret_step = (double)*ret_factor;
    }
}

static bool refuse(const struct q8_encoder *e, enum q8_float type, uint32_t bits, uint64_t row,
                   struct q8_err *err)
{
    if (bits >= infinity_bits[type])
        return q8_fail(err, Q8_EINPUT, "row %" PRIu64 " holds %s", row,
                       bits == infinity_bits[type] ? "an infinity" : "a NaN");
    if (e->scheme->rule == Q8_RULE_HALF_TIMES) {
        float absmax = q8_bits_to_float(type, bits);

        if (q8_float_to_half(absmax) >= infinity_bits[Q8_FLOAT_F16])
            return q8_fail(err, Q8_EINPUT,
                           "row %" PRIu64 " holds %g, beyond fp16 (65504), which "
                           "bitsandbytes rounds weights to",
                           row, (double)absmax);
    }
    return true;
}

static bool encode_row(struct q8_encoder *e, enum q8_float type, enum q8_dtype scale_dtype,
                       const void *x, uint64_t cols, uint64_t row, int8_t *codes,
                       unsigned char *scales, struct q8_stats *stats, struct q8_err *err)
{
    uint64_t group = e->scheme->group ? e->scheme->group : cols;
    uint64_t groups = count_groups(e->scheme, cols), width = q8_dtype_size(scale_dtype);
    bool tiny = false, any = false;
    double err2 = 0, val2 = 0;

    e->fast.absmax[type](e->absmax, x, cols, group);
    for (uint64_t g = 0; g < groups; g++) {
        if (!refuse(e, type, e->absmax[g], row, err))
            return false;
        any |= e->absmax[g] != 0;
        tiny |= e->absmax[g] != 0 && q8_bits_to_float(type, e->absmax[g]) < TINY;
    }
    if (tiny)
        q8_denormals_flush(false);
    for (uint64_t g = 0; g < groups; g++)
        group_factor(e, scale_dtype, q8_bits_to_float(type, e->absmax[g]), &e->factor[g],
                     &e->step[g], scales + g * width);
    (tiny ? &e->ref : &e->fast)
        ->encode[e->scheme->rule][type](codes, e->measure ? e->sums : NULL, x, cols, group,
                                        e->factor);
    for (uint64_t g = 0; e->measure && g < groups; g++) {
        err2 += e->sums[g].err2 * (e->step[g] * e->step[g]);
        val2 += e->sums[g].val2 * (e->step[g] * e->step[g]);
    }
    if (tiny)
        q8_denormals_flush(true);
    stats->err2 += err2;
    stats->val2 += val2;
    stats->zero_rows += !any;
    return true;
}

bool q8_encode_rows(struct q8_encoder *e, enum q8_float type, enum q8_dtype scale_dtype,
                    const void *x, uint64_t rows, uint64_t cols, uint64_t first_row, int8_t *codes,
                    void *scales, struct q8_stats *stats, struct q8_err *err)
{
    uint64_t groups = count_groups(e->scheme, cols);
    uint64_t row_bytes = cols * q8_float_bytes(type);
    uint64_t scale_bytes = groups * q8_dtype_size(scale_dtype);

    for (uint64_t r = 0; r < rows; r++)
        if (!encode_row(e, type, scale_dtype, (const unsigned char *)x + r * row_bytes, cols,
                        first_row + r, codes + r * cols, (unsigned char *)scales + r * scale_bytes,
                        stats, err))
            return false;
    return true;
}
