/* test_gate.c - what thresholds say of a result; every number by hand */
#include "src/base/text.h"
#include "tests/unit/fake_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* The value that holds. */
static double asked(const struct fake_verify *f, enum q8_metric metric, const char *module)
{
    return fake_ask(f, metric, module)->value;
}

static void gate_defaults_pass_clean_layers(void **state)
{
    struct fake_verify *f = *state;

    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 0);
}

static void gate_value_is_that_of_the_metric(void **state)
{
    static const double want[Q8_METRICS] = {NAN, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct fake_verify *f = *state;
    struct q8_layer *l = &f->layer[0];

    l->weights = (struct q8_weights){
        .sqnr = 1, .cosine = 2, .relative_mse = 9, .off_nearest = 4, .scale_off = 5};
    l->matmul = (struct q8_matmul){.sqnr = 6, .cosine = 7, .relative_error = 8, .kl = 9};
    assert_true(isnan(q8_gate_value(l, Q8_COVERAGE)));
    for (int m = 1; m < Q8_METRICS; m++)
        assert_true(q8_gate_value(l, (enum q8_metric)m) == want[m]);
    l->have_weights = l->have_matmul = false;
    for (int m = 0; m < Q8_METRICS; m++)
        assert_true(isnan(q8_gate_value(l, (enum q8_metric)m)));
}

/* Each metric beyond its default, and beyond one that was given. */
static void gate_value_beyond_its_threshold_is_a_finding(void **state)
{
    struct fake_verify *f = *state;
    struct q8_layer *l = &f->layer[1];
    static const struct {
        enum q8_level level;
        const char *kind, *text;
    } rows[] = {
        {Q8_LEVEL_WEIGHTS, "min-sqnr", "SQNR 9.5 dB, but at least 10 dB are wanted (the default)"},
        {Q8_LEVEL_WEIGHTS, "min-cosine", "cosine 0.5, but at least 0.95 is wanted (the default)"},
        {Q8_LEVEL_WEIGHTS, "max-rel-error",
         "relative error 0.5, but at most 0.35 is wanted (the default)"},
        {Q8_LEVEL_MATMUL, "min-sqnr", "SQNR -1.25 dB, but at least 0 dB are wanted (the default)"},
        {Q8_LEVEL_MATMUL, "min-cosine", "cosine -0.5, but at least 0 is wanted (the default)"},
        {Q8_LEVEL_MATMUL, "max-rel-error",
         "relative error 1.5, but at most 1 is wanted (the default)"},
        {Q8_LEVEL_MATMUL, "max-kl",
         "KL divergence 2.5 nats, but at most 0.125 nats are wanted (--max-kl)"},
    };

    l->weights = (struct q8_weights){.sqnr = 9.5, .cosine = 0.5, .relative_mse = 0.25};
    l->matmul = (struct q8_matmul){.sqnr = -1.25, .cosine = -0.5, .relative_error = 1.5, .kl = 2.5};
    assert_true(fake_option(f, "max-kl", "0.125"));
    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, sizeof rows / sizeof *rows);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct q8_finding *found = &f->v.findings.list[i];

        assert_int_equal(found->level, rows[i].level);
        assert_string_equal(found->kind, rows[i].kind);
        assert_string_equal(found->name, FAKE_UP);
        assert_string_equal(found->text, rows[i].text);
        assert_true(found->fails);
    }
}

static void gate_threshold_itself_passes(void **state)
{
    struct fake_verify *f = *state;

    f->layer[0].weights = (struct q8_weights){.sqnr = 10, .cosine = 0.95, .relative_mse = 0.0625};
    f->layer[0].matmul = (struct q8_matmul){.relative_error = 1, .kl = 0.5};
    f->v.total.coverage = 90;
    assert_true(fake_option(f, "max-rel-error", "weights:0.25"));
    assert_true(fake_option(f, "max-kl", "0.5"));
    assert_true(fake_option(f, "min-coverage", "90"));
    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 0);
}

static void gate_coverage_is_of_the_whole_model(void **state)
{
    struct fake_verify *f = *state;
    const struct q8_finding *found;

    f->v.total.coverage = 45;
    assert_true(fake_option(f, "min-coverage", "90.5"));
    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 1);
    found = fake_find(f, "min-coverage", "(model)");
    assert_non_null(found);
    assert_int_equal(found->level, Q8_LEVEL_INTEGRITY);
    assert_string_equal(found->text,
                        "coverage 45 %, but at least 90.5 % are wanted (--min-coverage)");
}

static void gate_nan_that_was_measured_fails(void **state)
{
    struct fake_verify *f = *state;

    f->layer[0].weights = (struct q8_weights){.sqnr = -NAN, .cosine = NAN, .relative_mse = NAN};
    f->layer[1].matmul =
        (struct q8_matmul){.sqnr = NAN, .cosine = NAN, .relative_error = NAN, .kl = NAN};
    f->v.total.coverage = NAN;
    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 7); /* 3, 3 and the coverage: no KL is no head */
    assert_string_equal(fake_find(f, "min-sqnr", FAKE_Q)->text,
                        "SQNR NaN dB, but at least 10 dB are wanted (the default)");
}

static void gate_level_that_was_not_measured_is_passed_over(void **state)
{
    struct fake_verify *f = *state;

    f->layer[0].weights.sqnr = -100;
    f->layer[0].have_weights = false;
    f->layer[1].matmul.sqnr = -100;
    f->layer[1].have_matmul = false;
    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 0);
}

static void gate_infinite_sqnr_passes_and_infinite_error_fails(void **state)
{
    struct fake_verify *f = *state;

    f->layer[0].weights.sqnr = INFINITY;
    f->layer[1].weights.relative_mse = INFINITY;
    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 1);
    assert_string_equal(fake_find(f, "max-rel-error", FAKE_UP)->text,
                        "relative error inf, but at most 0.35 is wanted (the default)");
}

/* Level 2 names what is off itself. */
static void gate_codes_and_scales_that_are_off_are_left_to_level_2(void **state)
{
    struct fake_verify *f = *state;

    f->layer[0].weights.off_nearest = 1;
    f->layer[0].weights.scale_off = 1;
    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 0);
    assert_true(asked(f, Q8_WEIGHTS_OFF, FAKE_Q) == 0);
    assert_true(
        fake_thresholds(f, "weights max-off-nearest 0.01 *q_proj\nweights max-scale-off 1e-6"));
    assert_true(asked(f, Q8_WEIGHTS_OFF, FAKE_Q) == 0.01);
    assert_true(asked(f, Q8_WEIGHTS_OFF, FAKE_UP) == 0);
    assert_true(asked(f, Q8_WEIGHTS_SCALE, FAKE_UP) == 1e-6);
}

static void gate_pattern_that_matches_no_layer_is_refused(void **state)
{
    struct fake_verify *f = *state;
    struct q8_select layers = {0};

    assert_true(fake_thresholds(f, "weights min-sqnr 30 *proj\n"
                                   "weights min-sqnr 30 model.layers.1.mlp.upproj\n"));
    assert_false(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->err.code, Q8_EUSAGE);
    assert_string_equal(strchr(f->err.text, ':'),
                        ":2 'model.layers.1.mlp.upproj' matches no module; nearest: "
                        "model.layers.1.mlp.up_proj, model.layers.0.self_attn.q_proj");
    f->err = (struct q8_err){0};
    f->v.options.layers = &layers; /* --layers: it may be of a layer that is left out */
    assert_true(q8_gate_run(&f->v, &f->err));
}

static void gate_names_of_any_length_are_kept(void **state)
{
    static char name[5000];
    struct fake_verify *f = *state;

    memset(name, 'z', sizeof name - 1);
    fake_layer(f, name)->weights.sqnr = 3;
    assert_true(fake_thresholds(f, "weights min-sqnr 5 zz*\n"));
    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 1);
    assert_ptr_equal(f->v.findings.list[0].name, name);
}

static void gate_numbers_have_the_digits_that_tell_them_apart(void **state)
{
    static const struct {
        double value, limit;
        const char *want[2];
    } rows[] = {
        {12.3456, 30, {"12.35", "30"}},
        {29.99999, 30, {"29.99999", "30"}},
        {0.99995, 0.99999, {"0.99995", "0.99999"}},
        {0.123456789, 0.95, {"0.1235", "0.95"}},
        {1, 0.123456, {"1", "0.123456"}},
        {0x1.fffffffffffffp-1, 1, {"0.9999999999999999", "1"}}, /* 1 - 2^-53 */
        {NAN, 1, {"NaN", "1"}},
        {-NAN, 1, {"NaN", "1"}},
        {INFINITY, 0.5, {"inf", "0.5"}},
        {42, INFINITY, {"42", "inf"}},
        {2, 2, {"2", "2"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char shown[2][32];

        q8_text_numbers(rows[i].value, rows[i].limit, shown);
        assert_string_equal(shown[0], rows[i].want[0]);
        assert_string_equal(shown[1], rows[i].want[1]);
    }
}

static void gate_without_memory_is_a_limit(void **state)
{
    struct q8_gate gate;
    struct q8_err err = {0};
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 16);
    assert_false(q8_gate_init(&gate, &mem, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    q8_arena_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(gate_defaults_pass_clean_layers),
        FAKE_TEST(gate_value_is_that_of_the_metric),
        FAKE_TEST(gate_value_beyond_its_threshold_is_a_finding),
        FAKE_TEST(gate_threshold_itself_passes),
        FAKE_TEST(gate_coverage_is_of_the_whole_model),
        FAKE_TEST(gate_nan_that_was_measured_fails),
        FAKE_TEST(gate_level_that_was_not_measured_is_passed_over),
        FAKE_TEST(gate_infinite_sqnr_passes_and_infinite_error_fails),
        FAKE_TEST(gate_codes_and_scales_that_are_off_are_left_to_level_2),
        FAKE_TEST(gate_pattern_that_matches_no_layer_is_refused),
        FAKE_TEST(gate_names_of_any_length_are_kept),
        cmocka_unit_test(gate_numbers_have_the_digits_that_tell_them_apart),
        cmocka_unit_test(gate_without_memory_is_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
