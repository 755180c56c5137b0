/* steps.c - steps of groups and their inverses, 512 bits: bf16 by integers, as the scalars do */
#include "kernels/avx512/lanes.inc"

#define WIDTH 16

typedef __m512i numbers;

INLINE numbers load(const uint32_t *from)
{
    return _mm512_loadu_si512(from);
}

INLINE numbers pairs(numbers a, numbers b)
{
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));

    return _mm512_max_epu32(_mm512_permutex2var_epi32(a, even, b),
                            _mm512_permutex2var_epi32(a, odd, b));
}

/* The nearest number of the type, and its epsilon for 0. */
INLINE __m512 store_as(enum q8_float type, __m512 s)
{
    const __m512 epsilon = _mm512_set1_ps(q8_step_epsilon(type));
    __m512i bits = _mm512_castps_si512(s), even;

    if (type == Q8_FLOAT_F16)
        s = _mm512_cvtph_ps(_mm512_cvtps_ph(s, _MM_FROUND_TO_NEAREST_INT));
    if (type == Q8_FLOAT_BF16) {
        even = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
        bits = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), even);
        s = _mm512_castsi512_ps(_mm512_and_si512(bits, _mm512_set1_epi32((int)0xffff0000)));
    }
    return _mm512_mask_mov_ps(s, _mm512_cmp_ps_mask(s, _mm512_setzero_ps(), _CMP_EQ_OQ), epsilon);
}

INLINE void set_steps(enum q8_float type, float *factor, float *step, numbers most, size_t n)
{
    const __m512 m = _mm512_castsi512_ps(most);
    const __m512 s = store_as(type, _mm512_div_ps(m, _mm512_set1_ps(127.5f)));
    const __mmask16 kept = _mm512_cmp_ps_mask(m, _mm512_setzero_ps(), _CMP_NEQ_OQ) &
                           _mm512_cmp_ps_mask(s, _mm512_set1_ps(Q8_STEP_LEAST), _CMP_GE_OQ);

    _mm512_mask_storeu_ps(step, mask16(n), _mm512_maskz_mov_ps(kept, s));
    _mm512_mask_storeu_ps(factor, mask16(n), _mm512_maskz_div_ps(kept, _mm512_set1_ps(1), s));
}

#include "kernels/steps_row.inc"

const q8_steps_fn q8_steps_avx512[Q8_FLOATS] = {steps_f16, steps_bf16, steps_f32};
