/*
 * multiply.cu - products of matrices, by cuBLASLt
 *
 * The library is opened by name at run time, so that q8 starts where there is none.  For cuBLASLt,
 * which counts by columns, Y [tokens, rows] by rows is a matrix [rows, tokens], W is one that is
 * transposed and X one that is not: the "TN" that its int8 products want (cuBLAS 13 manual,
 * cublasLtMatmul: COMPUTE_32I, regular order).
 */
#include "kernels/cuda/blas.cuh"
#include "kernels/cuda/device.cuh"

#include <cublasLt.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define EACH_CALL(DO)                                                                              \
    DO(cublasLtCreate)                                                                             \
    DO(cublasLtDestroy)                                                                            \
    DO(cublasLtGetStatusString)                                                                    \
    DO(cublasLtMatmulDescCreate)                                                                   \
    DO(cublasLtMatmulDescDestroy)                                                                  \
    DO(cublasLtMatmulDescSetAttribute)                                                             \
    DO(cublasLtMatrixLayoutCreate)                                                                 \
    DO(cublasLtMatrixLayoutDestroy)                                                                \
    DO(cublasLtMatmulPreferenceCreate)                                                             \
    DO(cublasLtMatmulPreferenceDestroy)                                                            \
    DO(cublasLtMatmulPreferenceSetAttribute)                                                       \
    DO(cublasLtMatmulAlgoGetHeuristic)                                                             \
    DO(cublasLtMatmul)

#define NUMBER(name) CALL_##name,
#define NAME(name) #name,
#define CALL(c, name) ((decltype(&name))(c)->call[CALL_##name])

enum { EACH_CALL(NUMBER) CALLS };
static_assert(CALLS <= Q8_CUDA_CALLS, "struct q8_cuda has no room for all functions");
static_assert(sizeof(cublasLtMatmulAlgo_t) <= sizeof(((struct q8_cuda_plan *)0)->algorithm),
              "struct q8_cuda_plan has no room for the algorithm");

static int library_failed(struct q8_cuda *c, const char *what, cublasStatus_t status)
{
    snprintf(c->text, sizeof c->text, "%s: %s", what, CALL(c, cublasLtGetStatusString)(status));
    return status == CUBLAS_STATUS_ALLOC_FAILED       ? Q8_CUDA_MEMORY
           : status == CUBLAS_STATUS_EXECUTION_FAILED ? Q8_CUDA_FAULT
                                                      : Q8_CUDA_LIBRARY;
}

/* The library of that major version, and a handle of it. */
static int open_library(struct q8_cuda *c, int major)
{
    static const char *const names[] = {EACH_CALL(NAME)};
    cublasLtHandle_t handle;
    cublasStatus_t status;
    char library[32];

    snprintf(library, sizeof library, "libcublasLt.so.%d", major);
    c->library = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!c->library) {
        snprintf(c->text, sizeof c->text,
                 "no libcublasLt.so.13 (or .12) is in reach: install cuBLAS, or name its directory "
                 "in LD_LIBRARY_PATH");
        return Q8_CUDA_LIBRARY;
    }
    for (unsigned i = 0; i < CALLS; i++) {
        c->call[i] = dlsym(c->library, names[i]);
        if (!c->call[i]) {
            snprintf(c->text, sizeof c->text, "%s has no %s", library, names[i]);
            return Q8_CUDA_LIBRARY;
        }
    }
    status = CALL(c, cublasLtCreate)(&handle);
    if (status != CUBLAS_STATUS_SUCCESS)
        return library_failed(c, "starting cuBLASLt", status);
    c->blas = handle;
    return Q8_CUDA_OK;
}

/* The build's own first.  A driver may be too old for one of them, which opens all the same. */
int q8_cuda_blas_open(struct q8_cuda *c)
{
    static const int majors[] = {CUDART_VERSION / 1000, 13, 12};
    char why[Q8_CUDA_TEXT] = "";
    int code = Q8_CUDA_LIBRARY, first = 0;

    for (unsigned i = 0; i < sizeof majors / sizeof *majors; i++) {
        if (i > 0 && majors[i] == majors[0])
            continue;
        code = open_library(c, majors[i]);
        if (!code)
            return Q8_CUDA_OK;
        if (c->library && !first) { /* says more than that another one is not there */
            first = code;
            memcpy(why, c->text, sizeof why);
        }
        q8_cuda_blas_close(c);
    }
    if (first)
        memcpy(c->text, why, sizeof why);
    return first ? first : code;
}

void q8_cuda_blas_close(struct q8_cuda *c)
{
    if (c->blas)
        (void)CALL(c, cublasLtDestroy)((cublasLtHandle_t)c->blas);
    if (c->library)
        (void)dlclose(c->library);
    c->blas = c->library = NULL;
}

/* The types of a product. */
struct kind {
    cudaDataType_t operand, result, scale;
    cublasComputeType_t compute;
};

static const struct kind kinds[Q8_FLOATS + 1] = {
    {CUDA_R_16F, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F},
    {CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F},
    {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F},
    {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, CUBLAS_COMPUTE_32I},
};

/* cuBLASLt's descriptions of one product; a zeroed struct is none. */
struct description {
    cublasLtMatmulDesc_t product;
    cublasLtMatrixLayout_t w, x, y;
    cublasLtMatmulPreference_t preference;
};

static void drop(struct q8_cuda *c, struct description *d)
{
    if (d->preference)
        (void)CALL(c, cublasLtMatmulPreferenceDestroy)(d->preference);
    if (d->y)
        (void)CALL(c, cublasLtMatrixLayoutDestroy)(d->y);
    if (d->x)
        (void)CALL(c, cublasLtMatrixLayoutDestroy)(d->x);
    if (d->w)
        (void)CALL(c, cublasLtMatrixLayoutDestroy)(d->w);
    if (d->product)
        (void)CALL(c, cublasLtMatmulDescDestroy)(d->product);
}

static cublasStatus_t describe(struct q8_cuda *c, struct description *d, const struct kind *kind,
                               const struct q8_cuda_plan *plan)
{
    const cublasOperation_t transposed = CUBLAS_OP_T;
    const int64_t pitch = (int64_t)plan->k, stride = (int64_t)plan->stride;
    const uint64_t workspace = Q8_CUDA_WORKSPACE;
    const uint32_t alignment = Q8_CUDA_ALIGNMENT; /* the library assumes 256 bytes */
    cublasStatus_t status =
        CALL(c, cublasLtMatmulDescCreate)(&d->product, kind->compute, kind->scale);

    if (!status)
        status = CALL(c, cublasLtMatmulDescSetAttribute)(d->product, CUBLASLT_MATMUL_DESC_TRANSA,
                                                         &transposed, sizeof transposed);
    if (!status)
        status = CALL(c, cublasLtMatrixLayoutCreate)(&d->w, kind->operand, plan->k, plan->m, pitch);
    if (!status)
        status = CALL(c, cublasLtMatrixLayoutCreate)(&d->x, kind->operand, plan->k, plan->n, pitch);
    if (!status)
        status = CALL(c, cublasLtMatrixLayoutCreate)(&d->y, kind->result, plan->m, plan->n, stride);
    if (!status)
        status = CALL(c, cublasLtMatmulPreferenceCreate)(&d->preference);
    if (!status)
        status = CALL(c, cublasLtMatmulPreferenceSetAttribute)(
            d->preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace);
    if (!status)
        status = CALL(c, cublasLtMatmulPreferenceSetAttribute)(
            d->preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &alignment,
            sizeof alignment);
    if (!status)
        status = CALL(c, cublasLtMatmulPreferenceSetAttribute)(
            d->preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &alignment,
            sizeof alignment);
    return status;
}

/* The library's choice of an algorithm, which takes longer than a small product; it may be none. */
static void make_plan(struct q8_cuda *c, const struct description *d, struct q8_cuda_plan *plan)
{
    cublasLtMatmulHeuristicResult_t choice;
    int found = 0;
    const cublasStatus_t status =
        CALL(c, cublasLtMatmulAlgoGetHeuristic)((cublasLtHandle_t)c->blas, d->product, d->w, d->x,
                                                d->y, d->y, d->preference, 1, &choice, &found);

    plan->chosen =
        status == CUBLAS_STATUS_SUCCESS && found > 0 && choice.state == CUBLAS_STATUS_SUCCESS;
    if (plan->chosen)
        memcpy(plan->algorithm, &choice.algo, sizeof choice.algo);
}

static int run(struct q8_cuda *c, unsigned stream, const struct q8_cuda_product *p, unsigned type,
               const struct description *d)
{
    const float one = 1, none = 0;
    const int32_t whole_one = 1, whole_none = 0;
    const bool whole = type == Q8_FLOATS, chosen = c->plan[type].chosen;
    cublasLtMatmulAlgo_t algorithm;
    cublasStatus_t status;

    memcpy(&algorithm, c->plan[type].algorithm, sizeof algorithm);
    status = CALL(c, cublasLtMatmul)(
        (cublasLtHandle_t)c->blas, d->product,
        whole ? (const void *)&whole_one : (const void *)&one, p->w, d->w, p->x, d->x,
        whole ? (const void *)&whole_none : (const void *)&none, p->y, d->y, p->y, d->y,
        chosen ? &algorithm : NULL, chosen ? p->workspace : NULL, chosen ? Q8_CUDA_WORKSPACE : 0,
        stream_of(c, stream));
    return status ? library_failed(c, "multiplying", status) : launched(c, "multiplying");
}

static int multiply(struct q8_cuda *c, unsigned stream, const struct q8_cuda_product *p,
                    unsigned type)
{
    struct q8_cuda_plan *plan = &c->plan[type];
    struct q8_cuda_plan next = {
        q8_cuda_rows(p->rows), q8_cuda_tokens(p->tokens), p->pitch, p->stride, {0}, false};
    struct description d = {NULL, NULL, NULL, NULL, NULL};
    cublasStatus_t status;
    int code = q8_cuda_enter(c);

    if (code || p->rows == 0 || p->tokens == 0)
        return code;
    status = describe(c, &d, &kinds[type], &next);
    if (status)
        code = library_failed(c, "describing a product", status);
    if (!code && (plan->m != next.m || plan->n != next.n || plan->k != next.k ||
                  plan->stride != next.stride)) {
        make_plan(c, &d, &next);
        *plan = next;
    }
    if (!code)
        code = run(c, stream, p, type, &d);
    if (code == Q8_CUDA_LIBRARY && plan->chosen) { /* as PyTorch has it multiply int8 */
        plan->chosen = false;
        code = run(c, stream, p, type, &d);
    }
    drop(c, &d);
    return code;
}

int q8_cuda_multiply_s8(struct q8_cuda *c, unsigned stream, const struct q8_cuda_product *p)
{
    return multiply(c, stream, p, Q8_FLOATS);
}

int q8_cuda_multiply_float(struct q8_cuda *c, unsigned stream, const struct q8_cuda_product *p,
                           enum q8_float type)
{
    return multiply(c, stream, p, type);
}
