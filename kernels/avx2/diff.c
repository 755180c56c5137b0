/*
 * diff.c - how two rows differ, 256 bits
 *
 * The 16 lanes of the definition are four registers, of which two fit beside all else: a chunk is
 * passed over twice, for lanes 0 to 7 and 8 to 15.  What is behind the rows counts as 0 in both,
 * which adds 0 to sums that are never -0.
 */
#include "kernels/avx2/lanes.inc"

/* A quarter of the lanes. */
struct lanes {
    __m256d err2, val2, b2, dot;
};

INLINE __m256d add4(struct lanes *l, __m128 a, __m128 b, __m256d most)
{
    const __m256d v = _mm256_cvtps_pd(a), w = _mm256_cvtps_pd(b), d = _mm256_sub_pd(v, w);

    l->err2 = _mm256_fmadd_pd(d, d, l->err2);
    l->val2 = _mm256_fmadd_pd(v, v, l->val2);
    l->b2 = _mm256_fmadd_pd(w, w, l->b2);
    l->dot = _mm256_fmadd_pd(v, w, l->dot);
    return _mm256_max_pd(most, _mm256_andnot_pd(_mm256_set1_pd(-0.0), d));
}

/* Lanes h to h + 7 of a chunk. */
static __m256d half_chunk(struct lanes l[2], const float *a, const float *b, size_t n, size_t h,
                          __m256d most)
{
    struct lanes first = {0}, second = {0};
    size_t i = h;

    for (; i + 8 <= n; i += 16) {
        most = add4(&first, _mm_loadu_ps(a + i), _mm_loadu_ps(b + i), most);
        most = add4(&second, _mm_loadu_ps(a + i + 4), _mm_loadu_ps(b + i + 4), most);
    }
    if (i < n) {
        const __m256 v = _mm256_maskload_ps(a + i, mask8(n - i)),
                     w = _mm256_maskload_ps(b + i, mask8(n - i));

        most = add4(&first, _mm256_castps256_ps128(v), _mm256_castps256_ps128(w), most);
        most = add4(&second, _mm256_extractf128_ps(v, 1), _mm256_extractf128_ps(w, 1), most);
    }
    l[0] = first;
    l[1] = second;
    return most;
}

static void diff(struct q8_diff *ret, const float *a, const float *b, size_t n)
{
    __m256d most = _mm256_setzero_pd();
    double each[4];

    *ret = (struct q8_diff){0};
    for (size_t i = 0; i < n; i += CHUNK) {
        const size_t length = n - i < CHUNK ? n - i : CHUNK;
        struct lanes l[4];

        most = half_chunk(l, a + i, b + i, length, 0, most);
        most = half_chunk(l + 2, a + i, b + i, length, 8, most);
        ret->err2 += fold16(l[0].err2, l[1].err2, l[2].err2, l[3].err2);
        ret->val2 += fold16(l[0].val2, l[1].val2, l[2].val2, l[3].val2);
        ret->b2 += fold16(l[0].b2, l[1].b2, l[2].b2, l[3].b2);
        ret->dot += fold16(l[0].dot, l[1].dot, l[2].dot, l[3].dot);
    }
    _mm256_storeu_pd(each, most);
    for (int k = 0; k < 4; k++)
        ret->most = each[k] > ret->most ? each[k] : ret->most;
}

const q8_diff_fn q8_diff_avx2 = diff;
