/* absmax.c - largest magnitude of each group, 512 bits: maxima do not depend on order */
#include "kernels/kernels.h"

#include <immintrin.h>

static uint32_t most16(const unsigned char *x, size_t n)
{
    const __m512i magnitude = _mm512_set1_epi16(0x7fff);
    __m512i a = _mm512_setzero_si512(), b = a;
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        a = _mm512_max_epu16(a, _mm512_and_si512(_mm512_loadu_si512(x + 2 * i), magnitude));
        b = _mm512_max_epu16(b, _mm512_and_si512(_mm512_loadu_si512(x + 2 * i + 64), magnitude));
    }
    for (; i < n; i += 32) {
        __mmask32 m = n - i >= 32 ? ~(__mmask32)0 : (__mmask32)((1u << (n - i)) - 1);

        a = _mm512_max_epu16(a,
                             _mm512_and_si512(_mm512_maskz_loadu_epi16(m, x + 2 * i), magnitude));
    }
    a = _mm512_max_epu16(a, b);
    b = _mm512_max_epu32(_mm512_srli_epi32(a, 16), _mm512_and_si512(a, _mm512_set1_epi32(0xffff)));
    return _mm512_reduce_max_epu32(b);
}

static uint32_t most32(const unsigned char *x, size_t n)
{
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    __m512i a = _mm512_setzero_si512(), b = a;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        a = _mm512_max_epu32(a, _mm512_and_si512(_mm512_loadu_si512(x + 4 * i), magnitude));
        b = _mm512_max_epu32(b, _mm512_and_si512(_mm512_loadu_si512(x + 4 * i + 64), magnitude));
    }
    for (; i < n; i += 16) {
        __mmask16 m = n - i >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - i)) - 1);

        a = _mm512_max_epu32(a,
                             _mm512_and_si512(_mm512_maskz_loadu_epi32(m, x + 4 * i), magnitude));
    }
    return _mm512_reduce_max_epu32(_mm512_max_epu32(a, b));
}

static void absmax16(uint32_t *ret, const void *x, size_t n, size_t group)
{
    for (size_t begin = 0; begin < n; begin += group)
        *ret++ =
            most16((const unsigned char *)x + 2 * begin, n - begin < group ? n - begin : group);
}

static void absmax32(uint32_t *ret, const void *x, size_t n, size_t group)
{
    for (size_t begin = 0; begin < n; begin += group)
        *ret++ =
            most32((const unsigned char *)x + 4 * begin, n - begin < group ? n - begin : group);
}

const q8_absmax_fn q8_absmax_avx512[Q8_FLOATS] = {absmax16, absmax16, absmax32};
