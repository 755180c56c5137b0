/*
 * cuda_runtime.h - what kernels/cuda uses of CUDA's header of that name, on the CPU
 *
 * Names, values and rules are those of the CUDA 13 runtime API and C++ programming guide.  As C the
 * file has the functions alone; as C++ it also turns a kernel into a function that reads its place
 * from cuda_cpu_here, and a launch into a call.
 */
#ifndef Q8_CUDA_CPU_RUNTIME_H
#define Q8_CUDA_CPU_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define CUDA_CPU_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CUDA_CPU_ASAN
#endif
#endif

#define CUDART_VERSION 13000

enum cudaError {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorInvalidPitchValue = 12,
    cudaErrorInsufficientDriver = 35,
    cudaErrorDevicesUnavailable = 46,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidDevice = 101,
    cudaErrorNoKernelImageForDevice = 209,
    cudaErrorUnsupportedPtxVersion = 222,
    cudaErrorIllegalAddress = 700,
    cudaErrorSystemNotReady = 802,
    cudaErrorSystemDriverMismatch = 803
};
typedef enum cudaError cudaError_t;
typedef struct cuda_cpu_stream *cudaStream_t; /* NULL: the default stream */
typedef struct cuda_cpu_event *cudaEvent_t;
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };

#define cudaStreamNonBlocking 1
#define cudaEventDisableTiming 2

struct cudaDeviceProp {
    char name[256];
    int major, minor;
};

struct cudaFuncAttributes {
    int binaryVersion;
};

/* Threads of a block, blocks of a grid; an index of one. */
struct cuda_cpu_size {
    unsigned x, y, z;
};

/* Where a thread of the device is. */
struct cuda_cpu_place {
    struct cuda_cpu_size thread, block, threads, blocks;
};

/* A launch. */
struct cuda_cpu_grid {
    const char *name; /* of the kernel */
    struct cuda_cpu_size blocks, threads;
    size_t shared; /* bytes asked for at the launch */
    cudaStream_t stream;
};

enum cuda_cpu_shuffle { CUDA_CPU_XOR, CUDA_CPU_DOWN };

#ifdef __cplusplus
extern "C" {
#endif

cudaError_t cudaGetLastError(void);
const char *cudaGetErrorString(cudaError_t error);
const char *cudaGetErrorName(cudaError_t error);
cudaError_t cudaDriverGetVersion(int *ret);
cudaError_t cudaGetDeviceCount(int *ret);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *ret, int device);
cudaError_t cudaMemGetInfo(size_t *ret_free, size_t *ret_total);
cudaError_t cudaDeviceSynchronize(void);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *ret, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *ret, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);

cudaError_t cudaMalloc(void **ret, size_t bytes);
cudaError_t cudaFree(void *memory);
cudaError_t cudaMallocHost(void **ret, size_t bytes);
cudaError_t cudaFreeHost(void *memory);
cudaError_t cudaMemset(void *device, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void *device, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream);

/* What the macros below become. */
extern const struct cuda_cpu_place *cuda_cpu_here;
cudaError_t cuda_cpu_attributes(struct cudaFuncAttributes *ret);
void cuda_cpu_barrier(int line);
uint64_t cuda_cpu_exchange(int line, uint32_t mask, uint64_t value, enum cuda_cpu_shuffle kind,
                           int distance, int width);

/* Queues a kernel: run is called with a copy of `body` as each of the threads. */
void cuda_cpu_launch(const struct cuda_cpu_grid *grid, void (*run)(const void *body),
                     const void *body, size_t size);

#ifdef __cplusplus
}

#include <string.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#ifdef CUDA_CPU_ASAN /* which guards the ends of static arrays, but not in such a section */
#define __shared__ static
#else
#define __shared__ static __attribute__((section("cuda_shared")))
#endif

#define threadIdx (cuda_cpu_here->thread)
#define blockIdx (cuda_cpu_here->block)
#define blockDim (cuda_cpu_here->threads)
#define gridDim (cuda_cpu_here->blocks)
#define __syncthreads() cuda_cpu_barrier(__LINE__)
#define __shfl_xor_sync(...) cuda_cpu_move(__LINE__, CUDA_CPU_XOR, __VA_ARGS__)
#define __shfl_down_sync(...) cuda_cpu_move(__LINE__, CUDA_CPU_DOWN, __VA_ARGS__)

struct dim3 : cuda_cpu_size {
    dim3(unsigned x, unsigned y = 1, unsigned z = 1) : cuda_cpu_size{x, y, z}
    {
    }
};

template <class T> static inline T min(T a, T b)
{
    return b < a ? b : a;
}

template <class T> static inline T max(T a, T b)
{
    return a < b ? b : a;
}

template <class T>
static inline T cuda_cpu_move(int line, cuda_cpu_shuffle kind, uint32_t mask, T value, int distance,
                              int width = 32)
{
    uint64_t bits = 0;

    static_assert(sizeof value <= sizeof bits, "a shuffle moves up to 8 bytes");
    memcpy(&bits, &value, sizeof value);
    bits = cuda_cpu_exchange(line, mask, bits, kind, distance, width);
    memcpy(&value, &bits, sizeof value);
    return value;
}

template <class Kernel>
static inline cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *ret, Kernel *)
{
    return cuda_cpu_attributes(ret);
}

/* kernel<<<grid, threads, shared, stream>>>(parameters), which launches.awk writes as two calls. */
template <class... P> struct cuda_cpu_call {
    void (*kernel)(P...);
    cuda_cpu_grid grid;

    template <class Body> static void run(const void *body)
    {
        (*(const Body *)body)();
    }

    void operator()(P... p) const /* parameters are copied at the launch */
    {
        const auto body = [k = kernel, p...] { k(p...); };

        cuda_cpu_launch(&grid, run<decltype(body)>, &body, sizeof body);
    }
};

template <class... P>
static inline cuda_cpu_call<P...> cuda_cpu_configure(const char *name, void (*kernel)(P...),
                                                     dim3 blocks, dim3 threads, size_t shared,
                                                     cudaStream_t stream)
{
    return {kernel, {name, blocks, threads, shared, stream}};
}
#endif

#endif
