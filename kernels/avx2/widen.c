/* widen.c - elements as floats, 256 bits: the processor's conversion quiets NaN as ours does */
#include "kernels/avx2/lanes.inc"

#include <string.h>

INLINE void widen8(enum q8_float type, float *ret, const unsigned char *x)
{
    const __m128i half = _mm_loadu_si128((const __m128i *)(const void *)x);

    if (type == Q8_FLOAT_F16)
        _mm256_storeu_ps(ret, _mm256_cvtph_ps(half));
    else
        _mm256_storeu_si256((__m256i *)(void *)ret,
                            _mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

INLINE void widen(enum q8_float type, float *ret, const unsigned char *x, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        widen8(type, ret + i, x + 2 * i);
    if (i < n) {
        unsigned char padded[16] = {0};
        float last[8];

        memcpy(padded, x + 2 * i, 2 * (n - i));
        widen8(type, last, padded);
        memcpy(ret + i, last, (n - i) * sizeof *ret);
    }
}

static void widen_f16(float *ret, const void *x, size_t n)
{
    widen(Q8_FLOAT_F16, ret, x, n);
}

static void widen_bf16(float *ret, const void *x, size_t n)
{
    widen(Q8_FLOAT_BF16, ret, x, n);
}

static void widen_f32(float *ret, const void *x, size_t n)
{
    memcpy(ret, x, n * sizeof *ret);
}

const q8_widen_fn q8_widen_avx2[Q8_FLOATS] = {widen_f16, widen_bf16, widen_f32};
