/* decode_zero.c - codes with a zero point to floats: the reference */
#include "kernels/kernels.h"

static void decode(float *ret, const int8_t *codes, size_t n, size_t group, const float *step,
                   const float *zero)
{
    const bool flushed = q8_denormals_flush(false);

    for (size_t begin = 0, g = 0; begin < n; begin += group, g++)
        for (size_t i = begin; i < n && i - begin < group; i++)
            ret[i] = ((float)codes[i] - zero[g]) * step[g];
    (void)q8_denormals_flush(flushed);
}

const q8_decode_zero_fn q8_decode_zero_ref = decode;
