/*
 * test_engine.c - products on the CPU: worked out by hand from engine.h, and for any tiles and
 * instruction sets the same
 */
#include "src/forward/engine_parts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ROWS 37
#define COLS 150
#define TOKENS 9

/* An engine with room for tests, and what the last products were. */
struct bench {
    struct q8_arena mem;
    struct q8_err err;
    struct q8_engine engine;
    struct q8_products products;
    uint64_t outliers;
    float *reference, *int8;
};

static void open_bench(struct bench *b, enum q8_isa isa)
{
    const struct q8_engine_room room = {.tokens = TOKENS,
                                        .cols = COLS,
                                        .rows = ROWS,
                                        .elements = TOKENS * COLS,
                                        .products = TOKENS * ROWS,
                                        .tile = ROWS * COLS};

    *b = (struct bench){0};
    q8_arena_init(&b->mem, 64 << 20);
    assert_true(q8_engine_cpu(&b->engine, &room, isa, &b->mem, &b->err));
    assert_string_equal(b->engine.name, "cpu");
}

static void multiply(struct bench *b, const struct q8_multiply *job, float *x,
                     const struct q8_operands *w)
{
    b->products = (struct q8_products){0};
    assert_true(b->engine.begin(b->engine.self, job, x, &b->outliers, &b->err));
    assert_true(b->engine.tile(b->engine.self, w, &b->products, &b->reference, &b->int8, &b->err));
}

/* 127 * 127 * 6.200124e-05 is 1.0000180, bitsandbytes' own constant. */
static void engine_bitsandbytes_scales_by_both_absmax(void **state)
{
    static const int8_t codes[4] = {127, 0, 64, -127};
    static const float weights[4] = {1, 0, 1.0078740f, -2}, absmax[2] = {1, 2};
    float x[2] = {1, 0.5f};
    const struct q8_multiply job = {Q8_MODE_BNB, 6, Q8_FLOAT_F32, 1, 2, 0, 0};
    const struct q8_operands w = {2, codes, NULL, absmax, weights, weights};
    struct bench b;

    (void)state;
    open_bench(&b, q8_isa_detect(Q8_ISAS));
    multiply(&b, &job, x, &w);
    assert_true(b.reference[0] == 1);
    assert_true(b.int8[0] == 16129.0f * 1.0f * 6.200124e-05f);
    assert_true(b.int8[1] == 0); /* 127 * 64 - 64 * 127: 0.5 is the code 64 too */
    assert_true(fabsf(b.reference[1]) < 0.01f);
    assert_int_equal(b.products.bad, 0);
    q8_arena_clear(&b.mem);
}

/* The outlier 100 meets the dequantized weight 0.5039370, not a code of 127 steps of 100 / 127. */
static void engine_bitsandbytes_multiplies_outliers_in_16_bit(void **state)
{
    static const int8_t codes[2] = {127, 64};
    static const float weights[2] = {1, 0.5f}, absmax[1] = {1};
    float x[2] = {0.25f, 100};
    const struct q8_multiply job = {Q8_MODE_BNB, 6, Q8_FLOAT_F16, 1, 2, 0, 0};
    const struct q8_operands w = {1, codes, NULL, absmax, weights, weights};
    struct bench b;

    (void)state;
    open_bench(&b, q8_isa_detect(Q8_ISAS));
    multiply(&b, &job, x, &w);
    assert_int_equal(b.outliers, 1);
    /* half(64 / 127) is 0.50390625, times 100 50.390625; with the half 0.25 it is 50.640625 */
    assert_true(b.int8[0] == q8_half_to_float(q8_float_to_half(0.25f + 50.390625f)));
    assert_true(b.reference[0] == 50.25f);
    q8_arena_clear(&b.mem);
}

static void engine_w8a16_multiplies_what_the_runtime_dequantizes(void **state)
{
    static const int8_t codes[2] = {1, 2};
    static const float weights[2] = {1.0001f, 2}, reference[2] = {1, 2}; /* bf16: 1, 2 */
    float x[2] = {3, 5};
    const struct q8_multiply job = {Q8_MODE_W8A16, 0, Q8_FLOAT_BF16, 1, 2, 0, 0};
    const struct q8_operands w = {1, codes, NULL, NULL, weights, reference};
    struct bench b;

    (void)state;
    open_bench(&b, q8_isa_detect(Q8_ISAS));
    multiply(&b, &job, x, &w);
    assert_true(b.int8[0] == 13 && b.reference[0] == 13);
    assert_true(b.products.diff.err2 == 0 && b.products.diff.val2 == 169);
    q8_arena_clear(&b.mem);
}

/* Whole numbers of at most 127 are codes by themselves, whatever the mode and the zero point. */
static void engine_paper_modes_are_exact_where_codes_are(void **state)
{
    static const float reference[4] = {127, -3, -100, 127};
    static const int8_t codes[4] = {0};
    struct q8_operands w = {2, codes, NULL, NULL, reference, reference};

    (void)state;
    for (enum q8_mode mode = Q8_MODE_ABSMAX; mode <= Q8_MODE_VECTOR_WISE; mode++) {
        float x[4] = {127, 5, -7, 127};
        const struct q8_multiply job = {mode, 0, Q8_FLOAT_F32, 2, 2, -100, 127};
        struct bench b;

        open_bench(&b, q8_isa_detect(Q8_ISAS));
        multiply(&b, &job, x, &w);
        assert_true(b.int8[0] == 127 * 127 - 15 && b.int8[1] == -12700 + 5 * 127);
        assert_true(b.products.diff.err2 == 0);
        q8_arena_clear(&b.mem);
    }
}

/* 0 to 255 in whole steps: (code + zero) is the number itself, and 255 * 255 * 2 is exact. */
static void engine_zero_points_cancel(void **state)
{
    static const float reference[4] = {255, 0, 200, 255};
    static const int8_t codes[4] = {0};
    const struct q8_operands w = {2, codes, NULL, NULL, reference, reference};

    (void)state;
    for (enum q8_mode mode = Q8_MODE_ZEROPOINT; mode <= Q8_MODE_ZEROPOINT_VECTOR_WISE; mode++) {
        float x[4] = {0, 255, 255, 17};
        const struct q8_multiply job = {mode, 0, Q8_FLOAT_F32, 2, 2, 0, 255};
        struct bench b;

        open_bench(&b, q8_isa_detect(Q8_ISAS));
        multiply(&b, &job, x, &w);
        assert_true(b.int8[0] == 0 && b.int8[1] == 255 * 255);
        assert_true(b.int8[3] == 255 * 200 + 17 * 255);
        assert_true(b.products.diff.err2 == 0);
        q8_arena_clear(&b.mem);
    }
}

static void engine_infinite_products_are_counted_and_left_out(void **state)
{
    static const int8_t codes[2] = {127, 127};
    static const float weights[2] = {1, 1}, absmax[1] = {1};
    float x[4] = {70000, 1, 1, 1};
    const struct q8_multiply job = {Q8_MODE_BNB, 0, Q8_FLOAT_F32, 2, 2, 0, 0};
    const struct q8_operands w = {1, codes, NULL, absmax, weights, weights};
    struct bench b;

    (void)state;
    open_bench(&b, q8_isa_detect(Q8_ISAS));
    multiply(&b, &job, x, &w);
    assert_int_equal(b.products.bad, 1);
    assert_true(b.products.diff.val2 == 4); /* of the second token alone */
    q8_arena_clear(&b.mem);
}

/* Numbers from a generator with a seed of its own (splitmix64), -1 to 1 with some outliers. */
static float draw(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return ((float)(z >> 40) * 0x1p-23f - 1) * (z % 97 == 0 ? 20 : 1);
}

/* Both products of a random weight: all rows at once, or in tiles of 5, one after another. */
static void run_random(enum q8_isa isa, enum q8_mode mode, uint64_t tile, float *ret,
                       struct q8_products *ret_products)
{
    static float x[TOKENS * COLS], weights[ROWS * COLS], reference[ROWS * COLS];
    static float absmax[ROWS], step[ROWS];
    static int8_t codes[ROWS * COLS];
    const struct q8_multiply job = {mode, 6, Q8_FLOAT_BF16, TOKENS, COLS, -20, 20};
    uint64_t seed = 42;
    struct bench b;

    for (size_t i = 0; i < TOKENS * COLS; i++)
        x[i] = q8_bf16_to_float(q8_float_to_bf16(draw(&seed)));
    for (size_t i = 0; i < ROWS * COLS; i++) {
        codes[i] = (int8_t)(draw(&seed) * 6);
        absmax[i / COLS] = 0.5f;
        step[i / COLS] = 0.5f / 127;
        weights[i] = (float)codes[i] * step[i / COLS];
        reference[i] = weights[i] + draw(&seed) * 0.001f;
    }
    open_bench(&b, isa);
    assert_true(b.engine.begin(b.engine.self, &job, x, &b.outliers, &b.err));
    for (uint64_t row = 0; row < ROWS; row += tile) {
        const uint64_t n = ROWS - row < tile ? ROWS - row : tile, at = row * COLS;
        const struct q8_operands w = {
            n, codes + at, step + row, absmax + row, weights + at, reference + at};

        assert_true(b.engine.tile(b.engine.self, &w, &b.products, &b.reference, &b.int8, &b.err));
        for (uint64_t t = 0; t < TOKENS; t++)
            for (uint64_t r = 0; r < n; r++) {
                ret[t * ROWS + row + r] = b.int8[t * n + r];
                ret[TOKENS * ROWS + t * ROWS + row + r] = b.reference[t * n + r];
            }
    }
    *ret_products = b.products;
    q8_arena_clear(&b.mem);
}

static void engine_any_instruction_set_and_tiles_give_the_same_bits(void **state)
{
    static float want[2 * TOKENS * ROWS], have[2 * TOKENS * ROWS];
    struct q8_products first, other;

    (void)state;
    for (enum q8_mode mode = 0; mode < Q8_MODES; mode++) {
        run_random(Q8_ISA_ref, mode, ROWS, want, &first);
        for (enum q8_isa isa = Q8_ISA_ref; isa <= q8_isa_detect(Q8_ISAS - 1); isa++) {
            run_random(isa, mode, ROWS, have, &other);
            assert_memory_equal(have, want, sizeof want);
            assert_memory_equal(&other.diff, &first.diff, sizeof first.diff);
            run_random(isa, mode, 5, have, &other);
            assert_memory_equal(have, want, sizeof want);
        }
        assert_true(first.diff.err2 > 0 && first.diff.err2 < 0.2 * first.diff.val2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine_bitsandbytes_scales_by_both_absmax),
        cmocka_unit_test(engine_bitsandbytes_multiplies_outliers_in_16_bit),
        cmocka_unit_test(engine_w8a16_multiplies_what_the_runtime_dequantizes),
        cmocka_unit_test(engine_paper_modes_are_exact_where_codes_are),
        cmocka_unit_test(engine_zero_points_cancel),
        cmocka_unit_test(engine_infinite_products_are_counted_and_left_out),
        cmocka_unit_test(engine_any_instruction_set_and_tiles_give_the_same_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
