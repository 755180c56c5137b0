/*
 * gemm.c - rates of the products of matrices, one thread, against oneDNN and OpenBLAS
 *
 *   gemm [int8|f32 [M]]    both, and all numbers of rows of X, without a word
 *
 * The peak is that of a loop of nothing but vpdpbusd (float: vfmadd) on registers of 512 bits.
 * All that is compared on a shape runs in turns, and the best turn of each counts, in time of this
 * thread, so that other programs disturb little.
 */
#include "kernels/kernels.h"
#include "tests/bench/gemm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define M_MOST 1024
#define N_MOST 12288
#define COLS_MOST 11008
#define W_MOST ((size_t)N_MOST * 4096) /* elements of the largest weight */

/*
 * Rows and columns of weights: those of the layers of Llama 7B (the last: q, k and v in one), and a
 * call of q8-verify, which is not in the means.
 */
static const size_t shapes[][2] = {
    {4096, 4096}, {11008, 4096}, {4096, 11008}, {12288, 4096}, {256, 4096}};
static const size_t tokens[] = {1, 16, 128, 1024};
#define CALL 4 /* the shape of the call */

/* What is measured on a shape: q8 with each instruction set, and then these. */
enum { PEAK = Q8_ISAS, READ, GEMM, MATMUL, BLAS, WHATS };

static const char *const what_names[] = {"oneDNN gemm", "oneDNN matmul, packed before", "OpenBLAS"};

struct bench {
    struct gemm gemm;
    enum q8_isa best; /* of this machine */
    bool f32;         /* floats, not codes */
    bool have[WHATS]; /* what can be measured */
    void *scratch;
    double seconds[WHATS]; /* best turn on the shape */
    double logs[WHATS];    /* sum of log(rival / q8) */
    int shapes;            /* in logs */
    uint64_t sum;          /* of what was read, so that it is */
};

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)

#define PEAK_STEPS 1000000
#define CHAINS 8
#define ONE(op, sum) op " %8, %8, %" sum "\n\t"
#define EIGHT(op)                                                                                  \
    ONE(op, "0")                                                                                   \
    ONE(op, "1") ONE(op, "2") ONE(op, "3") ONE(op, "4") ONE(op, "5") ONE(op, "6") ONE(op, "7")

/* Registers only: each step is CHAINS instructions of 64 products, or 16 of floats. */
__attribute__((target("avx512f,avx512vnni"))) static void peak(bool f32)
{
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
    const __m512i one = _mm512_set1_epi8(1);

    if (f32)
        for (int i = 0; i < PEAK_STEPS; i++)
            __asm__ volatile(EIGHT("vfmadd231ps")
                             : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g),
                               "+v"(h)
                             : "v"(one));
    else
        for (int i = 0; i < PEAK_STEPS; i++)
            __asm__ volatile(EIGHT("vpdpbusd")
                             : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g),
                               "+v"(h)
                             : "v"(one));
}

#else

static void peak(bool f32)
{
    (void)f32;
}

#endif

/* Every byte of w once, in registers. */
static void read_all(struct bench *b)
{
    const struct gemm *g = &b->gemm;
    const uint64_t *from = b->f32 ? (const void *)g->w : (const void *)g->w8;
    const size_t words = g->n * g->cols * (b->f32 ? 4 : 1) / 8;
    uint64_t sum[8] = {0};

    for (size_t i = 0; i < words; i += 8)
        for (size_t k = 0; k < 8; k++)
            sum[k] ^= from[i + k];
    for (size_t k = 0; k < 8; k++)
        b->sum += sum[k];
}

static void run(struct bench *b, int what)
{
    const struct gemm *g = &b->gemm;
    struct q8_kernels k;

    switch (what) {
    case PEAK: peak(b->f32); break;
    case READ: read_all(b); break;
    case GEMM: dnnl_gemm_run(g); break;
    case MATMUL: dnnl_matmul_run(g); break;
    case BLAS: blas_run(g); break;
    default:
        q8_kernels_init(&k, (enum q8_isa)what);
        if (b->f32)
            k.gemm_f32(g->y, g->n, g->x, g->w, g->m, g->n, g->cols, b->scratch);
        else
            k.gemm_s8(g->y8, g->n, g->x8, g->w8, g->m, g->n, g->cols, b->scratch);
    }
}

/* Is an instruction set one to measure on that shape?  Only where it has a version of its own. */
static bool has_isa(const struct bench *b, enum q8_isa isa)
{
    struct q8_kernels k, below;

    if (isa > b->best || (isa == Q8_ISA_ref && b->gemm.m > 1))
        return false;
    if (isa == Q8_ISA_ref)
        return true;
    q8_kernels_init(&k, isa);
    q8_kernels_init(&below, isa - 1);
    return b->f32 ? k.gemm_f32 != below.gemm_f32 : k.gemm_s8 != below.gemm_s8;
}

/* What is printed for one: its rate in 1e9 operations a second. */
static double rate(const struct bench *b, int what)
{
    return 2.0 * (double)b->gemm.m * (double)b->gemm.n * (double)b->gemm.cols / b->seconds[what] /
           1e9;
}

/* All turns on a shape. */
static void measure(struct bench *b)
{
    const int turns = b->gemm.m >= 1024 ? 3 : b->gemm.m >= 128 ? 7 : 15;

    for (int what = 0; what < WHATS; what++)
        b->seconds[what] = INFINITY;
    for (int turn = 0; turn < turns; turn++)
        for (int what = 0; what < WHATS; what++) {
            const double begin = now();

            if (!b->have[what])
                continue;
            run(b, what);
            b->seconds[what] = fmin(b->seconds[what], now() - begin);
        }
}

/* One line of the table; rivals as their rate and how much faster q8 is. */
static void print_row(struct bench *b, int best)
{
    const struct gemm *g = &b->gemm;
    const double bytes = (double)g->n * (double)g->cols * (b->f32 ? 4 : 1);
    const double peak_rate =
        PEAK_STEPS * (double)CHAINS * (b->f32 ? 16 : 64) * 2 / b->seconds[PEAK] / 1e9;

    printf("%5zu %6zu x %-6zu", g->m, g->n, g->cols);
    for (int isa = 0; isa < Q8_ISAS; isa++)
        if (b->have[isa])
            printf(" %s %.1f", q8_isa_name((enum q8_isa)isa), rate(b, isa));
    for (int what = GEMM; what < WHATS; what++)
        if (b->have[what])
            printf("  | %s %.1f, x %.2f", what_names[what - GEMM], rate(b, what),
                   b->seconds[what] / b->seconds[best]);
    if (b->have[PEAK])
        printf("  | peak %.0f, x %.2f", peak_rate, rate(b, best) / peak_rate);
    printf("  | W %.1f GB/s, x %.2f of a bare read\n", bytes / b->seconds[best] / 1e9,
           b->seconds[READ] / b->seconds[best]);
    (void)fflush(stdout);
}

static void bench_shape(struct bench *b, size_t shape, size_t m)
{
    int best = 0;

    b->gemm.m = m;
    b->gemm.n = shapes[shape][0];
    b->gemm.cols = shapes[shape][1];
    for (int isa = 0; isa < Q8_ISAS; isa++)
        if ((b->have[isa] = has_isa(b, (enum q8_isa)isa)))
            best = isa;
    b->have[MATMUL] = b->have[GEMM] && dnnl_matmul_open(&b->gemm);
    measure(b);
    print_row(b, best);
    if (b->have[MATMUL])
        dnnl_matmul_close();
    for (int what = GEMM; what < WHATS && shape != CALL; what++)
        if (b->have[what])
            b->logs[what] += log(b->seconds[what] / b->seconds[best]);
    b->shapes += shape != CALL;
}

/* All shapes of one kind of numbers, with m rows of X; all numbers of rows when that is 0. */
static void bench_kind(struct bench *b, bool f32, size_t m)
{
    b->f32 = f32;
    b->shapes = 0;
    memset(b->logs, 0, sizeof b->logs);
    b->have[READ] = true;
    b->have[PEAK] = q8_isa_detect(Q8_ISAS) >= Q8_ISA_vnni;
    b->have[GEMM] = !f32 && dnnl_name();
    b->have[BLAS] = f32 && blas_name();
    printf("%s: 1e9 operations a second, two for a product\n", f32 ? "float" : "int8");
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++)
            if (m == 0 || m == tokens[i])
                bench_shape(b, shape, tokens[i]);
    for (int what = GEMM; what < WHATS; what++)
        if (b->have[what])
            printf("geometric mean: x %.2f of %s\n", exp(b->logs[what] / b->shapes),
                   what_names[what - GEMM]);
}

static void *get_pages(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED) {
        perror("gemm: memory for the benchmark");
        exit(1);
    }
    (void)madvise(pages, bytes, MADV_HUGEPAGE);
    return pages;
}

/* Codes of all values (xorshift64), and floats between -1 and 1. */
static void fill(int8_t *codes, float *floats, size_t n)
{
    uint64_t x = 88172645463325252;

    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        codes[i] = (int8_t)(x >> 32);
        floats[i] = (float)(int32_t)(x >> 16) * 0x1p-31f;
    }
}

/* The libraries read how many threads they may have before main, so it starts itself anew. */
static void insist_on_one_thread(char **argv)
{
    if (getenv("Q8_BENCH_GEMM"))
        return;
    if (setenv("OMP_NUM_THREADS", "1", 1) < 0 || setenv("OPENBLAS_NUM_THREADS", "1", 1) < 0 ||
        setenv("Q8_BENCH_GEMM", "1", 1) < 0 || execv("/proc/self/exe", argv) < 0) {
        perror("gemm: one thread");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct bench b = {.best = q8_isa_detect(Q8_ISAS)};
    const size_t x_most = (size_t)M_MOST * COLS_MOST, y_most = (size_t)M_MOST * N_MOST;
    int8_t *x8 = get_pages(x_most), *w8 = get_pages(W_MOST);
    float *x = get_pages(4 * x_most), *w = get_pages(4 * W_MOST);
    const size_t m = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

    insist_on_one_thread(argv);
    fill(x8, x, x_most);
    fill(w8, w, W_MOST);
    b.gemm = (struct gemm){.x8 = x8, .w8 = w8, .x = x, .w = w, .y8 = get_pages(4 * y_most)};
    b.gemm.y = (float *)(void *)b.gemm.y8;
    b.scratch = get_pages(Q8_GEMM_SCRATCH);
    printf("%s\n%s\n", dnnl_name() ? dnnl_name() : "no oneDNN in this build: not compared",
           blas_name() ? blas_name() : "no OpenBLAS in this build: not compared");
    if (argc < 2 || strcmp(argv[1], "int8") == 0)
        bench_kind(&b, false, m);
    if (argc < 2 || strcmp(argv[1], "f32") == 0)
        bench_kind(&b, true, m);
    return b.sum == 1; /* never: keeps what read_all does */
}
