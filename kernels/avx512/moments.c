/*
 * moments.c - sums of powers of the deviations from a pivot, 512 bits: two registers are the 16
 * lanes of the definition.  Elements behind the row are left out of the sums, not added as 0.
 */
#include "kernels/avx512/lanes.inc"

/* Half of the lanes. */
struct lanes {
    __m512d s1, s2, s3, s4;
};

INLINE void add8(struct lanes *l, __m256 x, __mmask8 m, __m512d pivot)
{
    const __m512d d = _mm512_sub_pd(_mm512_cvtps_pd(x), pivot), q = _mm512_mul_pd(d, d);

    l->s1 = _mm512_mask_add_pd(l->s1, m, l->s1, d);
    l->s2 = _mm512_mask_add_pd(l->s2, m, l->s2, q);
    l->s3 = _mm512_mask3_fmadd_pd(q, d, l->s3, m);
    l->s4 = _mm512_mask3_fmadd_pd(q, q, l->s4, m);
}

static void add_chunk(struct q8_moments *ret, const float *x, size_t n, __m512d pivot)
{
    const __m512d zero = _mm512_setzero_pd();
    struct lanes a = {zero, zero, zero, zero}, b = a;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        add8(&a, _mm256_loadu_ps(x + i), 0xff, pivot);
        add8(&b, _mm256_loadu_ps(x + i + 8), 0xff, pivot);
    }
    if (i < n) {
        const __mmask16 m = mask16(n - i);
        const __m512 last = _mm512_maskz_loadu_ps(m, x + i);

        add8(&a, _mm512_castps512_ps256(last), (__mmask8)m, pivot);
        add8(&b, _mm512_extractf32x8_ps(last, 1), (__mmask8)(m >> 8), pivot);
    }
    ret->s1 += fold8(_mm512_add_pd(a.s1, b.s1));
    ret->s2 += fold8(_mm512_add_pd(a.s2, b.s2));
    ret->s3 += fold8(_mm512_add_pd(a.s3, b.s3));
    ret->s4 += fold8(_mm512_add_pd(a.s4, b.s4));
}

static void moments(struct q8_moments *ret, const float *x, size_t n, double pivot)
{
    *ret = (struct q8_moments){0};
    for (size_t i = 0; i < n; i += CHUNK)
        add_chunk(ret, x + i, n - i < CHUNK ? n - i : CHUNK, _mm512_set1_pd(pivot));
}

const q8_moments_fn q8_moments_avx512 = moments;
