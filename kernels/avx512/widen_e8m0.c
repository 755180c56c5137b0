/*
 * widen_e8m0.c - powers of two of a byte to floats, 512 bits
 *
 * The byte is the exponent field.  2^-127 has the bits of half the smallest normal float, less than
 * any other result, so a maximum makes it of 0; NaN adds the first bit of the fraction.
 */
#include "kernels/avx512/lanes.inc"

INLINE __m512i widen16(__m128i x)
{
    const __m512i first = _mm512_set1_epi32(0x400000);
    const __m512i wide = _mm512_slli_epi32(_mm512_cvtepu8_epi32(x), 23);

    return _mm512_mask_add_epi32(_mm512_max_epu32(wide, first),
                                 _mm_cmpeq_epi8_mask(x, _mm_set1_epi8((char)0xff)), wide, first);
}

static void widen(float *ret, const uint8_t *x, size_t n)
{
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        _mm512_storeu_si512(ret + i,
                            widen16(_mm_loadu_si128((const __m128i *)(const void *)(x + i))));
    if (i < n)
        _mm512_mask_storeu_epi32(ret + i, mask16(n - i),
                                 widen16(_mm_maskz_loadu_epi8(mask16(n - i), x + i)));
}

const q8_widen_e8m0_fn q8_widen_e8m0_avx512 = widen;
