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

/* Columns that share a scale. */
static uint64_t columns(const struct q8_scheme *scheme, uint64_t cols)
{
    return scheme->group ? scheme->group : cols;
}

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

bool q8_encoder_init(struct q8_encoder *e, enum q8_isa isa, uint64_t cols, struct q8_arena *mem,
                     struct q8_err *err)
{
    uint64_t groups = count_groups(e->scheme, cols);

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
 * Factor and step of group g, and its scale as it is stored.  A bitsandbytes row that is 0 once
 * rounded to fp16 gets factor and step 1: its codes come out 0 and its error is the row itself.
 */
static void set_group(struct q8_encoder *e, uint64_t g, float absmax, enum q8_dtype dtype,
                      void *ret_scale)
{
    if (e->scheme->rule == Q8_RULE_HALF_TIMES) {
        float rounded = q8_half_to_float(q8_float_to_half(absmax));

        memcpy(ret_scale, &rounded, sizeof rounded);
        e->factor[g] = rounded > 0 ? (1.0f / rounded) * 127.0f : 1.0f;
        e->step[g] = rounded > 0 ? (double)rounded / 127.0 : 1.0;
    } else {
        e->factor[g] = q8_llmc_step(absmax, dtype, ret_scale);
        e->step[g] = (double)e->factor[g];
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

/* How the rows of a tile are cut; computed once, as a division a row would show. */
struct cut {
    uint64_t group, groups;          /* columns of a group, groups of a row */
    uint64_t row_bytes, scale_bytes; /* of a row of the source, of one scale */
};

static struct cut find_cut(const struct q8_encoder *e, const struct q8_tile *t)
{
    return (struct cut){columns(e->scheme, t->cols), count_groups(e->scheme, t->cols),
                        t->cols * q8_float_bytes(t->type), q8_dtype_size(t->scale_dtype)};
}

/* What the absmax of a row's groups say. */
struct row {
    bool tiny; /* a group is too small for the fast kernels */
    bool any;  /* a number is not 0 */
};

static bool look_at_row(const struct q8_encoder *e, const struct q8_tile *t, const struct cut *cut,
                        uint64_t r, struct row *ret, struct q8_err *err)
{
    *ret = (struct row){false, false};
    for (uint64_t g = 0; g < cut->groups; g++) {
        const uint32_t bits = e->absmax[g];

        if (!refuse(e, t->type, bits, t->first_row + r, err))
            return false;
        ret->any |= bits != 0;
        ret->tiny |= bits != 0 && q8_bits_to_float(t->type, bits) < TINY;
    }
    return true;
}

/* Codes and scales of a row whose absmax are in e->absmax; denormals count when it is tiny. */
static void fill_row(struct q8_encoder *e, const struct q8_tile *t, const struct cut *cut,
                     uint64_t r, bool tiny, struct q8_stats *stats)
{
    const struct q8_kernels *kernels = tiny ? &e->ref : &e->fast;
    unsigned char *scales = (unsigned char *)t->scales + r * cut->groups * cut->scale_bytes;
    double err2 = 0, val2 = 0;

    for (uint64_t g = 0; g < cut->groups; g++)
        set_group(e, g, q8_bits_to_float(t->type, e->absmax[g]), t->scale_dtype,
                  scales + g * cut->scale_bytes);
    kernels->encode[e->scheme->rule][t->type](t->codes + r * t->cols, e->measure ? e->sums : NULL,
                                              (const unsigned char *)t->x + r * cut->row_bytes,
                                              t->cols, cut->group, e->factor);
    for (uint64_t g = 0; e->measure && g < cut->groups; g++) {
        err2 += e->sums[g].err2 * (e->step[g] * e->step[g]);
        val2 += e->sums[g].val2 * (e->step[g] * e->step[g]);
    }
    stats->err2 += err2;
    stats->val2 += val2;
}

bool q8_encode_rows(struct q8_encoder *e, const struct q8_tile *tile, struct q8_stats *stats,
                    struct q8_err *err)
{
    const struct cut cut = find_cut(e, tile);
    struct row row;

    for (uint64_t r = 0; r < tile->rows; r++) {
        e->fast.absmax[tile->type](e->absmax, (const unsigned char *)tile->x + r * cut.row_bytes,
                                   tile->cols, cut.group);
        if (!look_at_row(e, tile, &cut, r, &row, err))
            return false;
        if (row.tiny)
            q8_denormals_flush(false);
        fill_row(e, tile, &cut, r, row.tiny, stats);
        if (row.tiny)
            q8_denormals_flush(true);
        stats->zero_rows += !row.any;
    }
    return true;
}

void q8_pack_rows(unsigned char *codes, uint64_t rows, uint64_t cols, uint64_t width)
{
    for (uint64_t r = rows; width > cols && r-- > 0;) {
        memmove(codes + r * width, codes + r * cols, cols);
        memset(codes + r * width + cols, 0x80, width - cols);
    }
    for (uint64_t i = 0; i < rows * width; i++)
        codes[i] ^= 0x80;
}
