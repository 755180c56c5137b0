/* widen_e8m0.c - powers of two of a byte to floats: the reference */
#include "kernels/kernels.h"

static void widen(float *ret, const uint8_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = q8_e8m0_to_float(x[i]);
}

const q8_widen_e8m0_fn q8_widen_e8m0_ref = widen;
