/* decode.c - codes to floats: the reference */
#include "kernels/kernels.h"

static void decode(float *ret, const int8_t *codes, size_t n, size_t group, const float *step)
{
    for (size_t begin = 0, g = 0; begin < n; begin += group, g++)
        for (size_t i = begin; i < n && i < begin + group; i++)
            ret[i] = (float)codes[i] * step[g];
}

const q8_decode_fn q8_decode_ref = decode;
