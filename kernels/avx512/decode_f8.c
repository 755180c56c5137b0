/*
 * decode_f8.c - floats of a byte, times a scale, 512 bits
 *
 * A byte becomes a half, which the processor widens exactly, denormals too.  E5M2 is the upper half
 * of one.  E4M3 has half's fraction at other bits and a smaller bias: moved there it is a half of
 * 2^-8 times the value, denormals too, and 2^8 times the scale makes up for it: both factors are
 * exact, so it is the same product, rounded once.  Its NaN would be 1.875: that gets bit 14.
 */
#include "kernels/avx512/lanes.inc"

#include <math.h>

/* 32 codes to halves. */
INLINE __m512i halves(enum q8_float8 type, __m256i code)
{
    const __m512i half =
        _mm512_slli_epi16(_mm512_cvtepi8_epi16(code), type == Q8_FLOAT8_E4M3 ? 7 : 8);
    __mmask32 nan;

    if (type == Q8_FLOAT8_E5M2)
        return half;
    nan = _mm256_cmpeq_epi8_mask(_mm256_or_si256(code, _mm256_set1_epi8((char)0x80)),
                                 _mm256_set1_epi8((char)0xff));
    return _mm512_mask_add_epi16(_mm512_and_si512(half, _mm512_set1_epi16((short)0xbf80)), nan,
                                 _mm512_and_si512(half, _mm512_set1_epi16((short)0xbf80)),
                                 _mm512_set1_epi16(0x4000));
}

INLINE __m512 times(__m256i half, __m512 scale)
{
    return _mm512_mul_ps(_mm512_cvtph_ps(half), scale);
}

INLINE void decode_group(enum q8_float8 type, float *ret, const uint8_t *codes, size_t n,
                         float scale)
{
    const __m512 s = _mm512_set1_ps(type == Q8_FLOAT8_E4M3 ? scale * 0x1p8f : scale);
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        const __m512i half =
            halves(type, _mm256_loadu_si256((const __m256i *)(const void *)(codes + i)));

        _mm512_storeu_ps(ret + i, times(_mm512_castsi512_si256(half), s));
        _mm512_storeu_ps(ret + i + 16, times(_mm512_extracti64x4_epi64(half, 1), s));
    }
    for (; i < n; i += 16) {
        const __m512i half = halves(type, _mm256_maskz_loadu_epi8(mask16(n - i), codes + i));

        _mm512_mask_storeu_ps(ret + i, mask16(n - i), times(_mm512_castsi512_si256(half), s));
    }
}

#include "kernels/decode_f8_row.inc"

const q8_decode_f8_fn q8_decode_f8_avx512[Q8_FLOAT8S] = {decode_e4m3, decode_e5m2};
