/*
 * errors.c - what a scheme loses on a row, 256 bits
 *
 * Four registers are the 32 lanes that the definition sums in; every other step is one IEEE
 * operation per element, as in the reference.  Elements behind the row count as 0, which loses 0
 * and adds 0.
 */
#include "kernels/avx2/lanes.inc"

#include <string.h>

#define ROUND 12582912.0f /* 1.5 * 2^23 */

struct lanes {
    __m256 err2[4], most;
};

/* 8 elements, to quarter q of the lanes. */
INLINE void add8(bool half, bool narrow, struct lanes *l, int q, __m256 w, __m256 f, __m256 step)
{
    const __m256 round = _mm256_set1_ps(ROUND);
    __m256 from = w, t = w, y, e;

    if (narrow)
        from = _mm256_cvtph_ps(_mm256_cvtps_ph(w, _MM_FROUND_TO_NEAREST_INT));
    y = _mm256_sub_ps(_mm256_fmadd_ps(from, f, round), round);
    if (half)
        t = _mm256_mul_ps(w, _mm256_set1_ps(127));
    else
        y = _mm256_min_ps(_mm256_max_ps(y, _mm256_set1_ps(-128)), _mm256_set1_ps(127));
    e = _mm256_fnmadd_ps(y, step, t);
    l->err2[q] = _mm256_fmadd_ps(e, e, l->err2[q]);
    l->most = _mm256_max_ps(l->most, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), e));
}

/* 32 elements; the lanes by their numbers, which keeps them in registers. */
INLINE void add32(bool half, bool narrow, struct lanes *l, const float *x, const __m256 f[4],
                  const __m256 step[4])
{
    add8(half, narrow, l, 0, _mm256_loadu_ps(x), f[0], step[0]);
    add8(half, narrow, l, 1, _mm256_loadu_ps(x + 8), f[1], step[1]);
    add8(half, narrow, l, 2, _mm256_loadu_ps(x + 16), f[2], step[2]);
    add8(half, narrow, l, 3, _mm256_loadu_ps(x + 24), f[3], step[3]);
}

INLINE void add_same(bool half, bool narrow, struct lanes *l, const float *x, size_t n,
                     float factor, float step)
{
    const __m256 f = _mm256_set1_ps(factor), s = _mm256_set1_ps(step);
    const __m256 fs[4] = {f, f, f, f}, steps[4] = {s, s, s, s};
    size_t i = 0;

    for (; i + 32 <= n; i += 32)
        add32(half, narrow, l, x + i, fs, steps);
    if (i < n) {
        float padded[32] = {0};

        memcpy(padded, x + i, (n - i) * sizeof *x);
        add32(half, narrow, l, padded, fs, steps);
    }
}

INLINE void add_mixed(bool half, bool narrow, struct lanes *l, const float *x, size_t n,
                      const float factor[32], const float step[32])
{
    float padded[32] = {0};
    __m256 f[4], s[4];

    memcpy(padded, x, n * sizeof *x);
    for (int q = 0; q < 4; q++) {
        f[q] = _mm256_loadu_ps(factor + 8 * q);
        s[q] = _mm256_loadu_ps(step + 8 * q);
    }
    add32(half, narrow, l, padded, f, s);
}

INLINE void end_chunk(struct q8_error *ret, struct lanes *l)
{
    float most[8];

    _mm256_storeu_ps(most, l->most);
    for (int k = 0; k < 8; k++)
        ret->most = most[k] > ret->most ? most[k] : ret->most;
    ret->err2 += fold(l->err2[0], l->err2[1], l->err2[2], l->err2[3]);
    for (int q = 0; q < 4; q++)
        l->err2[q] = _mm256_setzero_ps();
}

#include "kernels/errors_row.inc"

const q8_errors_fn q8_errors_avx2 = errors;
