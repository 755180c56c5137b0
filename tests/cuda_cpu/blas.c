/* blas.c - cuBLASLt on the CPU: the library, and descriptions of products */
#include "tests/cuda_cpu/blas_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cublasStatus_t cuda_cpu_status(cudaError_t error)
{
    return error == cudaErrorMemoryAllocation ? CUBLAS_STATUS_ALLOC_FAILED
           : error                            ? CUBLAS_STATUS_EXECUTION_FAILED
                                              : CUBLAS_STATUS_SUCCESS;
}

/* A copy of an object, zeroed where it has no value; NULL where the call is one that fails. */
static cublasStatus_t make(void *ret, const void *value, size_t size)
{
    const cudaError_t error = cuda_cpu_enter();
    void *made = error ? NULL : malloc(size);

    if (made) {
        memcpy(made, value, size);
        memcpy(ret, &made, sizeof made);
        cuda_cpu.objects++;
    }
    (void)cuda_cpu_leave(cudaSuccess);
    return cuda_cpu_status(error);
}

static cublasStatus_t drop(void *object)
{
    (void)cuda_cpu_enter();
    free(object);
    cuda_cpu.objects--;
    (void)cuda_cpu_leave(cudaSuccess);
    return CUBLAS_STATUS_SUCCESS;
}

/* ---- the library ---- */

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
#define ROW(name) {#name, (void (*)(void))name},

void *cuda_cpu_dlopen(const char *name, int flags)
{
    int major;

    (void)flags;
    if (sscanf(name, "libcublasLt.so.%d", &major) != 1)
        cuda_cpu_break("dlopen of %s", name);
    if (!(cuda_cpu.libraries >> major & 1))
        return NULL;
    cuda_cpu.library = major;
    cuda_cpu.objects++;
    return &cuda_cpu;
}

void *cuda_cpu_dlsym(void *library, const char *name)
{
    static const struct {
        const char *name;
        void (*call)(void);
    } calls[] = {EACH_CALL(ROW)};
    void *call = NULL;

    for (unsigned i = 0; library == &cuda_cpu && i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, name) == 0)
            memcpy(&call, &calls[i].call, sizeof call);
    return call;
}

int cuda_cpu_dlclose(void *library)
{
    cuda_cpu.objects -= library == &cuda_cpu;
    return library != &cuda_cpu;
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *ret)
{
    const struct cuda_cpu_handle handle = {cuda_cpu.library};

    if (cuda_cpu.dead_libraries >> cuda_cpu.library & 1)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    return make(ret, &handle, sizeof handle);
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    return drop(handle);
}

const char *cublasLtGetStatusString(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_NOT_SUPPORTED     ? "CUBLAS_STATUS_NOT_SUPPORTED"
           : status == CUBLAS_STATUS_NOT_INITIALIZED ? "CUBLAS_STATUS_NOT_INITIALIZED"
                                                     : "a status of the CPU's cuBLASLt";
}

/* ---- descriptions ---- */

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *ret, cublasComputeType_t compute,
                                        cudaDataType_t scale)
{
    const struct cuda_cpu_product product = {compute, scale, {CUBLAS_OP_N, CUBLAS_OP_N}};

    return make(ret, &product, sizeof product);
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t product)
{
    return drop(product);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t product,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t bytes)
{
    const int side = attribute == CUBLASLT_MATMUL_DESC_TRANSB;

    if (bytes != sizeof product->turn[side])
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(&product->turn[side], value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *ret, cudaDataType type,
                                          uint64_t rows, uint64_t cols, int64_t ld)
{
    const struct cuda_cpu_layout layout = {type, rows, cols, ld};

    return make(ret, &layout, sizeof layout);
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout)
{
    return drop(layout);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *ret)
{
    const struct cuda_cpu_preference preference = {0, {256, 256, 256, 256}};

    return make(ret, &preference, sizeof preference);
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
    return drop(preference);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t bytes)
{
    const int first = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;

    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) {
        if (bytes != sizeof preference->workspace)
            return CUBLAS_STATUS_INVALID_VALUE;
        memcpy(&preference->workspace, value, bytes);
        return CUBLAS_STATUS_SUCCESS;
    }
    if (bytes != sizeof *preference->alignment)
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(&preference->alignment[(int)attribute - first], value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}
