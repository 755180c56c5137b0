/*
 * gpu_layers.c - products of the layers of Llama-7B and -70B on a GPU, by kernels/cuda/cuda.h
 *
 * For each layer [rows, cols] and number of tokens: cuBLASLt's int8 product alone, its product in
 * 16 bit, and what q8-verify does: codes of the activations, int8 product, scaling.  Median of
 * ROUNDS rounds, each of as many products as take about 20 ms, over weights that together are
 * larger than any cache.  TOPS: 2 * tokens * rows * cols over the time.
 *
 * Exit status: 77 where there is no GPU.
 */
#include "kernels/cuda/cuda.h"
#include "src/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 7
#define ROUND_SECONDS 0.02
#define DISTINCT (UINT64_C(512) << 20) /* bytes of weights that take turns */
#define CHUNK (UINT64_C(16) << 20)     /* of random bytes that they are filled with */

/* Dense peaks by their makers' datasheets, by a part of the device's name; TOPS and TFLOPS. */
static const struct peak {
    const char *name;
    double int8, half;
} peaks[] = {
    {"H200", 1979, 989.5},    {"H100 80GB HBM3", 1979, 989.5}, /* SXM */
    {"H100 PCIe", 1513, 756}, {"A100", 624, 312},
    {"T4", 130, 65},
};

static const struct layer {
    const char *name;
    uint64_t rows, cols;
} layers[] = {
    {"7B qkv", 12288, 4096},      {"7B o", 4096, 4096},      {"7B gate_up", 22016, 4096},
    {"7B down", 4096, 11008},     {"70B qkv", 10240, 8192},  {"70B o", 8192, 8192},
    {"70B gate_up", 57344, 8192}, {"70B down", 8192, 28672},
};

static const uint64_t tokens[] = {1, 16, 64, 128, 512, 2048, 8192};

/* Buffers of one layer at one number of tokens. */
struct bench {
    struct q8_cuda cuda;
    uint64_t tokens, rows, cols;
    uint64_t sets, turn;       /* weights that take turns */
    int8_t *x_codes, *w_codes; /* w: [sets, rows, cols] */
    void *x, *w;               /* in 16 bit */
    struct q8_cuda_line *x_line, *w_line;
    uint8_t *stands_out;
    void *sums, *y, *workspace;
};

static void ok(struct bench *b, int code)
{
    if (code) {
        printf("gpu_layers: %s\n", b->cuda.text);
        exit(1);
    }
}

static void *take(struct bench *b, uint64_t bytes)
{
    void *memory;

    ok(b, q8_cuda_alloc(&b->cuda, &memory, bytes));
    return memory;
}

/* Random numbers: zeros would run faster than real data. */
static void *fill(struct bench *b, uint64_t bytes, bool half)
{
    static uint16_t chunk[CHUNK / 2];
    static uint64_t random = 1;
    char *memory = take(b, bytes);

    for (uint64_t i = 0; i < CHUNK / 2; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        chunk[i] = half ? q8_float_to_half((float)(int32_t)(random >> 32) * 0x1p-31f)
                        : (uint16_t)(random >> 40);
    }
    for (uint64_t at = 0; at < bytes; at += CHUNK)
        ok(b,
           q8_cuda_put(&b->cuda, 0, memory + at, chunk, bytes - at < CHUNK ? bytes - at : CHUNK));
    ok(b, q8_cuda_wait(&b->cuda, 0));
    return memory;
}

static struct q8_cuda_product product_of(struct bench *b, bool int8)
{
    const uint64_t set = b->turn++ % b->sets * b->rows * b->cols;

    return (struct q8_cuda_product){.y = int8 ? b->sums : b->y,
                                    .x = int8 ? (void *)b->x_codes : b->x,
                                    .w = int8 ? (void *)(b->w_codes + set)
                                              : (void *)((uint16_t *)b->w + set),
                                    .tokens = b->tokens,
                                    .rows = b->rows,
                                    .pitch = b->cols,
                                    .stride = b->rows,
                                    .workspace = b->workspace};
}

static void run_int8(struct bench *b)
{
    const struct q8_cuda_product p = product_of(b, true);

    ok(b, q8_cuda_multiply_s8(&b->cuda, 0, &p));
}

static void run_half(struct bench *b)
{
    const struct q8_cuda_product p = product_of(b, false);

    ok(b, q8_cuda_multiply_float(&b->cuda, 0, &p, Q8_FLOAT_F16));
}

/* Without outlier columns. */
static void run_whole(struct bench *b)
{
    const struct q8_cuda_activations a = {.rule = Q8_CUDA_BNB,
                                          .type = Q8_FLOAT_F16,
                                          .x = b->x,
                                          .tokens = b->tokens,
                                          .cols = b->cols,
                                          .pitch = b->cols,
                                          .threshold = 6,
                                          .stands_out = b->stands_out,
                                          .codes = b->x_codes,
                                          .line = b->x_line};
    const struct q8_cuda_sums s = {.rule = Q8_CUDA_BNB,
                                   .type = Q8_FLOAT_F16,
                                   .sums = b->sums,
                                   .x = b->x_line,
                                   .w = b->w_line,
                                   .cols = b->cols,
                                   .y = b->y,
                                   .tokens = b->tokens,
                                   .rows = b->rows,
                                   .stride = b->rows};

    ok(b, q8_cuda_outliers(&b->cuda, 0, &a));
    ok(b, q8_cuda_quantize(&b->cuda, 0, &a));
    run_int8(b);
    ok(b, q8_cuda_scale(&b->cuda, 0, &s));
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double time_round(struct bench *b, void (*run)(struct bench *), unsigned n)
{
    const double begin = q8_now();

    for (unsigned i = 0; i < n; i++)
        run(b);
    ok(b, q8_cuda_wait(&b->cuda, 0));
    return (q8_now() - begin) / n;
}

/* Seconds for one. */
static double time_one(struct bench *b, void (*run)(struct bench *))
{
    double seconds[ROUNDS], first;
    unsigned n;

    (void)time_round(b, run, 3);
    first = time_round(b, run, 3);
    n = first < ROUND_SECONDS ? (unsigned)(ROUND_SECONDS / first) + 1 : 1;
    for (unsigned i = 0; i < ROUNDS; i++)
        seconds[i] = time_round(b, run, n);
    qsort(seconds, ROUNDS, sizeof *seconds, compare);
    return seconds[ROUNDS / 2];
}

static const struct peak *find_peak(const char *name)
{
    for (unsigned i = 0; i < sizeof peaks / sizeof *peaks; i++)
        if (strstr(name, peaks[i].name))
            return &peaks[i];
    return NULL;
}

static void print_share(double tops, double peak)
{
    if (peak > 0)
        printf(" %4.0f%%", 100 * tops / peak);
    else
        printf("     -");
}

static void bench_tokens(struct bench *b, const struct layer *l)
{
    const struct peak *peak = find_peak(b->cuda.name);
    const double work = 2 * (double)b->tokens * (double)l->rows * (double)l->cols / 1e12;
    const double int8 = time_one(b, run_int8), half = time_one(b, run_half);
    const double whole = time_one(b, run_whole);

    printf("%-12s %6llu %9.1f %7.1f", l->name, (unsigned long long)b->tokens, int8 * 1e6,
           work / int8);
    print_share(work / int8, peak ? peak->int8 : 0);
    printf(" %9.1f %7.1f", half * 1e6, work / half);
    print_share(work / half, peak ? peak->half : 0);
    printf(" %9.1f %7.1f %7.2f %7.2f\n", whole * 1e6, work / whole, int8 / whole, half / whole);
    (void)fflush(stdout);
}

static void bench_layer(struct bench *b, const struct layer *l)
{
    const uint64_t most = tokens[sizeof tokens / sizeof *tokens - 1], bytes = l->rows * l->cols;

    b->rows = l->rows;
    b->cols = l->cols;
    b->sets = (DISTINCT + bytes - 1) / bytes;
    b->w_codes = fill(b, b->sets * bytes, false);
    b->w = fill(b, 2 * b->sets * bytes, true);
    b->x = fill(b, 2 * most * l->cols, true);
    b->x_codes = fill(b, most * l->cols, false);
    b->x_line = take(b, most * sizeof *b->x_line);
    b->w_line = take(b, l->rows * sizeof *b->w_line);
    b->stands_out = take(b, l->cols);
    b->sums = take(b, 4 * most * l->rows);
    b->y = take(b, 4 * most * l->rows);
    for (unsigned i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        b->tokens = tokens[i];
        bench_tokens(b, l);
    }
    q8_cuda_free(&b->cuda, b->w_codes);
    q8_cuda_free(&b->cuda, b->w);
    q8_cuda_free(&b->cuda, b->x);
    q8_cuda_free(&b->cuda, b->x_codes);
    q8_cuda_free(&b->cuda, b->x_line);
    q8_cuda_free(&b->cuda, b->w_line);
    q8_cuda_free(&b->cuda, b->stands_out);
    q8_cuda_free(&b->cuda, b->sums);
    q8_cuda_free(&b->cuda, b->y);
}

int main(void)
{
    static struct bench b;
    char why[Q8_CUDA_TEXT];
    int count;

    if (q8_cuda_count(&count, why)) {
        printf("gpu_layers: SKIPPED: no CUDA device: %s\n", why);
        return 77;
    }
    ok(&b, q8_cuda_open(&b.cuda, 0));
    b.workspace = take(&b, Q8_CUDA_WORKSPACE);
    printf("%s, compute capability %d.%d; us, TOPS, share of the datasheet's dense peak%s\n",
           b.cuda.name, b.cuda.major, b.cuda.minor,
           find_peak(b.cuda.name) ? "" : " (not known for this device)");
    printf("%-12s %6s | %27s | %26s | %s\n", "layer", "tokens", "cuBLASLt int8 alone",
           "cuBLASLt fp16", "codes, int8, scaling: us, TOPS, speed by int8 alone, by fp16");
    for (unsigned i = 0; i < sizeof layers / sizeof *layers; i++)
        bench_layer(&b, &layers[i]);
    q8_cuda_free(&b.cuda, b.workspace);
    q8_cuda_close(&b.cuda);
    return 0;
}
