/*
 * bench_sources.c - rates of what reads quantized sources, one thread, against loads and stores
 *
 * The limit is a twin of the same width: as many bytes in and out, without the arithmetic.  All are
 * run in turns, and the best turn of each counts, in time of this thread.
 */
#include "tests/checkkernels/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define COLS 4096
#define ROWS 8192 /* in memory */
#define HOT 32    /* of them fit the L2 cache */
#define TURNS 7

/* Room for the largest: floats in, and floats out. */
static unsigned char input[(size_t)ROWS * COLS * 4], output[(size_t)ROWS * COLS * 4];

static float scales[COLS / 32], zeros[COLS / 32];

static void run_e4m3(const struct q8_kernels *k, void *ret, const void *x)
{
    k->decode_f8[Q8_FLOAT8_E4M3](ret, x, COLS, 128, scales);
}

static void run_e5m2(const struct q8_kernels *k, void *ret, const void *x)
{
    k->decode_f8[Q8_FLOAT8_E5M2](ret, x, COLS, 128, scales);
}

static void run_e4m3_32(const struct q8_kernels *k, void *ret, const void *x)
{
    k->decode_f8[Q8_FLOAT8_E4M3](ret, x, COLS, 32, scales);
}

static void run_f4(const struct q8_kernels *k, void *ret, const void *x)
{
    k->decode_f4(ret, x, COLS, 32, scales);
}

static void run_zero(const struct q8_kernels *k, void *ret, const void *x)
{
    k->decode_zero(ret, x, COLS, 128, scales, zeros);
}

static void run_nibbles(const struct q8_kernels *k, void *ret, const void *x)
{
    k->nibbles(ret, x, COLS);
}

static void run_e8m0(const struct q8_kernels *k, void *ret, const void *x)
{
    k->widen_e8m0(ret, x, COLS);
}

static void run_f16(const struct q8_kernels *k, void *ret, const void *x)
{
    k->narrow[Q8_FLOAT_F16](ret, x, COLS);
}

static void run_bf16(const struct q8_kernels *k, void *ret, const void *x)
{
    k->narrow[Q8_FLOAT_BF16](ret, x, COLS);
}

/* What is measured. */
static const struct job {
    const char *name;
    size_t in, out;                                                    /* bits of an element */
    void (*run)(const struct q8_kernels *k, void *ret, const void *x); /* a row */
} jobs[] = {
    {"decode_f8 e4m3, groups of 128", 8, 32, run_e4m3},
    {"decode_f8 e4m3, groups of 32", 8, 32, run_e4m3_32},
    {"decode_f8 e5m2, groups of 128", 8, 32, run_e5m2},
    {"decode_f4, groups of 32", 4, 32, run_f4},
    {"decode_zero, groups of 128", 8, 32, run_zero},
    {"nibbles", 4, 8, run_nibbles},
    {"widen_e8m0", 8, 32, run_e8m0},
    {"narrow f16", 32, 16, run_f16},
    {"narrow bf16", 32, 16, run_bf16},
};

#define JOBS (sizeof jobs / sizeof *jobs)

#if defined(__x86_64__)

/* A vector in and several out, or two in and one out. */
__attribute__((target("avx2"))) static void twin_256(const struct job *job, void *ret,
                                                     const void *x)
{
    const __m256i *from = x, *end = from + COLS * job->in / 256;
    __m256i *to = ret;

    while (from < end) {
        __m256i v = _mm256_loadu_si256(from++);

        if (job->in > job->out)
            v = _mm256_or_si256(v, _mm256_loadu_si256(from++));
        _mm256_storeu_si256(to++, v);
        for (size_t i = job->in; i < job->out; i += job->in)
            _mm256_storeu_si256(to++, v);
    }
}

__attribute__((target("avx512f"))) static void twin_512(const struct job *job, void *ret,
                                                        const void *x)
{
    const __m512i *from = x, *end = from + COLS * job->in / 512;
    __m512i *to = ret;

    while (from < end) {
        __m512i v = _mm512_loadu_si512(from++);

        if (job->in > job->out)
            v = _mm512_or_si512(v, _mm512_loadu_si512(from++));
        _mm512_storeu_si512(to++, v);
        for (size_t i = job->in; i < job->out; i += job->in)
            _mm512_storeu_si512(to++, v);
    }
}

static void twin(const struct job *job, enum q8_isa isa, void *ret, const void *x)
{
    if (isa == Q8_ISA_avx2)
        twin_256(job, ret, x);
    else
        twin_512(job, ret, x);
}

#else

static void twin(const struct job *job, enum q8_isa isa, void *ret, const void *x)
{
    (void)isa;
    memcpy(ret, x, COLS / 8 * (job->in < job->out ? job->in : job->out));
}

#endif

/* Nanoseconds of this thread for an element, of `rows` rows in turn or of their twin. */
static double timed(const struct job *job, enum q8_isa isa, bool bare, size_t rows)
{
    struct timespec begin, end;
    struct q8_kernels k;

    q8_kernels_init(&k, isa);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    for (size_t i = 0; i < ROWS; i++) {
        unsigned char *to = output + i % rows * (COLS / 8 * job->out);
        const unsigned char *from = input + i % rows * (COLS / 8 * job->in);

        if (bare)
            twin(job, isa, to, from);
        else
            job->run(&k, to, from);
    }
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return (1e9 * (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec)) /
           (double)((size_t)ROWS * COLS);
}

/* One operation on one instruction set. */
static void bench_job(const struct job *job, enum q8_isa isa)
{
    static const size_t rows[] = {ROWS, HOT};
    double best[2][2]; /* in memory and in the cache; the kernel and its twin */

    for (int turn = 0; turn < TURNS; turn++)
        for (int place = 0; place < 2; place++)
            for (int bare = 0; bare < 2; bare++) {
                const double ns = timed(job, isa, bare, rows[place]);

                if (turn == 0 || ns < best[place][bare])
                    best[place][bare] = ns;
            }
    printf("%-30s %-7s %7.3f %7.2f %7.3f %7.2f\n", job->name, q8_isa_name(isa), best[0][0],
           best[0][1] / best[0][0], best[1][0], best[1][1] / best[1][0]);
}

void bench_sources(enum q8_isa best)
{
    struct check c = {.random = 1};

    for (size_t i = 0; i < COLS / 32; i++) {
        scales[i] = 0.001f * (float)(i + 1);
        zeros[i] = (float)(i % 16);
    }
    check_fill(&c, input, 1 << 16, Q8_FLOAT_F32, CHECK_GAUSS, true, true, 1);
    for (size_t at = 1 << 18; at < sizeof input; at *= 2)
        memcpy(input + at, input, at);
    memset(output, 1, sizeof output);
    printf("\nWhat reads quantized sources, rows of %d: ns per element and the ratio to bare loads "
           "and\nstores, best of %d turns; from memory to memory, and in the L2 cache (%d rows)\n"
           "%-38s %7s %7s %7s %7s\n",
           COLS, TURNS, HOT, "", "memory", "/limit", "L2", "/limit");
    for (size_t i = 0; i < JOBS; i++)
        for (enum q8_isa isa = Q8_ISA_avx2; isa <= best && isa <= Q8_ISA_avx512; isa++)
            bench_job(&jobs[i], isa);
}
