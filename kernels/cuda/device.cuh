/* device.cuh - what the .cu files share: turning CUDA's codes into ours, sizes of launches */
#ifndef Q8_CUDA_DEVICE_CUH
#define Q8_CUDA_DEVICE_CUH

#include "kernels/cuda/cuda.h"
#include "kernels/cuda/numbers.cuh"

#include <cuda_runtime.h>

/* 0, or the code of the error, with `what` and CUDA's words in c->text. */
int q8_cuda_check(struct q8_cuda *c, cudaError_t error, const char *what);

/* The calling thread turns to the device of c; what it left behind is not ours. */
int q8_cuda_enter(struct q8_cuda *c);

/* The outcome of a launch. */
static inline int launched(struct q8_cuda *c, const char *what)
{
    return q8_cuda_check(c, cudaGetLastError(), what);
}

static inline cudaStream_t stream_of(const struct q8_cuda *c, unsigned stream)
{
    return (cudaStream_t)c->stream[stream];
}

/* The first element of this thread, and how far the next one is. */
static __device__ __forceinline__ uint64_t first_element(void)
{
    return (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

static __device__ __forceinline__ uint64_t next_element(void)
{
    return (uint64_t)gridDim.x * blockDim.x;
}

#endif
