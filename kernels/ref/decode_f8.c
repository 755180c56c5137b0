/* decode_f8.c - floats of a byte, times a scale: the reference */
#include "kernels/kernels.h"

static void decode(enum q8_float8 type, float *ret, const uint8_t *codes, size_t n, size_t group,
                   const float *scale)
{
    const bool flushed = q8_denormals_flush(false);

    for (size_t begin = 0, g = 0; begin < n; begin += group, g++)
        for (size_t i = begin; i < n && i - begin < group; i++)
            ret[i] = q8_float8_to_float(type, codes[i]) * scale[g];
    (void)q8_denormals_flush(flushed);
}

static void decode_e4m3(float *ret, const uint8_t *codes, size_t n, size_t group,
                        const float *scale)
{
    decode(Q8_FLOAT8_E4M3, ret, codes, n, group, scale);
}

static void decode_e5m2(float *ret, const uint8_t *codes, size_t n, size_t group,
                        const float *scale)
{
    decode(Q8_FLOAT8_E5M2, ret, codes, n, group, scale);
}

const q8_decode_f8_fn q8_decode_f8_ref[Q8_FLOAT8S] = {decode_e4m3, decode_e5m2};
