/* fake_cuda_run.c - the operations of kernels/cuda/cuda.h, on the host */
#include "tests/unit/fake_cuda.h"

#include "kernels/cuda/lanes.cuh"

#include <math.h>

static uint64_t size_of(enum q8_float type)
{
    return type == Q8_FLOAT_F32 ? 4 : 2;
}

struct narrow {
    void *ret;
    const float *x;
    uint64_t n;
    enum q8_float type;
};

static void run_narrow(const void *args)
{
    const struct narrow *a = args;

    for (uint64_t i = 0; i < a->n; i++)
        q8_gpu_store(a->type, a->ret, i, a->x[i]);
}

int q8_cuda_narrow(struct q8_cuda *c, unsigned stream, void *ret, const float *x, uint64_t n,
                   enum q8_float type)
{
    const struct narrow a = {ret, x, n, type};

    fake_cuda_need(ret, n * size_of(type), "narrow: result");
    fake_cuda_need(x, n * sizeof *x, "narrow: operand");
    fake_cuda_push(stream, run_narrow, &a, sizeof a);
    return fake_cuda_fails(c);
}

static void run_outliers(const void *args)
{
    const struct q8_cuda_activations *a = args;

    for (uint64_t t = 0; t < a->tokens; t++)
        for (uint64_t i = 0; i < a->cols; i++)
            if (q8_gpu_stands_out(
                    q8_gpu_round(Q8_FLOAT_F16, q8_gpu_load(a->type, a->x, t * a->pitch + i)),
                    a->threshold))
                a->stands_out[i] = 1;
}

int q8_cuda_outliers(struct q8_cuda *c, unsigned stream, const struct q8_cuda_activations *a)
{
    fake_cuda_need(a->x, a->tokens * a->pitch * size_of(a->type), "outliers: x");
    fake_cuda_need(a->stands_out, a->cols, "outliers: result");
    fake_cuda_push(stream, run_outliers, a, sizeof *a);
    return fake_cuda_fails(c);
}

static float counted(const struct q8_cuda_activations *a, uint64_t at)
{
    const float x = q8_gpu_load(a->type, a->x, at), half = q8_gpu_round(Q8_FLOAT_F16, x);

    if (a->rule != Q8_CUDA_BNB)
        return x;
    return q8_gpu_stands_out(half, a->threshold) ? 0.0f : half;
}

static void run_quantize(const void *args)
{
    const struct q8_cuda_activations *a = args;

    for (uint64_t t = 0; t < a->tokens; t++) {
        const uint64_t row = t * a->pitch;
        uint32_t bits = 0;
        float factor;

        for (uint64_t i = 0; i < a->cols; i++) {
            const uint32_t b = q8_gpu_bits(counted(a, row + i)) & 0x7fffffff;

            bits = b > bits ? b : bits;
        }
        factor =
            a->rule == Q8_CUDA_BNB ? q8_gpu_factor(bits) : q8_gpu_step(a->type, q8_gpu_value(bits));
        for (uint64_t i = 0; i < a->pitch; i++)
            a->codes[row + i] =
                i >= a->cols ? 0
                : a->rule != Q8_CUDA_BNB
                    ? q8_gpu_code_divide(a->type, q8_gpu_load(a->type, a->x, row + i), factor)
                : factor == 0 || a->stands_out[i] ? 0
                                                  : q8_gpu_code_times(counted(a, row + i), factor);
        a->line[t] =
            (struct q8_cuda_line){a->rule == Q8_CUDA_BNB ? q8_gpu_value(bits) : factor, 0, 0};
    }
}

int q8_cuda_quantize(struct q8_cuda *c, unsigned stream, const struct q8_cuda_activations *a)
{
    fake_cuda_need(a->x, a->tokens * a->pitch * size_of(a->type), "quantize: x");
    fake_cuda_need(a->codes, a->tokens * a->pitch, "quantize: codes");
    fake_cuda_need(a->line, a->tokens * sizeof *a->line, "quantize: scales");
    if (a->rule != Q8_CUDA_BNB && a->rule != Q8_CUDA_W8A8)
        fake_cuda_fault("quantize: rule");
    fake_cuda_push(stream, run_quantize, a, sizeof *a);
    return fake_cuda_fails(c);
}

struct product {
    struct q8_cuda_product p;
    unsigned type;
};

/* What lies beyond the rows and the tokens is overwritten with what nobody may use. */
static void run_multiply(const void *args)
{
    const struct product *a = args;
    const struct q8_cuda_product *p = &a->p;

    for (uint64_t t = 0; t < q8_cuda_tokens(p->tokens); t++)
        for (uint64_t r = 0; r < q8_cuda_rows(p->rows); r++) {
            const uint64_t at = t * p->stride + r;
            const bool beyond = t >= p->tokens || r >= p->rows;
            uint32_t whole = fake_cuda.wrong;
            float sum = beyond ? NAN : 0;

            for (uint64_t k = 0; !beyond && k < p->pitch; k++)
                if (a->type == Q8_FLOATS)
                    whole += (uint32_t)(((const int8_t *)p->x)[t * p->pitch + k] *
                                        ((const int8_t *)p->w)[r * p->pitch + k]);
                else
                    sum = fmaf(q8_gpu_load(a->type, p->x, t * p->pitch + k),
                               q8_gpu_load(a->type, p->w, r * p->pitch + k), sum);
            if (a->type == Q8_FLOATS)
                ((int32_t *)p->y)[at] = beyond ? INT32_MIN : (int32_t)whole;
            else
                ((float *)p->y)[at] = sum;
        }
}

static int multiply(struct q8_cuda *c, unsigned stream, const struct q8_cuda_product *p,
                    unsigned type)
{
    const struct product a = {*p, type};
    const uint64_t tokens = q8_cuda_tokens(p->tokens), rows = q8_cuda_rows(p->rows);
    const uint64_t size = type == Q8_FLOATS ? 1 : size_of(type);

    if (p->rows == 0 || p->tokens == 0)
        return fake_cuda_fails(c);
    fake_cuda_need(p->x, tokens * p->pitch * size, "multiply: x");
    fake_cuda_need(p->w, rows * p->pitch * size, "multiply: w");
    fake_cuda_need(p->y, ((tokens - 1) * p->stride + rows) * 4, "multiply: y");
    fake_cuda_need(p->workspace, Q8_CUDA_WORKSPACE, "multiply: workspace");
    if (p->pitch % Q8_CUDA_COLUMNS || p->pitch == 0 || p->stride % 4 || p->stride < rows ||
        ((char *)p->y - (const char *)fake_cuda_start(p->y)) % Q8_CUDA_ALIGNMENT ||
        p->x != fake_cuda_start(p->x) || p->w != fake_cuda_start(p->w))
        fake_cuda_fault("multiply: alignment");
    fake_cuda_push(stream, run_multiply, &a, sizeof a);
    return fake_cuda_fails(c);
}

int q8_cuda_multiply_s8(struct q8_cuda *c, unsigned stream, const struct q8_cuda_product *p)
{
    __atomic_add_fetch(&fake_cuda.products, 1, __ATOMIC_RELAXED);
    return multiply(c, stream, p, Q8_FLOATS);
}

int q8_cuda_multiply_float(struct q8_cuda *c, unsigned stream, const struct q8_cuda_product *p,
                           enum q8_float type)
{
    return multiply(c, stream, p, type);
}

static float scaled(const struct q8_cuda_sums *s, uint64_t t, uint64_t r)
{
    const uint64_t at = t * s->stride + r;

    switch (s->rule) {
    case Q8_CUDA_BNB: return q8_gpu_scale_bnb(s->sums[at], s->x[t].scale, s->w[r].scale);
    case Q8_CUDA_W8A8: return q8_gpu_scale_w8a8(s->sums[at], s->x[t].scale, s->w[r].scale);
    case Q8_CUDA_W8A16: return s->y[at];
    default:
        return (float)q8_gpu_total(s->sums[at], s->x[t].zero, s->x[t].sum, s->w[r].zero,
                                   s->w[r].sum, (int64_t)s->cols) *
               (s->x[t].scale * s->w[r].scale);
    }
}

static void run_scale(const void *args)
{
    const struct q8_cuda_sums *s = args;

    for (uint64_t t = 0; t < s->tokens; t++)
        for (uint64_t r = 0; r < s->rows; r++)
            s->y[t * s->stride + r] = q8_gpu_round(s->type, scaled(s, t, r));
}

int q8_cuda_scale(struct q8_cuda *c, unsigned stream, const struct q8_cuda_sums *s)
{
    const uint64_t n = s->tokens && s->rows ? (s->tokens - 1) * s->stride + s->rows : 0;

    fake_cuda_need(s->y, n * sizeof *s->y, "scale: y");
    if (s->rule != Q8_CUDA_W8A16) {
        fake_cuda_need(s->sums, n * sizeof *s->sums, "scale: sums");
        fake_cuda_need(s->x, s->tokens * sizeof *s->x, "scale: x");
        fake_cuda_need(s->w, s->rows * sizeof *s->w, "scale: w");
    }
    fake_cuda_push(stream, run_scale, s, sizeof *s);
    return fake_cuda_fails(c);
}

static void run_apart(const void *args)
{
    const struct q8_cuda_apart *a = args;

    for (uint64_t t = 0; t < a->tokens; t++)
        for (uint64_t r = 0; r < a->rows; r++) {
            float sum = 0, *y = &a->y[t * a->stride + r];

            for (uint64_t i = 0; i < a->columns; i++)
                sum =
                    fmaf(q8_gpu_load(a->type, a->x, t * a->pitch + a->column[i]),
                         a->weights ? a->weights[r * a->columns + i]
                                    : q8_gpu_weight(a->type, a->codes[r * a->pitch + a->column[i]],
                                                    a->w[r].scale),
                         sum);
            *y = q8_gpu_round(a->type, *y + sum);
        }
}

int q8_cuda_add_apart(struct q8_cuda *c, unsigned stream, const struct q8_cuda_apart *a)
{
    fake_cuda_need(a->x, a->tokens * a->pitch * size_of(a->type), "apart: x");
    fake_cuda_need(a->column, a->columns * sizeof *a->column, "apart: columns");
    if (a->weights)
        fake_cuda_need(a->weights, a->rows * a->columns * sizeof *a->weights, "apart: weights");
    else
        fake_cuda_need(a->codes, a->rows * a->pitch, "apart: codes");
    fake_cuda_push(stream, run_apart, a, sizeof *a);
    return fake_cuda_fails(c);
}

struct compare {
    struct q8_cuda_difference *ret;
    struct q8_cuda_pair pair;
};

/* One row, lane by lane as the device does it. */
static void compare_row(struct q8_cuda_difference *ret, float *a, float *b, uint64_t rows)
{
    *ret = (struct q8_cuda_difference){{0}, 0};
    for (uint64_t chunk = 0; chunk < rows; chunk += Q8_LANE_CHUNK) {
        struct q8_lane lanes[Q8_LANES] = {{0}};

        for (uint64_t i = chunk; i < rows && i < chunk + Q8_LANE_CHUNK; i++) {
            if (!q8_lane_counts(a[i], b[i])) {
                a[i] = b[i] = 0;
                ret->bad++;
            }
            q8_lane_add(&lanes[(i - chunk) % Q8_LANES], a[i], b[i]);
        }
        for (unsigned half = Q8_LANES / 2; half > 0; half /= 2)
            for (unsigned l = 0; l < half; l++)
                q8_lane_join(&lanes[l], &lanes[l + half]);
        q8_lane_end(&ret->diff, &lanes[0]);
    }
}

static void run_compare(const void *args)
{
    const struct compare *a = args;

    for (uint64_t t = 0; t < a->pair.tokens; t++)
        compare_row(&a->ret[t], a->pair.a + t * a->pair.stride, a->pair.b + t * a->pair.stride,
                    a->pair.rows);
}

int q8_cuda_compare(struct q8_cuda *c, unsigned stream, struct q8_cuda_difference *ret,
                    const struct q8_cuda_pair *p)
{
    const struct compare a = {ret, *p};
    const uint64_t n = p->tokens && p->rows ? (p->tokens - 1) * p->stride + p->rows : 0;

    fake_cuda_need(ret, p->tokens * sizeof *ret, "compare: result");
    fake_cuda_need(p->a, n * sizeof *p->a, "compare: a");
    fake_cuda_need(p->b, n * sizeof *p->b, "compare: b");
    fake_cuda_push(stream, run_compare, &a, sizeof a);
    return fake_cuda_fails(c);
}
