/*
 * narrow.c - floats to a smaller type, 256 bits
 *
 * The processor makes halves as q8_float_to_half does, denormals kept whatever its state.  bf16 is
 * cut off after half a last place is added to the bits, a little less where the last one is even;
 * NaN gets its quiet bit instead.
 */
#include "kernels/avx2/lanes.inc"

#include <string.h>

/* 8 floats: their bf16 in the lower half of 32 bits. */
INLINE __m256i bf16(__m256 x)
{
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);

    return _mm256_srli_epi32(_mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(sum),
                                                                  _mm256_castsi256_ps(quiet), nan)),
                             16);
}

INLINE __m256i narrow16(enum q8_float type, const float *x)
{
    const __m256 first = _mm256_loadu_ps(x), second = _mm256_loadu_ps(x + 8);

    if (type == Q8_FLOAT_F16)
        return _mm256_setr_m128i(_mm256_cvtps_ph(first, _MM_FROUND_TO_NEAREST_INT),
                                 _mm256_cvtps_ph(second, _MM_FROUND_TO_NEAREST_INT));
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(bf16(first), bf16(second)), 0xd8);
}

INLINE void narrow(enum q8_float type, unsigned char *ret, const float *x, size_t n)
{
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((__m256i *)(void *)(ret + 2 * i), narrow16(type, x + i));
    if (i < n) {
        float padded[16] = {0};
        uint16_t last[16];

        memcpy(padded, x + i, (n - i) * sizeof *x);
        _mm256_storeu_si256((__m256i *)(void *)last, narrow16(type, padded));
        memcpy(ret + 2 * i, last, (n - i) * sizeof *last);
    }
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

const q8_narrow_fn q8_narrow_avx2[Q8_FLOATS] = {narrow_f16, narrow_bf16, narrow_f32};
