/* expected.c - what an int8 weight should be: the scales and codes that its rule makes of rows */
#include "src/scheme/expected.h"

#include "src/base/num.h"
#include "src/scheme/encode.h"
#include "src/scheme/scheme.h"
#include "src/model/floats.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* As in encode.c: groups below it are none for the kernels. */
#define TINY 0x1p-100f

#define TIE (0.5f + 0x1p-15f) /* from a number to a code of its tie: 2 ulp of 127 */
#define PIECE 1024            /* elements that are floats at a time */

static const uint32_t infinity_bits[Q8_FLOATS] = {0x7c00, 0x7f80, 0x7f800000};

uint64_t q8_expected_bytes(uint64_t groups)
{
    return groups * (sizeof(uint32_t) + sizeof(float));
}

bool q8_expected_init(struct q8_expected *e, enum q8_isa isa, uint64_t groups, struct q8_arena *mem,
                      struct q8_err *err)
{
    *e = (struct q8_expected){0};
    q8_kernels_init(&e->kernels, isa);
    e->absmax = q8_alloc(mem, groups, sizeof *e->absmax, err);
    e->factor = q8_alloc(mem, groups, sizeof *e->factor, err);
    return e->absmax && e->factor;
}

void q8_expected_begin(struct q8_expected *e, const struct q8_stored *stored, enum q8_dtype type)
{
    e->stored = stored;
    e->type = type == Q8_F64 ? Q8_FLOAT_F32 : q8_dtype_float(type);
    e->groups = stored->cols / stored->group;
    e->most = 0;
    assert(e->type != Q8_FLOATS);
}

static const void *row_at(const struct q8_expected *e, const void *x, uint64_t row)
{
    return (const unsigned char *)x + row * e->stored->cols * q8_float_bytes(e->type);
}

void q8_expected_see(struct q8_expected *e, const void *x, uint64_t rows)
{
    uint32_t most;

    for (uint64_t r = 0; r < rows; r++) {
        e->kernels.absmax[e->type](&most, row_at(e, x, r), e->stored->cols, e->stored->cols);
        e->most = most > e->most ? most : e->most;
    }
}

/* Whether the rule rounds weights to fp16 first and stores the absmax of a row. */
static bool is_half(const struct q8_expected *e)
{
    return e->stored->scheme->rule == Q8_RULE_HALF_TIMES;
}

/* Whether nothing can be made of a group with that absmax. */
static bool is_unusable(const struct q8_expected *e, uint32_t absmax)
{
    return absmax >= infinity_bits[e->type] ||
           (is_half(e) &&
            q8_float_to_half(q8_bits_to_float(e->type, absmax)) >= infinity_bits[Q8_FLOAT_F16]);
}

static float scale_of(const struct q8_expected *e, uint32_t absmax)
{
    const float most = q8_bits_to_float(e->type, absmax);
    uint32_t bits;

    if (is_unusable(e, absmax))
        return NAN;
    if (!is_half(e))
        return q8_llmc_step(most, e->stored->scales->dtype, &bits);
    if (e->stored->scales->dtype == Q8_BF16)
        return q8_bf16_to_float(q8_float_to_bf16(q8_half_to_float(q8_float_to_half(most))));
    return q8_half_to_float(q8_float_to_half(most));
}

void q8_expected_scales(struct q8_expected *e, const void *x, uint64_t rows, float *ret)
{
    const bool flushed = q8_denormals_flush(false);

    for (uint64_t r = 0; r < rows; r++) {
        if (!e->stored->scheme->shared)
            e->kernels.absmax[e->type](e->absmax, row_at(e, x, r), e->stored->cols,
                                       e->stored->group);
        for (uint64_t g = 0; g < e->groups; g++)
            ret[r * e->groups + g] =
                scale_of(e, e->stored->scheme->shared ? e->most : e->absmax[g]);
    }
    (void)q8_denormals_flush(flushed);
}

float q8_expected_zero(const struct q8_expected *e)
{
    return scale_of(e, 0);
}

void q8_expected_stored(const struct q8_expected *e, const struct q8_decoder *d, uint64_t rows,
                        float *ret)
{
    const uint64_t count = e->stored->scheme->shared ? 1 : rows * e->groups;

    e->kernels.widen[q8_dtype_float(e->stored->scales->dtype)](ret, d->scales, count);
    for (uint64_t i = count; i < rows; i++)
        ret[i] = ret[0];
}

/* f of a group with that absmax and scale; 0: it has no codes. */
static float factor_of(const struct q8_expected *e, uint32_t absmax, float scale)
{
    const float factor = is_half(e) ? (1.0f / scale) * 127.0f : scale;

    return is_unusable(e, absmax) || scale == 0 || !isfinite(scale) || !isfinite(factor) ? 0
                                                                                         : factor;
}

/* Whether the kernels take a group: its absmax and factor are as kernels.h asks for. */
static bool is_regular(const struct q8_expected *e, float absmax, float factor)
{
    if (!(factor >= TINY && factor <= 1 / TINY) || (absmax > 0 && absmax < TINY))
        return false;
    return is_half(e) ? absmax * factor < 127.25f : absmax < 200 * factor;
}

/*
 * A float rounded to what is left without its lowest `drop` bits, ties to even.  For a quotient
 * that is to become a code that is the same as BF16 (16) or F16 (13): neither F16's denormals nor
 * its infinities are near a code's border.
 */
static inline float shorten(float y, unsigned drop)
{
    uint32_t bits;

    memcpy(&bits, &y, sizeof bits);
    bits += (UINT32_C(1) << drop >> 1) - 1 + (bits >> drop & 1);
    bits &= UINT32_MAX << drop;
    memcpy(&y, &bits, sizeof y);
    return y;
}

/* The rules as they are written, for a group with any factor; `drop` as in shorten, or 0. */
static void code_group(const struct q8_expected *e, const unsigned char *x, float factor,
                       unsigned drop, int8_t *ret)
{
    const float least = (float)e->stored->scheme->least;
    const uint64_t n = factor != 0 ? e->stored->group : 0;
    float piece[PIECE];

    memset(ret, 0, e->stored->group);
    for (uint64_t at = 0, m; at < n; at += m) {
        m = q8_min(n - at, PIECE);
        e->kernels.widen[e->type](piece, x + at * q8_float_bytes(e->type), m);
        for (uint64_t i = 0; is_half(e) && i < m; i++)
            piece[i] = q8_half_to_float(q8_float_to_half(piece[i])) * factor;
        for (uint64_t i = 0; !is_half(e) && i < m; i++)
            piece[i] = drop ? shorten(piece[i] / factor, drop) : piece[i] / factor;
        for (uint64_t i = 0; i < m; i++)
            ret[at + i] = (int8_t)rintf(fminf(fmaxf(piece[i], least), 127));
    }
}

/*
 * A row of many small groups costs one call of a kernel, unless one of them is out of the ordinary.
 */
static void fill_row(struct q8_expected *e, const unsigned char *x, const float *scales,
                     unsigned drop, int8_t *ret)
{
    const struct q8_stored *w = e->stored;
    bool regular = drop == 0;

    e->kernels.absmax[e->type](e->absmax, x, w->cols, w->group);
    for (uint64_t g = 0; g < e->groups; g++) {
        e->factor[g] = factor_of(e, e->absmax[g], scales[g]);
        regular = regular && is_regular(e, q8_bits_to_float(e->type, e->absmax[g]), e->factor[g]);
    }
    if (regular)
        e->kernels.encode[w->scheme->rule][e->type](ret, NULL, x, w->cols, w->group, e->factor);
    for (uint64_t g = 0; !regular && g < e->groups; g++)
        code_group(e, x + g * w->group * q8_float_bytes(e->type), e->factor[g], drop,
                   ret + g * w->group);
}

static void fill_rows(struct q8_expected *e, const void *x, uint64_t rows, const float *scales,
                      unsigned drop, int8_t *ret)
{
    const bool flushed = q8_denormals_flush(false);

    for (uint64_t r = 0; r < rows; r++)
        fill_row(e, row_at(e, x, r), scales + r * e->groups, drop, ret + r * e->stored->cols);
    (void)q8_denormals_flush(flushed);
}

void q8_expected_codes(struct q8_expected *e, const void *x, uint64_t rows, const float *scales,
                       int8_t *ret)
{
    fill_rows(e, x, rows, scales, 0, ret);
}

bool q8_expected_has_library(const struct q8_expected *e)
{
    return !is_half(e) && e->type != Q8_FLOAT_F32 &&
           q8_dtype_float(e->stored->scales->dtype) == e->type;
}

void q8_expected_library_codes(struct q8_expected *e, const void *x, uint64_t rows,
                               const float *scales, int8_t *ret)
{
    const unsigned drop = e->type == Q8_FLOAT_BF16 ? 16 : 13;

    fill_rows(e, x, rows, scales, q8_expected_has_library(e) ? drop : 0, ret);
}

bool q8_expected_has_ties(const struct q8_expected *e)
{
    return is_half(e);
}

bool q8_expected_tie(const struct q8_expected *e, const void *x, float scale, int code)
{
    uint32_t bits = 0;
    float w;

    if (!q8_expected_has_ties(e) || scale == 0)
        return false;
    memcpy(&bits, x, q8_float_bytes(e->type));
    w = q8_half_to_float(q8_float_to_half(q8_bits_to_float(e->type, bits)));
    return fabsf(w * ((1.0f / scale) * 127.0f) - (float)code) <= TIE;
}
