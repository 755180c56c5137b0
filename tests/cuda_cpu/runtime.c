/* runtime.c - a CUDA device on the CPU: devices, errors, chance */
#include "tests/cuda_cpu/cuda_cpu.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cuda_cpu cuda_cpu = {
    .devices = 1, .driver = 13000, .memory = UINT64_C(4) << 30, .libraries = 1 << 13};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local cudaError_t last;

/* The order of a run is that of its seed. */
__attribute__((constructor)) static void seed(void)
{
    const char *text = getenv("CUDA_CPU_SEED");

    cuda_cpu.random = text ? strtoull(text, NULL, 10) : 1;
}

void cuda_cpu_break(const char *format, ...)
{
    va_list args;

    fputs("cuda_cpu: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    (void)fflush(stdout);
    _exit(9);
}

/* splitmix64, https://prng.di.unimi.it/splitmix64.c */
uint64_t cuda_cpu_draw(uint64_t n)
{
    uint64_t z = cuda_cpu.random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % n;
}

cudaError_t cuda_cpu_enter(void)
{
    (void)pthread_mutex_lock(&lock);
    return ++cuda_cpu.calls == cuda_cpu.fail_at ? cuda_cpu.fail_with : cudaSuccess;
}

cudaError_t cuda_cpu_leave(cudaError_t error)
{
    if (error)
        last = error;
    (void)pthread_mutex_unlock(&lock);
    return error;
}

cudaError_t cudaGetLastError(void)
{
    const cudaError_t error = last;

    last = cudaSuccess;
    return error;
}

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInsufficientDriver:
        return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorSystemNotReady: return "system not yet initialized";
    default: return "an error of the CPU's CUDA";
    }
}

const char *cudaGetErrorName(cudaError_t error)
{
    static _Thread_local char name[32];

    (void)snprintf(name, sizeof name, "cudaError %d", (int)error);
    return name;
}

cudaError_t cudaDriverGetVersion(int *ret)
{
    *ret = cuda_cpu.driver;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *ret)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error)
        error = cuda_cpu.count_error;
    if (!error && cuda_cpu.devices == 0)
        error = cudaErrorNoDevice;
    if (!error)
        *ret = cuda_cpu.devices;
    return cuda_cpu_leave(error);
}

cudaError_t cudaSetDevice(int device)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error && (device < 0 || device >= cuda_cpu.devices))
        error = cudaErrorInvalidDevice;
    return cuda_cpu_leave(error);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *ret, int device)
{
    cudaError_t error = cuda_cpu_enter();

    (void)snprintf(ret->name, sizeof ret->name, "CPU %d", device);
    ret->major = 9;
    ret->minor = 0;
    return cuda_cpu_leave(error);
}

cudaError_t cuda_cpu_attributes(struct cudaFuncAttributes *ret)
{
    cudaError_t error = cuda_cpu_enter();

    ret->binaryVersion = 90;
    return cuda_cpu_leave(error);
}

cudaError_t cudaMemGetInfo(size_t *ret_free, size_t *ret_total)
{
    cudaError_t error = cuda_cpu_enter();

    *ret_free = cuda_cpu.memory - cuda_cpu.used;
    *ret_total = cuda_cpu.memory;
    return cuda_cpu_leave(error);
}

cudaError_t cudaDeviceSynchronize(void)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error)
        cuda_cpu_finish_all();
    return cuda_cpu_leave(error);
}

void cuda_cpu_launch(const struct cuda_cpu_grid *g, void (*run)(const void *), const void *body,
                     size_t size)
{
    const struct cuda_cpu_size b = g->blocks, t = g->threads;
    struct cuda_cpu_work work = {.grid = *g, .run = run};
    cudaError_t error = cuda_cpu_enter();

    if (b.x == 0 || b.y == 0 || b.z == 0 || b.x > 0x7fffffff || b.y > 65535 || b.z > 65535 ||
        t.x == 0 || t.y == 0 || t.z == 0 || (uint64_t)t.x * t.y * t.z > CUDA_CPU_CALLS_OF_A_BLOCK ||
        t.z > 64 || g->shared > 48 << 10)
        cuda_cpu_break("%s: a launch of (%u %u %u) blocks of (%u %u %u)", g->name, b.x, b.y, b.z,
                       t.x, t.y, t.z);
    if (size > sizeof work.body)
        cuda_cpu_break("%s: %zu bytes of parameters", g->name, size);
    memcpy(work.body, body, size);
    if (!error)
        cuda_cpu_push(g->stream, cuda_cpu_run, &work, sizeof work);
    (void)cuda_cpu_leave(error);
}
