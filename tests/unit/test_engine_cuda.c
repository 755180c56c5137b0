/* test_engine_cuda.c - the CUDA engine over a fake GPU: the CPU's bits, every failure, no leak */
#include "src/forward/engine_parts.h"
#include "tests/unit/fake_cuda.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST_TOKENS 40
#define MOST_COLS 200
#define MOST_ROWS 70

/* Numbers for one product. */
struct numbers {
    uint64_t tokens, cols, rows;
    float x[MOST_TOKENS * MOST_COLS], scratch[MOST_TOKENS * MOST_COLS];
    float reference[MOST_ROWS * MOST_COLS], weights[MOST_ROWS * MOST_COLS];
    int8_t codes[MOST_ROWS * MOST_COLS];
    float step[MOST_ROWS], scale[MOST_ROWS];
    float least, most;
};

static struct numbers numbers;
static uint32_t seed;

static float draw(void)
{
    seed = seed * 1664525 + 1013904223;
    return (float)(int32_t)seed * 0x1p-31f;
}

static float rounded(enum q8_float type, float x)
{
    switch (type) {
    case Q8_FLOAT_F16: return q8_half_to_float(q8_float_to_half(x));
    case Q8_FLOAT_BF16: return q8_bf16_to_float(q8_float_to_bf16(x));
    default: return x;
    }
}

/* Codes are any, -128 too where the format has it; column 3 of X stands out. */
static void fill(uint64_t tokens, uint64_t cols, uint64_t rows, const struct q8_multiply *job)
{
    struct numbers *n = &numbers;

    n->tokens = tokens;
    n->cols = cols;
    n->rows = rows;
    n->least = n->most = 0;
    for (uint64_t i = 0; i < tokens * cols; i++)
        n->x[i] = rounded(job->type, draw() * (i % cols == 3 || i % 97 == 5 ? 40.0f : 2.0f));
    for (uint64_t r = 0; r < rows; r++) {
        n->scale[r] = rounded(Q8_FLOAT_F16, 0.01f + fabsf(draw()));
        n->step[r] =
            job->mode == Q8_MODE_BNB ? n->scale[r] / 127.0f : rounded(job->type, n->scale[r]);
        for (uint64_t c = 0; c < cols; c++) {
            const uint64_t i = r * cols + c;

            n->codes[i] = (int8_t)(draw() * 127.9f);
            if (i % 61 == 0 && job->mode != Q8_MODE_BNB)
                n->codes[i] = -128;
            n->weights[i] = (float)n->codes[i] * n->step[r];
            n->reference[i] = rounded(job->type, n->weights[i] + draw() * 0.01f);
            n->least = fminf(n->least, n->reference[i]);
            n->most = fmaxf(n->most, n->reference[i]);
        }
    }
}

static struct q8_engine_room room_of(const struct numbers *n)
{
    return (struct q8_engine_room){
        n->tokens, n->cols, n->rows, n->tokens * n->cols, n->tokens * n->rows, n->rows * n->cols};
}

static struct q8_operands operands_of(const struct numbers *n, enum q8_mode mode)
{
    return (struct q8_operands){n->rows,    n->codes,
                                n->step,    mode == Q8_MODE_BNB ? n->scale : NULL,
                                n->weights, n->reference};
}

/* What an engine makes of the numbers; two tiles, of which the second is a few rows only. */
struct outcome {
    uint64_t outliers;
    struct q8_products products;
    float y[2][MOST_TOKENS * MOST_ROWS];
};

static bool run(struct q8_engine *e, const struct q8_multiply *job, struct outcome *ret,
                struct q8_err *err)
{
    struct q8_operands w = operands_of(&numbers, job->mode);
    struct q8_multiply before = *job; /* another weight, whose columns nearly all stand out */
    const uint64_t tokens = numbers.tokens;
    float *y[2];

    before.threshold = job->threshold / 64;

    memset(ret, 0, sizeof *ret);
    memcpy(numbers.scratch, numbers.x, sizeof numbers.x);
    if (!e->begin(e->self, &before, numbers.scratch, &ret->outliers, err))
        return false;
    memcpy(numbers.scratch, numbers.x, sizeof numbers.x);
    if (!e->begin(e->self, job, numbers.scratch, &ret->outliers, err) ||
        !e->tile(e->self, &w, &ret->products, &y[0], &y[1], err))
        return false;
    memcpy(ret->y[0], y[0], tokens * w.rows * sizeof(float));
    memcpy(ret->y[1], y[1], tokens * w.rows * sizeof(float));
    w.rows = w.rows < 3 ? w.rows : 3;
    return e->tile(e->self, &w, &ret->products, NULL, NULL, err);
}

static struct q8_multiply job_of(enum q8_mode mode, enum q8_float type, double threshold)
{
    const struct numbers *n = &numbers;

    return (struct q8_multiply){mode, threshold, type, n->tokens, n->cols, n->least, n->most};
}

static const struct q8_device fake_device = {
    .engine = 1, .name = "Fake 0", .memory = UINT64_C(1) << 30};

static struct outcome wanted, got;

static void compute_wanted(const struct q8_multiply *job)
{
    const struct q8_engine_room room = room_of(&numbers);
    struct q8_arena mem;
    struct q8_engine e;
    struct q8_err err = {0};

    q8_arena_init(&mem, UINT64_MAX);
    assert_true(q8_engine_cpu(&e, &room, Q8_ISA_ref, &mem, &err));
    assert_true(run(&e, job, &wanted, &err));
    q8_arena_clear(&mem);
}

/* Whether it ran to the end. */
static bool compute_got(const struct q8_multiply *job, const struct q8_device *device,
                        struct q8_err *err)
{
    const struct q8_engine_setup setup = {Q8_ISA_ref, device, 1};
    const struct q8_engine_room room = room_of(&numbers);
    struct q8_arena mem;
    struct q8_engine e;
    bool ok;

    q8_arena_init(&mem, UINT64_MAX);
    ok = q8_engine_cuda(&e, &room, &setup, &mem, err);
    if (ok) {
        ok = run(&e, job, &got, err);
        e.close(e.self);
    }
    q8_arena_clear(&mem);
    assert_int_equal(fake_cuda.blocks, 0);
    assert_int_equal(fake_cuda.pinned, 0);
    assert_int_equal(fake_cuda.open, 0);
    assert_int_equal(fake_cuda.used, 0);
    assert_int_equal(fake_cuda.faults, 0);
    return ok;
}

static void assert_same(const char *what)
{
    if (memcmp(&wanted, &got, sizeof got) == 0)
        return;
    printf("%s: outliers %d %d, err2 %a %a, bad %d %d\n", what, (int)wanted.outliers,
           (int)got.outliers, wanted.products.diff.err2, got.products.diff.err2,
           (int)wanted.products.bad, (int)got.products.bad);
    fail();
}

static int reset(void **state)
{
    (void)state;
    fake_cuda = (struct fake_cuda){.devices = 2, .memory = UINT64_C(1) << 30};
    seed = 1;
    return 0;
}

static void engine_cuda_any_mode_has_the_bits_of_the_cpu(void **state)
{
    static const uint64_t shapes[][3] = {{1, 1, 1},   {3, 5, 2},     {33, 100, 17},
                                         {7, 16, 16}, {40, 200, 70}, {2, 48, 33}};

    (void)state;
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (enum q8_mode mode = 0; mode < Q8_MODES; mode++)
            for (enum q8_float type = 0; type < Q8_FLOATS; type++)
                for (unsigned eager = 0; eager < 2; eager++) {
                    const double threshold = mode == Q8_MODE_W8A8 || mode == Q8_MODE_W8A16 ? 0
                                             : eager                                       ? 6.0
                                                                                           : 0.0;
                    struct q8_multiply job = {.mode = mode, .type = type};
                    struct q8_err err = {0};
                    char what[80];

                    fill(shapes[i][0], shapes[i][1], shapes[i][2], &job);
                    job = job_of(mode, type, threshold);
                    compute_wanted(&job);
                    fake_cuda.eager = eager;
                    snprintf(what, sizeof what, "%s, type %d, %dx%dx%d, threshold %g",
                             q8_mode_name(mode), (int)type, (int)shapes[i][0], (int)shapes[i][1],
                             (int)shapes[i][2], threshold);
                    if (!compute_got(&job, &fake_device, &err))
                        fail_msg("%s: %s", what, err.text);
                    assert_same(what);
                }
}

static void engine_cuda_numbers_that_are_not_finite_are_counted_as_on_the_cpu(void **state)
{
    struct q8_multiply job = {.mode = Q8_MODE_BNB, .type = Q8_FLOAT_F32};
    struct q8_err err = {0};

    (void)state;
    for (enum q8_mode mode = Q8_MODE_BNB; mode <= Q8_MODE_W8A16; mode++) {
        job.mode = mode;
        fill(5, 40, 20, &job);
        numbers.x[1 * 40 + 7] = 1e30f; /* beyond fp16: an infinity there */
        numbers.reference[3 * 40 + 2] = INFINITY;
        numbers.reference[4 * 40 + 2] = NAN;
        job = job_of(mode, Q8_FLOAT_F32, 0);
        compute_wanted(&job);
        assert_true(compute_got(&job, &fake_device, &err));
        assert_same("not finite");
        assert_true(got.products.bad >= 10);
    }
}

static void engine_cuda_little_memory_is_used_in_smaller_tiles(void **state)
{
    struct q8_multiply job = {.mode = Q8_MODE_BNB, .type = Q8_FLOAT_BF16};
    struct q8_device device = fake_device;
    struct q8_err err = {0};
    uint64_t products;

    (void)state;
    fill(4, 200, 70, &job);
    job = job_of(Q8_MODE_BNB, Q8_FLOAT_BF16, 6.0);
    compute_wanted(&job);
    assert_true(compute_got(&job, &fake_device, &err));
    assert_int_equal(fake_cuda.products, 2); /* two tiles, each in one piece */

    /* what it took, less a tenth of what a slot's rows take: the device has no more */
    products = fake_cuda.most - 70 * 200 * 2 * 7 / 2;
    reset(NULL);
    fake_cuda.memory = products;
    assert_true(compute_got(&job, &fake_device, &err));
    assert_same("a small device");
    assert_true(fake_cuda.products > 2);

    /* the same, since --gpu-memory says so */
    reset(NULL);
    device.memory = products;
    assert_true(compute_got(&job, &device, &err));
    assert_same("a small share");
    assert_true(fake_cuda.products > 2 && fake_cuda.most <= products);

    reset(NULL);
    device.memory = UINT64_C(64) << 20;
    assert_false(compute_got(&job, &device, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_non_null(strstr(err.text, "--gpu-memory"));
}

static void engine_cuda_memory_that_runs_out_later_makes_tiles_smaller(void **state)
{
    struct q8_multiply job = {.mode = Q8_MODE_W8A8, .type = Q8_FLOAT_BF16};
    uint64_t calls;

    (void)state;
    fill(4, 200, 70, &job);
    job = job_of(Q8_MODE_W8A8, Q8_FLOAT_BF16, 0);
    compute_wanted(&job);
    for (calls = 1;; calls++) {
        struct q8_err err = {0};

        reset(NULL);
        fake_cuda.fail_at = calls;
        fake_cuda.fail_with = Q8_CUDA_MEMORY;
        if (compute_got(&job, &fake_device, &err))
            assert_same("memory ran out once");
        else
            assert_int_equal(err.code, Q8_ELIMIT);
        assert_null(strstr(err.text, "times weights"));
        if (fake_cuda.calls < calls)
            break;
    }
    assert_true(calls > 40);
}

static void engine_cuda_any_call_that_fails_is_an_error_without_a_leak(void **state)
{
    static const struct {
        enum q8_cuda_code code;
        int status;
    } codes[] = {{Q8_CUDA_FAULT, Q8_EIO},
                 {Q8_CUDA_LIBRARY, Q8_EUNSUPPORTED},
                 {Q8_CUDA_NONE, Q8_EUNSUPPORTED}};

    (void)state;
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++)
        for (enum q8_mode mode = 0; mode < (i == 0 ? Q8_MODES : 1); mode++) {
            struct q8_multiply job = {.mode = mode, .type = Q8_FLOAT_F16};
            uint64_t calls;

            fill(4, 50, 20, &job);
            job = job_of(mode, Q8_FLOAT_F16, mode == Q8_MODE_BNB ? 6.0 : 0);
            for (calls = 1;; calls++) {
                struct q8_err err = {0};

                reset(NULL);
                fake_cuda.fail_at = calls;
                fake_cuda.fail_with = codes[i].code;
                if (compute_got(&job, &fake_device, &err))
                    break;
                assert_int_equal(err.code, codes[i].status);
                assert_non_null(strstr(err.text, "GPU 0"));
                assert_non_null(strstr(err.text, " fails"));
            }
            assert_true(calls > 30 && fake_cuda.calls < calls);
        }
}

static void engine_cuda_memory_that_never_suffices_is_an_error(void **state)
{
    struct q8_multiply job = {.mode = Q8_MODE_W8A16, .type = Q8_FLOAT_BF16};
    struct q8_err err = {0};

    (void)state;
    fill(4, 50, 70, &job);
    job = job_of(Q8_MODE_W8A16, Q8_FLOAT_BF16, 0);
    fake_cuda.fail_at = 40;
    fake_cuda.fail_times = 1000;
    fake_cuda.fail_with = Q8_CUDA_MEMORY;
    assert_false(compute_got(&job, &fake_device, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_non_null(strstr(err.text, "--tokens"));
}

static void engine_cuda_too_many_columns_are_refused(void **state)
{
    const struct q8_engine_setup setup = {Q8_ISA_ref, &fake_device, 1};
    const struct q8_engine_room room = {1, 16, 16, 16, 16, 256};
    struct q8_multiply job = {.mode = Q8_MODE_W8A8, .tokens = 1, .cols = Q8_MULTIPLY_COLS + 1};
    struct q8_engine e;
    struct q8_arena mem;
    struct q8_err err = {0};
    uint64_t outliers;

    (void)state;
    q8_arena_init(&mem, UINT64_MAX);
    assert_true(q8_engine_cuda(&e, &room, &setup, &mem, &err));
    assert_false(e.begin(e.self, &job, numbers.scratch, &outliers, &err));
    assert_int_equal(err.code, Q8_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "131072 columns: int32"));
    e.close(e.self);
    q8_arena_clear(&mem);
}

static void engine_cuda_sizes_beyond_64_bits_are_refused(void **state)
{
    const struct q8_engine_setup setup = {Q8_ISA_ref, &fake_device, 1};
    const struct q8_engine_room room = {
        UINT64_MAX / 100, 16, UINT64_MAX / 100, UINT64_MAX / 7, UINT64_MAX / 7, UINT64_MAX / 7};
    struct q8_engine e;
    struct q8_arena mem;
    struct q8_err err = {0};

    (void)state;
    q8_arena_init(&mem, UINT64_MAX);
    assert_false(q8_engine_cuda(&e, &room, &setup, &mem, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    q8_arena_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(engine_cuda_any_mode_has_the_bits_of_the_cpu, reset),
        cmocka_unit_test_setup(engine_cuda_numbers_that_are_not_finite_are_counted_as_on_the_cpu,
                               reset),
        cmocka_unit_test_setup(engine_cuda_little_memory_is_used_in_smaller_tiles, reset),
        cmocka_unit_test_setup(engine_cuda_memory_that_runs_out_later_makes_tiles_smaller, reset),
        cmocka_unit_test_setup(engine_cuda_any_call_that_fails_is_an_error_without_a_leak, reset),
        cmocka_unit_test_setup(engine_cuda_memory_that_never_suffices_is_an_error, reset),
        cmocka_unit_test_setup(engine_cuda_too_many_columns_are_refused, reset),
        cmocka_unit_test_setup(engine_cuda_sizes_beyond_64_bits_are_refused, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
