/* decode_f4.c - E2M1, two to a byte, times a scale: the reference */
#include "kernels/kernels.h"

static void decode(float *ret, const uint8_t *codes, size_t n, size_t group, const float *scale)
{
    const bool flushed = q8_denormals_flush(false);

    for (size_t begin = 0, g = 0; begin < n; begin += group, g++)
        for (size_t i = begin; i < n && i - begin < group; i++)
            ret[i] = q8_e2m1_to_float((uint8_t)(codes[i / 2] >> i % 2 * 4)) * scale[g];
    (void)q8_denormals_flush(flushed);
}

const q8_decode_f4_fn q8_decode_f4_ref = decode;
