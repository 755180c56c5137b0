/* check_multiply.c - checkcuda: int32 sums bit for bit, products of floats within a bound */
#include "tests/gpu/gpu.h"

#include <math.h>
#include <string.h>

/* X and W on the device, and Y with NaN in it so that what is not written shows. */
static struct q8_cuda_product prepare(struct gpu *g, const struct gpu_shape *s)
{
    const uint64_t stride = q8_cuda_rows(s->rows), tokens = q8_cuda_tokens(s->tokens);
    char *poison = gpu_host(g, tokens * stride, 4);

    memset(poison, 0xff, tokens * stride * 4);
    return (struct q8_cuda_product){.y = gpu_put(g, poison, tokens * stride * 4, 0),
                                    .tokens = s->tokens,
                                    .rows = s->rows,
                                    .pitch = q8_cuda_pitch(s->cols),
                                    .stride = stride,
                                    .workspace = gpu_take(g, Q8_CUDA_WORKSPACE)};
}

static void *scratch(struct gpu *g)
{
    char *memory = gpu_host(g, Q8_GEMM_SCRATCH + 64, 1);

    return memory + (64 - (uintptr_t)memory % 64) % 64;
}

/* `extreme`: codes of -128 alone, whose sums are the largest there are. */
static void check_s8(struct gpu *g, const struct gpu_shape *s, bool extreme)
{
    struct q8_cuda_product p = prepare(g, s);
    int8_t *x = gpu_host(g, s->tokens * s->cols, 1), *w = gpu_host(g, s->rows * s->cols, 1);
    int32_t *want = gpu_host(g, s->tokens * s->rows, sizeof *want);
    int32_t *got = gpu_host(g, s->tokens * s->rows, sizeof *got);

    gpu_codes(g, x, s->tokens * s->cols);
    gpu_codes(g, w, s->rows * s->cols);
    if (extreme) {
        memset(x, -128, s->tokens * s->cols);
        memset(w, -128, s->rows * s->cols);
    }
    p.x = gpu_padded(g, x, s->tokens, s->cols, p.pitch);
    p.w = gpu_padded(g, w, s->rows, s->cols, p.pitch);
    gpu_ok(g, q8_cuda_multiply_s8(&g->cuda, 1, &p));
    gpu_get(g, got, p.y, s->rows * 4, p.stride * 4, s->tokens);
    g->kernels.gemm_s8(want, s->rows, x, w, s->tokens, s->rows, s->cols, scratch(g));
    gpu_that(g, memcmp(want, got, s->tokens * s->rows * sizeof *got) == 0,
             "int8 product [%d, %d] by [%d, %d]%s differs", (int)s->tokens, (int)s->cols,
             (int)s->rows, (int)s->cols, extreme ? " of -128" : "");
    gpu_clear(g);
}

/*
 * An element is a sum of k products, each exact in fp32 for 16-bit operands.  In any order, with
 * partial sums rounded to nearest or cut off (tensor cores), it is at most k 2^-23 sum |x w| away
 * from the exact one; one more rounding of each product, 2^-24, for fp32 operands.
 */
static void check_float(struct gpu *g, const struct gpu_shape *s, enum q8_float type)
{
    struct q8_cuda_product p = prepare(g, s);
    float *x = gpu_host(g, s->tokens * s->cols, sizeof *x);
    float *w = gpu_host(g, s->rows * s->cols, sizeof *w);
    float *got = gpu_host(g, s->tokens * s->rows, sizeof *got);
    uint64_t wrong = 0;

    gpu_floats(g, x, s->tokens * s->cols, type, 4);
    gpu_floats(g, w, s->rows * s->cols, type, 0.1f);
    p.x = gpu_typed(g, x, s->tokens, s->cols, p.pitch, type);
    p.w = gpu_typed(g, w, s->rows, s->cols, p.pitch, type);
    gpu_ok(g, q8_cuda_multiply_float(&g->cuda, 1, &p, type));
    gpu_get(g, got, p.y, s->rows * 4, p.stride * 4, s->tokens);
    for (uint64_t i = 0; i < s->tokens * s->rows; i++) {
        const float *a = x + i / s->rows * s->cols, *b = w + i % s->rows * s->cols;
        double sum = 0, magnitude = 0;

        for (uint64_t k = 0; k < s->cols; k++) {
            sum += (double)a[k] * (double)b[k];
            magnitude += fabs((double)a[k] * (double)b[k]);
        }
        wrong += !(fabs((double)got[i] - sum) <= (double)(s->cols + 1) * 0x1p-23 * magnitude);
    }
    gpu_that(g, wrong == 0, "product [%d, %d] by [%d, %d] of type %d: %d beyond the bound",
             (int)s->tokens, (int)s->cols, (int)s->rows, (int)s->cols, (int)type, (int)wrong);
    gpu_clear(g);
}

void gpu_check_multiply(struct gpu *g)
{
    struct gpu_shape s;

    for (unsigned i = 0; (s = gpu_shape(g, i)).tokens; i++) {
        check_s8(g, &s, false);
        check_s8(g, &s, true);
        for (enum q8_float type = 0; type < Q8_FLOATS; type++)
            check_float(g, &s, type);
    }
}
