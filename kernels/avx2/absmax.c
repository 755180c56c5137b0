/* absmax.c - largest magnitude of each group, 256 bits: maxima do not depend on order */
#include "kernels/kernels.h"

#include <immintrin.h>
#include <string.h>

static uint32_t largest(__m256i v)
{
    uint32_t lane[8], most = 0;

    _mm256_storeu_si256((__m256i *)lane, v);
    for (int i = 0; i < 8; i++)
        most = lane[i] > most ? lane[i] : most;
    return most;
}

static uint32_t most16(const unsigned char *x, size_t n)
{
    const __m256i magnitude = _mm256_set1_epi16(0x7fff);
    __m256i a = _mm256_setzero_si256(), b = a;
    uint32_t most;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        const __m256i *p = (const __m256i *)(x + 2 * i);

        a = _mm256_max_epu16(a, _mm256_and_si256(_mm256_loadu_si256(p), magnitude));
        b = _mm256_max_epu16(b, _mm256_and_si256(_mm256_loadu_si256(p + 1), magnitude));
    }
    a = _mm256_max_epu16(a, b);
    most = largest(
        _mm256_max_epu32(_mm256_srli_epi32(a, 16), _mm256_and_si256(a, _mm256_set1_epi32(0xffff))));
    for (; i < n; i++) {
        uint16_t bits;

        memcpy(&bits, x + 2 * i, sizeof bits);
        most = (bits & 0x7fffu) > most ? bits & 0x7fffu : most;
    }
    return most;
}

static uint32_t most32(const unsigned char *x, size_t n)
{
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i a = _mm256_setzero_si256(), b = a;
    uint32_t most;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        const __m256i *p = (const __m256i *)(x + 4 * i);

        a = _mm256_max_epu32(a, _mm256_and_si256(_mm256_loadu_si256(p), magnitude));
        b = _mm256_max_epu32(b, _mm256_and_si256(_mm256_loadu_si256(p + 1), magnitude));
    }
    most = largest(_mm256_max_epu32(a, b));
    for (; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, x + 4 * i, sizeof bits);
        most = (bits & 0x7fffffffu) > most ? bits & 0x7fffffffu : most;
    }
    return most;
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

const q8_absmax_fn q8_absmax_avx2[Q8_FLOATS] = {absmax16, absmax16, absmax32};
