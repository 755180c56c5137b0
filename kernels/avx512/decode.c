/* decode.c - codes to floats, 512 bits */
#include "kernels/avx512/lanes.inc"

INLINE __m512 decode16(const int8_t *codes, __mmask16 m, __m512 step)
{
    const __m512i wide = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(m, codes));

    return _mm512_mul_ps(_mm512_cvtepi32_ps(wide), step);
}

static void decode(float *ret, const int8_t *codes, size_t n, size_t group, const float *step)
{
    for (size_t begin = 0, g = 0; begin < n; begin += group, g++) {
        const size_t end = n - begin < group ? n : begin + group;
        const __m512 s = _mm512_set1_ps(step[g]);
        size_t i = begin;

        for (; i + 16 <= end; i += 16)
            _mm512_storeu_ps(ret + i, decode16(codes + i, 0xffff, s));
        if (i < end)
            _mm512_mask_storeu_ps(ret + i, mask16(end - i),
                                  decode16(codes + i, mask16(end - i), s));
    }
}

const q8_decode_fn q8_decode_avx512 = decode;
