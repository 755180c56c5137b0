/* nibbles.c - halves of bytes to codes, 256 bits */
#include "kernels/avx2/lanes.inc"

/* 16 bytes to 32 codes: a byte is spread over 16 bits, its upper half then begins the upper 8. */
INLINE __m256i codes32(const uint8_t *packed)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)packed);
    const __m256i wide = _mm256_cvtepu8_epi16(bytes);
    const __m256i halves = _mm256_or_si256(wide, _mm256_slli_epi16(wide, 4));

    return _mm256_sub_epi8(_mm256_and_si256(halves, _mm256_set1_epi8(15)), _mm256_set1_epi8(8));
}

static void nibbles(int8_t *ret, const uint8_t *packed, size_t n)
{
    size_t i = 0;

    for (; i + 32 <= n; i += 32)
        _mm256_storeu_si256((__m256i *)(void *)(ret + i), codes32(packed + i / 2));
    for (; i < n; i++)
        ret[i] = (int8_t)((packed[i / 2] >> i % 2 * 4 & 15) - 8);
}

const q8_nibbles_fn q8_nibbles_avx2 = nibbles;
