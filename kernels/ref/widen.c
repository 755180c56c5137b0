/* widen.c - elements as floats: the reference */
#include "kernels/kernels.h"

#include <string.h>

static void widen_f16(float *ret, const void *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t bits;

        memcpy(&bits, (const char *)x + 2 * i, sizeof bits);
        ret[i] = q8_half_to_float(bits);
    }
}

static void widen_bf16(float *ret, const void *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t bits;

        memcpy(&bits, (const char *)x + 2 * i, sizeof bits);
        ret[i] = q8_bf16_to_float(bits);
    }
}

static void widen_f32(float *ret, const void *x, size_t n)
{
    memcpy(ret, x, n * sizeof *ret);
}

const q8_widen_fn q8_widen_ref[Q8_FLOATS] = {widen_f16, widen_bf16, widen_f32};
