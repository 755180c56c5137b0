/*
 * widen_e8m0.c - powers of two of a byte to floats, 256 bits
 *
 * The byte is the exponent field.  2^-127 has the bits of half the smallest normal float, less than
 * any other result, so a maximum makes it of 0; NaN adds the first bit of the fraction.
 */
#include "kernels/avx2/lanes.inc"

static void widen(float *ret, const uint8_t *x, size_t n)
{
    const __m256i first = _mm256_set1_epi32(0x400000), last = _mm256_set1_epi32(0x7f800000);
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        const __m128i eight = _mm_loadl_epi64((const __m128i *)(const void *)(x + i));
        const __m256i wide = _mm256_slli_epi32(_mm256_cvtepu8_epi32(eight), 23);
        const __m256i nan = _mm256_and_si256(_mm256_cmpeq_epi32(wide, last), first);

        _mm256_storeu_si256((__m256i *)(void *)(ret + i),
                            _mm256_or_si256(_mm256_max_epu32(wide, first), nan));
    }
    for (; i < n; i++)
        ret[i] = q8_e8m0_to_float(x[i]);
}

const q8_widen_e8m0_fn q8_widen_e8m0_avx2 = widen;
