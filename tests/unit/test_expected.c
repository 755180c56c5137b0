/*
 * test_expected.c - scales and codes that a weight should have: by hand from the formulas of
 * bitsandbytes and llm-compressor (formats.md 2.1.2, 2.2.2), and random ones against q8_encode_rows
 */
#include "src/scheme/encode.h"
#include "src/scheme/expected.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define COLS 96

/* An int8 weight without data, and what expects of it. */
struct setup {
    struct q8_tensor scales;
    struct q8_stored stored;
    struct q8_expected expect;
    struct q8_arena mem;
    struct q8_err err;
    int8_t codes[8 * COLS];
    float scale[8 * COLS];
};

static void open_expect(struct setup *s, enum q8_scheme_row row, enum q8_dtype scales,
                        enum q8_dtype type, uint64_t cols, uint64_t group)
{
    *s = (struct setup){.scales.dtype = scales};
    s->stored = (struct q8_stored){
        .scales = &s->scales, .scheme = &q8_schemes[row], .rows = 1, .cols = cols, .group = group};
    q8_arena_init(&s->mem, 1 << 20);
    assert_true(q8_expected_bytes(cols / group) > 0);
    assert_true(
        q8_expected_init(&s->expect, q8_isa_detect(Q8_ISAS), cols / group, &s->mem, &s->err));
    q8_expected_begin(&s->expect, &s->stored, type);
}

/* Codes of one row with those scales. */
static void expect_codes(struct setup *s, const void *x, const float *scales, const int8_t *want)
{
    q8_expected_codes(&s->expect, x, 1, scales, s->codes);
    assert_memory_equal(s->codes, want, s->stored.cols);
}

/* 2049 is no fp16 and rounds to 2048; ties go to even. */
static void expect_bitsandbytes_rounds_to_half(void **state)
{
    const float row[] = {2049.0f, -1024.0f, 512.0f, 0.0f}, zeros[] = {0, -0.0f, 0, 0};
    const int8_t want[] = {127, -64, 32, 0}, nothing[4] = {0};
    struct setup s;

    (void)state;
    open_expect(&s, Q8_SCHEME_LLM_INT8, Q8_F32, Q8_F64, 4, 4);
    q8_expected_scales(&s.expect, row, 1, s.scale);
    assert_true(s.scale[0] == 2048.0f);
    expect_codes(&s, row, s.scale, want);
    q8_expected_scales(&s.expect, zeros, 1, s.scale);
    assert_true(s.scale[0] == 0);
    expect_codes(&s, zeros, s.scale, nothing);
    q8_arena_clear(&s.mem);
}

/* Steps of 1 and of eps, a group each; the whole range is used. */
static void expect_compressed_tensors_has_a_step_for_each_group(void **state)
{
    const float row[] = {127.5f, -127.5f, -100.6f, 0, 0, 0};
    const int8_t want[] = {127, -128, -101, 0, 0, 0};
    struct setup s;

    (void)state;
    open_expect(&s, Q8_SCHEME_W8A8, Q8_F32, Q8_F32, 6, 3);
    q8_expected_scales(&s.expect, row, 1, s.scale);
    assert_true(s.scale[0] == 1.0f);
    assert_true(s.scale[1] == 0x1p-23f); /* torch.finfo(float32).eps */
    expect_codes(&s, row, s.scale, want);
    assert_false(q8_expected_has_library(&s.expect));
    q8_arena_clear(&s.mem);
}

/* The largest of both rows is in the second; steps have the type of the stored scale. */
static void expect_shared_scale_is_that_of_all_rows(void **state)
{
    const float rows[] = {1, 2, 3, -255.25f};
    const int8_t want[] = {0, 1, 2, -128};
    struct setup s;

    (void)state;
    open_expect(&s, Q8_SCHEME_W8A8, Q8_BF16, Q8_F32, 2, 2);
    s.stored.scheme = &q8_schemes[Q8_SCHEME_W8A8_TENSOR];
    q8_expected_see(&s.expect, rows, 1);
    q8_expected_see(&s.expect, rows + 2, 1);
    q8_expected_scales(&s.expect, rows, 2, s.scale);
    assert_true(s.scale[0] == 2.0f); /* 255.25 / 127.5 = 2.00196; bf16 has 2 and 2.015625 */
    assert_true(s.scale[1] == 2.0f);
    q8_expected_codes(&s.expect, rows, 2, s.scale, s.codes);
    assert_memory_equal(s.codes, want, sizeof want);
    q8_arena_clear(&s.mem);
}

/* NaN, Inf and what is beyond fp16 have no scale and no codes; their neighbours have. */
static void expect_makes_nothing_of_what_has_no_code(void **state)
{
    const float row[] = {NAN, 1, -INFINITY, 1, 127.5f, 1}, wide[] = {65520.0f, 1};
    const int8_t want[] = {0, 0, 0, 0, 127, 1};
    struct setup s;

    (void)state;
    open_expect(&s, Q8_SCHEME_W8A8, Q8_F32, Q8_F32, 6, 2);
    q8_expected_scales(&s.expect, row, 1, s.scale);
    assert_true(isnan(s.scale[0]) && isnan(s.scale[1]) && s.scale[2] == 1);
    expect_codes(&s, row, s.scale, want);
    s.scale[0] = s.scale[1] = 1;
    expect_codes(&s, row, s.scale, want);
    q8_arena_clear(&s.mem);

    open_expect(&s, Q8_SCHEME_LLM_INT8, Q8_F32, Q8_F32, 2, 2);
    q8_expected_scales(&s.expect, wide, 1, s.scale);
    assert_true(isnan(s.scale[0]));
    expect_codes(&s, wide, s.scale, want);
    q8_arena_clear(&s.mem);
}

/* Scales that nobody should have stored. */
static void expect_codes_of_odd_scales_stay_in_range(void **state)
{
    const float row[] = {1, -1, 0.5f, 0.25f};
    static const struct {
        enum q8_scheme_row row;
        float scale;
        int8_t want[4];
    } cases[] = {
        {Q8_SCHEME_LLM_INT8, 0.5f, {127, -127, 127, 64}}, /* 63.5 is a tie */
        {Q8_SCHEME_LLM_INT8, -1, {-127, 127, -64, -32}},
        {Q8_SCHEME_LLM_INT8, 0, {0}},
        {Q8_SCHEME_LLM_INT8, NAN, {0}},
        {Q8_SCHEME_LLM_INT8, INFINITY, {0}},
        {Q8_SCHEME_LLM_INT8, 0x1p-140f, {0}}, /* its inverse is infinite */
        {Q8_SCHEME_W8A8, 0x1p-9f, {127, -128, 127, 127}},
        {Q8_SCHEME_W8A8, 0x1p-140f, {127, -128, 127, 127}},
        {Q8_SCHEME_W8A8, -0.015625f, {-64, 64, -32, -16}},
        {Q8_SCHEME_W8A8, 0x1p120f, {0}},
        {Q8_SCHEME_W8A8, 0, {0}},
        {Q8_SCHEME_W8A8, -INFINITY, {0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct setup s;

        open_expect(&s, cases[i].row, Q8_F32, Q8_F32, 4, 4);
        expect_codes(&s, row, &cases[i].scale, cases[i].want);
        q8_arena_clear(&s.mem);
    }
}

/*
 * bf16: 126 / 1.2421875 = 101.43, which bf16 rounds to 101.5 and the tie to 102.  fp16:
 * 101.6875 / 1.001953125 = 101.489, which fp16 rounds to 101.5.
 */
static void expect_library_rounds_the_quotient(void **state)
{
    static const struct {
        enum q8_dtype scales, type;
        float w, scale;
        int8_t rule, library;
    } cases[] = {
        {Q8_BF16, Q8_BF16, 126, 1.2421875f, 101, 102},
        {Q8_BF16, Q8_BF16, -126, 1.2421875f, -101, -102},
        {Q8_F16, Q8_F16, 101.6875f, 1.001953125f, 101, 102},
        {Q8_F32, Q8_BF16, 126, 1.2421875f, 101, 101}, /* torch divides in fp32 */
        {Q8_BF16, Q8_F32, 126, 1.2421875f, 101, 101},
        {Q8_BF16, Q8_BF16, 127.5f, 1, 127, 127},
        {Q8_BF16, Q8_BF16, -200, 1, -128, -128},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const uint16_t half =
            cases[i].type == Q8_F16 ? q8_float_to_half(cases[i].w) : q8_float_to_bf16(cases[i].w);
        const void *x = cases[i].type == Q8_F32 ? (const void *)&cases[i].w : (const void *)&half;
        struct setup s;

        open_expect(&s, Q8_SCHEME_W8A8, cases[i].scales, cases[i].type, 1, 1);
        expect_codes(&s, x, &cases[i].scale, &cases[i].rule);
        q8_expected_library_codes(&s.expect, x, 1, &cases[i].scale, s.codes);
        assert_int_equal(s.codes[0], cases[i].library);
        assert_int_equal(q8_expected_has_library(&s.expect),
                         cases[i].scales == cases[i].type && cases[i].type != Q8_F32);
        q8_arena_clear(&s.mem);
    }
}

/* absmax 1: 0.5 is 63.5, whose rule is 64; 0.25 is 31.75. */
static void expect_tie_is_a_matter_of_bitsandbytes(void **state)
{
    const float half = 0.5f, quarter = 0.25f;
    struct setup s;

    (void)state;
    open_expect(&s, Q8_SCHEME_LLM_INT8, Q8_F32, Q8_F32, 1, 1);
    assert_true(q8_expected_tie(&s.expect, &half, 1, 63));
    assert_false(q8_expected_tie(&s.expect, &half, 1, 62));
    assert_false(q8_expected_tie(&s.expect, &half, 1, 65));
    assert_false(q8_expected_tie(&s.expect, &quarter, 1, 31));
    assert_false(q8_expected_tie(&s.expect, &half, 0, 0));
    q8_arena_clear(&s.mem);
    open_expect(&s, Q8_SCHEME_W8A8, Q8_F32, Q8_F32, 1, 1);
    assert_false(q8_expected_tie(&s.expect, &half, 1, 1));
    q8_arena_clear(&s.mem);
}

/* Stored scales are the numbers in the file, not steps. */
static void expect_stored_scales_are_what_the_file_holds(void **state)
{
    const uint16_t bits[] = {0x3f80, 0x4000};
    struct q8_decoder d = {.scales = (unsigned char *)bits};
    struct setup s;

    (void)state;
    open_expect(&s, Q8_SCHEME_W8A8, Q8_BF16, Q8_BF16, 4, 4);
    q8_expected_stored(&s.expect, &d, 2, s.scale);
    assert_true(s.scale[0] == 1 && s.scale[1] == 2);
    s.stored.scheme = &q8_schemes[Q8_SCHEME_W8A8_TENSOR];
    q8_expected_stored(&s.expect, &d, 3, s.scale);
    assert_true(s.scale[0] == 1 && s.scale[1] == 1 && s.scale[2] == 1);
    q8_arena_clear(&s.mem);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* What q8-convert writes, which golden tests hold against the libraries, is what is expected. */
static void expect_is_what_the_encoder_writes(void **state)
{
    static const enum q8_scheme_row rows[] = {Q8_SCHEME_LLM_INT8, Q8_SCHEME_W8A8,
                                              Q8_SCHEME_W8A16_G32};
    uint64_t seed = 20240607;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (unsigned i = 0; i < 300; i++) {
        const enum q8_scheme_row row = rows[i % 3];
        const struct q8_scheme *scheme = &q8_schemes[row];
        const int tiny = i % 7 == 6 ? -120 : 0;
        struct q8_encoder encoder = {.scheme = scheme};
        struct q8_stats stats = {0};
        int8_t codes[4 * COLS];
        float x[4 * COLS], scales[4 * COLS];
        const struct q8_tile tile = {.x = x,
                                     .type = Q8_FLOAT_F32,
                                     .rows = 4,
                                     .cols = COLS,
                                     .codes = codes,
                                     .scales = scales,
                                     .scale_dtype = Q8_F32};
        struct setup s;

        for (unsigned k = 0; k < COUNT(x); k++)
            x[k] = i % 5 == 4 && k / COLS == 1
                       ? 0
                       : ldexpf((float)next_random(&seed) - 0x1p30f, -32 + tiny + (int)(k / COLS));
        open_expect(&s, row, Q8_F32, Q8_F32, COLS, scheme->group ? scheme->group : COLS);
        q8_expected_scales(&s.expect, x, 4, s.scale);
        q8_expected_codes(&s.expect, x, 4, s.scale, s.codes);
        assert_true(q8_encoder_init(&encoder, Q8_ISA_ref, COLS, &s.mem, &s.err));
        (void)q8_denormals_flush(true);
        assert_true(q8_encode_rows(&encoder, &tile, &stats, &s.err));
        (void)q8_denormals_flush(false);
        assert_memory_equal(s.codes, codes, sizeof codes);
        assert_memory_equal(s.scale, scales, 4 * s.expect.groups * sizeof *scales);
        q8_arena_clear(&s.mem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expect_bitsandbytes_rounds_to_half),
        cmocka_unit_test(expect_compressed_tensors_has_a_step_for_each_group),
        cmocka_unit_test(expect_shared_scale_is_that_of_all_rows),
        cmocka_unit_test(expect_makes_nothing_of_what_has_no_code),
        cmocka_unit_test(expect_codes_of_odd_scales_stay_in_range),
        cmocka_unit_test(expect_library_rounds_the_quotient),
        cmocka_unit_test(expect_tie_is_a_matter_of_bitsandbytes),
        cmocka_unit_test(expect_stored_scales_are_what_the_file_holds),
        cmocka_unit_test(expect_is_what_the_encoder_writes),
    };

    return cmocka_run_group_tests_name("expect", tests, NULL, NULL);
}
