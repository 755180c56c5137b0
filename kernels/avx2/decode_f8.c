/*
 * decode_f8.c - floats of a byte, times a scale, 256 bits
 *
 * A byte becomes a half, which the processor widens exactly, denormals too.  E5M2 is the upper half
 * of one.  E4M3 has half's fraction at other bits and a smaller bias: moved there it is a half of
 * 2^-8 times the value, denormals too, and 2^8 times the scale makes up for it: both factors are
 * exact, so it is the same product, rounded once.  Its NaN would be 1.875: that gets bit 14.
 */
#include "kernels/avx2/lanes.inc"

#include <math.h>

/* 16 codes, each in the upper half of 16 bits, to halves. */
INLINE __m256i halves(enum q8_float8 type, __m256i high)
{
    const __m256i nan = _mm256_set1_epi16(0x3f80);
    __m256i half;

    if (type == Q8_FLOAT8_E5M2)
        return high;
    half = _mm256_and_si256(_mm256_srai_epi16(high, 1), _mm256_set1_epi16((short)0xbf80));
    return _mm256_or_si256(half,
                           _mm256_and_si256(_mm256_cmpeq_epi16(_mm256_and_si256(half, nan), nan),
                                            _mm256_set1_epi16(0x4000)));
}

INLINE void decode16(enum q8_float8 type, float *ret, const uint8_t *codes, __m256 scale)
{
    const __m128i code = _mm_loadu_si128((const __m128i *)(const void *)codes);
    const __m256i half = halves(type, _mm256_slli_epi16(_mm256_cvtepu8_epi16(code), 8));
    const __m256 first = _mm256_cvtph_ps(_mm256_castsi256_si128(half));
    const __m256 second = _mm256_cvtph_ps(_mm256_extracti128_si256(half, 1));

    _mm256_storeu_ps(ret, _mm256_mul_ps(first, scale));
    _mm256_storeu_ps(ret + 8, _mm256_mul_ps(second, scale));
}

INLINE void decode_group(enum q8_float8 type, float *ret, const uint8_t *codes, size_t n,
                         float scale)
{
    const __m256 s = _mm256_set1_ps(type == Q8_FLOAT8_E4M3 ? scale * 0x1p8f : scale);
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        decode16(type, ret + i, codes + i, s);
    for (; i < n; i++)
        ret[i] = q8_float8_to_float(type, codes[i]) * scale;
}

#include "kernels/decode_f8_row.inc"

const q8_decode_f8_fn q8_decode_f8_avx2[Q8_FLOAT8S] = {decode_e4m3, decode_e5m2};
