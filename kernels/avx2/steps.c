/* steps.c - steps of groups and their inverses, 256 bits: bf16 by integers, as the scalars do */
#include "kernels/avx2/lanes.inc"

#define WIDTH 8

typedef __m256i numbers;

INLINE numbers load(const uint32_t *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

INLINE numbers pairs(numbers a, numbers b)
{
    const __m256 x = _mm256_castsi256_ps(a), y = _mm256_castsi256_ps(b);
    const __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0x88));
    const __m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0xdd));

    return _mm256_permute4x64_epi64(_mm256_max_epu32(even, odd), 0xd8);
}

/* The nearest number of the type, and its epsilon for 0. */
INLINE __m256 store_as(enum q8_float type, __m256 s)
{
    const __m256 epsilon = _mm256_set1_ps(q8_step_epsilon(type));
    __m256i bits = _mm256_castps_si256(s), even;

    if (type == Q8_FLOAT_F16)
        s = _mm256_cvtph_ps(_mm256_cvtps_ph(s, _MM_FROUND_TO_NEAREST_INT));
    if (type == Q8_FLOAT_BF16) {
        even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
        bits = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), even);
        s = _mm256_castsi256_ps(_mm256_and_si256(bits, _mm256_set1_epi32((int)0xffff0000)));
    }
    return _mm256_blendv_ps(s, epsilon, _mm256_cmp_ps(s, _mm256_setzero_ps(), _CMP_EQ_OQ));
}

INLINE void set_steps(enum q8_float type, float *factor, float *step, numbers most, size_t n)
{
    const __m256 m = _mm256_castsi256_ps(most), zero = _mm256_setzero_ps();
    const __m256 s = store_as(type, _mm256_div_ps(m, _mm256_set1_ps(127.5f)));
    const __m256 least = _mm256_set1_ps(Q8_STEP_LEAST), one = _mm256_set1_ps(1);
    const __m256 kept =
        _mm256_and_ps(_mm256_cmp_ps(m, zero, _CMP_NEQ_OQ), _mm256_cmp_ps(s, least, _CMP_GE_OQ));
    const __m256i mask = mask8(n);

    _mm256_maskstore_ps(step, mask, _mm256_and_ps(s, kept));
    _mm256_maskstore_ps(factor, mask, _mm256_and_ps(_mm256_div_ps(one, s), kept));
}

#include "kernels/steps_row.inc"

const q8_steps_fn q8_steps_avx2[Q8_FLOATS] = {steps_f16, steps_bf16, steps_f32};
