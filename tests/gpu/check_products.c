/* check_products.c - checkcuda: scaling, outlier columns and comparison, bit for bit */
#include "tests/gpu/gpu.h"

#include "kernels/cuda/numbers.cuh"

#include <string.h>

/* Sums of any size, rows of X and W of any scale. */
struct numbers {
    int32_t *sums;
    struct q8_cuda_line *x, *w;
    float *y;
};

static struct numbers draw(struct gpu *g, const struct gpu_shape *s, enum q8_float type)
{
    struct numbers n = {gpu_host(g, s->tokens * s->rows, sizeof *n.sums),
                        gpu_host(g, s->tokens, sizeof *n.x), gpu_host(g, s->rows, sizeof *n.w),
                        gpu_host(g, s->tokens * s->rows, sizeof *n.y)};

    for (uint64_t i = 0; i < s->tokens * s->rows; i++)
        n.sums[i] = (int32_t)gpu_random(g) >> gpu_random(g) % 32;
    for (uint64_t t = 0; t < s->tokens; t++)
        n.x[t] = (struct q8_cuda_line){gpu_uniform(g) + 1, (int32_t)(gpu_random(g) % 256),
                                       (int32_t)gpu_random(g) / 256};
    for (uint64_t r = 0; r < s->rows; r++)
        n.w[r] =
            (struct q8_cuda_line){(gpu_uniform(g) + 1) * 0.01f, -(int32_t)(gpu_random(g) % 256),
                                  (int32_t)gpu_random(g) / 256};
    gpu_floats(g, n.y, s->tokens * s->rows, type, 30);
    return n;
}

static float scaled(const struct numbers *n, enum q8_cuda_rule rule, const struct gpu_shape *s,
                    uint64_t i)
{
    const struct q8_cuda_line *x = &n->x[i / s->rows], *w = &n->w[i % s->rows];

    switch (rule) {
    case Q8_CUDA_BNB: return q8_gpu_scale_bnb(n->sums[i], x->scale, w->scale);
    case Q8_CUDA_W8A8: return q8_gpu_scale_w8a8(n->sums[i], x->scale, w->scale);
    case Q8_CUDA_W8A16: return n->y[i];
    default:
        return (float)q8_gpu_total(n->sums[i], x->zero, x->sum, w->zero, w->sum, (int64_t)s->cols) *
               (x->scale * w->scale);
    }
}

#define POISON 0xa5 /* of bytes behind the rows, which nobody may write */

/* Rows of `rows` 4-byte elements, `stride` apart. */
static void *put_strided(struct gpu *g, const void *from, const struct gpu_shape *s,
                         uint64_t stride)
{
    char *to = gpu_host(g, s->tokens * stride, 4);

    memset(to, POISON, s->tokens * stride * 4);
    for (uint64_t t = 0; t < s->tokens; t++)
        memcpy(to + t * stride * 4, (const char *)from + t * s->rows * 4, s->rows * 4);
    return gpu_put(g, to, s->tokens * stride * 4, 0);
}

/* The rows of such memory; what is behind them must be as it was. */
static void get_strided(struct gpu *g, void *to, const void *device, const struct gpu_shape *s,
                        uint64_t stride)
{
    const uint64_t width = s->rows * 4, pitch = stride * 4;
    unsigned char *all = gpu_host(g, s->tokens, pitch);
    uint64_t written = 0;

    gpu_get(g, all, device, pitch, pitch, s->tokens);
    for (uint64_t t = 0; t < s->tokens; t++) {
        memcpy((char *)to + t * width, all + t * pitch, width);
        for (uint64_t i = width; i < pitch; i++)
            written += all[t * pitch + i] != POISON;
    }
    gpu_that(g, written == 0, "%d bytes behind rows of [%d, %d] were written", (int)written,
             (int)s->tokens, (int)s->rows);
}

static void check_scale(struct gpu *g, const struct gpu_shape *s, enum q8_float type,
                        enum q8_cuda_rule rule)
{
    const struct numbers n = draw(g, s, type);
    const uint64_t stride = q8_cuda_rows(s->rows) + 16;
    float *got = gpu_host(g, s->tokens * s->rows, sizeof *got);
    struct q8_cuda_sums sums = {.rule = rule,
                                .type = type,
                                .sums = put_strided(g, n.sums, s, stride),
                                .x = gpu_put(g, n.x, s->tokens * sizeof *n.x, 0),
                                .w = gpu_put(g, n.w, s->rows * sizeof *n.w, 0),
                                .cols = s->cols,
                                .y = put_strided(g, n.y, s, stride),
                                .tokens = s->tokens,
                                .rows = s->rows,
                                .stride = stride};
    uint64_t wrong = 0;

    gpu_ok(g, q8_cuda_scale(&g->cuda, 1, &sums));
    get_strided(g, got, sums.y, s, stride);
    for (uint64_t i = 0; i < s->tokens * s->rows; i++)
        wrong += q8_gpu_bits(got[i]) != q8_gpu_bits(gpu_round(type, scaled(&n, rule, s, i)));
    gpu_that(g, wrong == 0, "scale by rule %d, type %d, [%d, %d]: %d differ", (int)rule, (int)type,
             (int)s->tokens, (int)s->rows, (int)wrong);
    gpu_clear(g);
}

/* Every third column is apart. */
static void check_apart(struct gpu *g, const struct gpu_shape *s, enum q8_float type, bool floats)
{
    const uint64_t pitch = q8_cuda_pitch(s->cols), columns = (s->cols + 2) / 3;
    const uint64_t stride = s->rows + 5;
    const struct numbers n = draw(g, s, type);
    float *x = gpu_host(g, s->tokens * s->cols, sizeof *x);
    float *weights = gpu_host(g, s->rows * columns, sizeof *weights);
    int8_t *codes = gpu_host(g, s->rows * s->cols, 1);
    uint32_t *column = gpu_host(g, columns, sizeof *column);
    float *got = gpu_host(g, s->tokens * s->rows, sizeof *got);
    struct q8_cuda_apart a = {.type = type,
                              .columns = columns,
                              .pitch = pitch,
                              .tokens = s->tokens,
                              .rows = s->rows,
                              .stride = stride};
    uint64_t wrong = 0;

    gpu_floats(g, x, s->tokens * s->cols, type, 50);
    gpu_codes(g, codes, s->rows * s->cols);
    for (uint64_t i = 0; i < columns; i++)
        column[i] = (uint32_t)(3 * i);
    for (uint64_t i = 0; i < s->rows * columns; i++)
        weights[i] = floats ? gpu_uniform(g)
                            : q8_gpu_weight(type, codes[i / columns * s->cols + 3 * (i % columns)],
                                            n.w[i / columns].scale);
    a.x = gpu_typed(g, x, s->tokens, s->cols, pitch, type);
    a.column = gpu_put(g, column, columns * sizeof *column, 0);
    a.codes = gpu_padded(g, codes, s->rows, s->cols, pitch);
    a.w = gpu_put(g, n.w, s->rows * sizeof *n.w, 0);
    a.weights = floats ? gpu_put(g, weights, s->rows * columns * sizeof *weights, 0) : NULL;
    a.y = put_strided(g, n.y, s, stride);
    gpu_ok(g, q8_cuda_add_apart(&g->cuda, 1, &a));
    get_strided(g, got, a.y, s, stride);
    for (uint64_t i = 0; i < s->tokens * s->rows; i++) {
        float sum = 0;

        for (uint64_t k = 0; k < columns; k++)
            sum = fmaf(x[i / s->rows * s->cols + 3 * k], weights[i % s->rows * columns + k], sum);
        wrong += q8_gpu_bits(got[i]) != q8_gpu_bits(gpu_round(type, n.y[i] + sum));
    }
    gpu_that(g, wrong == 0, "%d columns apart of %s, type %d, [%d, %d]: %d differ", (int)columns,
             floats ? "floats" : "codes", (int)type, (int)s->tokens, (int)s->rows, (int)wrong);
    gpu_clear(g);
}

static void check_compare(struct gpu *g, const struct gpu_shape *s)
{
    const uint64_t stride = q8_cuda_rows(s->rows) + 16;
    const uint64_t n = s->tokens * s->rows;
    float *a = gpu_host(g, n, sizeof *a), *b = gpu_host(g, n, sizeof *b);
    float *got_a = gpu_host(g, n, sizeof *a), *got_b = gpu_host(g, n, sizeof *b);
    struct q8_cuda_difference *got = gpu_host(g, s->tokens, sizeof *got);
    struct q8_cuda_difference *ret = gpu_take(g, s->tokens * sizeof *ret);
    struct q8_cuda_pair pair = {.tokens = s->tokens, .rows = s->rows, .stride = stride};
    uint64_t wrong = 0;

    gpu_floats(g, a, n, Q8_FLOAT_F32, 1e15f);
    gpu_floats(g, b, n, Q8_FLOAT_F32, 1e-3f);
    for (uint64_t i = 0; i < n; i += 13)
        (i % 2 ? a : b)[i] = i % 3 ? NAN : INFINITY;
    pair.a = put_strided(g, a, s, stride);
    pair.b = put_strided(g, b, s, stride);
    gpu_ok(g, q8_cuda_compare(&g->cuda, 1, ret, &pair));
    gpu_get(g, got, ret, s->tokens * sizeof *ret, s->tokens * sizeof *ret, 1);
    get_strided(g, got_a, pair.a, s, stride);
    get_strided(g, got_b, pair.b, s, stride);
    for (uint64_t t = 0; t < s->tokens; t++) {
        struct q8_cuda_difference want = {.bad = 0};

        for (uint64_t i = t * s->rows; i < (t + 1) * s->rows; i++)
            if (i % 13 == 0) {
                a[i] = b[i] = 0;
                want.bad++;
            }
        g->kernels.diff(&want.diff, a + t * s->rows, b + t * s->rows, s->rows);
        wrong += memcmp(&want, &got[t], sizeof want) != 0;
    }
    gpu_that(g, wrong == 0, "sums of [%d, %d]: %d tokens differ", (int)s->tokens, (int)s->rows,
             (int)wrong);
    gpu_that(g, memcmp(a, got_a, n * sizeof *a) == 0 && memcmp(b, got_b, n * sizeof *b) == 0,
             "what is not finite in [%d, %d] does not become 0", (int)s->tokens, (int)s->rows);
    gpu_clear(g);
}

void gpu_check_products(struct gpu *g)
{
    struct gpu_shape s;

    for (unsigned i = 0; (s = gpu_shape(g, i)).tokens; i++) {
        for (enum q8_float type = 0; type < Q8_FLOATS; type++) {
            for (enum q8_cuda_rule rule = Q8_CUDA_BNB; rule <= Q8_CUDA_PAPER; rule++)
                check_scale(g, &s, type, rule);
            if (s.cols) {
                check_apart(g, &s, type, false);
                check_apart(g, &s, type, true);
            }
        }
        check_compare(g, &s);
    }
}
