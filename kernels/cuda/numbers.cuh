/*
 * numbers.cuh - what the device does to one number, compiled for the host too
 *
 * Single IEEE operations in the order of src/forward/engine_cpu.c and src/forward/act_codes.c, so
 * that host and device
 * give the same bits; needs --fmad=false.  NaN is tested before anything else: fminf and fmaxf drop
 * it.
 */
#ifndef Q8_CUDA_NUMBERS_CUH
#define Q8_CUDA_NUMBERS_CUH

#include "kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

#ifdef __CUDACC__
#define Q8_BOTH static __host__ __device__ __forceinline__
#else
#define Q8_BOTH static inline
#endif

#define Q8_GPU_BLOCK 256 /* threads */
#define Q8_GPU_INFINITY 0x7f800000u
#define Q8_GPU_PER_PRODUCT 6.200124e-05f /* PER_PRODUCT of src/forward/engine_cpu.c */
#define Q8_GPU_PER_ABSMAX ((float)7.874015718698502e-3) /* PER_ABSMAX of the same */

/* Blocks of Q8_GPU_BLOCK threads for n elements; at most 2^31 - 1, so loops stride by the grid. */
Q8_BOTH unsigned q8_gpu_blocks(uint64_t n)
{
    const uint64_t blocks = n / Q8_GPU_BLOCK + (n % Q8_GPU_BLOCK != 0);

    return blocks < 0x7fffffff ? (unsigned)blocks : 0x7fffffffu;
}

Q8_BOTH uint32_t q8_gpu_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

Q8_BOTH float q8_gpu_value(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

Q8_BOTH float q8_gpu_from_half(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31;
    const uint32_t m = bits & 0x3ff;

    if (exponent == 31)
        return q8_gpu_value(sign | Q8_GPU_INFINITY | m << 13 | (m ? 0x400000u : 0));
    if (exponent == 0)
        return q8_gpu_value(sign | q8_gpu_bits((float)m * 5.9604644775390625e-8f)); /* 2^-24 */
    return q8_gpu_value(sign | (exponent + 112) << 23 | m << 13);
}

Q8_BOTH uint16_t q8_gpu_to_half(float value)
{
    const uint32_t bits = q8_gpu_bits(value), sign = bits >> 16 & 0x8000;
    uint32_t a = bits & 0x7fffffff, shift = 13, half, rest;

    if (a > Q8_GPU_INFINITY)
        return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000) /* 65520 */
        return (uint16_t)(sign | 0x7c00);
    if (a < 0x33000000) /* 2^-25 */
        return (uint16_t)sign;
    if (a < 0x38800000) { /* 2^-14 */
        shift = 126 - (a >> 23);
        a = (a & 0x7fffff) | 0x800000;
    } else {
        a -= 112u << 23;
    }
    half = a >> shift;
    rest = a & ((1u << shift) - 1);
    half += rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && (half & 1));
    return (uint16_t)(sign | half);
}

Q8_BOTH float q8_gpu_from_bf16(uint16_t bits)
{
    return q8_gpu_value((uint32_t)bits << 16);
}

Q8_BOTH uint16_t q8_gpu_to_bf16(float value)
{
    const uint32_t bits = q8_gpu_bits(value);

    if ((bits & 0x7fffffff) > Q8_GPU_INFINITY)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* A number as the type holds it. */
Q8_BOTH float q8_gpu_round(enum q8_float type, float value)
{
    return type == Q8_FLOAT_F16    ? q8_gpu_from_half(q8_gpu_to_half(value))
           : type == Q8_FLOAT_BF16 ? q8_gpu_from_bf16(q8_gpu_to_bf16(value))
                                   : value;
}

/* Element i of x. */
Q8_BOTH float q8_gpu_load(enum q8_float type, const void *x, uint64_t i)
{
    return type == Q8_FLOAT_F16    ? q8_gpu_from_half(((const uint16_t *)x)[i])
           : type == Q8_FLOAT_BF16 ? q8_gpu_from_bf16(((const uint16_t *)x)[i])
                                   : ((const float *)x)[i];
}

/* Writes element i. */
Q8_BOTH void q8_gpu_store(enum q8_float type, void *x, uint64_t i, float value)
{
    if (type == Q8_FLOAT_F32)
        ((float *)x)[i] = value;
    else
        ((uint16_t *)x)[i] = type == Q8_FLOAT_F16 ? q8_gpu_to_half(value) : q8_gpu_to_bf16(value);
}

/* bitsandbytes: whether an activation, rounded to fp16, makes its column an outlier column. */
Q8_BOTH bool q8_gpu_stands_out(float half, float threshold)
{
    return threshold >= 0 && fabsf(half) >= threshold; /* false for NaN */
}

/* bitsandbytes: what a row of that absmax is multiplied by; 0: all of its codes are 0. */
Q8_BOTH float q8_gpu_factor(uint32_t absmax_bits)
{
    if (absmax_bits == 0 || absmax_bits >= Q8_GPU_INFINITY)
        return 0;
    return (1.0f / q8_gpu_value(absmax_bits)) * 127.0f;
}

/* bitsandbytes: the code of an activation that is an fp16. */
Q8_BOTH int8_t q8_gpu_code_times(float half, float factor)
{
    return (int8_t)rintf(half * factor);
}

/* W8A8: what a code of 1 stands for: q8_llmc_step of src/scheme/encode.h. */
Q8_BOTH float q8_gpu_step(enum q8_float type, float absmax)
{
    const float step = q8_gpu_round(type, absmax / 127.5f);

    if (step != 0) /* NaN too */
        return step;
    return type == Q8_FLOAT_F16    ? 0.0009765625f /* 2^-10: the type's epsilon */
           : type == Q8_FLOAT_BF16 ? 0.0078125f    /* 2^-7 */
                                   : FLT_EPSILON;
}

/* W8A8: the code of an activation; of a quotient that is NaN 0. */
Q8_BOTH int8_t q8_gpu_code_divide(enum q8_float type, float x, float step)
{
    const float y = q8_gpu_round(type, x / step);

    if (isnan(y))
        return 0;
    return (int8_t)rintf(y < -128.0f ? -128.0f : y > 127.0f ? 127.0f : y);
}

/* bitsandbytes: the product of a sum and two absmax. */
Q8_BOTH float q8_gpu_scale_bnb(int32_t sum, float x, float w)
{
    const float stats = x * w;

    return (float)sum * stats * Q8_GPU_PER_PRODUCT;
}

/* W8A8: the product of a sum and two steps. */
Q8_BOTH float q8_gpu_scale_w8a8(int32_t sum, float x, float w)
{
    return (float)sum * (x * w);
}

/* The paper's modes: the sum of (x + zero) * (w + zero), in whole numbers. */
Q8_BOTH int64_t q8_gpu_total(int32_t sum, int64_t x_zero, int64_t x_sum, int64_t w_zero,
                             int64_t w_sum, int64_t cols)
{
    return sum + w_zero * x_sum + x_zero * w_sum + cols * x_zero * w_zero;
}

/* bitsandbytes: the weight of an outlier column. */
Q8_BOTH float q8_gpu_weight(enum q8_float type, int8_t code, float absmax)
{
    return q8_gpu_round(type, (float)code * absmax * Q8_GPU_PER_ABSMAX);
}

#endif
