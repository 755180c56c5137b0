/*
 * bench_inspect.c - rates of what q8-inspect does to a row, one thread, on rows that the L2 cache
 * holds: each operation, and all of them in its order
 */
#include "tests/checkkernels/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLS 4096
#define ROWS 16 /* of a tile: 128 KiB of bf16 */
#define GROUPS (COLS / 32)
#define TURNS 7
#define ELEMENTS (1 << 22) /* per turn; ref is slow enough for a quarter of them */

/* As q8-inspect has them. */
struct tile {
    uint16_t x[ROWS * COLS]; /* bf16 */
    float floats[ROWS * COLS], other[COLS], decoded[COLS];
    int8_t codes[COLS];
    double sum[COLS], sum2[COLS];
    uint32_t column_absmax[COLS], absmax[GROUPS];
    float factor[GROUPS], step[GROUPS];
    uint64_t tally[256];
    struct q8_histogram histogram;
};

/* What is measured, on one row but for COLUMNS. */
enum job {
    ABSMAX,
    WIDEN,
    HISTOGRAM,
    MOMENTS,
    COLUMNS,
    TIMES,
    NARROW,
    DIVIDE,
    DIVIDE_128,
    DIVIDE_64,
    DIVIDE_32,
    STEPS,
    SEQUENCE,
    DECODE,
    DIFF,
    TALLY,
    JOBS
};

static const char *const jobs[JOBS] = {
    "absmax f32, groups of 32",
    "widen bf16",
    "histogram",
    "moments",
    "columns, 16 rows",
    "errors times",
    "errors narrow",
    "errors divide",
    "errors divide 128",
    "errors divide 64",
    "errors divide 32",
    "steps bf16, 32 to 128",
    "all but narrow in turn",
    "decode, groups of 128",
    "diff",
    "tally",
};

static volatile double sink; /* so that nothing is left out */

static void run_errors(const struct q8_kernels *k, struct tile *t, const float *x, enum job job)
{
    static const size_t groups[] = {[TIMES] = COLS,     [NARROW] = COLS,  [DIVIDE] = COLS,
                                    [DIVIDE_128] = 128, [DIVIDE_64] = 64, [DIVIDE_32] = 32};
    const struct q8_error_scheme scheme = {job <= NARROW ? Q8_RULE_HALF_TIMES : Q8_RULE_DIVIDE,
                                           job == NARROW, groups[job], t->factor, t->step};
    struct q8_error e;

    k->errors(&e, &scheme, x, COLS);
    sink = e.err2;
}

static void run_row(const struct q8_kernels *k, struct tile *t, size_t row, enum job job)
{
    float *x = t->floats + row * COLS;
    struct q8_moments m;
    struct q8_diff d;

    switch (job) {
    case ABSMAX: k->absmax[Q8_FLOAT_F32](t->absmax, x, COLS, 32); break;
    case WIDEN: k->widen[Q8_FLOAT_BF16](x, t->x + row * COLS, COLS); break;
    case HISTOGRAM: k->histogram(&t->histogram, x, COLS); break;
    case MOMENTS:
        k->moments(&m, x, COLS, 1e-5);
        sink = m.s4;
        break;
    case STEPS:
        for (size_t parts = 1; parts <= 4; parts *= 2)
            k->steps[Q8_FLOAT_BF16](t->factor, t->step, t->absmax, GROUPS / parts, parts);
        break;
    case DECODE: k->decode(t->decoded, t->codes, COLS, 128, t->step); break;
    case DIFF:
        k->diff(&d, x, t->other, COLS);
        sink = d.err2;
        break;
    case TALLY: k->tally(t->tally, t->codes, COLS); break;
    default: run_errors(k, t, x, job);
    }
}

static void run_tile(const struct q8_kernels *k, struct tile *t, enum job job)
{
    const struct q8_columns columns = {t->sum, t->sum2, t->column_absmax};

    if (job == COLUMNS) {
        k->columns(&columns, t->floats, ROWS, COLS);
        return;
    }
    for (size_t r = 0; job != SEQUENCE && r < ROWS; r++)
        run_row(k, t, r, job);
    if (job != SEQUENCE)
        return;
    run_tile(k, t, WIDEN);
    for (size_t r = 0; r < ROWS; r++)
        for (enum job j = ABSMAX; j <= STEPS; j++)
            if (j != WIDEN && j != COLUMNS && j != NARROW)
                run_row(k, t, r, j);
    run_tile(k, t, COLUMNS);
}

/* Nanoseconds per element, in time of this thread. */
static double timed(enum q8_isa isa, struct tile *t, enum job job)
{
    const size_t n = isa == Q8_ISA_ref ? ELEMENTS / 16 : ELEMENTS;
    bool flushed = q8_denormals_flush(true);
    struct timespec begin, end;
    struct q8_kernels k;

    q8_kernels_init(&k, isa);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    for (size_t i = 0; i < n; i += ROWS * COLS)
        run_tile(&k, t, job);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    (void)q8_denormals_flush(flushed);
    return (1e9 * (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec)) /
           (double)n;
}

/* Numbers as weights are. */
static void fill(struct tile *t)
{
    struct check c = {.random = 1};

    check_fill(&c, t->x, ROWS * COLS, Q8_FLOAT_BF16, CHECK_GAUSS, true, true, 1);
    check_fill(&c, t->other, COLS, Q8_FLOAT_F32, CHECK_GAUSS, true, true, 1);
    for (size_t i = 0; i < COLS; i++)
        t->codes[i] = (int8_t)check_random(&c);
    for (size_t g = 0; g < GROUPS; g++) {
        t->factor[g] = 127 / 0.08f;
        t->step[g] = 0.08f / 127;
    }
}

void bench_inspect(enum q8_isa best)
{
    static struct tile t;
    double least[JOBS][Q8_ISAS];

    fill(&t);
    for (int turn = 0; turn < TURNS; turn++)
        for (enum q8_isa isa = 0; isa <= best; isa++)
            for (enum job job = 0; job < JOBS; job++) {
                const double ns = timed(isa, &t, job);

                least[job][isa] = turn == 0 || ns < least[job][isa] ? ns : least[job][isa];
            }
    printf(
        "\nWhat q8-inspect does to rows of %d in the L2 cache: ns per element, best of %d turns\n"
        "%-26s",
        COLS, TURNS, "");
    for (enum q8_isa isa = 0; isa <= best; isa++)
        printf(" %7s", q8_isa_name(isa));
    for (enum job job = 0; job < JOBS; job++) {
        printf("\n%-26s", jobs[job]);
        for (enum q8_isa isa = 0; isa <= best; isa++)
            printf(" %7.3f", least[job][isa]);
    }
    printf("\n");
}
