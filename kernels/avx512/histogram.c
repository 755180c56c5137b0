/* histogram.c - elements by exponent, and the outermost ones, 512 bits */
#include "kernels/avx512/lanes.inc"

#include <string.h>

/* Smallest and largest key. */
struct ends {
    int32_t least, most;
};

static void split(uint8_t *e, struct ends *ends, const float *x, size_t n)
{
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    __m512i least = _mm512_set1_epi32(INT32_MAX), most = _mm512_set1_epi32(INT32_MIN);

    for (size_t i = 0; i < n; i += 16) {
        const __m512i bits = _mm512_loadu_si512(x + i);
        /* bits ^ (sign & magnitude) */
        const __m512i key =
            _mm512_ternarylogic_epi32(bits, _mm512_srai_epi32(bits, 31), magnitude, 0x78);

        least = _mm512_min_epi32(least, key);
        most = _mm512_max_epi32(most, key);
        _mm_store_si128((__m128i *)(void *)(e + i),
                        _mm512_cvtepi32_epi8(_mm512_srli_epi32(bits, 23)));
    }
    ends->least = _mm512_reduce_min_epi32(least);
    ends->most = _mm512_reduce_max_epi32(most);
}

static void count_four(const uint8_t *e, size_t n, const uint8_t bin[4], uint64_t ret[4])
{
    const __m512i zero = _mm512_setzero_si512(), minus = _mm512_set1_epi8(-1);
    __m512i count[4] = {zero, zero, zero, zero};

    for (size_t i = 0; i < n; i += 64)
        for (int b = 0; b < 4; b++) {
            const __mmask64 m =
                _mm512_cmpeq_epi8_mask(_mm512_load_si512(e + i), _mm512_set1_epi8((char)bin[b]));

            count[b] = _mm512_mask_sub_epi8(count[b], m, count[b], minus);
        }
    for (int b = 0; b < 4; b++)
        ret[b] = (uint64_t)_mm512_reduce_add_epi64(_mm512_sad_epu8(count[b], zero));
}

static uint64_t find_below(const uint8_t *e, uint8_t low)
{
    const __m512i v = _mm512_load_si512(e);

    return _mm512_mask_cmplt_epu8_mask(_mm512_test_epi8_mask(v, v), v, _mm512_set1_epi8((char)low));
}

#include "kernels/histogram_row.inc"

const q8_histogram_fn q8_histogram_avx512 = histogram;
