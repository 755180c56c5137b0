/*
 * test_encode.c - codes, scales and errors of rows: by hand from the formulas of bitsandbytes and
 * llm-compressor, and the signal-to-noise ratios of accuracy on Gaussian weights
 */
#include "src/scheme/encode.h"
#include "src/scheme/error.h"
#include "src/scheme/target.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define COLS 4096
#define MANY 64 /* rows of a Gaussian weight */

/* An encoder for one target over rows of at most COLS columns. */
struct setup {
    struct q8_encoder encoder;
    const struct q8_scheme *scheme;
    struct q8_arena mem;
    struct q8_stats stats;
    struct q8_err err;
    int8_t codes[COLS];
    float scales[COLS];
};

static void open_encoder(struct setup *s, const char *target)
{
    *s = (struct setup){.scheme = q8_target_find(target)->scheme};
    q8_arena_init(&s->mem, 1 << 20);
    s->encoder.scheme = s->scheme;
    s->encoder.measure = true;
    assert_true(q8_encoder_init(&s->encoder, q8_isa_detect(Q8_ISAS), COLS, &s->mem, &s->err));
}

/* One row of floats, number 7 of its weight, as a worker thread encodes it. */
static bool encode(struct setup *s, const float *row, uint64_t cols)
{
    const struct q8_tile tile = {.x = row,
                                 .type = Q8_FLOAT_F32,
                                 .rows = 1,
                                 .cols = cols,
                                 .first_row = 7,
                                 .codes = s->codes,
                                 .scales = s->scales,
                                 .scale_dtype = Q8_F32};
    bool before = q8_denormals_flush(true), ok;

    ok = q8_encode_rows(&s->encoder, &tile, &s->stats, &s->err);
    (void)q8_denormals_flush(before);
    return ok;
}

/* absmax 1: codes are w * 127, ties to even. */
static void encode_bitsandbytes_rounds_ties_to_even(void **state)
{
    const float row[] = {1.0f, -0.5f, 0.25f, 0.0f, -1.0f};
    const int8_t want[] = {127, -64, 32, 0, -127};
    struct setup s;

    (void)state;
    open_encoder(&s, "bnb-int8");
    assert_true(encode(&s, row, 5));
    assert_memory_equal(s.codes, want, sizeof want);
    assert_true(s.scales[0] == 1.0f);
    assert_int_equal(s.stats.zero_rows, 0);
    q8_arena_clear(&s.mem);
}

/* 2049 is no fp16: it rounds to 2048, and the stored absmax with it. */
static void encode_bitsandbytes_rounds_weights_to_half_first(void **state)
{
    const float row[] = {2049.0f, 1.0f};
    struct setup s;

    (void)state;
    open_encoder(&s, "bnb-int8");
    assert_true(encode(&s, row, 2));
    assert_true(s.scales[0] == 2048.0f);
    assert_int_equal(s.codes[0], 127);
    q8_arena_clear(&s.mem);
}

/* absmax 127.5 gives a step of exactly 1 and the whole range -128..127. */
static void encode_compressed_tensors_uses_the_whole_range(void **state)
{
    const float row[] = {127.5f, -127.5f, 0.5f, 1.5f, -100.4f, -100.6f};
    const int8_t want[] = {127, -128, 0, 2, -100, -101};
    struct setup s;

    (void)state;
    open_encoder(&s, "ct-w8a8");
    assert_true(encode(&s, row, 6));
    assert_memory_equal(s.codes, want, sizeof want);
    assert_true(s.scales[0] == 1.0f);
    q8_arena_clear(&s.mem);
}

static void encode_counts_rows_of_zeros(void **state)
{
    const float row[] = {0.0f, -0.0f, 0.0f};
    struct setup s;

    (void)state;
    open_encoder(&s, "bnb-int8");
    assert_true(encode(&s, row, 3));
    assert_int_equal(s.stats.zero_rows, 1);
    assert_true(s.scales[0] == 0.0f);
    assert_int_equal(s.codes[0] | s.codes[1] | s.codes[2], 0);
    q8_arena_clear(&s.mem);

    open_encoder(&s, "ct-w8a8");
    assert_true(encode(&s, row, 3));
    assert_int_equal(s.stats.zero_rows, 1);
    assert_true(s.scales[0] == 0x1p-23f); /* torch.finfo(float32).eps */
    q8_arena_clear(&s.mem);
}

/* Below fp16's smallest number a bitsandbytes row is lost whole: error and signal are the same. */
static void encode_measures_a_row_that_half_cannot_hold(void **state)
{
    const float row[] = {0x1p-30f, -0x1p-31f};
    struct setup s;

    (void)state;
    open_encoder(&s, "bnb-int8");
    assert_true(encode(&s, row, 2));
    assert_int_equal(s.codes[0] | s.codes[1], 0);
    assert_true(s.scales[0] == 0.0f);
    assert_int_equal(s.stats.zero_rows, 0);
    assert_true(s.stats.val2 == 0x1p-60 + 0x1p-62);
    assert_true(s.stats.err2 == s.stats.val2);
    q8_arena_clear(&s.mem);
}

/* Denormals are flushed in workers, but not where they are all that a row has. */
static void encode_keeps_denormals_of_tiny_rows(void **state)
{
    const float row[] = {0x1p-130f, -0x1p-130f, 0x1p-131f};
    const int8_t want[] = {127, -128, 64};
    struct setup s;

    (void)state;
    open_encoder(&s, "ct-w8a8");
    assert_true(encode(&s, row, 3));
    assert_memory_equal(s.codes, want, sizeof want);
    q8_arena_clear(&s.mem);
}

static void encode_refuses_what_has_no_code(void **state)
{
    static const struct {
        const char *target;
        float bad;
        const char *words;
    } cases[] = {
        {"bnb-int8", NAN, "row 7 holds a NaN"},
        {"bnb-int8", -INFINITY, "row 7 holds an infinity"},
        {"bnb-int8", 65520.0f, "row 7 holds 65520, beyond fp16 (65504)"},
        {"ct-w8a8", NAN, "row 7 holds a NaN"},
        {"ct-w8a16-g32", INFINITY, "row 7 holds an infinity"},
    };
    static struct setup s;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float row[64] = {1.0f};

        row[63] = cases[i].bad;
        open_encoder(&s, cases[i].target);
        assert_false(encode(&s, row, 64));
        assert_int_equal(s.err.code, Q8_EINPUT);
        assert_non_null(strstr(s.err.text, cases[i].words));
        q8_arena_clear(&s.mem);
    }
}

/* 65519 rounds down to 65504, the largest fp16; compressed-tensors has no such limit. */
static void encode_takes_what_still_fits(void **state)
{
    float row[] = {65519.0f, 1.0f};
    struct setup s;

    (void)state;
    open_encoder(&s, "bnb-int8");
    assert_true(encode(&s, row, 2));
    assert_true(s.scales[0] == 65504.0f);
    q8_arena_clear(&s.mem);

    row[0] = 1e30f;
    open_encoder(&s, "ct-w8a8");
    assert_true(encode(&s, row, 2));
    assert_int_equal(s.codes[0], 127);
    q8_arena_clear(&s.mem);
}

/* Standard normal numbers by the polar method over a fixed sequence. */
static float gaussian(uint64_t *seed)
{
    double u, v, s;

    do {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        u = (double)(*seed >> 33) / 0x1p30 - 1;
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        v = (double)(*seed >> 33) / 0x1p30 - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    return (float)(u * sqrt(-2 * log(s) / s));
}

/*
 * Ratios of Gaussian weights, measured by others: rows of 4,096 41.2 dB, with one value of 30 sigma
 * in the row 24.2 dB; groups with steps of absmax / 127.5, relative errors of 4.26e-5 (128) and
 * 3.12e-5 (32).  Bands of 0.3 dB.
 */
static void encode_reaches_the_known_ratios(void **state)
{
    static const struct {
        const char *target;
        float outlier;
        double decibel;
    } cases[] = {
        {"bnb-int8", 0, 41.2},      {"ct-w8a8", 0, 41.2},   {"ct-w8a16-g128", 0, 43.7},
        {"ct-w8a16-g32", 0, 45.06}, {"bnb-int8", 30, 24.2},
    };
    static struct setup s;
    static float row[COLS];
    uint64_t seed = 1;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_encoder(&s, cases[i].target);
        for (int r = 0; r < MANY; r++) {
            for (int c = 0; c < COLS; c++)
                row[c] = gaussian(&seed);
            if (cases[i].outlier > 0)
                row[COLS / 2] = cases[i].outlier;
            assert_true(encode(&s, row, COLS));
        }
        assert_true(fabs(q8_sqnr(s.stats.val2, s.stats.err2) - cases[i].decibel) <= 0.3);
        q8_arena_clear(&s.mem);
    }
}

static void encode_sqnr_of_no_error_is_infinite(void **state)
{
    const struct q8_stats exact = {.val2 = 4}, some = {.err2 = 0.01, .val2 = 100};

    (void)state;
    assert_true(isinf(q8_sqnr(exact.val2, exact.err2)));
    assert_true(fabs(q8_sqnr(some.val2, some.err2) - 40) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode_bitsandbytes_rounds_ties_to_even),
        cmocka_unit_test(encode_bitsandbytes_rounds_weights_to_half_first),
        cmocka_unit_test(encode_compressed_tensors_uses_the_whole_range),
        cmocka_unit_test(encode_counts_rows_of_zeros),
        cmocka_unit_test(encode_measures_a_row_that_half_cannot_hold),
        cmocka_unit_test(encode_keeps_denormals_of_tiny_rows),
        cmocka_unit_test(encode_refuses_what_has_no_code),
        cmocka_unit_test(encode_takes_what_still_fits),
        cmocka_unit_test(encode_reaches_the_known_ratios),
        cmocka_unit_test(encode_sqnr_of_no_error_is_infinite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
