/*
 * columns.c - sums over the rows of a matrix, 256 bits: the sums of 8 columns stay in registers for
 * all rows; two such strips at a time use a whole line of the cache
 */
#include "kernels/avx2/lanes.inc"

#include <string.h>

/* The sums of 8 columns. */
struct strip {
    __m256d sum[2], sum2[2];
    __m256i absmax;
};

INLINE void add8(struct strip *s, __m256 x)
{
    const __m256d half[2] = {_mm256_cvtps_pd(_mm256_castps256_ps128(x)),
                             _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))};

    for (int h = 0; h < 2; h++) {
        s->sum[h] = _mm256_add_pd(s->sum[h], half[h]);
        s->sum2[h] = _mm256_fmadd_pd(half[h], half[h], s->sum2[h]);
    }
    s->absmax = _mm256_max_epu32(
        s->absmax, _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff)));
}

INLINE struct strip get(const struct q8_columns *c, size_t j)
{
    return (struct strip){{_mm256_loadu_pd(c->sum + j), _mm256_loadu_pd(c->sum + j + 4)},
                          {_mm256_loadu_pd(c->sum2 + j), _mm256_loadu_pd(c->sum2 + j + 4)},
                          _mm256_loadu_si256((const __m256i *)(const void *)(c->absmax + j))};
}

INLINE void put(const struct q8_columns *c, size_t j, const struct strip *s)
{
    _mm256_storeu_pd(c->sum + j, s->sum[0]);
    _mm256_storeu_pd(c->sum + j + 4, s->sum[1]);
    _mm256_storeu_pd(c->sum2 + j, s->sum2[0]);
    _mm256_storeu_pd(c->sum2 + j + 4, s->sum2[1]);
    _mm256_storeu_si256((__m256i *)(void *)(c->absmax + j), s->absmax);
}

/* The last columns, fewer than 8: through a copy of their sums. */
static void last_columns(const struct q8_columns *c, const float *x, size_t rows, size_t cols,
                         size_t j)
{
    const size_t n = cols - j;
    double sum[8] = {0}, sum2[8] = {0};
    uint32_t absmax[8] = {0};
    const struct q8_columns copy = {sum, sum2, absmax};
    struct strip s;

    memcpy(sum, c->sum + j, n * sizeof *sum);
    memcpy(sum2, c->sum2 + j, n * sizeof *sum2);
    memcpy(absmax, c->absmax + j, n * sizeof *absmax);
    s = get(&copy, 0);
    for (size_t r = 0; r < rows; r++)
        add8(&s, _mm256_maskload_ps(x + r * cols + j, mask8(n)));
    put(&copy, 0, &s);
    memcpy(c->sum + j, sum, n * sizeof *sum);
    memcpy(c->sum2 + j, sum2, n * sizeof *sum2);
    memcpy(c->absmax + j, absmax, n * sizeof *absmax);
}

static void columns(const struct q8_columns *c, const float *x, size_t rows, size_t cols)
{
    size_t j = 0;

    for (; j + 16 <= cols; j += 16) {
        struct strip a = get(c, j), b = get(c, j + 8);

        for (size_t r = 0; r < rows; r++) {
            add8(&a, _mm256_loadu_ps(x + r * cols + j));
            add8(&b, _mm256_loadu_ps(x + r * cols + j + 8));
        }
        put(c, j, &a);
        put(c, j + 8, &b);
    }
    if (j + 8 <= cols) {
        struct strip a = get(c, j);

        for (size_t r = 0; r < rows; r++)
            add8(&a, _mm256_loadu_ps(x + r * cols + j));
        put(c, j, &a);
        j += 8;
    }
    if (j < cols)
        last_columns(c, x, rows, cols, j);
}

const q8_columns_fn q8_columns_avx2 = columns;
