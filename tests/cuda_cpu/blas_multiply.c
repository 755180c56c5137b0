/*
 * blas_multiply.c - cuBLASLt on the CPU: the rules of its manual, and sums
 *
 * Sums of floats are rounded as tensor cores may: a few products at a time, cut off in place of
 * rounded to nearest.  Rules: cuBLAS 13 manual, cublasLtMatmul, "IMMA kernels" of regular order.
 */
#include "kernels/cuda/numbers.cuh"
#include "tests/cuda_cpu/blas_parts.h"

/* Some GPUs choose nothing for int8 below that, as torch._int_mm says of tokens. */
#define LEAST_INT8 32
#define AT_ONCE 8 /* products that a tensor core adds in one step */

/* A product as it is chosen for: D [m, n] = A^T [m, k] B [k, n]. */
struct shape {
    struct cuda_cpu_product product;
    struct cuda_cpu_layout a, b, d;
    uint64_t workspace;
    uint32_t alignment[4];
};

/* Chosen ones, by the number that is in the algorithm. */
static struct shape shapes[1024];
static uint64_t shape_count;

static uint64_t size_of(cudaDataType_t type)
{
    return type == CUDA_R_8I ? 1 : type == CUDA_R_16F || type == CUDA_R_16BF ? 2 : 4;
}

static bool supported(const struct shape *s)
{
    const uint64_t m = s->d.rows, n = s->d.cols, k = s->a.rows;
    const bool whole = s->product.compute == CUBLAS_COMPUTE_32I;

    if (s->product.turn[0] != CUBLAS_OP_T || s->product.turn[1] != CUBLAS_OP_N || s->a.cols != m ||
        s->b.rows != k || s->b.cols != n || s->a.ld < (int64_t)k || s->b.ld < (int64_t)k ||
        s->d.ld < (int64_t)m || !m || !n || !k || s->a.type != s->b.type)
        return false;
    if (whole)
        return s->product.scale == CUDA_R_32I && s->a.type == CUDA_R_8I &&
               s->d.type == CUDA_R_32I && m % 4 == 0 && k % 4 == 0 && s->a.ld % 4 == 0 &&
               s->b.ld % 4 == 0 && s->d.ld % 4 == 0 && m >= LEAST_INT8 && n >= LEAST_INT8;
    return s->product.compute == CUBLAS_COMPUTE_32F && s->product.scale == CUDA_R_32F &&
           s->a.type != CUDA_R_8I && s->a.type != CUDA_R_32I && s->d.type == CUDA_R_32F;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t product,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t *ret, int *ret_count)
{
    struct shape s = {*product, *a, *b, *d, preference->workspace, {0}};
    const cudaError_t error = cuda_cpu_enter();

    *ret_count = 0;
    memset(ret, 0xff, sizeof *ret);
    if (!handle || c != d || most < 1)
        cuda_cpu_break("a choice of an algorithm without a handle, or with another C than D");
    memcpy(s.alignment, preference->alignment, sizeof s.alignment);
    if (!error && supported(&s) && !cuda_cpu.no_choice) {
        shapes[shape_count % 1024] = s;
        ret->algo.data[0] = shape_count++ % 1024;
        ret->workspaceSize = s.workspace;
        ret->state = cuda_cpu.no_state ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
        *ret_count = 1;
    }
    (void)cuda_cpu_leave(cudaSuccess);
    return error        ? cuda_cpu_status(error)
           : *ret_count ? CUBLAS_STATUS_SUCCESS
                        : CUBLAS_STATUS_NOT_SUPPORTED;
}

/* A queued product. */
struct work {
    struct shape shape;
    const char *a, *b;
    char *d, *workspace;
};

static float cut_off(double sum)
{
    const float near = (float)sum;

    return fabs((double)near) > fabs(sum) ? nextafterf(near, 0) : near;
}

/* Sum over k of row i of A and row j of B, both as they lie in memory. */
static float sum_floats(const struct work *w, uint64_t i, uint64_t j)
{
    const enum q8_float type = w->shape.a.type == CUDA_R_16F    ? Q8_FLOAT_F16
                               : w->shape.a.type == CUDA_R_16BF ? Q8_FLOAT_BF16
                                                                : Q8_FLOAT_F32;
    const uint64_t a = i * (uint64_t)w->shape.a.ld, b = j * (uint64_t)w->shape.b.ld;
    float sum = 0;

    for (uint64_t k = 0; k < w->shape.a.rows; k += AT_ONCE) {
        double part = (double)sum;

        for (uint64_t n = k; n < k + AT_ONCE && n < w->shape.a.rows; n++)
            part += (double)q8_gpu_load(type, w->a, a + n) * (double)q8_gpu_load(type, w->b, b + n);
        sum = cut_off(part);
    }
    return sum;
}

static int32_t sum_codes(const struct work *w, uint64_t i, uint64_t j)
{
    const int8_t *a = (const int8_t *)w->a + i * (uint64_t)w->shape.a.ld;
    const int8_t *b = (const int8_t *)w->b + j * (uint64_t)w->shape.b.ld;
    uint32_t sum = 0;

    for (uint64_t k = 0; k < w->shape.a.rows; k++)
        sum += (uint32_t)(a[k] * b[k]);
    return (int32_t)sum;
}

static void multiply(const void *queued)
{
    const struct work *w = queued;
    const struct cuda_cpu_layout *d = &w->shape.d;

    if (w->workspace) /* it may write there at any time meanwhile */
        memset(w->workspace, 0x5a, 64);
    for (uint64_t j = 0; j < d->cols; j++)
        for (uint64_t i = 0; i < d->rows; i++) {
            char *at = w->d + (j * (uint64_t)d->ld + i) * 4;

            if (w->shape.product.compute == CUBLAS_COMPUTE_32I) {
                const int32_t sum = sum_codes(w, i, j);

                memcpy(at, &sum, sizeof sum);
            } else {
                const float sum = sum_floats(w, i, j);

                memcpy(at, &sum, sizeof sum);
            }
        }
}

static bool same_layout(const struct cuda_cpu_layout *x, const struct cuda_cpu_layout *y)
{
    return x->type == y->type && x->rows == y->rows && x->cols == y->cols && x->ld == y->ld;
}

/* What must hold of a product with a chosen algorithm. */
static void check_choice(const struct work *w, const cublasLtMatmulAlgo_t *algorithm, size_t room)
{
    const struct shape *s = &w->shape, *for_that = &shapes[algorithm->data[0] % 1024];
    const void *at[4] = {w->a, w->b, w->d, w->d};

    if (algorithm->data[0] >= 1024 || memcmp(&for_that->product, &s->product, sizeof s->product) ||
        !same_layout(&for_that->a, &s->a) || !same_layout(&for_that->b, &s->b) ||
        !same_layout(&for_that->d, &s->d))
        cuda_cpu_break("a product by the algorithm of another shape");
    for (int i = 0; i < 4; i++)
        if ((uintptr_t)at[i] % for_that->alignment[i])
            cuda_cpu_break("matrix %d is not aligned to %u bytes", i, for_that->alignment[i]);
    if (room < for_that->workspace || !cuda_cpu_on_device(w->workspace, room) ||
        (uintptr_t)w->workspace % 256)
        cuda_cpu_break("a workspace of %zu bytes", room);
}

static bool is(const void *factor, cudaDataType_t type, int value)
{
    const float f = (float)value;
    const int32_t n = value;

    return memcmp(factor, type == CUDA_R_32I ? (const void *)&n : &f, 4) == 0;
}

/* A workspace is one stream's: two products at a time may not share it. */
static void check_owner(const void *workspace, cudaStream_t stream)
{
    static struct {
        uint64_t block;
        cudaStream_t stream;
    } owner[64];
    const uint64_t block = cuda_cpu_block(workspace);

    if (owner[block % 64].block == block && owner[block % 64].stream != stream)
        cuda_cpu_break("a workspace of two streams");
    owner[block % 64].block = block;
    owner[block % 64].stream = stream;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t product,
                              const void *alpha, const void *a, cublasLtMatrixLayout_t a_layout,
                              const void *b, cublasLtMatrixLayout_t b_layout, const void *beta,
                              const void *c, cublasLtMatrixLayout_t c_layout, void *d,
                              cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t *algorithm, void *workspace,
                              size_t workspace_bytes, cudaStream_t stream)
{
    const struct work w = {{*product, *a_layout, *b_layout, *d_layout, 0, {0}},
                           a,
                           b,
                           d,
                           workspace_bytes ? workspace : NULL};
    const uint64_t size = size_of(a_layout->type), m = d_layout->rows, n = d_layout->cols;
    const cudaError_t error = cuda_cpu_enter();
    const bool fits = supported(&w.shape);

    if (!handle || c != d || c_layout != d_layout || !is(alpha, product->scale, 1) ||
        !is(beta, product->scale, 0))
        cuda_cpu_break("a product without a handle, or one that adds to C");
    if (fits &&
        (!cuda_cpu_on_device(a, ((m - 1) * (uint64_t)a_layout->ld + a_layout->rows) * size) ||
         !cuda_cpu_on_device(b, ((n - 1) * (uint64_t)b_layout->ld + b_layout->rows) * size) ||
         !cuda_cpu_on_device(d, ((n - 1) * (uint64_t)d_layout->ld + m) * 4)))
        cuda_cpu_break("a matrix that is not all memory of the device");
    if (!error && fits) {
        if (algorithm)
            check_choice(&w, algorithm, workspace_bytes);
        if (w.workspace)
            check_owner(workspace, stream);
        cuda_cpu.chosen += algorithm != NULL;
        cuda_cpu.unchosen += algorithm == NULL;
        cuda_cpu_push(stream, multiply, &w, sizeof w);
    }
    (void)cuda_cpu_leave(cudaSuccess);
    return error  ? cuda_cpu_status(error)
           : fits ? CUBLAS_STATUS_SUCCESS
                  : CUBLAS_STATUS_NOT_SUPPORTED;
}
