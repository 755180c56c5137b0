/*
 * decode_f4.c - E2M1, two to a byte, times a scale, 512 bits
 *
 * A register holds the products with all 16 values, and a code finds its own.
 */
#include "kernels/avx512/lanes.inc"

/* 8 bytes to 16 floats: a byte is spread over 64 bits, its upper half then begins the upper 32. */
INLINE __m512 decode16(__m128i codes, __m512 products)
{
    const __m512i wide = _mm512_cvtepu8_epi64(codes);

    return _mm512_permutexvar_ps(_mm512_or_si512(wide, _mm512_slli_epi64(wide, 28)), products);
}

INLINE void decode_group(float *ret, const uint8_t *codes, size_t n, float scale)
{
    const __m512 values =
        _mm512_setr_ps(0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6);
    const __m512 products = _mm512_mul_ps(values, _mm512_set1_ps(scale));
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(
            ret + i,
            decode16(_mm_loadl_epi64((const __m128i *)(const void *)(codes + i / 2)), products));
    if (i < n)
        _mm512_mask_storeu_ps(
            ret + i, mask16(n - i),
            decode16(_mm_maskz_loadu_epi8(mask16((n - i + 1) / 2), codes + i / 2), products));
}

#include "kernels/decode_f4_row.inc"

const q8_decode_f4_fn q8_decode_f4_avx512 = decode;
