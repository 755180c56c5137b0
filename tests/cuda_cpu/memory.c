/*
 * memory.c - a CUDA device on the CPU: memory and copies
 *
 * An allocation ends before a page that nobody may touch; what is between its end and that page
 * must stay as it was.  Memory of the device may be touched while the device works, and then alone.
 */
#include "tests/cuda_cpu/cuda_cpu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef CUDA_CPU_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)0)
#endif

#define ALLOCATIONS 256
#define PAGE UINT64_C(4096)
#define ALIGNMENT UINT64_C(256)   /* of cudaMalloc: the programming guide */
#define LARGE (UINT64_C(1) << 20) /* not filled: that would take most of the time */
#define FILLED 0xee               /* of memory that was never written */
#define BEHIND 0xc5               /* of what is between the end and the page */

struct allocation {
    char *at; /* NULL: none */
    uint64_t bytes, number;
    bool pinned; /* of the host */
};

static struct allocation allocations[ALLOCATIONS];

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* The pages of it. */
static char *pages(const struct allocation *a, uint64_t *ret_bytes)
{
    const uint64_t bytes = round_up(a->bytes, ALIGNMENT);

    *ret_bytes = round_up(bytes, PAGE);
    return a->at + bytes - *ret_bytes;
}

void cuda_cpu_expose(bool on)
{
    for (unsigned i = 0; i < ALLOCATIONS; i++)
        if (allocations[i].at && !allocations[i].pinned) {
            uint64_t bytes;
            char *start = pages(&allocations[i], &bytes);

            if (mprotect(start, bytes, on ? PROT_READ | PROT_WRITE : PROT_NONE))
                abort();
        }
}

static struct allocation *find(const void *at, uint64_t bytes)
{
    for (unsigned i = 0; i < ALLOCATIONS; i++) {
        struct allocation *a = &allocations[i];

        if (a->at && (const char *)at >= a->at && (const char *)at + bytes <= a->at + a->bytes)
            return a;
    }
    return NULL;
}

bool cuda_cpu_on_device(const void *at, uint64_t bytes)
{
    const struct allocation *a = find(at, bytes);

    return a && !a->pinned;
}

uint64_t cuda_cpu_block(const void *at)
{
    const struct allocation *a = find(at, 1);

    return a ? a->number : 0;
}

static void *take(uint64_t bytes, bool pinned)
{
    static uint64_t number;
    const uint64_t room = round_up(bytes, ALIGNMENT), size = round_up(room, PAGE);
    struct allocation *a = allocations;
    char *start =
        mmap(NULL, size + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    while (a->at)
        if (++a == allocations + ALLOCATIONS)
            cuda_cpu_break("%d allocations", ALLOCATIONS);
    if (start == MAP_FAILED || mprotect(start, size, PROT_READ | PROT_WRITE))
        abort();
    *a = (struct allocation){start + size - room, bytes, ++number, pinned};
    if (bytes < LARGE)
        memset(a->at, FILLED, bytes);
    memset(a->at + bytes, BEHIND, room - bytes);
    ASAN_POISON_MEMORY_REGION(a->at + bytes, room - bytes);
    if (!pinned && mprotect(start, size, PROT_NONE))
        abort();
    return a->at;
}

static void give(struct allocation *a)
{
    uint64_t bytes;
    char *start = pages(a, &bytes);

    if (mprotect(start, bytes, PROT_READ | PROT_WRITE))
        abort();
    ASAN_UNPOISON_MEMORY_REGION(start, bytes);
    for (uint64_t i = a->bytes; i < round_up(a->bytes, ALIGNMENT); i++)
        if ((unsigned char)a->at[i] != BEHIND)
            cuda_cpu_break("byte %llu of an allocation of %llu was written", (unsigned long long)i,
                           (unsigned long long)a->bytes);
    (void)munmap(start, bytes + PAGE);
    a->at = NULL;
}

cudaError_t cudaMalloc(void **ret, size_t bytes)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error && round_up(bytes, ALIGNMENT) > cuda_cpu.memory - cuda_cpu.used)
        error = cudaErrorMemoryAllocation;
    if (!error) {
        *ret = take(bytes, false);
        cuda_cpu.used += round_up(bytes, ALIGNMENT);
        cuda_cpu.blocks++;
    }
    return cuda_cpu_leave(error);
}

/* Waits for the device, as the real one does. */
cudaError_t cudaFree(void *memory)
{
    cudaError_t error = cuda_cpu_enter();
    struct allocation *a = find(memory, 1);

    if (!a || a->at != memory || a->pinned)
        cuda_cpu_break("cudaFree of what cudaMalloc did not give");
    cuda_cpu_finish_all();
    cuda_cpu.used -= round_up(a->bytes, ALIGNMENT);
    cuda_cpu.blocks--;
    give(a);
    return cuda_cpu_leave(error);
}

cudaError_t cudaMallocHost(void **ret, size_t bytes)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error) {
        *ret = take(bytes, true);
        cuda_cpu.pinned++;
    }
    return cuda_cpu_leave(error);
}

cudaError_t cudaFreeHost(void *memory)
{
    cudaError_t error = cuda_cpu_enter();
    struct allocation *a = find(memory, 1);

    if (!a || a->at != memory || !a->pinned)
        cuda_cpu_break("cudaFreeHost of what cudaMallocHost did not give");
    cuda_cpu_finish_all();
    cuda_cpu.pinned--;
    give(a);
    return cuda_cpu_leave(error);
}

/* A rectangle of bytes on its way. */
struct copy {
    char *to;
    const char *from;
    char *own; /* a copy of `from` that is freed; NULL: none */
    uint64_t to_pitch, from_pitch, width, height;
    int value; /* of a fill */
};

static void run_copy(const void *args)
{
    const struct copy *c = args;
    const char *from = c->own ? c->own : c->from;

    for (uint64_t r = 0; r < c->height; r++)
        memcpy(c->to + r * c->to_pitch, from + r * c->from_pitch, c->width);
    free(c->own);
}

static void run_fill(const void *args)
{
    const struct copy *c = args;

    memset(c->to, c->value, c->width);
}

/*
 * Pinned memory of the host is read and written when the stream comes to it.  Other memory was read
 * when the call returns, and was written: "API synchronization behavior" of the runtime's manual.
 */
static void queue_copy(struct copy c, enum cudaMemcpyKind kind, cudaStream_t stream)
{
    const bool up = kind == cudaMemcpyHostToDevice;
    const uint64_t to = (c.height - 1) * c.to_pitch + c.width;
    const uint64_t from = (c.height - 1) * c.from_pitch + c.width;
    const bool pinned = up ? find(c.from, from) != NULL : find(c.to, to) != NULL;

    if (!cuda_cpu_on_device(up ? c.to : c.from, up ? to : from))
        cuda_cpu_break("a copy of what is not memory of the device");
    if (cuda_cpu_on_device(up ? c.from : c.to, 1))
        cuda_cpu_break("a copy of what is not memory of the host");
    if (up && !pinned) {
        c.own = malloc(from);
        if (!c.own)
            abort();
        memcpy(c.own, c.from, from);
    }
    cuda_cpu_push(stream, run_copy, &c, sizeof c);
    if (!up && !pinned)
        cuda_cpu_finish(stream);
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error &&
        (width > to_pitch || width > from_pitch || to_pitch > INT32_MAX || from_pitch > INT32_MAX))
        error = cudaErrorInvalidPitchValue;
    if (!error && width && height)
        queue_copy((struct copy){.to = to,
                                 .from = from,
                                 .to_pitch = to_pitch,
                                 .from_pitch = from_pitch,
                                 .width = width,
                                 .height = height},
                   kind, stream);
    return cuda_cpu_leave(error);
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error && bytes)
        queue_copy((struct copy){.to = to, .from = from, .width = bytes, .height = 1}, kind,
                   stream);
    return cuda_cpu_leave(error);
}

static void queue_fill(void *device, int value, uint64_t bytes, cudaStream_t stream)
{
    const struct copy c = {.to = device, .width = bytes, .value = value};

    if (!cuda_cpu_on_device(device, bytes))
        cuda_cpu_break("a fill of what is not memory of the device");
    cuda_cpu_push(stream, run_fill, &c, sizeof c);
}

/* Large memory is zero as it is: q8 asks for this in an allocation alone. */
cudaError_t cudaMemset(void *device, int value, size_t bytes)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error && (bytes < LARGE || value))
        queue_fill(device, value, bytes, NULL);
    return cuda_cpu_leave(error);
}

cudaError_t cudaMemsetAsync(void *device, int value, size_t bytes, cudaStream_t stream)
{
    cudaError_t error = cuda_cpu_enter();

    if (!error)
        queue_fill(device, value, bytes, stream);
    return cuda_cpu_leave(error);
}
