/*
 * fake_cuda.c - kernels/cuda/cuda.h without a GPU
 *
 * What is queued on a stream is done when that stream is waited for, and not before: a buffer that
 * is filled again too early, or a stream that does not wait for the other, gives wrong numbers.
 * Eager does the opposite: everything at once.  Sizes are checked against what was allocated.
 * Products of floats are the CPU's chain of fmaf, so that all results are equal to the CPU's.
 */
#include "tests/unit/fake_cuda.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCKS 256
#define QUEUED 4096

struct fake_cuda fake_cuda;

/* Memory of the device. */
static struct block {
    char *memory;
    uint64_t bytes;
} blocks[BLOCKS];

/* Something that a stream has still to do; an engine is one thread's. */
static _Thread_local struct work {
    void (*run)(const void *args);
    char args[160];
} queue[Q8_CUDA_STREAMS][QUEUED];
static _Thread_local unsigned queued[Q8_CUDA_STREAMS];

/* Of all but the queues. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void run_stream(unsigned stream)
{
    for (unsigned i = 0; i < queued[stream]; i++)
        queue[stream][i].run(queue[stream][i].args);
    queued[stream] = 0;
}

void fake_cuda_push(unsigned stream, void (*run)(const void *), const void *args, size_t size)
{
    struct work *w = &queue[stream][queued[stream]++];

    if (size > sizeof w->args || queued[stream] == QUEUED)
        abort();
    w->run = run;
    memcpy(w->args, args, size);
    if (fake_cuda.eager)
        run_stream(stream);
}

int fake_cuda_fails(struct q8_cuda *c)
{
    const uint64_t n = __atomic_add_fetch(&fake_cuda.calls, 1, __ATOMIC_RELAXED);
    const uint64_t at = fake_cuda.fail_at;

    if (at == 0 || n < at || n >= at + (fake_cuda.fail_times ? fake_cuda.fail_times : 1))
        return Q8_CUDA_OK;
    snprintf(c->text, sizeof c->text, "call %llu fails", (unsigned long long)n);
    return fake_cuda.fail_with;
}

void fake_cuda_fault(const char *what)
{
    __atomic_add_fetch(&fake_cuda.faults, 1, __ATOMIC_RELAXED);
    printf("fake_cuda: %s\n", what);
}

/* The block that `bytes` bytes lie in, copied; one of no memory: none. */
static struct block find_block(const void *at, uint64_t bytes)
{
    struct block found = {NULL, 0};

    (void)pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < BLOCKS; i++)
        if (blocks[i].memory && (const char *)at >= blocks[i].memory &&
            (const char *)at + bytes <= blocks[i].memory + blocks[i].bytes)
            found = blocks[i];
    (void)pthread_mutex_unlock(&lock);
    return found;
}

const void *fake_cuda_start(const void *at)
{
    return find_block(at, 1).memory;
}

void fake_cuda_need(const void *at, uint64_t bytes, const char *what)
{
    if (bytes && !find_block(at, bytes).memory)
        fake_cuda_fault(what);
}

int q8_cuda_count(int *ret, char text[Q8_CUDA_TEXT])
{
    *ret = fake_cuda.old_driver ? 0 : fake_cuda.devices;
    snprintf(text, Q8_CUDA_TEXT, "%s",
             fake_cuda.old_driver ? "an old driver"
             : fake_cuda.devices  ? ""
                                  : "this is the fake");
    return *ret ? Q8_CUDA_OK : fake_cuda.old_driver ? Q8_CUDA_FAULT : Q8_CUDA_NONE;
}

int q8_cuda_open(struct q8_cuda *c, int device)
{
    int code;

    memset(c, 0, sizeof *c);
    c->device = device;
    code = fake_cuda_fails(c);
    if (code)
        return code;
    snprintf(c->name, sizeof c->name, "Fake %d", device);
    c->major = 9;
    c->memory = c->free = fake_cuda.memory;
    c->stream[0] = c;
    fake_cuda.open++;
    return Q8_CUDA_OK;
}

void q8_cuda_close(struct q8_cuda *c)
{
    if (!c->stream[0])
        return;
    c->stream[0] = NULL;
    fake_cuda.open--;
    for (unsigned i = 0; i < Q8_CUDA_STREAMS; i++)
        queued[i] = 0;
}

/* Nobody may touch it; and filling it would only take time. */
static void *take_workspace(void)
{
    void *memory = mmap(NULL, Q8_CUDA_WORKSPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static int take_block(struct q8_cuda *c, void **ret, uint64_t bytes)
{
    unsigned i = 0;

    if (bytes > fake_cuda.memory - fake_cuda.used) {
        snprintf(c->text, sizeof c->text, "out of fake memory");
        return Q8_CUDA_MEMORY;
    }
    while (blocks[i].memory)
        i++;
    blocks[i].bytes = bytes;
    blocks[i].memory = bytes == Q8_CUDA_WORKSPACE ? take_workspace() : calloc(1, bytes ? bytes : 1);
    fake_cuda.blocks++;
    fake_cuda.used += bytes;
    fake_cuda.most = fake_cuda.used > fake_cuda.most ? fake_cuda.used : fake_cuda.most;
    *ret = blocks[i].memory;
    return Q8_CUDA_OK;
}

int q8_cuda_alloc(struct q8_cuda *c, void **ret, uint64_t bytes)
{
    int code = fake_cuda_fails(c);

    if (code)
        return code;
    (void)pthread_mutex_lock(&lock);
    code = take_block(c, ret, bytes);
    (void)pthread_mutex_unlock(&lock);
    return code;
}

/* What is queued is lost, as after a fault. */
static void give_block(struct block *b)
{
    for (unsigned s = 0; s < Q8_CUDA_STREAMS; s++)
        queued[s] = 0;
    if (b->bytes == Q8_CUDA_WORKSPACE)
        (void)munmap(b->memory, Q8_CUDA_WORKSPACE);
    else
        free(b->memory);
    fake_cuda.blocks--;
    fake_cuda.used -= b->bytes;
    *b = (struct block){NULL, 0};
}

void q8_cuda_free(struct q8_cuda *c, void *memory)
{
    bool found = memory == NULL;

    (void)c;
    (void)pthread_mutex_lock(&lock);
    for (unsigned i = 0; !found && i < BLOCKS; i++)
        if (blocks[i].memory == memory) {
            found = true;
            give_block(&blocks[i]);
        }
    (void)pthread_mutex_unlock(&lock);
    if (!found)
        fake_cuda_fault("free of what was never taken");
}

int q8_cuda_pin(struct q8_cuda *c, void **ret, uint64_t bytes)
{
    int code = fake_cuda_fails(c);

    if (code)
        return code;
    *ret = malloc(bytes ? bytes : 1);
    fake_cuda.pinned++;
    return Q8_CUDA_OK;
}

void q8_cuda_unpin(struct q8_cuda *c, void *memory)
{
    (void)c;
    fake_cuda.pinned -= memory != NULL;
    free(memory);
}

struct copy {
    char *to;
    const char *from;
    struct q8_cuda_block block;
};

static void run_put(const void *args)
{
    const struct copy *a = args;

    memcpy(a->to, a->from, a->block.width);
}

int q8_cuda_put(struct q8_cuda *c, unsigned stream, void *device, const void *host, uint64_t bytes)
{
    const struct copy a = {device, host, {bytes, 1, bytes, bytes}};

    fake_cuda_need(device, bytes, "put");
    fake_cuda_push(stream, run_put, &a, sizeof a);
    return fake_cuda_fails(c);
}

static void run_get(const void *args)
{
    const struct copy *a = args;

    for (uint64_t r = 0; r < a->block.height; r++)
        memcpy(a->to + r * a->block.host_pitch, a->from + r * a->block.device_pitch,
               a->block.width);
}

int q8_cuda_get(struct q8_cuda *c, unsigned stream, void *host, const void *device,
                const struct q8_cuda_block *b)
{
    const struct copy a = {host, device, *b};

    if (b->width && b->height) {
        if (b->width > b->host_pitch || b->width > b->device_pitch)
            fake_cuda_fault("get: rows overlap");
        fake_cuda_need(device, (b->height - 1) * b->device_pitch + b->width, "get");
        fake_cuda_push(stream, run_get, &a, sizeof a);
    }
    return fake_cuda_fails(c);
}

static void run_zero(const void *args)
{
    const struct copy *a = args;

    memset(a->to, 0, a->block.width);
}

int q8_cuda_zero(struct q8_cuda *c, unsigned stream, void *device, uint64_t bytes)
{
    const struct copy a = {device, NULL, {bytes, 1, bytes, bytes}};

    fake_cuda_need(device, bytes, "zero");
    fake_cuda_push(stream, run_zero, &a, sizeof a);
    return fake_cuda_fails(c);
}

int q8_cuda_wait(struct q8_cuda *c, unsigned stream)
{
    run_stream(stream);
    return fake_cuda_fails(c);
}

int q8_cuda_join(struct q8_cuda *c, unsigned stream, unsigned other)
{
    (void)stream;
    run_stream(other);
    return fake_cuda_fails(c);
}
