/*
 * checkcuda.c - compares every operation of kernels/cuda/cuda.h with the CPU
 *
 *     checkcuda [SEED] [--few] [--dump FOLDER]
 *
 * Exit status: 0, 1, or 77 where there is no GPU.
 */
#include "tests/gpu/gpu.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHOWN 20 /* wrong results that are printed */

struct gpu_shape gpu_shape(const struct gpu *g, unsigned i)
{
    static const struct gpu_shape shapes[] = {
        {1, 1, 1},        {1, 0, 1},      {1, 17, 3},      {2, 15, 16},     {3, 16, 15},
        {5, 33, 100},     {31, 64, 17},   {32, 127, 48},   {33, 300, 70},   {1, 4, 5000},
        {0, 0, 0},        {1, 4096, 128}, {17, 4096, 1},   {128, 4096, 64}, {100, 5003, 257},
        {512, 1024, 512}, {3, 131071, 5}, {64, 512, 5000}, {2000, 100, 50}, {0, 0, 0},
    };
    static const unsigned few = 10, all = sizeof shapes / sizeof *shapes;

    if (g->few)
        return shapes[i < few ? i : few];
    return shapes[i < few ? i : i + 1 < all ? i + 1 : all - 1];
}

void gpu_that(struct gpu *g, bool ok, const char *format, ...)
{
    va_list args;

    if (ok) {
        g->passed++;
        return;
    }
    if (g->failed++ >= SHOWN)
        return;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void gpu_ok(struct gpu *g, int code)
{
    if (code == Q8_CUDA_OK)
        return;
    printf("checkcuda: %s: %s\n", g->cuda.name, g->cuda.text);
    exit(1);
}

void *gpu_host(struct gpu *g, uint64_t count, uint64_t size)
{
    void *memory = q8_alloc(&g->mem, count, size, &g->err);

    if (!memory) {
        printf("checkcuda: %s\n", g->err.text);
        exit(1);
    }
    return memory;
}

void *gpu_take(struct gpu *g, uint64_t bytes)
{
    void **memory = &g->taken[g->takens++];

    gpu_ok(g, q8_cuda_alloc(&g->cuda, memory, bytes));
    return *memory;
}

void *gpu_put(struct gpu *g, const void *host, uint64_t bytes, uint64_t room)
{
    void *memory = gpu_take(g, room > bytes ? room : bytes);

    gpu_ok(g, q8_cuda_put(&g->cuda, 0, memory, host, bytes));
    gpu_ok(g, q8_cuda_wait(&g->cuda, 0));
    return memory;
}

void gpu_get(struct gpu *g, void *host, const void *device, uint64_t width, uint64_t pitch,
             uint64_t rows)
{
    const struct q8_cuda_block block = {width, rows, width, pitch};

    gpu_ok(g, q8_cuda_join(&g->cuda, 0, 1));
    gpu_ok(g, q8_cuda_get(&g->cuda, 0, host, device, &block));
    gpu_ok(g, q8_cuda_wait(&g->cuda, 0));
}

void gpu_clear(struct gpu *g)
{
    while (g->takens)
        q8_cuda_free(&g->cuda, g->taken[--g->takens]);
    q8_arena_clear(&g->mem);
}

/* splitmix64, https://prng.di.unimi.it/splitmix64.c */
uint32_t gpu_random(struct gpu *g)
{
    uint64_t z = g->random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (uint32_t)(z >> 32);
}

float gpu_uniform(struct gpu *g)
{
    return (float)(int32_t)gpu_random(g) * 0x1p-31f;
}

void gpu_codes(struct gpu *g, int8_t *ret, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        ret[i] = (int8_t)(gpu_random(g) & 0xff);
}

float gpu_round(enum q8_float type, float x)
{
    switch (type) {
    case Q8_FLOAT_F16: return q8_half_to_float(q8_float_to_half(x));
    case Q8_FLOAT_BF16: return q8_bf16_to_float(q8_float_to_bf16(x));
    default: return x;
    }
}

void gpu_floats(struct gpu *g, float *ret, uint64_t n, enum q8_float type, float scale)
{
    for (uint64_t i = 0; i < n; i++)
        ret[i] = gpu_round(type, gpu_uniform(g) * scale);
}

void *gpu_typed(struct gpu *g, const float *x, uint64_t rows, uint64_t cols, uint64_t pitch,
                enum q8_float type)
{
    const uint64_t size = type == Q8_FLOAT_F32 ? 4 : 2;
    char *typed = gpu_host(g, q8_cuda_tokens(rows) * pitch, size);

    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t c = 0; c < cols; c++) {
            const float value = x[r * cols + c];
            const uint16_t bits =
                type == Q8_FLOAT_F16 ? q8_float_to_half(value) : q8_float_to_bf16(value);

            memcpy(typed + (r * pitch + c) * size,
                   type == Q8_FLOAT_F32 ? (const void *)&value : &bits, size);
        }
    return gpu_put(g, typed, rows * pitch * size, q8_cuda_tokens(rows) * pitch * size);
}

void *gpu_padded(struct gpu *g, const int8_t *x, uint64_t rows, uint64_t cols, uint64_t pitch)
{
    int8_t *padded = gpu_host(g, q8_cuda_tokens(rows) * pitch, 1);

    for (uint64_t r = 0; r < rows; r++)
        memcpy(padded + r * pitch, x + r * cols, cols);
    return gpu_put(g, padded, rows * pitch, q8_cuda_tokens(rows) * pitch);
}

static int check_all(struct gpu *g)
{
    printf("seed %" PRIu64 ", %s, compute capability %d.%d\n", g->random, g->cuda.name,
           g->cuda.major, g->cuda.minor);
    gpu_check_quantize(g);
    gpu_check_multiply(g);
    gpu_check_products(g);
    gpu_check_engine(g);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", g->passed, g->failed);
    return g->failed > 0;
}

/* Whether there is a device; says why not. */
static bool open_device(struct gpu *g)
{
    char why[Q8_CUDA_TEXT];
    int count;

    if (q8_cuda_count(&count, why) != Q8_CUDA_OK) {
        printf("checkcuda: SKIPPED: no CUDA device: %s\n", why);
        return false;
    }
    gpu_ok(g, q8_cuda_open(&g->cuda, 0));
    return true;
}

int main(int argc, char **argv)
{
    static struct gpu g;
    const char *folder = NULL;
    int status = 0;

    g.random = (uint64_t)time(NULL);
    q8_arena_init(&g.mem, UINT64_MAX);
    q8_kernels_init(&g.kernels, q8_isa_detect(Q8_ISAS - 1));
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--few") == 0)
            g.few = true;
        else if (strcmp(argv[i], "--dump") == 0 && i + 1 < argc)
            folder = argv[++i];
        else
            g.random = strtoull(argv[i], NULL, 10);
    if (!open_device(&g))
        return 77;
    if (!folder)
        status = check_all(&g);
    else if (!gpu_dump(&g, folder)) {
        perror(folder);
        status = 1;
    }
    gpu_clear(&g);
    q8_cuda_close(&g.cuda);
    return status;
}
