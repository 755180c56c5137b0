/* scalar.c - check of the conversions of single numbers, against their definition and F16C */
#include "tests/checkkernels/check.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The layouts of the two 16-bit types: bits of the fraction, bias of the exponent. */
struct layout {
    const char *name;
    int fraction, bias;
    uint16_t infinity;
};

static const struct layout half = {"half", 10, 15, 0x7c00};
static const struct layout bf16 = {"bf16", 7, 127, 0x7f80};

static uint32_t to_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float from_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754, 3.4: the magnitude that bits stand for; Inf as the next number of an endless range. */
static double magnitude(const struct layout *l, uint16_t bits)
{
    int exponent = bits >> l->fraction, m = bits & ((1 << l->fraction) - 1);

    if (exponent == 0)
        return ldexp(m, 1 - l->bias - l->fraction);
    return ldexp(m + (1 << l->fraction), exponent - l->bias - l->fraction);
}

/* Is `bits` the number nearest to value, of two as near the even one? */
static bool is_nearest(const struct layout *l, float value, uint16_t bits)
{
    double v = fabs((double)value), at, below, above;
    uint16_t a = bits & 0x7fff;

    if (!signbit(value) != !(bits & 0x8000))
        return false;
    if (isnan(value))
        return a > l->infinity;
    if (isinf(value) || a > l->infinity)
        return isinf(value) && a == l->infinity;
    at = fabs(v - magnitude(l, a));
    below = a > 0 ? fabs(v - magnitude(l, (uint16_t)(a - 1))) : INFINITY;
    above = a < l->infinity ? fabs(v - magnitude(l, (uint16_t)(a + 1))) : INFINITY;
    if (a == l->infinity && v > magnitude(l, a))
        at = 0;
    return at < fmin(below, above) || (at == fmin(below, above) && a % 2 == 0);
}

static void check_narrowing(struct check *c, const struct layout *l, uint16_t (*narrow)(float))
{
    uint64_t wrong = 0;
    uint32_t example = 0;

    for (uint32_t a = 0; a < l->infinity; a++) { /* all ties, and the numbers beside them */
        float low = (float)magnitude(l, (uint16_t)a);
        uint32_t tie = to_bits((float)((low + magnitude(l, (uint16_t)(a + 1))) / 2));

        for (uint32_t bits = tie > 0 ? tie - 1 : tie; bits <= tie + 1; bits++)
            for (uint32_t sign = 0; sign < 2; sign++)
                if (!is_nearest(l, from_bits(bits | sign << 31),
                                narrow(from_bits(bits | sign << 31)))) {
                    wrong++;
                    example = bits;
                }
    }
    for (uint32_t i = 0; i < 1000000; i++) {
        uint32_t bits = check_random(c);

        if (i % 2) /* around the range of half */
            bits = (bits & 0x87ffffff) | 0x30000000 | (bits & 0x10000000) >> 1;
        if (!is_nearest(l, from_bits(bits), narrow(from_bits(bits)))) {
            wrong++;
            example = bits;
        }
    }
    check_that(c, wrong == 0, "float to %s: %llu are not the nearest, one of them float 0x%08x",
               l->name, (unsigned long long)wrong, example);
}

static void check_widening(struct check *c, const struct layout *l, float (*widen)(uint16_t))
{
    uint32_t wrong = 0, example = 0;

    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        float value = widen((uint16_t)bits);
        uint16_t a = bits & 0x7fff;
        bool ok = !signbit(value) == !(bits & 0x8000);

        ok &= a > l->infinity    ? isnan(value)
              : a == l->infinity ? isinf(value)
                                 : fabs((double)value) == magnitude(l, a);
        if (!ok) {
            wrong++;
            example = bits;
        }
    }
    check_that(c, wrong == 0, "%s to float: %u wrong, one of them 0x%04x", l->name, wrong, example);
}

#if defined(__x86_64__)

/* What the processor says, NaN payloads included; denormals flushed and not. */
__attribute__((target("avx,f16c"))) static void check_f16c(struct check *c)
{
    uint64_t wide = 0, narrow = 0;

    for (uint32_t i = 0; i < 2000000; i++) {
        uint32_t bits = check_random(c);
        uint16_t h = (uint16_t)i;
        bool flushed = q8_denormals_flush(i / 0x10000 % 2);

        if (i % 2)
            bits = (bits & 0x87ffffff) | 0x30000000 | (bits & 0x10000000) >> 1;
        wide += to_bits(q8_half_to_float(h)) != to_bits(_cvtsh_ss(h));
        narrow += q8_float_to_half(from_bits(bits)) != _cvtss_sh(from_bits(bits), 0);
        (void)q8_denormals_flush(flushed);
    }
    check_that(c, wide == 0, "half to float: %llu differ from F16C", (unsigned long long)wide);
    check_that(c, narrow == 0, "float to half: %llu differ from F16C", (unsigned long long)narrow);
}

#else

static void check_f16c(struct check *c)
{
    (void)c;
}

#endif

/* 65519 is nearer to 65504, 65520 a tie with 2^16; 1 + 2^-8 a tie of bf16, 1 + 3 * 2^-8 another. */
static void check_round(struct check *c)
{
    check_that(c,
               q8_float_round(Q8_FLOAT_F16, 65519) == 65504 &&
                   isinf(q8_float_round(Q8_FLOAT_F16, 65520)) &&
                   q8_float_round(Q8_FLOAT_BF16, 1.00390625f) == 1 &&
                   q8_float_round(Q8_FLOAT_BF16, 1.01171875f) == 1.015625f &&
                   q8_float_round(Q8_FLOAT_F32, 0.1f) == 0.1f,
               "rounding to a type");
    check_that(c,
               q8_float_bytes(Q8_FLOAT_F16) == 2 && q8_float_bytes(Q8_FLOAT_BF16) == 2 &&
                   q8_float_bytes(Q8_FLOAT_F32) == 4,
               "bytes of a type");
}

void check_scalar(struct check *c)
{
    check_round(c);
    check_widening(c, &half, q8_half_to_float);
    check_widening(c, &bf16, q8_bf16_to_float);
    check_narrowing(c, &half, q8_float_to_half);
    check_narrowing(c, &bf16, q8_float_to_bf16);
    if (q8_isa_detect(Q8_ISA_avx512) >= Q8_ISA_avx2)
        check_f16c(c);
}
