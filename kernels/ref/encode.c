/* encode.c - codes of a row and the sums of their error: the reference */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define LANES 32
#define CHUNK 4096

static float load(enum q8_float type, const void *x, size_t i)
{
    uint16_t half;
    float value;

    if (type == Q8_FLOAT_F32) {
        memcpy(&value, (const char *)x + 4 * i, sizeof value);
        return value;
    }
    memcpy(&half, (const char *)x + 2 * i, sizeof half);
    return type == Q8_FLOAT_F16 ? q8_half_to_float(half) : q8_bf16_to_float(half);
}

/* The value before rounding to a code. */
static float scaled(enum q8_rule rule, float w, float f)
{
    float y;

    if (rule == Q8_RULE_HALF_TIMES)
        return q8_half_to_float(q8_float_to_half(w)) * f;
    y = w / f;
    return y < -128.0f ? -128.0f : y > 127.0f ? 127.0f : y;
}

/* What the error is measured from. */
static float unrounded(enum q8_rule rule, float w, float f)
{
    float inverse = 1.0f / f;

    if (rule == Q8_RULE_HALF_TIMES)
        return w * f;
    return isinf(inverse) ? w / f : w * inverse;
}

static double fold(const float lane[LANES])
{
    double wide[LANES];

    for (int l = 0; l < LANES; l++)
        wide[l] = lane[l];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            wide[l] += wide[l + half];
    return wide[0];
}

static struct q8_sums encode_group(enum q8_rule rule, enum q8_float type, int8_t *codes,
                                   const void *x, size_t begin, size_t end, float f)
{
    struct q8_sums sums = {0};

    for (size_t chunk = begin; chunk < end; chunk += CHUNK) {
        float err2[LANES] = {0}, val2[LANES] = {0};

        for (size_t i = chunk; i < end && i < chunk + CHUNK; i++) {
            float w = load(type, x, i), v = unrounded(rule, w, f);
            float code = rintf(scaled(rule, w, f)), e = v - code;
            size_t lane = (i - chunk) % LANES;

            codes[i] = (int8_t)code;
            err2[lane] = fmaf(e, e, err2[lane]);
            val2[lane] = fmaf(v, v, val2[lane]);
        }
        sums.err2 += fold(err2);
        sums.val2 += fold(val2);
    }
    return sums;
}

static void encode(enum q8_rule rule, enum q8_float type, int8_t *codes, struct q8_sums *sums,
                   const void *x, size_t n, size_t group, const float *factor)
{
    for (size_t begin = 0, g = 0; begin < n; begin += group, g++) {
        size_t end = n - begin < group ? n : begin + group;
        struct q8_sums s = encode_group(rule, type, codes, x, begin, end, factor[g]);

        if (sums)
            sums[g] = s;
    }
}

#define VERSION(name, rule, type)                                                                  \
    static void name(int8_t *codes, struct q8_sums *sums, const void *x, size_t n, size_t group,   \
                     const float *factor)                                                          \
    {                                                                                              \
        encode(rule, type, codes, sums, x, n, group, factor);                                      \
    }

VERSION(times_f16, Q8_RULE_HALF_TIMES, Q8_FLOAT_F16)
VERSION(times_bf16, Q8_RULE_HALF_TIMES, Q8_FLOAT_BF16)
VERSION(times_f32, Q8_RULE_HALF_TIMES, Q8_FLOAT_F32)
VERSION(divide_f16, Q8_RULE_DIVIDE, Q8_FLOAT_F16)
VERSION(divide_bf16, Q8_RULE_DIVIDE, Q8_FLOAT_BF16)
VERSION(divide_f32, Q8_RULE_DIVIDE, Q8_FLOAT_F32)

const q8_encode_fn q8_encode_ref[Q8_RULES][Q8_FLOATS] = {
    {times_f16, times_bf16, times_f32},
    {divide_f16, divide_bf16, divide_f32},
};
