/*
 * moments.c - sums of powers of the deviations from a pivot, 256 bits
 *
 * The 16 lanes of the definition are four registers, of which two fit beside all else: a chunk is
 * passed over twice, for lanes 0 to 7 and 8 to 15.  Elements behind the row count as the pivot,
 * whose deviation adds 0 to sums that are never -0.
 */
#include "kernels/avx2/lanes.inc"

/* A quarter of the lanes. */
struct lanes {
    __m256d s1, s2, s3, s4;
};

INLINE void add4(struct lanes *l, __m256d d)
{
    const __m256d q = _mm256_mul_pd(d, d);

    l->s1 = _mm256_add_pd(l->s1, d);
    l->s2 = _mm256_add_pd(l->s2, q);
    l->s3 = _mm256_fmadd_pd(q, d, l->s3);
    l->s4 = _mm256_fmadd_pd(q, q, l->s4);
}

/* Lanes h to h + 7 of a chunk. */
static void half_chunk(struct lanes l[2], const float *x, size_t n, size_t h, __m256d pivot)
{
    struct lanes first = {0}, second = {0};
    size_t i = h;

    for (; i + 8 <= n; i += 16) {
        add4(&first, _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(x + i)), pivot));
        add4(&second, _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(x + i + 4)), pivot));
    }
    if (i < n) {
        const __m256i m = mask8(n - i);
        const __m256 v = _mm256_maskload_ps(x + i, m);
        const __m256d low = _mm256_sub_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(v)), pivot),
                      high = _mm256_sub_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)), pivot);
        const __m256i keep_low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(m)),
                      keep_high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(m, 1));

        add4(&first, _mm256_and_pd(low, _mm256_castsi256_pd(keep_low)));
        add4(&second, _mm256_and_pd(high, _mm256_castsi256_pd(keep_high)));
    }
    l[0] = first;
    l[1] = second;
}

static void moments(struct q8_moments *ret, const float *x, size_t n, double pivot)
{
    const __m256d p = _mm256_set1_pd(pivot);

    *ret = (struct q8_moments){0};
    for (size_t i = 0; i < n; i += CHUNK) {
        const size_t length = n - i < CHUNK ? n - i : CHUNK;
        struct lanes l[4];

        half_chunk(l, x + i, length, 0, p);
        half_chunk(l + 2, x + i, length, 8, p);
        ret->s1 += fold16(l[0].s1, l[1].s1, l[2].s1, l[3].s1);
        ret->s2 += fold16(l[0].s2, l[1].s2, l[2].s2, l[3].s2);
        ret->s3 += fold16(l[0].s3, l[1].s3, l[2].s3, l[3].s3);
        ret->s4 += fold16(l[0].s4, l[1].s4, l[2].s4, l[3].s4);
    }
}

const q8_moments_fn q8_moments_avx2 = moments;
