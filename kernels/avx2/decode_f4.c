/*
 * decode_f4.c - E2M1, two to a byte, times a scale, 256 bits
 *
 * A table holds the products with the 8 magnitudes: a code finds its own, and its sign goes in
 * afterwards, which rounding does not see.
 */
#include "kernels/avx2/lanes.inc"

#include <string.h>

/* 4 bytes to 8 floats: a byte is spread over 64 bits, its upper half then begins the upper 32. */
INLINE __m256 decode8(const uint8_t *codes, __m256 products)
{
    const __m256i sign = _mm256_set1_epi32((int)0x80000000);
    __m256i index;
    int four;

    memcpy(&four, codes, sizeof four);
    index = _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four));
    index = _mm256_or_si256(index, _mm256_slli_epi64(index, 28));
    return _mm256_xor_ps(_mm256_permutevar8x32_ps(products, index),
                         _mm256_castsi256_ps(_mm256_and_si256(_mm256_slli_epi32(index, 28), sign)));
}

INLINE void decode_group(float *ret, const uint8_t *codes, size_t n, float scale)
{
    const __m256 products =
        _mm256_mul_ps(_mm256_setr_ps(0, 0.5f, 1, 1.5f, 2, 3, 4, 6), _mm256_set1_ps(scale));
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(ret + i, decode8(codes + i / 2, products));
    for (; i < n; i++)
        ret[i] = q8_e2m1_to_float((uint8_t)(codes[i / 2] >> i % 2 * 4)) * scale;
}

#include "kernels/decode_f4_row.inc"

const q8_decode_f4_fn q8_decode_f4_avx2 = decode;
