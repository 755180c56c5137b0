/* widen.c - elements as floats, 512 bits: the processor's conversion quiets NaN as ours does */
#include "kernels/avx512/lanes.inc"

#include <string.h>

INLINE __m512 load(enum q8_float type, const unsigned char *x, __mmask16 m)
{
    const __m256i half = _mm256_maskz_loadu_epi16(m, x);

    if (type == Q8_FLOAT_F16)
        return _mm512_cvtph_ps(half);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

INLINE void widen(enum q8_float type, float *ret, const unsigned char *x, size_t n)
{
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        _mm512_storeu_ps(ret + i, load(type, x + 2 * i, 0xffff));
        _mm512_storeu_ps(ret + i + 16, load(type, x + 2 * i + 32, 0xffff));
    }
    for (; i < n; i += 16)
        _mm512_mask_storeu_ps(ret + i, mask16(n - i), load(type, x + 2 * i, mask16(n - i)));
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

const q8_widen_fn q8_widen_avx512[Q8_FLOATS] = {widen_f16, widen_bf16, widen_f32};
