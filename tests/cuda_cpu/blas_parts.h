/* blas_parts.h - what the files of cuBLASLt on the CPU share */
#ifndef Q8_CUDA_CPU_BLAS_PARTS_H
#define Q8_CUDA_CPU_BLAS_PARTS_H

#include "tests/cuda_cpu/cublasLt.h"
#include "tests/cuda_cpu/cuda_cpu.h"

struct cuda_cpu_handle {
    int major;
};

struct cuda_cpu_product {
    cublasComputeType_t compute;
    cudaDataType_t scale;
    cublasOperation_t turn[2];
};

struct cuda_cpu_layout {
    cudaDataType_t type;
    uint64_t rows, cols; /* by columns */
    int64_t ld;
};

struct cuda_cpu_preference {
    uint64_t workspace;
    uint32_t alignment[4];
};

/* The status that an injected error becomes. */
cublasStatus_t cuda_cpu_status(cudaError_t error);

#endif
