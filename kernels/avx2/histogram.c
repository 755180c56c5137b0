/* histogram.c - elements by exponent, and the outermost ones, 256 bits */
#include "kernels/avx2/lanes.inc"

#include <string.h>

/* Smallest and largest key. */
struct ends {
    int32_t least, most;
};

/* 8 exponent fields, and the smallest and largest key so far. */
INLINE __m256i split8(const float *x, __m256i *least, __m256i *most)
{
    const __m256i bits = _mm256_loadu_si256((const __m256i *)(const void *)x);
    const __m256i sign = _mm256_srai_epi32(bits, 31);
    const __m256i key = _mm256_xor_si256(bits, _mm256_srli_epi32(sign, 1));

    *least = _mm256_min_epi32(*least, key);
    *most = _mm256_max_epi32(*most, key);
    return _mm256_srli_epi32(_mm256_slli_epi32(bits, 1), 24);
}

/* Packing mixes the elements within every 32: where a byte comes from does not count. */
static void split(uint8_t *e, struct ends *ends, const float *x, size_t n)
{
    __m256i least = _mm256_set1_epi32(INT32_MAX), most = _mm256_set1_epi32(INT32_MIN);
    int32_t key[2][8];

    for (size_t i = 0; i < n; i += 32) {
        const __m256i a = split8(x + i, &least, &most), b = split8(x + i + 8, &least, &most),
                      c = split8(x + i + 16, &least, &most), d = split8(x + i + 24, &least, &most);

        _mm256_store_si256((__m256i *)(void *)(e + i),
                           _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)));
    }
    _mm256_storeu_si256((__m256i *)(void *)key[0], least);
    _mm256_storeu_si256((__m256i *)(void *)key[1], most);
    *ends = (struct ends){key[0][0], key[1][0]};
    for (int k = 1; k < 8; k++) {
        ends->least = key[0][k] < ends->least ? key[0][k] : ends->least;
        ends->most = key[1][k] > ends->most ? key[1][k] : ends->most;
    }
}

static void count_four(const uint8_t *e, size_t n, const uint8_t bin[4], uint64_t ret[4])
{
    __m256i count[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                        _mm256_setzero_si256()};

    for (size_t i = 0; i < n; i += 32) {
        const __m256i v = _mm256_load_si256((const __m256i *)(const void *)(e + i));

        for (int b = 0; b < 4; b++)
            count[b] =
                _mm256_sub_epi8(count[b], _mm256_cmpeq_epi8(v, _mm256_set1_epi8((char)bin[b])));
    }
    for (int b = 0; b < 4; b++) {
        uint64_t sum[4];

        _mm256_storeu_si256((__m256i *)(void *)sum,
                            _mm256_sad_epu8(count[b], _mm256_setzero_si256()));
        ret[b] = sum[0] + sum[1] + sum[2] + sum[3];
    }
}

/* Those of 32 bytes in [1, low): v - 1 is at most low - 2, and 0 - 1 is not. */
INLINE uint32_t find32(const uint8_t *e, uint8_t low)
{
    const __m256i v = _mm256_load_si256((const __m256i *)(const void *)e);
    const __m256i less = _mm256_sub_epi8(v, _mm256_set1_epi8(1));
    const __m256i most = _mm256_min_epu8(less, _mm256_set1_epi8((char)(low - 2)));

    return low < 2 ? 0 : (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(less, most));
}

static uint64_t find_below(const uint8_t *e, uint8_t low)
{
    return find32(e, low) | (uint64_t)find32(e + 32, low) << 32;
}

#include "kernels/histogram_row.inc"

const q8_histogram_fn q8_histogram_avx2 = histogram;
