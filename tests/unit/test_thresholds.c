/* test_thresholds.c - thresholds as options and files have them */
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

static void gate_table_has_defaults_in_range_and_unique_words(void **state)
{
    (void)state;
    for (int i = 0; i < Q8_METRICS; i++) {
        const struct q8_metric_row *a = &q8_metrics[i];

        assert_true(a->lowest < a->highest);
        assert_true(a->standard >= a->lowest);
        assert_true(a->standard <= a->highest || a->standard == INFINITY);
        for (int k = 0; k < i; k++)
            assert_false(a->level == q8_metrics[k].level &&
                         strcmp(a->word, q8_metrics[k].word) == 0);
    }
}

static void gate_option_is_for_one_level_or_for_all(void **state)
{
    struct fake_verify *f = *state;

    assert_true(fake_option(f, "min-sqnr", "30"));
    assert_true(asked(f, Q8_WEIGHTS_SQNR, FAKE_Q) == 30);
    assert_true(asked(f, Q8_MATMUL_SQNR, FAKE_Q) == 30);
    assert_true(fake_option(f, "min-sqnr", "matmul:20.5"));
    assert_true(asked(f, Q8_WEIGHTS_SQNR, FAKE_Q) == 30);
    assert_true(asked(f, Q8_MATMUL_SQNR, FAKE_Q) == 20.5);
    assert_true(fake_option(f, "min-sqnr", "weights:-3"));
    assert_true(asked(f, Q8_WEIGHTS_SQNR, FAKE_Q) == -3);
    assert_string_equal(fake_ask(f, Q8_WEIGHTS_SQNR, FAKE_Q)->origin, "--min-sqnr");
    assert_string_equal(fake_ask(f, Q8_MATMUL_COSINE, FAKE_Q)->origin, "the default");
    assert_true(fake_option(f, "min-coverage", "model:50"));
    assert_true(asked(f, Q8_COVERAGE, NULL) == 50);
}

static void gate_option_refuses_what_is_no_threshold(void **state)
{
    static const struct {
        const char *word, *arg, *want;
    } rows[] = {
        {"min-sqnr", "x", "--min-sqnr wants a number from -1000 to 1000, not 'x'"},
        {"min-sqnr", "", "--min-sqnr wants a number from -1000 to 1000, not ''"},
        {"min-sqnr", "nan", "--min-sqnr wants a number from -1000 to 1000, not 'nan'"},
        {"min-sqnr", "inf", "--min-sqnr wants a number from -1000 to 1000, not 'inf'"},
        {"min-sqnr", "30dB", "--min-sqnr wants a number from -1000 to 1000, not '30dB'"},
        {"min-sqnr", "weights:", "--min-sqnr wants a number from -1000 to 1000, not ''"},
        {"min-cosine", "matmul:1.01", "--min-cosine wants a number from -1 to 1, not '1.01'"},
        {"max-rel-error", "-1", "--max-rel-error wants a number from 0 to 1000, not '-1'"},
        {"min-coverage", "101", "--min-coverage wants a number from 0 to 100, not '101'"},
        {"min-coverage", "0.9", "--min-coverage wants percent, not a fraction: did you mean 90?"},
        {"min-coverage", "model:1",
         "--min-coverage wants percent, not a fraction: did you mean 100?"},
        {"min-coverage", "weights:5", "--min-coverage wants VALUE or model:VALUE, not 'weights:5'"},
        {"min-sqnr", "weight:5",
         "--min-sqnr wants VALUE or weights:VALUE or matmul:VALUE, not 'weight:5'"},
        {"min-sqnr", "integrity:5",
         "--min-sqnr wants VALUE or weights:VALUE or matmul:VALUE, not 'integrity:5'"},
        {"min-sqnr", "\x1b:5",
         "--min-sqnr wants VALUE or weights:VALUE or matmul:VALUE, not '\\x1b:5'"},
    };
    struct fake_verify *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        f->err = (struct q8_err){0};
        assert_false(fake_option(f, rows[i].word, rows[i].arg));
        assert_int_equal(f->err.code, Q8_EUSAGE);
        assert_string_equal(f->err.text, rows[i].want);
    }
    assert_int_equal(f->gate.count, Q8_METRICS); /* the defaults alone */
}

static void gate_file_reads_levels_patterns_comments_and_line_ends(void **state)
{
    struct fake_verify *f = *state;
    const char *path;

    assert_true(fake_thresholds(f, "# what CI wants\r\n"
                                   "\r\n"
                                   "model min-coverage 90\r\n"
                                   "weights min-sqnr 30   # all of them\n"
                                   "\tweights \t min-sqnr\t20 *.up_proj  \r\n"
                                   "matmul max-rel-error 0.05 model.layers.0.*\n"
                                   "matmul max-kl 0.5 re:.*(q|k)_proj # two\n"
                                   "matmul min-cosine 0.5")); /* no newline at the end */
    path = f->path[0];
    assert_int_equal(f->gate.count, Q8_METRICS + 6);
    assert_true(asked(f, Q8_COVERAGE, NULL) == 90);
    assert_true(asked(f, Q8_WEIGHTS_SQNR, FAKE_Q) == 30);
    assert_true(asked(f, Q8_WEIGHTS_SQNR, FAKE_UP) == 20);
    assert_true(asked(f, Q8_MATMUL_SQNR, FAKE_UP) == 0);
    assert_true(asked(f, Q8_MATMUL_ERROR, FAKE_Q) == 0.05);
    assert_true(asked(f, Q8_MATMUL_ERROR, FAKE_UP) == 1);
    assert_true(asked(f, Q8_MATMUL_KL, FAKE_Q) == 0.5);
    assert_true(asked(f, Q8_MATMUL_KL, FAKE_UP) == INFINITY);
    assert_true(asked(f, Q8_MATMUL_COSINE, FAKE_UP) == 0.5);
    f->layer[1].weights.sqnr = 12;
    assert_true(q8_gate_run(&f->v, &f->err));
    assert_int_equal(f->v.findings.count, 1);
    assert_string_equal(
        f->v.findings.list[0].text,
        q8_sprintf(&f->mem, &f->err, "SQNR 12 dB, but at least 20 dB are wanted (%s:5)", path));
}

static void gate_last_threshold_that_names_a_module_holds(void **state)
{
    struct fake_verify *f = *state;

    assert_true(fake_option(f, "min-sqnr", "1"));
    assert_true(fake_option(f, "min-sqnr", "2"));
    assert_true(asked(f, Q8_WEIGHTS_SQNR, FAKE_Q) == 2);
    assert_true(fake_thresholds(f, "weights min-sqnr 3 *q_proj\nweights min-sqnr 4 *.0.*\n"));
    assert_true(asked(f, Q8_WEIGHTS_SQNR, FAKE_Q) == 4);
    assert_true(asked(f, Q8_WEIGHTS_SQNR, FAKE_UP) == 2);
    assert_true(asked(f, Q8_WEIGHTS_SQNR, NULL) == 2);
    assert_true(fake_thresholds(f, "weights min-sqnr 5\n"));
    assert_true(asked(f, Q8_WEIGHTS_SQNR, FAKE_Q) == 5);
}

static void gate_file_refuses_other_lines(void **state)
{
    static const struct {
        const char *text, *want; /* behind the path */
    } rows[] = {
        {"\nskip lm_head\n", ":2: a line starts with model, weights or matmul, not 'skip'"},
        {"integrity min-coverage 90",
         ":1: a line starts with model, weights or matmul, not 'integrity'"},
        {"\x1b[2J", ":1: a line starts with model, weights or matmul, not '\\x1b[2J'"},
        {"weights", ":1: 'weights' wants one of these behind it: min-sqnr, min-cosine, "
                    "max-rel-error, max-off-nearest, max-scale-off; not ''"},
        {"matmul max-off-nearest 0",
         ":1: 'matmul' wants one of these behind it: min-sqnr, min-cosine, max-rel-error, max-kl; "
         "not 'max-off-nearest'"},
        {"model min-sqnr 30", ":1: 'model' wants one of these behind it: min-coverage; not "
                              "'min-sqnr'"},
        {"weights min-sqnr", ":1: weights min-sqnr wants a number from -1000 to 1000, not ''"},
        {"weights min-sqnr lm_head 30",
         ":1: weights min-sqnr wants a number from -1000 to 1000, not 'lm_head'"},
        {"weights max-off-nearest 1.5",
         ":1: weights max-off-nearest wants a number from 0 to 1, not '1.5'"},
        {"matmul max-kl -1", ":1: matmul max-kl wants a number from 0 to 1000, not '-1'"},
        {"model min-coverage .95",
         ":1: model min-coverage wants percent, not a fraction: did you mean 95?"},
        {"model min-coverage 90 lm_head",
         ":1: model min-coverage is of the whole model and takes no pattern"},
        {"weights min-sqnr 3 re:(",
         ":1 're:(' is not a regular expression: missing ), unterminated subpattern at position 0"},
    };
    struct fake_verify *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        f->err = (struct q8_err){0};
        assert_false(fake_thresholds(f, rows[i].text));
        assert_int_equal(f->err.code, Q8_EUSAGE);
        assert_string_equal(strchr(f->err.text, ':'), rows[i].want);
        (void)unlink(f->path[0]);
        f->path[0][0] = '\0';
    }
    assert_int_equal(f->gate.count, Q8_METRICS);
}

static void gate_file_has_limits(void **state)
{
    struct fake_verify *f = *state;
    static char large[(1 << 20) + 1];

    memset(large, '\n', sizeof large);
    assert_false(q8_gate_file(&f->gate, "/nowhere/t.txt", &f->mem, &f->err));
    assert_int_equal(f->err.code, Q8_EIO);
    f->err = (struct q8_err){0};
    assert_false(q8_gate_file(&f->gate, fake_file(f, "a\0b", 3), &f->mem, &f->err));
    assert_int_equal(f->err.code, Q8_EUSAGE);
    assert_string_equal(strchr(f->err.text, ':'), ": byte 1 is a NUL: it is not a text file");
    f->err = (struct q8_err){0};
    assert_false(q8_gate_file(&f->gate, fake_file(f, large, sizeof large), &f->mem, &f->err));
    assert_int_equal(f->err.code, Q8_ELIMIT);
    assert_string_equal(strchr(f->err.text, ' '), " has 1048577 bytes (at most 1048576)");
    f->err = (struct q8_err){0};
    assert_true(q8_gate_file(&f->gate, fake_file(f, large, sizeof large - 1), &f->mem, &f->err));
    memset(large, 'x', sizeof large - 1);
    assert_false(q8_gate_file(&f->gate, fake_file(f, large, sizeof large - 1), &f->mem, &f->err));
    assert_int_equal(f->err.code, Q8_EUSAGE);
    assert_non_null(strstr(f->err.text, "matmul, not 'xxx"));
    assert_non_null(strstr(f->err.text, "x...'"));
}

/* Asking changes nothing: threads may. */
static void gate_ask_counts_no_matches(void **state)
{
    struct fake_verify *f = *state;
    const struct q8_threshold *t;

    assert_true(fake_thresholds(f, "weights min-sqnr 30 re:.*_proj\n"));
    t = fake_ask(f, Q8_WEIGHTS_SQNR, FAKE_Q);
    assert_true(t->value == 30);
    assert_int_equal(t->pattern.pattern[0].matches, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_table_has_defaults_in_range_and_unique_words),
        FAKE_TEST(gate_option_is_for_one_level_or_for_all),
        FAKE_TEST(gate_option_refuses_what_is_no_threshold),
        FAKE_TEST(gate_file_reads_levels_patterns_comments_and_line_ends),
        FAKE_TEST(gate_last_threshold_that_names_a_module_holds),
        FAKE_TEST(gate_file_refuses_other_lines),
        FAKE_TEST(gate_file_has_limits),
        FAKE_TEST(gate_ask_counts_no_matches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
