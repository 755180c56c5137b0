/*
 * narrow.c - floats to a smaller type, 512 bits
 *
 * The processor makes halves as q8_float_to_half does, denormals kept whatever its state.  bf16 is
 * cut off after half a last place is added to the bits, a little less where the last one is even;
 * NaN gets its quiet bit instead.
 */
#include "kernels/avx512/lanes.inc"

#include <string.h>

/* 16 floats: their bf16 in the lower half of 32 bits, to narrow. */
INLINE __m256i bf16(__m512 x)
{
    const __m512i bits = _mm512_castps_si512(x), one = _mm512_set1_epi32(1);
    const __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
    const __m512i most = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
    const __m512i sum = _mm512_mask_add_epi32(most, odd, most, one);
    const __m512i all = _mm512_mask_or_epi32(sum, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits,
                                             _mm512_set1_epi32(0x400000));

    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(all, 16));
}

INLINE __m256i narrow16(enum q8_float type, __m512 x)
{
    return type == Q8_FLOAT_F16 ? _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT) : bf16(x);
}

INLINE void narrow(enum q8_float type, unsigned char *ret, const float *x, size_t n)
{
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((__m256i *)(void *)(ret + 2 * i),
                            narrow16(type, _mm512_loadu_ps(x + i)));
    if (i < n)
        _mm256_mask_storeu_epi16(ret + 2 * i, mask16(n - i),
                                 narrow16(type, _mm512_maskz_loadu_ps(mask16(n - i), x + i)));
}

static void narrow_f16(void *ret, const float *x, size_t n)
{
    narrow(Q8_FLOAT_F16, ret, x, n);
}

static void narrow_bf16(void *ret, const float *x, size_t n)
{
    narrow(Q8_FLOAT_BF16, ret, x, n);
}

static void narrow_f32(void *ret, const float *x, size_t n)
{
    memcpy(ret, x, n * sizeof *x);
}

const q8_narrow_fn q8_narrow_avx512[Q8_FLOATS] = {narrow_f16, narrow_bf16, narrow_f32};
