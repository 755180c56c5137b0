/* test_baseline_compare.c - a result against an earlier run; every number by hand */
#include "tests/unit/fake_baseline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define BOTH FAKE_BASELINE("matmul", FAKE_LAYER_Q "," FAKE_LAYER_UP)

/* A baseline of the two layers with other numbers of the first. */
#define NUMBERS(weights, matmul)                                                                   \
    FAKE_BASELINE("matmul",                                                                        \
                  FAKE_LAYER(FAKE_Q, "\"" FAKE_DIGEST_Q "\"", weights, matmul) "," FAKE_LAYER_UP)

/* The only finding is that one. */
static void expect(struct fake_verify *f, enum q8_level level, const char *kind, const char *name,
                   bool fails, const char *text)
{
    const struct q8_finding *found = f->v.findings.list;

    assert_int_equal(f->v.findings.count, 1);
    assert_int_equal(found->level, level);
    assert_string_equal(found->kind, kind);
    assert_string_equal(found->name, name);
    assert_int_equal(found->fails, fails);
    assert_string_equal(fake_text(f, found->text), text);
}

static void expect_usage(struct fake_verify *f, const char *text)
{
    assert_int_equal(f->err.code, Q8_EUSAGE);
    assert_string_equal(fake_text(f, f->err.text), text);
}

static void compare_same_numbers_are_no_drop(void **state)
{
    struct fake_verify *f = *state;

    f->v.options.max_drop = 0;
    assert_true(fake_compare(f, BOTH));
    assert_int_equal(f->v.findings.count, 0);
}

static void compare_drop_up_to_the_most_passes(void **state)
{
    struct fake_verify *f = *state;

    assert_true(fake_compare(f, NUMBERS("40.5", "1")));
    assert_int_equal(f->v.findings.count, 0);
}

static void compare_drop_of_weights_fails(void **state)
{
    struct fake_verify *f = *state;

    assert_true(fake_compare(f, NUMBERS("42.25", "34")));
    expect(f, Q8_LEVEL_WEIGHTS, "drop", FAKE_Q, true,
           "SQNR 40 dB, but 42.25 dB in the baseline: 2.25 dB less, and at most 0.5 dB "
           "are allowed (--max-drop, base.json)");
}

static void compare_drop_of_products_shows_the_digits_that_matter(void **state)
{
    struct fake_verify *f = *state;

    /* 34 + 0.5 + 2^-15 */
    assert_true(fake_compare(f, NUMBERS("40", "34.500030517578125")));
    expect(f, Q8_LEVEL_MATMUL, "drop", FAKE_Q, true,
           "SQNR 34 dB, but 34.5 dB in the baseline: 0.50003 dB less, "
           "and at most 0.5 dB are allowed (--max-drop, base.json)");
}

static void compare_infinity_drops_to_any_number(void **state)
{
    struct fake_verify *f = *state;

    assert_true(fake_compare(f, NUMBERS("\"Infinity\"", "34")));
    expect(f, Q8_LEVEL_WEIGHTS, "drop", FAKE_Q, true,
           "SQNR 40 dB, but inf dB in the baseline (base.json)");
}

static void compare_infinity_against_itself_or_less_is_no_drop(void **state)
{
    struct fake_verify *f = *state;

    f->layer[0].weights.sqnr = INFINITY;
    f->layer[0].matmul.sqnr = INFINITY;
    assert_true(fake_compare(f, NUMBERS("\"Infinity\"", "34")));
    assert_int_equal(f->v.findings.count, 0);
}

static void compare_nan_now_is_a_drop(void **state)
{
    struct fake_verify *f = *state;

    f->layer[0].matmul.sqnr = -NAN;
    assert_true(fake_compare(f, BOTH));
    expect(f, Q8_LEVEL_MATMUL, "drop", FAKE_Q, true,
           "SQNR NaN dB, but 34 dB in the baseline (base.json)");
}

static void compare_new_layer_is_a_note(void **state)
{
    struct fake_verify *f = *state;

    assert_true(fake_compare(f, FAKE_BASELINE("matmul", FAKE_LAYER_UP)));
    expect(f, Q8_LEVEL_WEIGHTS, "baseline-new", FAKE_Q, false,
           "not in the baseline: --write-baseline takes it up (base.json)");
}

static void compare_new_number_is_a_note(void **state)
{
    struct fake_verify *f = *state;

    assert_true(fake_compare(f, NUMBERS("40", "null")));
    expect(f, Q8_LEVEL_MATMUL, "baseline-new", FAKE_Q, false,
           "not in the baseline: --write-baseline takes it up (base.json)");
}

static void compare_number_that_is_gone_fails(void **state)
{
    struct fake_verify *f = *state;

    f->layer[1].have_matmul = false;
    f->layer[1].unmeasured = "it has too many columns";
    assert_true(fake_compare(f, BOTH));
    expect(f, Q8_LEVEL_MATMUL, "baseline-missing", FAKE_UP, true,
           "SQNR 34 dB in the baseline, but not measured now: it has too many columns (base.json)");
}

static void compare_number_that_neither_has_is_nothing(void **state)
{
    struct fake_verify *f = *state;

    f->layer[0].have_matmul = false;
    assert_true(fake_compare(f, NUMBERS("40", "null")));
    assert_int_equal(f->v.findings.count, 0);
}

/* Layers that are gone stand before, between and behind those that are there. */
static void compare_missing_layer_fails_unless_layers_are_left_out(void **state)
{
    static const char text[] = FAKE_BASELINE(
        "matmul", FAKE_LAYER("a", "null", "null", "1") "," FAKE_LAYER_Q "," FAKE_LAYER(
                      "model.layers.1.a", "null", "null",
                      "1") "," FAKE_LAYER_UP "," FAKE_LAYER("z", "null", "null", "1"));
    static const char *const gone[] = {"a", "model.layers.1.a", "z"};
    struct fake_verify *f = *state;
    struct q8_select layers = {0};

    f->v.options.layers = &layers;
    assert_true(fake_compare(f, text));
    assert_int_equal(f->v.findings.count, 0);
    f->v.options.layers = NULL;
    assert_true(q8_baseline_compare(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct q8_finding *found = fake_find(f, "baseline-missing", gone[i]);

        assert_non_null(found);
        assert_true(found->fails);
        assert_int_equal(found->level, Q8_LEVEL_WEIGHTS);
        assert_string_equal(
            fake_text(f, found->text),
            "in the baseline, but it is not an int8 weight of this model (base.json)");
    }
}

static void compare_with_another_reference_is_refused(void **state)
{
    struct fake_verify *f = *state;

    f->layer[1].reference.byte[15] ^= 1;
    assert_false(fake_compare(f, BOTH));
    expect_usage(f, "base.json: was made from another reference model: '" FAKE_UP
                    "' is not the same in it");
}

static void compare_without_a_common_layer_is_refused(void **state)
{
    struct fake_verify *f = *state;
    struct q8_select layers = {0};

    f->v.options.layers = &layers; /* else each would be missing too */
    assert_false(
        fake_compare(f, FAKE_BASELINE("matmul", FAKE_LAYER("a", "null", "null", "1") "," FAKE_LAYER(
                                                    "b", "null", "null", "1"))));
    expect_usage(f, "base.json: was made from another reference model: none of the 2 modules in it "
                    "is an int8 weight here");
}

static void compare_with_other_settings_is_refused(void **state)
{
    struct fake_verify *f = *state;

    f->v.options.activations.seed = 2;
    assert_false(fake_compare(f, BOTH));
    expect_usage(f, "base.json: was made with \"" FAKE_SETTINGS
                    "\", and this run with \"mode=runtime threshold=config tokens=128 seed=2 "
                    "activations=none\": give the same options, or write it again with "
                    "--write-baseline");
}

static void compare_settings_are_of_products_alone(void **state)
{
    struct fake_verify *f = *state;

    f->v.options.level = Q8_LEVEL_WEIGHTS;
    f->v.options.activations.seed = 2;
    f->layer[0].have_matmul = f->layer[1].have_matmul = false;
    assert_true(fake_compare(
        f, FAKE_BASELINE("weights",
                         FAKE_LAYER(FAKE_Q, "\"" FAKE_DIGEST_Q "\"", "40", "null") "," FAKE_LAYER(
                             FAKE_UP, "\"" FAKE_DIGEST_UP "\"", "40", "null"))));
    assert_int_equal(f->v.findings.count, 0);
}

static void compare_with_another_level_is_refused(void **state)
{
    struct fake_verify *f = *state;

    f->v.options.level = Q8_LEVEL_WEIGHTS;
    assert_false(fake_compare(f, BOTH));
    expect_usage(f, "base.json: is of level matmul, and this run of level weights: write it again "
                    "with --write-baseline");
    f->err = (struct q8_err){0};
    f->v.options.level = Q8_LEVEL_MATMUL;
    (void)unlink(f->path[0]);
    f->path[0][0] = '\0';
    assert_false(fake_compare(f, FAKE_BASELINE("weights", "")));
    expect_usage(f, "base.json: is of level weights, and this run of level matmul: write it again "
                    "with --write-baseline");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_BASELINE_TEST(compare_same_numbers_are_no_drop),
        FAKE_BASELINE_TEST(compare_drop_up_to_the_most_passes),
        FAKE_BASELINE_TEST(compare_drop_of_weights_fails),
        FAKE_BASELINE_TEST(compare_drop_of_products_shows_the_digits_that_matter),
        FAKE_BASELINE_TEST(compare_infinity_drops_to_any_number),
        FAKE_BASELINE_TEST(compare_infinity_against_itself_or_less_is_no_drop),
        FAKE_BASELINE_TEST(compare_nan_now_is_a_drop),
        FAKE_BASELINE_TEST(compare_new_layer_is_a_note),
        FAKE_BASELINE_TEST(compare_new_number_is_a_note),
        FAKE_BASELINE_TEST(compare_number_that_is_gone_fails),
        FAKE_BASELINE_TEST(compare_number_that_neither_has_is_nothing),
        FAKE_BASELINE_TEST(compare_missing_layer_fails_unless_layers_are_left_out),
        FAKE_BASELINE_TEST(compare_with_another_reference_is_refused),
        FAKE_BASELINE_TEST(compare_without_a_common_layer_is_refused),
        FAKE_BASELINE_TEST(compare_with_other_settings_is_refused),
        FAKE_BASELINE_TEST(compare_settings_are_of_products_alone),
        FAKE_BASELINE_TEST(compare_with_another_level_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
