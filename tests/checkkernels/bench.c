/*
 * bench.c - rates of the row kernel (absmax, factor, encode), one thread, against its limit
 *
 * The limit is a twin: the same loads and stores, two bytes in (four for f32) and one out, without
 * the arithmetic; once with normal stores and once with stores that go around the caches.  All
 * variants are run in turns and the best turn of each counts, in time of this thread, so that
 * other programs disturb little.
 */
#include "tests/checkkernels/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define SOURCE ((size_t)512 << 20) /* bytes: far beyond every cache */
#define COLS 4096
#define BLOCK ((size_t)512 << 10) /* bytes: what convert reads at a time, held by the L2 cache */
#define TURNS 7

static const char *const types[Q8_FLOATS] = {"f16", "bf16", "f32"};
static const char *const rules[Q8_RULES] = {"half_times", "divide"};

struct data {
    unsigned char *x, *dirty; /* [SOURCE] bytes; in dirty, 1 % of the elements are denormals */
    int8_t *codes;            /* [SOURCE / 2] */
    unsigned char *block;     /* [BLOCK] bytes and then [BLOCK / 2] codes */
};

/* What a variant runs: a twin, the kernels from memory to memory, or a block at a time. */
enum job { TWIN, TWIN_AROUND, DRAM, DRAM_SUMS, DIRTY, HOT, HOT_SUMS, PIPE, PIPE_SUMS, JOBS };

struct variant {
    enum job job;
    enum q8_isa isa;
    enum q8_rule rule;
    enum q8_float type;
};

#if defined(__x86_64__)

/* Two vectors in (four for f32) and one out. */
__attribute__((target("avx2"))) static void twin(int8_t *codes, const unsigned char *x,
                                                 size_t bytes, size_t size, bool around)
{
    const __m256i *from = (const __m256i *)(const void *)x;
    __m256i *to = (__m256i *)(void *)codes;

    for (size_t i = 0; i < bytes / 32; i += size) {
        __m256i v = _mm256_or_si256(_mm256_loadu_si256(from + i), _mm256_loadu_si256(from + i + 1));

        if (size == 4)
            v = _mm256_or_si256(v, _mm256_or_si256(_mm256_loadu_si256(from + i + 2),
                                                   _mm256_loadu_si256(from + i + 3)));
        if (around)
            _mm256_stream_si256(to++, v);
        else
            _mm256_storeu_si256(to++, v);
    }
    _mm_sfence();
}

#else

/* No other machine has kernels to measure yet. */
static void twin(int8_t *codes, const unsigned char *x, size_t bytes, size_t size, bool around)
{
    (void)around;
    for (size_t i = 0; i < bytes / size; i++)
        codes[i] = (int8_t)(x[i * size] | x[i * size + 1]);
}

#endif

/* Rows through the kernels, as convert does it. */
static void rows(const struct variant *v, const unsigned char *x, int8_t *codes, size_t bytes,
                 bool with_sums)
{
    size_t size = v->type == Q8_FLOAT_F32 ? 4 : 2;
    struct q8_kernels k;

    q8_kernels_init(&k, v->isa);
    for (size_t at = 0; at < bytes; at += COLS * size, codes += COLS) {
        struct q8_sums sums;
        uint32_t bits;
        float absmax, factor;

        k.absmax[v->type](&bits, x + at, COLS, COLS);
        absmax = q8_bits_to_float(v->type, bits);
        factor = 1.0f / absmax * 127.0f;
        if (v->rule == Q8_RULE_DIVIDE) /* stored in the type of the weight, or near it */
            factor = q8_bf16_to_float(q8_float_to_bf16(absmax / 127.5f));
        k.encode[v->rule][v->type](codes, with_sums ? &sums : NULL, x + at, COLS, COLS, &factor);
    }
}

/* A block is copied in, encoded, copied out: pread and pwrite without the system calls. */
static void pipe_blocks(const struct variant *v, const struct data *d, bool with_sums)
{
    size_t size = v->type == Q8_FLOAT_F32 ? 4 : 2;
    int8_t *codes = (int8_t *)d->block + BLOCK;

    for (size_t at = 0; at < SOURCE; at += BLOCK) {
        memcpy(d->block, d->x + at, BLOCK);
        rows(v, d->block, codes, BLOCK, with_sums);
        memcpy(d->codes + at / size, codes, BLOCK / size);
    }
}

static void hot_blocks(const struct variant *v, const struct data *d, bool with_sums)
{
    memcpy(d->block, d->x, BLOCK);
    for (size_t at = 0; at < SOURCE; at += BLOCK)
        rows(v, d->block, (int8_t *)d->block + BLOCK, BLOCK, with_sums);
}

static void run(const struct variant *v, const struct data *d)
{
    size_t size = v->type == Q8_FLOAT_F32 ? 4 : 2;

    switch (v->job) {
    case TWIN:
    case TWIN_AROUND: twin(d->codes, d->x, SOURCE, size, v->job == TWIN_AROUND); break;
    case DRAM:
    case DRAM_SUMS: rows(v, d->x, d->codes, SOURCE, v->job == DRAM_SUMS); break;
    case DIRTY: rows(v, d->dirty, d->codes, SOURCE, false); break;
    case HOT:
    case HOT_SUMS: hot_blocks(v, d, v->job == HOT_SUMS); break;
    default: pipe_blocks(v, d, v->job == PIPE_SUMS);
    }
}

/* Seconds of this thread for SOURCE bytes. */
static double timed(const struct variant *v, const struct data *d)
{
    struct timespec begin, end;
    bool flushed = q8_denormals_flush(true);

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    run(v, d);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    (void)q8_denormals_flush(flushed);
    return (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
}

/* Numbers as weights are; 1 % of those of `dirty` are denormals. */
static void fill(struct data *d, enum q8_float type)
{
    static const uint32_t keep[Q8_FLOATS] = {0x83ff, 0x807f, 0x807fffff}; /* no exponent */
    size_t size = type == Q8_FLOAT_F32 ? 4 : 2, pattern = (size_t)1 << 20;
    struct check c = {.random = 1};

    check_fill(&c, d->x, pattern / size, type, CHECK_GAUSS, true, true, 1);
    for (size_t at = pattern; at < SOURCE; at += pattern)
        memcpy(d->x + at, d->x, pattern);
    memcpy(d->dirty, d->x, SOURCE);
    for (size_t i = 0; i < SOURCE / size; i += 1 + check_random(&c) % 199) { /* 100 apart */
        uint32_t bits = check_random(&c) & keep[type];

        memcpy(d->dirty + i * size, &bits, size);
    }
}

static void *get_pages(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED) {
        perror("checkkernels: memory for the benchmark");
        exit(1);
    }
    (void)madvise(pages, bytes, MADV_HUGEPAGE);
    memset(pages, 1, bytes);
    return pages;
}

static void print_row(const struct variant *v, const double best[JOBS])
{
    printf("%-5s %-11s %-7s %6.2f %6.2f %6.2f %7.2f %7.2f  %6.2f %6.2f %6.2f %6.2f\n",
           types[v->type], rules[v->rule], q8_isa_name(v->isa), SOURCE / best[DRAM] / 1e9,
           best[TWIN] / best[DRAM], best[TWIN_AROUND] / best[DRAM], best[DRAM_SUMS] / best[DRAM],
           best[DIRTY] / best[DRAM], SOURCE / best[HOT] / 1e9, best[HOT_SUMS] / best[HOT],
           SOURCE / best[PIPE] / 1e9, best[PIPE_SUMS] / best[PIPE]);
}

/* All versions of one type, in turns. */
static void bench_type(struct data *d, enum q8_float type, enum q8_isa best_isa)
{
    double best[Q8_ISAS][Q8_RULES][JOBS];
    struct variant v = {.type = type};

    fill(d, type);
    for (int turn = 0; turn < TURNS; turn++)
        for (v.isa = Q8_ISA_ref + 1; v.isa <= best_isa; v.isa++)
            for (v.rule = 0; v.rule < Q8_RULES; v.rule++)
                for (v.job = 0; v.job < JOBS; v.job++) {
                    double *least = &best[v.isa][v.rule][v.job], seconds = timed(&v, d);

                    *least = turn == 0 || seconds < *least ? seconds : *least;
                }
    printf("limit of %s: %.2f GB/s in with normal stores, %.2f with stores around the caches\n",
           types[type], SOURCE / best[best_isa][0][TWIN] / 1e9,
           SOURCE / best[best_isa][0][TWIN_AROUND] / 1e9);
    for (v.isa = Q8_ISA_ref + 1; v.isa <= best_isa; v.isa++)
        for (v.rule = 0; v.rule < Q8_RULES; v.rule++)
            print_row(&v, best[v.isa][v.rule]);
}

int bench(enum q8_isa best)
{
    struct data d = {get_pages(SOURCE), get_pages(SOURCE), get_pages(SOURCE / 2),
                     get_pages(2 * BLOCK)};

    if (best == Q8_ISA_ref) {
        printf("skipped: there is no version to measure beside ref\n");
        return 77;
    }
    printf(
        "GB/s of input, one thread, rows of %d, %zu MiB; best of %d turns.  Columns: from memory, "
        "its ratio\nto the limit with normal stores and with stores around the caches, times as "
        "long with sums,\nwith 1 %% denormals; in the L2 cache (blocks of %zu KiB), times as long "
        "with sums; blocks copied\nin and out, times as long with sums.\n",
        COLS, SOURCE >> 20, TURNS, BLOCK >> 10);
    printf("%-25s %6s %6s %6s %7s %7s  %6s %6s %6s %6s\n", "", "memory", "/limit", "/around",
           "x sums", "x denor", "L2", "x sums", "copied", "x sums");
    for (enum q8_float type = 0; type < Q8_FLOATS; type++)
        bench_type(&d, type, best);
    bench_inspect(best);
    bench_sources(best);
    return 0;
}
