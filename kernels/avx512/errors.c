/*
 * errors.c - what a scheme loses on a row, 512 bits
 *
 * Two registers are the 32 lanes that the definition sums in; every other step is one IEEE
 * operation per element, as in the reference.  Elements behind the row count as 0, which loses 0
 * and adds 0.
 */
#include "kernels/avx512/lanes.inc"

#define ROUND 12582912.0f /* 1.5 * 2^23 */

struct lanes {
    __m512 err2[2], most[2];
};

/* 16 elements, to half h of the lanes. */
INLINE void add16(bool half, bool narrow, struct lanes *l, int h, __m512 w, __m512 f, __m512 step)
{
    const __m512 round = _mm512_set1_ps(ROUND);
    __m512 from = w, t = w, y, e;

    if (narrow)
        from = _mm512_cvtph_ps(_mm512_cvtps_ph(w, _MM_FROUND_TO_NEAREST_INT));
    y = _mm512_sub_ps(_mm512_fmadd_ps(from, f, round), round);
    if (half)
        t = _mm512_mul_ps(w, _mm512_set1_ps(127));
    else
        y = _mm512_min_ps(_mm512_max_ps(y, _mm512_set1_ps(-128)), _mm512_set1_ps(127));
    e = _mm512_fnmadd_ps(y, step, t);
    l->err2[h] = _mm512_fmadd_ps(e, e, l->err2[h]);
    l->most[h] = _mm512_range_ps(l->most[h], e, 0xb); /* the larger magnitude, as positive */
}

INLINE void add_same(bool half, bool narrow, struct lanes *l, const float *x, size_t n,
                     float factor, float step)
{
    const __m512 f = _mm512_set1_ps(factor), s = _mm512_set1_ps(step);
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        add16(half, narrow, l, 0, _mm512_loadu_ps(x + i), f, s);
        add16(half, narrow, l, 1, _mm512_loadu_ps(x + i + 16), f, s);
    }
    if (i < n)
        add16(half, narrow, l, 0, _mm512_maskz_loadu_ps(mask16(n - i), x + i), f, s);
    if (i + 16 < n)
        add16(half, narrow, l, 1, _mm512_maskz_loadu_ps(mask16(n - i - 16), x + i + 16), f, s);
}

INLINE void add_mixed(bool half, bool narrow, struct lanes *l, const float *x, size_t n,
                      const float factor[32], const float step[32])
{
    const __mmask16 second = n > 16 ? mask16(n - 16) : 0;

    add16(half, narrow, l, 0, _mm512_maskz_loadu_ps(mask16(n), x), _mm512_loadu_ps(factor),
          _mm512_loadu_ps(step));
    add16(half, narrow, l, 1, _mm512_maskz_loadu_ps(second, x + 16), _mm512_loadu_ps(factor + 16),
          _mm512_loadu_ps(step + 16));
}

INLINE void end_chunk(struct q8_error *ret, struct lanes *l)
{
    const float most = _mm512_reduce_max_ps(_mm512_max_ps(l->most[0], l->most[1]));

    ret->err2 += fold(l->err2[0], l->err2[1]);
    ret->most = most > ret->most ? most : ret->most;
    l->err2[0] = l->err2[1] = _mm512_setzero_ps();
}

#include "kernels/errors_row.inc"

const q8_errors_fn q8_errors_avx512 = errors;
