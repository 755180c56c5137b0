/* scalar.c - exact conversions of one number */
#include "kernels/kernels.h"

#include <string.h>

static float from_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float q8_half_to_float(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, m = bits & 0x3ff;

    if (exponent == 31)
        return from_bits(sign | 0x7f800000 | m << 13 | (m ? 0x400000 : 0));
    if (exponent == 0) {
        float small = (float)m * 0x1p-24f; /* exact: a normal float, or 0 */

        return from_bits(sign | to_bits(small));
    }
    return from_bits(sign | (exponent + 112) << 23 | m << 13);
}

uint16_t q8_float_to_half(float value)
{
    uint32_t bits = to_bits(value), sign = bits >> 16 & 0x8000, a = bits & 0x7fffffff, shift, half;

    if (a > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000) /* 65520: rounds to infinity */
        return (uint16_t)(sign | 0x7c00);
    if (a < 0x33000000) /* below 2^-25: rounds to 0 */
        return (uint16_t)sign;
    if (a < 0x38800000) { /* below 2^-14: a half denormal */
        shift = 126 - (a >> 23);
        a = (a & 0x7fffff) | 0x800000;
    } else {
        shift = 13;
        a -= 112u << 23;
    }
    half = a >> shift;
    a &= (1u << shift) - 1;
    if (a > 1u << (shift - 1) || (a == 1u << (shift - 1) && (half & 1)))
        half++;
    return (uint16_t)(sign | half);
}

float q8_bf16_to_float(uint16_t bits)
{
    return from_bits((uint32_t)bits << 16);
}

uint16_t q8_float_to_bf16(float value)
{
    uint32_t bits = to_bits(value);

    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float q8_float8_to_float(enum q8_float8 type, uint8_t bits)
{
    const uint32_t half = (uint32_t)bits << 8, sign = half & 0x8000;

    if (type == Q8_FLOAT8_E5M2) /* the upper half of a half */
        return q8_half_to_float((uint16_t)half);
    if ((bits & 0x7f) == 0x7f)
        return from_bits(sign << 16 | 0x7fc00000);
    return q8_half_to_float((uint16_t)(sign | (half & 0x7f00) >> 1)) * 0x1p8f; /* by the biases */
}

float q8_e2m1_to_float(uint8_t bits)
{
    static const float values[] = {0,     0.5f,  1,  1.5f,  2,  3,  4,  6,
                                   -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};

    return values[bits & 15];
}

float q8_e8m0_to_float(uint8_t bits)
{
    return from_bits(bits == 0 ? 0x400000 : bits == 255 ? 0x7fc00000 : (uint32_t)bits << 23);
}

float q8_bits_to_float(enum q8_float type, uint32_t bits)
{
    switch (type) {
    case Q8_FLOAT_F16: return q8_half_to_float((uint16_t)bits);
    case Q8_FLOAT_BF16: return q8_bf16_to_float((uint16_t)bits);
    default: return from_bits(bits);
    }
}

float q8_float_round(enum q8_float type, float value)
{
    switch (type) {
    case Q8_FLOAT_F16: return q8_half_to_float(q8_float_to_half(value));
    case Q8_FLOAT_BF16: return q8_bf16_to_float(q8_float_to_bf16(value));
    default: return value;
    }
}

size_t q8_float_bytes(enum q8_float type)
{
    return type == Q8_FLOAT_F32 ? sizeof(float) : sizeof(uint16_t);
}
