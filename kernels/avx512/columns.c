/*
 * columns.c - sums over the rows of a matrix, 512 bits: the sums of 32 columns stay in registers
 * for all rows
 */
#include "kernels/avx512/lanes.inc"

/* The sums of 16 columns. */
struct strip {
    __m512d sum[2], sum2[2];
    __m512i absmax;
};

INLINE void add16(struct strip *s, __m512 x)
{
    const __m512d half[2] = {_mm512_cvtps_pd(_mm512_castps512_ps256(x)),
                             _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1))};

    for (int h = 0; h < 2; h++) {
        s->sum[h] = _mm512_add_pd(s->sum[h], half[h]);
        s->sum2[h] = _mm512_fmadd_pd(half[h], half[h], s->sum2[h]);
    }
    s->absmax = _mm512_max_epu32(
        s->absmax, _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff)));
}

INLINE struct strip get(const struct q8_columns *c, size_t j, __mmask16 m)
{
    const __mmask8 low = (__mmask8)m, high = (__mmask8)(m >> 8);

    return (struct strip){
        {_mm512_maskz_loadu_pd(low, c->sum + j), _mm512_maskz_loadu_pd(high, c->sum + j + 8)},
        {_mm512_maskz_loadu_pd(low, c->sum2 + j), _mm512_maskz_loadu_pd(high, c->sum2 + j + 8)},
        _mm512_maskz_loadu_epi32(m, c->absmax + j)};
}

INLINE void put(const struct q8_columns *c, size_t j, __mmask16 m, const struct strip *s)
{
    const __mmask8 low = (__mmask8)m, high = (__mmask8)(m >> 8);

    _mm512_mask_storeu_pd(c->sum + j, low, s->sum[0]);
    _mm512_mask_storeu_pd(c->sum + j + 8, high, s->sum[1]);
    _mm512_mask_storeu_pd(c->sum2 + j, low, s->sum2[0]);
    _mm512_mask_storeu_pd(c->sum2 + j + 8, high, s->sum2[1]);
    _mm512_mask_storeu_epi32(c->absmax + j, m, s->absmax);
}

static void columns(const struct q8_columns *c, const float *x, size_t rows, size_t cols)
{
    size_t j = 0;

    for (; j + 32 <= cols; j += 32) {
        struct strip a = get(c, j, 0xffff), b = get(c, j + 16, 0xffff);

        for (size_t r = 0; r < rows; r++) {
            add16(&a, _mm512_loadu_ps(x + r * cols + j));
            add16(&b, _mm512_loadu_ps(x + r * cols + j + 16));
        }
        put(c, j, 0xffff, &a);
        put(c, j + 16, 0xffff, &b);
    }
    for (; j < cols; j += 16) {
        const __mmask16 m = mask16(cols - j);
        struct strip s = get(c, j, m);

        for (size_t r = 0; r < rows; r++)
            add16(&s, _mm512_maskz_loadu_ps(m, x + r * cols + j));
        put(c, j, m, &s);
    }
}

const q8_columns_fn q8_columns_avx512 = columns;
