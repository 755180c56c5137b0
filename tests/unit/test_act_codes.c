/*
 * test_act_codes.c - activations as int8 by the rule of each mode, worked out by hand from the
 * formulas of act_codes.h and engine.h
 */
#include "src/forward/act_codes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* Room for a few tokens, and what q8_act_codes_take made of them. */
struct taken {
    struct q8_arena mem;
    struct q8_kernels kernels;
    struct q8_act_codes t;
};

static void take_by(struct taken *s, const struct q8_multiply *job, const float *x, enum q8_isa isa)
{
    const struct q8_engine_room room = {
        .tokens = job->tokens, .cols = job->cols, .elements = job->tokens * job->cols};
    struct q8_err err = {0};

    q8_arena_init(&s->mem, 1 << 20);
    q8_kernels_init(&s->kernels, isa);
    assert_true(q8_act_codes_init(&s->t, &room, &s->kernels, &s->mem, &err));
    q8_act_codes_take(&s->t, job, x);
}

static void take(struct taken *s, const struct q8_multiply *job, const float *x)
{
    take_by(s, job, x, q8_isa_detect(Q8_ISAS));
}

/*
 * 8 stands out of its row, so its column has no codes; the 1 in that column does not, so it is the
 * absmax of the second row (bitsandbytes zeroes the outliers before it takes absmax, and the column
 * behind it).
 */
static void tokens_bitsandbytes_leaves_outlier_columns_without_codes(void **state)
{
    static const float x[8] = {1, -2, 8, 0.5f, 0.25f, 0.5f, 1, 0};
    static const int8_t want[8] = {64, -127, 0, 32, 32, 64, 0, 0};
    const struct q8_multiply job = {Q8_MODE_BNB, 6, Q8_FLOAT_F32, 2, 4, 0, 0};
    struct taken s;

    (void)state;
    take(&s, &job, x);
    assert_int_equal(s.t.outliers, 1);
    assert_int_equal(s.t.outlier[0], 2);
    assert_true(s.t.apart[0] == 8 && s.t.apart[1] == 1);
    assert_true(s.t.scale[0] == 2 && s.t.scale[1] == 1);
    assert_int_equal(s.t.keeps, 4);
    assert_memory_equal(s.t.codes, want, sizeof want);
    q8_arena_clear(&s.mem);
}

static void tokens_bitsandbytes_threshold_0_leaves_nothing_out(void **state)
{
    static const float x[4] = {1, -2, 8, 0};
    static const int8_t want[4] = {16, -32, 127, 0}; /* 15.875, -31.75 */
    const struct q8_multiply job = {Q8_MODE_BNB, 0, Q8_FLOAT_F16, 1, 4, 0, 0};
    struct taken s;

    (void)state;
    take(&s, &job, x);
    assert_int_equal(s.t.outliers, 0);
    assert_true(s.t.scale[0] == 8);
    assert_memory_equal(s.t.codes, want, sizeof want);
    q8_arena_clear(&s.mem);
}

/* 70000 is no fp16 number: it is an infinity, which the threshold catches and 0 does not. */
static void tokens_bitsandbytes_beyond_fp16_is_an_outlier_or_an_infinite_row(void **state)
{
    static const float x[4] = {70000, 1, 0, 0};
    static const int8_t none[4] = {0}, want[4] = {0, 127, 0, 0};
    struct q8_multiply job = {Q8_MODE_BNB, 6, Q8_FLOAT_F32, 1, 4, 0, 0};
    struct taken s;

    (void)state;
    take(&s, &job, x);
    assert_int_equal(s.t.outliers, 1);
    assert_true(s.t.apart[0] == 70000 && s.t.scale[0] == 1);
    assert_memory_equal(s.t.codes, want, sizeof want);
    q8_arena_clear(&s.mem);
    job.threshold = 0;
    take(&s, &job, x);
    assert_true(isinf(s.t.scale[0]));
    assert_memory_equal(s.t.codes, none, sizeof none);
    q8_arena_clear(&s.mem);
}

/* A step of 2; 127.5 is clamped, 0.5 goes to the even 0. */
static void tokens_w8a8_divides_by_absmax_over_127_5(void **state)
{
    static const float x[8] = {255, -127.5f, 1, 0, 0, 0, 0, 0};
    static const int8_t want[8] = {127, -64, 0, 0};
    const struct q8_multiply job = {Q8_MODE_W8A8, 6, Q8_FLOAT_F32, 2, 4, 0, 0};
    struct taken s;

    (void)state;
    take(&s, &job, x);
    assert_int_equal(s.t.outliers, 0);
    assert_true(s.t.scale[0] == 2);
    assert_true(s.t.scale[1] == 0x1p-23f); /* epsilon of fp32, for a row of zeros */
    assert_memory_equal(s.t.codes, want, sizeof want);
    q8_arena_clear(&s.mem);
}

/*
 * In bf16 1 / 127.5 is 1.0000001b * 2^-7, since it lies 0.502 of the way to it; 0.5 over that is
 * 63.504, in bf16 63.5, which goes to the even 64.  In fp32 it would be 63.75.
 */
static void tokens_w8a8_rounds_in_the_type_of_the_activations(void **state)
{
    static const float x[2] = {1, 0.5f};
    const struct q8_multiply job = {Q8_MODE_W8A8, 0, Q8_FLOAT_BF16, 1, 2, 0, 0};
    struct taken s;

    (void)state;
    take(&s, &job, x);
    assert_true(s.t.scale[0] == 0x1.02p-7f);
    assert_int_equal(s.t.codes[0], 127);
    assert_int_equal(s.t.codes[1], 64);
    q8_arena_clear(&s.mem);
}

static void tokens_absmax_has_one_scale_and_row_wise_one_for_each_row(void **state)
{
    static const float x[4] = {127, -64, 10, 0};
    static const int8_t one[4] = {127, -64, 10, 0}, each[4] = {127, -64, 127, 0};
    struct q8_multiply job = {Q8_MODE_ABSMAX, 0, Q8_FLOAT_F32, 2, 2, 0, 0};
    struct taken s;

    (void)state;
    take(&s, &job, x);
    assert_true(s.t.scale[0] == 1 && s.t.scale[1] == 1 && s.t.zero[0] == 0);
    assert_memory_equal(s.t.codes, one, sizeof one);
    q8_arena_clear(&s.mem);
    job.mode = Q8_MODE_ROW_WISE;
    take(&s, &job, x);
    assert_true(s.t.scale[0] == 1 && s.t.scale[1] == 10.0f / 127);
    assert_memory_equal(s.t.codes, each, sizeof each);
    q8_arena_clear(&s.mem);
}

/* 0 to 255 needs the zero point 128, -255 to 0 needs -127; each code gives its number back. */
static void tokens_zeropoint_uses_the_whole_range(void **state)
{
    static const float x[4] = {0, 255, -255, 0};
    static const int8_t want[4] = {-128, 127, -128, 127};
    const struct q8_multiply job = {Q8_MODE_ZEROPOINT_VECTOR_WISE, 0, Q8_FLOAT_F32, 2, 2, 0, 0};
    struct taken s;

    (void)state;
    take(&s, &job, x);
    assert_true(s.t.scale[0] == 1 && s.t.scale[1] == 1);
    assert_int_equal(s.t.zero[0], 128);
    assert_int_equal(s.t.zero[1], -127);
    assert_int_equal(s.t.sum[0], -1);
    assert_memory_equal(s.t.codes, want, sizeof want);
    q8_arena_clear(&s.mem);
}

/* The paper's modes take the outlier columns out of the matrix before any scale is made. */
static void tokens_paper_decomposition_keeps_the_other_columns(void **state)
{
    static const float x[6] = {1, 90, -127, 2, 3, 4};
    static const int8_t want[2] = {64, 127}; /* 63.5 and 127; the first is a tie from above */
    const struct q8_multiply job = {Q8_MODE_ABSMAX, 80, Q8_FLOAT_F32, 2, 3, 0, 0};
    struct taken s;

    (void)state;
    take(&s, &job, x);
    assert_int_equal(s.t.outliers, 2);
    assert_int_equal(s.t.keeps, 1);
    assert_int_equal(s.t.kept[0], 0);
    assert_true(s.t.apart[0] == 90 && s.t.apart[1] == -127 && s.t.apart[2] == 3);
    assert_true(s.t.scale[0] == 2.0f / 127 && s.t.scale[1] == 2.0f / 127);
    assert_in_range(s.t.codes[0], want[0] - 1, want[0]);
    assert_int_equal(s.t.codes[1], want[1]);
    q8_arena_clear(&s.mem);
}

static void affine_of_zeros_is_1_and_constants_come_back(void **state)
{
    static const float same[3] = {5, 5, 5};
    struct q8_affine a = q8_affine_make(true, 0, 0);
    float least = 0, most = 0;
    int8_t codes[3];

    (void)state;
    assert_true(a.scale == 1 && a.zero == 0);
    q8_affine_range(same, 3, &least, &most);
    assert_true(least == 0 && most == 5);
    a = q8_affine_make(true, least, most);
    assert_int_equal(q8_affine_codes(&a, codes, same, 3), 3 * 127);
    assert_true(fabsf((float)(codes[0] + a.zero) * a.scale - 5) < 1e-6f);
}

/* NaN is no number of the range and has code 0; an infinity makes the scale infinite. */
static void affine_of_what_is_not_finite_is_defined(void **state)
{
    static const struct {
        float x[4], scale;
        int32_t zero;
        int8_t codes[4];
        bool asymmetric;
    } rows[] = {
        {{NAN, 127, -NAN, -1}, 1, 0, {0, 127, 0, -1}, false},
        {{NAN, 255, 0, 0}, 1, 128, {0, 127, -128, -128}, true},
        {{INFINITY, 5, NAN, 0}, INFINITY, 0, {0, 0, 0, 0}, false},
        {{INFINITY, 5, NAN, 0}, INFINITY, 128, {0, -128, 0, -128}, true},
        {{-INFINITY, 5, INFINITY, 0}, INFINITY, 128, {0, -128, 0, -128}, true},
        {{NAN, NAN, NAN, NAN}, 1, 0, {0}, true},
        /* (3e38 + 3e38) / 255 is infinite in float */
        {{3e38f, -3e38f, 0, 0}, INFINITY, 128, {-128, -128, -128, -128}, true},
        /* a denormal over 127 or 255 is 0: as zeros */
        {{0x1p-149f, -0x1p-149f, 0, 0}, 1, 0, {0}, false},
        {{0x1p-149f, -0x1p-149f, 0, 0}, 1, 0, {0}, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float least = 0, most = 0;
        struct q8_affine a;
        int8_t codes[4];
        int64_t sum;

        q8_affine_range(rows[i].x, 4, &least, &most);
        a = q8_affine_make(rows[i].asymmetric, least, most);
        sum = q8_affine_codes(&a, codes, rows[i].x, 4);
        assert_true(a.scale == rows[i].scale);
        assert_int_equal(a.zero, rows[i].zero);
        assert_memory_equal(codes, rows[i].codes, sizeof codes);
        assert_int_equal(sum, codes[0] + codes[1] + codes[2] + codes[3]);
    }
}

static void tokens_w8a8_of_nan_are_zeros(void **state)
{
    static const float x[4] = {NAN, 1, INFINITY, 1};
    static const int8_t want[4] = {0};
    const struct q8_multiply job = {Q8_MODE_W8A8, 0, Q8_FLOAT_F32, 2, 2, 0, 0};
    struct taken s;

    (void)state;
    take(&s, &job, x);
    assert_memory_equal(s.t.codes, want, sizeof want);
    q8_arena_clear(&s.mem);
}

/* Numbers with what is not finite at places of every kind: in a vector, at its end, behind it. */
static void fill_not_finite(float *x, size_t tokens, size_t cols)
{
    static const float odd[] = {NAN, INFINITY, -NAN, -INFINITY, 70000, 3e38f, -3e38f, 0x1p-149f};

    for (size_t i = 0; i < tokens * cols; i++)
        x[i] = (float)((int)(i * 37 % 201) - 100) / 25;
    for (size_t t = 0; t + 1 < tokens; t++) /* the last one stays finite */
        for (size_t i = 0; i <= t; i++)
            x[t * cols + (t * 11 + i * 29) % cols] = odd[(t + i) % 8];
    for (size_t i = 0; i < cols; i++)
        x[i] = NAN; /* nothing but NaN */
}

static void tokens_that_are_not_finite_are_the_same_on_every_instruction_set(void **state)
{
    enum { TOKENS = 10, COLS = 83 };
    const enum q8_isa best = q8_isa_detect(Q8_ISAS);
    float x[TOKENS * COLS];

    (void)state;
    fill_not_finite(x, TOKENS, COLS);
    for (int m = 0; m < Q8_MODES * 3 * 2; m++) {
        static const enum q8_float types[] = {Q8_FLOAT_F32, Q8_FLOAT_F16, Q8_FLOAT_BF16};
        const struct q8_multiply job = {
            (enum q8_mode)(m / 6), m % 2 ? 6 : 0, types[m / 2 % 3], TOKENS, COLS, 0, 0};
        struct taken ref, other;

        if (job.mode == Q8_MODE_W8A16) /* has no codes */
            continue;
        take_by(&ref, &job, x, Q8_ISA_ref);
        for (int isa = Q8_ISA_ref + 1; isa <= (int)best; isa++) {
            take_by(&other, &job, x, (enum q8_isa)isa);
            assert_int_equal(other.t.keeps, ref.t.keeps);
            assert_int_equal(other.t.outliers, ref.t.outliers);
            assert_memory_equal(other.t.codes, ref.t.codes, TOKENS * ref.t.keeps);
            assert_memory_equal(other.t.scale, ref.t.scale, sizeof(float[TOKENS]));
            assert_memory_equal(other.t.outlier, ref.t.outlier, ref.t.outliers * sizeof(uint32_t));
            for (uint64_t i = 0; i < TOKENS * ref.t.outliers; i++)
                assert_true(other.t.apart[i] == ref.t.apart[i] ||
                            (isnan(other.t.apart[i]) && isnan(ref.t.apart[i])));
            q8_arena_clear(&other.mem);
        }
        q8_arena_clear(&ref.mem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_bitsandbytes_leaves_outlier_columns_without_codes),
        cmocka_unit_test(tokens_bitsandbytes_threshold_0_leaves_nothing_out),
        cmocka_unit_test(tokens_bitsandbytes_beyond_fp16_is_an_outlier_or_an_infinite_row),
        cmocka_unit_test(tokens_w8a8_divides_by_absmax_over_127_5),
        cmocka_unit_test(tokens_w8a8_rounds_in_the_type_of_the_activations),
        cmocka_unit_test(tokens_absmax_has_one_scale_and_row_wise_one_for_each_row),
        cmocka_unit_test(tokens_zeropoint_uses_the_whole_range),
        cmocka_unit_test(tokens_paper_decomposition_keeps_the_other_columns),
        cmocka_unit_test(affine_of_zeros_is_1_and_constants_come_back),
        cmocka_unit_test(affine_of_what_is_not_finite_is_defined),
        cmocka_unit_test(tokens_w8a8_of_nan_are_zeros),
        cmocka_unit_test(tokens_that_are_not_finite_are_the_same_on_every_instruction_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
