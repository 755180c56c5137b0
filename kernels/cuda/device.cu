/* device.cu - the device, its memory, its queues */
#include "kernels/cuda/device.cuh"

#include "kernels/cuda/blas.cuh"

#include <stdio.h>
#include <string.h>

int q8_cuda_check(struct q8_cuda *c, cudaError_t error, const char *what)
{
    if (error == cudaSuccess)
        return Q8_CUDA_OK;
    (void)cudaGetLastError(); /* or the next launch would report it */
    snprintf(c->text, sizeof c->text, "%s: %s (%s)", what, cudaGetErrorString(error),
             cudaGetErrorName(error));
    switch (error) {
    case cudaErrorMemoryAllocation: return Q8_CUDA_MEMORY;
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorInvalidDevice:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorDevicesUnavailable: return Q8_CUDA_NONE;
    default: return Q8_CUDA_FAULT;
    }
}

/* A failure that changes nothing for the caller; the next launch would report it. */
static void ignore(cudaError_t error)
{
    if (error != cudaSuccess)
        (void)cudaGetLastError();
}

int q8_cuda_enter(struct q8_cuda *c)
{
    return q8_cuda_check(c, cudaSetDevice(c->device), "turning to the device");
}

int q8_cuda_count(int *ret, char text[Q8_CUDA_TEXT])
{
    const cudaError_t error = cudaGetDeviceCount(ret);
    int driver = 0;

    text[0] = 0;
    if (error == cudaSuccess && *ret > 0)
        return Q8_CUDA_OK;
    *ret = 0;
    (void)cudaDriverGetVersion(&driver); /* 0: there is none */
    (void)cudaGetLastError();
    if (driver == 0)
        snprintf(text, Q8_CUDA_TEXT,
                 "there is no driver (nvidia-smi asks it); q8 wants one of CUDA %d or later",
                 CUDART_VERSION / 1000);
    else if (error == cudaSuccess || error == cudaErrorNoDevice)
        snprintf(text, Q8_CUDA_TEXT,
                 "the driver lists none (see nvidia-smi, and what CUDA_VISIBLE_DEVICES hides)");
    else
        snprintf(text, Q8_CUDA_TEXT,
                 "%s (error %d): the driver is that of CUDA %d.%d, and q8 was built with %d.%d",
                 cudaGetErrorString(error), (int)error, driver / 1000, driver % 1000 / 10,
                 CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    return driver == 0 || error == cudaSuccess || error == cudaErrorNoDevice ? Q8_CUDA_NONE
                                                                             : Q8_CUDA_FAULT;
}

/* Any kernel: whether the build has code for the device. */
static __global__ void nothing(void)
{
}

static int open_streams(struct q8_cuda *c)
{
    for (unsigned i = 0; i < Q8_CUDA_STREAMS; i++) {
        cudaStream_t stream;
        const int code = q8_cuda_check(c, cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                                       "making a stream");

        if (code)
            return code;
        c->stream[i] = stream;
    }
    return q8_cuda_check(c,
                         cudaEventCreateWithFlags((cudaEvent_t *)&c->event, cudaEventDisableTiming),
                         "making an event");
}

static int open_device(struct q8_cuda *c)
{
    struct cudaFuncAttributes attributes;
    struct cudaDeviceProp properties;
    size_t left, all;
    int code = q8_cuda_enter(c);

    if (!code)
        code = q8_cuda_check(c, cudaGetDeviceProperties(&properties, c->device), "its properties");
    if (code)
        return code;
    snprintf(c->name, sizeof c->name, "%s", properties.name);
    c->major = properties.major;
    c->minor = properties.minor;
    code = q8_cuda_check(c, cudaFuncGetAttributes(&attributes, nothing), "code for this device");
    if (!code)
        code = q8_cuda_check(c, cudaMemGetInfo(&left, &all), "its memory");
    if (code)
        return code;
    c->memory = all;
    c->free = left;
    code = open_streams(c);
    return code ? code : q8_cuda_blas_open(c);
}

int q8_cuda_open(struct q8_cuda *c, int device)
{
    int code;

    memset(c, 0, sizeof *c);
    c->device = device;
    code = open_device(c);
    if (code)
        q8_cuda_close(c);
    return code;
}

void q8_cuda_close(struct q8_cuda *c)
{
    if (!c->stream[0])
        return;
    ignore(cudaSetDevice(c->device));
    q8_cuda_blas_close(c);
    for (unsigned i = 0; i < Q8_CUDA_STREAMS; i++)
        if (c->stream[i])
            ignore(cudaStreamDestroy(stream_of(c, i)));
    if (c->event)
        ignore(cudaEventDestroy((cudaEvent_t)c->event));
    c->stream[0] = c->stream[1] = c->event = NULL;
}

int q8_cuda_alloc(struct q8_cuda *c, void **ret, uint64_t bytes)
{
    void *memory = NULL;
    int code = q8_cuda_enter(c);

    if (!code)
        code = q8_cuda_check(c, cudaMalloc(&memory, bytes ? bytes : 1), "device memory");
    if (!code)
        code = q8_cuda_check(c, cudaMemset(memory, 0, bytes ? bytes : 1), "zeroing memory");
    if (!code) /* the streams do not wait for the default one */
        code = q8_cuda_check(c, cudaDeviceSynchronize(), "zeroing memory");
    if (code && memory)
        ignore(cudaFree(memory));
    if (!code)
        *ret = memory;
    return code;
}

void q8_cuda_free(struct q8_cuda *c, void *memory)
{
    if (!memory)
        return;
    ignore(cudaSetDevice(c->device)); /* c->text still says why something else failed */
    ignore(cudaFree(memory));
}

int q8_cuda_pin(struct q8_cuda *c, void **ret, uint64_t bytes)
{
    int code = q8_cuda_enter(c);

    return code ? code
                : q8_cuda_check(c, cudaMallocHost(ret, bytes ? bytes : 1), "pinned host memory");
}

void q8_cuda_unpin(struct q8_cuda *c, void *memory)
{
    if (!memory)
        return;
    ignore(cudaSetDevice(c->device));
    ignore(cudaFreeHost(memory));
}

int q8_cuda_put(struct q8_cuda *c, unsigned stream, void *device, const void *host, uint64_t bytes)
{
    int code = q8_cuda_enter(c);

    return code ? code
                : q8_cuda_check(c,
                                cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice,
                                                stream_of(c, stream)),
                                "copying to the device");
}

int q8_cuda_get(struct q8_cuda *c, unsigned stream, void *host, const void *device,
                const struct q8_cuda_block *b)
{
    int code = q8_cuda_enter(c);

    if (code || b->width == 0 || b->height == 0)
        return code;
    return q8_cuda_check(c,
                         cudaMemcpy2DAsync(host, b->host_pitch, device, b->device_pitch, b->width,
                                           b->height, cudaMemcpyDeviceToHost, stream_of(c, stream)),
                         "copying from the device");
}

int q8_cuda_zero(struct q8_cuda *c, unsigned stream, void *device, uint64_t bytes)
{
    int code = q8_cuda_enter(c);

    return code ? code
                : q8_cuda_check(c, cudaMemsetAsync(device, 0, bytes, stream_of(c, stream)),
                                "zeroing memory");
}

int q8_cuda_wait(struct q8_cuda *c, unsigned stream)
{
    int code = q8_cuda_enter(c);

    return code ? code
                : q8_cuda_check(c, cudaStreamSynchronize(stream_of(c, stream)),
                                "waiting for the device");
}

int q8_cuda_join(struct q8_cuda *c, unsigned stream, unsigned other)
{
    const cudaEvent_t event = (cudaEvent_t)c->event;
    int code = q8_cuda_enter(c);

    if (!code)
        code = q8_cuda_check(c, cudaEventRecord(event, stream_of(c, other)), "marking a stream");
    return code ? code
                : q8_cuda_check(c, cudaStreamWaitEvent(stream_of(c, stream), event, 0),
                                "joining two streams");
}
