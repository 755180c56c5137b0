/* narrow.c - floats to a smaller type: the reference */
#include "kernels/kernels.h"

#include <string.h>

static void narrow_f16(void *ret, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint16_t bits = q8_float_to_half(x[i]);

        memcpy((char *)ret + 2 * i, &bits, sizeof bits);
    }
}

static void narrow_bf16(void *ret, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint16_t bits = q8_float_to_bf16(x[i]);

        memcpy((char *)ret + 2 * i, &bits, sizeof bits);
    }
}

static void narrow_f32(void *ret, const float *x, size_t n)
{
    memcpy(ret, x, n * sizeof *x);
}

const q8_narrow_fn q8_narrow_ref[Q8_FLOATS] = {narrow_f16, narrow_bf16, narrow_f32};
