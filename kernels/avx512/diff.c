/*
 * diff.c - how two rows differ, 512 bits: two registers are the 16 lanes of the definition.  What
 * is behind the rows counts as 0 in both, which adds 0 to sums that are never -0.
 */
#include "kernels/avx512/lanes.inc"

/* Half of the lanes. */
struct lanes {
    __m512d err2, val2, b2, dot, most;
};

INLINE void add8(struct lanes *l, __m256 a, __m256 b)
{
    const __m512d v = _mm512_cvtps_pd(a), w = _mm512_cvtps_pd(b), d = _mm512_sub_pd(v, w);

    l->err2 = _mm512_fmadd_pd(d, d, l->err2);
    l->val2 = _mm512_fmadd_pd(v, v, l->val2);
    l->b2 = _mm512_fmadd_pd(w, w, l->b2);
    l->dot = _mm512_fmadd_pd(v, w, l->dot);
    l->most = _mm512_range_pd(l->most, d, 0xb); /* the larger magnitude, as positive */
}

static void add_chunk(struct q8_diff *ret, const float *a, const float *b, size_t n)
{
    struct lanes l = {0}, h = {0};
    size_t i = 0;
    double most;

    for (; i + 16 <= n; i += 16) {
        add8(&l, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        add8(&h, _mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
    }
    if (i < n) {
        const __m512 v = _mm512_maskz_loadu_ps(mask16(n - i), a + i),
                     w = _mm512_maskz_loadu_ps(mask16(n - i), b + i);

        add8(&l, _mm512_castps512_ps256(v), _mm512_castps512_ps256(w));
        add8(&h, _mm512_extractf32x8_ps(v, 1), _mm512_extractf32x8_ps(w, 1));
    }
    most = _mm512_reduce_max_pd(_mm512_max_pd(l.most, h.most));
    ret->err2 += fold8(_mm512_add_pd(l.err2, h.err2));
    ret->val2 += fold8(_mm512_add_pd(l.val2, h.val2));
    ret->b2 += fold8(_mm512_add_pd(l.b2, h.b2));
    ret->dot += fold8(_mm512_add_pd(l.dot, h.dot));
    ret->most = most > ret->most ? most : ret->most;
}

static void diff(struct q8_diff *ret, const float *a, const float *b, size_t n)
{
    *ret = (struct q8_diff){0};
    for (size_t i = 0; i < n; i += CHUNK)
        add_chunk(ret, a + i, b + i, n - i < CHUNK ? n - i : CHUNK);
}

const q8_diff_fn q8_diff_avx512 = diff;
