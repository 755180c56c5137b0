/* inputs.c - inputs of the checks: lengths, groups, numbers, and where in memory they lie */
#include "tests/checkkernels/check.h"

#include <string.h>

const char *const check_styles[CHECK_STYLES] = {
    "bits", "ties", "half ties", "uniform", "outlier", "denormals", "gauss",
};

size_t check_length(size_t index)
{
    static const size_t longer[] = {511, 1000, 4095, 4096, 4097, 8193, CHECK_LONGEST, SIZE_MAX};

    return index <= 300 ? index : longer[index - 301];
}

size_t check_group(struct check *c, size_t n, size_t index)
{
    switch (index) {
    case 0:
    case 1:
    case 2: return (size_t)32 << index;
    case 3: return check_random(c) % (n + 1) | 1;
    case 4: return n > 0 ? n : 1;
    default: return 0;
    }
}

/* splitmix64, https://prng.di.unimi.it/splitmix64.c */
uint32_t check_random(struct check *c)
{
    uint64_t z = c->random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (uint32_t)(z >> 32);
}

void *check_place(struct check *c, size_t bytes, size_t element)
{
    const struct check_fence *fence = &c->fence[c->places++ % 2];

    switch (check_random(c) % 4) {
    case 0: return fence->data;
    case 1: return fence->data + element * (check_random(c) % 64);
    default: return fence->data + fence->size - bytes;
    }
}

/* Between -1 and 1. */
static float uniform(struct check *c)
{
    return (float)(int32_t)check_random(c) * 0x1p-31f;
}

static uint32_t float_bits(enum q8_float type, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return type == Q8_FLOAT_F16    ? q8_float_to_half(value)
           : type == Q8_FLOAT_BF16 ? q8_float_to_bf16(value)
                                   : bits;
}

/* Bits of each type: sign, exponent, and the exponent bit without which a number is below 2. */
static const struct {
    uint32_t sign, exponent, large;
} layout[Q8_FLOATS] = {
    [Q8_FLOAT_F16] = {0x8000, 0x7c00, 0x4000},
    [Q8_FLOAT_BF16] = {0x8000, 0x7f80, 0x4000},
    [Q8_FLOAT_F32] = {0x80000000, 0x7f800000, 0x40000000},
};

static uint32_t draw_bits(struct check *c, enum q8_float type, bool finite, bool half)
{
    uint32_t bits = check_random(c);

    if (type != Q8_FLOAT_F32)
        bits &= 0xffff;
    if ((finite && (bits & layout[type].exponent) == layout[type].exponent) || half)
        bits &= ~layout[type].large;
    return bits;
}

/* Halfway between two fp16 numbers: an odd multiple of 2^-25, or (f32 only) half a last place. */
static uint32_t draw_half_tie(struct check *c, enum q8_float type)
{
    uint32_t bits;

    if (type != Q8_FLOAT_F32 || check_random(c) % 2)
        return float_bits(type, (float)((int)(check_random(c) % 256) - 128) * 0x1p-24f + 0x1p-25f);
    bits = float_bits(type, uniform(c) + 0x1p-10f);
    return (bits & ~0x1fffu) | 0x1000;
}

static uint32_t draw_denormal(struct check *c, enum q8_float type)
{
    switch (check_random(c) % 8) {
    case 0: return float_bits(type, uniform(c));
    case 1: return float_bits(type, uniform(c) * 0x1p-14f); /* an fp16 denormal, or nearly */
    case 2: return float_bits(type, uniform(c) * 0x1p-120f);
    default: return draw_bits(c, type, true, true) & ~layout[type].exponent;
    }
}

static uint32_t draw(struct check *c, enum q8_float type, enum check_style style, bool finite,
                     bool half, float step)
{
    float sum = 0;

    switch (style) {
    case CHECK_BITS: return draw_bits(c, type, finite, half);
    case CHECK_TIES: return float_bits(type, ((float)(check_random(c) % 254) - 126.5f) * step);
    case CHECK_HALF_TIES: return draw_half_tie(c, type);
    case CHECK_UNIFORM: return float_bits(type, uniform(c));
    case CHECK_OUTLIER: return check_random(c) % 2 ? layout[type].sign : 0;
    case CHECK_DENORMALS: return draw_denormal(c, type);
    default:
        for (int i = 0; i < 8; i++)
            sum += uniform(c);
        return float_bits(type, sum * 0.02f);
    }
}

void check_fill(struct check *c, void *x, size_t n, enum q8_float type, enum check_style style,
                bool finite, bool half, float step)
{
    size_t size = type == Q8_FLOAT_F32 ? 4 : 2, outlier = n > 0 ? check_random(c) % n : 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t bits = draw(c, type, style, finite, half, step);

        if (style == CHECK_OUTLIER && i == outlier)
            bits = draw_bits(c, type, finite, half);
        memcpy((char *)x + i * size, &bits, size); /* little endian: the low bytes come first */
    }
}
