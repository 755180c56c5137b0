/* blas.cuh - cuBLASLt, which is looked for when a device is opened */
#ifndef Q8_CUDA_BLAS_CUH
#define Q8_CUDA_BLAS_CUH

#include "kernels/cuda/cuda.h"

/* Finds libcublasLt and makes a handle; Q8_CUDA_LIBRARY. */
int q8_cuda_blas_open(struct q8_cuda *c);

/* Releases them; accepts a device that has none. */
void q8_cuda_blas_close(struct q8_cuda *c);

#endif
