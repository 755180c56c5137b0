/* decode_zero.c - codes with a zero point to floats, 512 bits */
#include "kernels/avx512/lanes.inc"

INLINE __m512 decode16(const int8_t *codes, __mmask16 m, __m512 step, __m512 zero)
{
    const __m512i wide = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(m, codes));

    return _mm512_mul_ps(_mm512_sub_ps(_mm512_cvtepi32_ps(wide), zero), step);
}

static void decode(float *ret, const int8_t *codes, size_t n, size_t group, const float *step,
                   const float *zero)
{
    const bool flushed = q8_denormals_flush(false);

    for (size_t begin = 0, g = 0; begin < n; begin += group, g++) {
        const size_t end = n - begin < group ? n : begin + group;
        const __m512 s = _mm512_set1_ps(step[g]), z = _mm512_set1_ps(zero[g]);
        size_t i = begin;

        for (; i + 16 <= end; i += 16)
            _mm512_storeu_ps(ret + i, decode16(codes + i, 0xffff, s, z));
        if (i < end)
            _mm512_mask_storeu_ps(ret + i, mask16(end - i),
                                  decode16(codes + i, mask16(end - i), s, z));
    }
    (void)q8_denormals_flush(flushed);
}

const q8_decode_zero_fn q8_decode_zero_avx512 = decode;
