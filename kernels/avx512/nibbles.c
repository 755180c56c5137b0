/* nibbles.c - halves of bytes to codes, 512 bits */
#include "kernels/avx512/lanes.inc"

/* 32 bytes to 64 codes: a byte is spread over 16 bits, its upper half then begins the upper 8. */
INLINE __m512i codes64(__m256i packed)
{
    const __m512i wide = _mm512_cvtepu8_epi16(packed);
    const __m512i halves = _mm512_or_si512(wide, _mm512_slli_epi16(wide, 4));

    return _mm512_sub_epi8(_mm512_and_si512(halves, _mm512_set1_epi8(15)), _mm512_set1_epi8(8));
}

static void nibbles(int8_t *ret, const uint8_t *packed, size_t n)
{
    size_t i = 0;

    for (; i + 64 <= n; i += 64)
        _mm512_storeu_si512(
            ret + i, codes64(_mm256_loadu_si256((const __m256i *)(const void *)(packed + i / 2))));
    if (i < n) {
        const __mmask64 left = ((__mmask64)1 << (n - i)) - 1;
        const __mmask32 bytes = (__mmask32)(((uint64_t)1 << (n - i + 1) / 2) - 1);

        _mm512_mask_storeu_epi8(ret + i, left,
                                codes64(_mm256_maskz_loadu_epi8(bytes, packed + i / 2)));
    }
}

const q8_nibbles_fn q8_nibbles_avx512 = nibbles;
