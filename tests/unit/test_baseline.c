/* test_baseline.c - an earlier run, written and read; every byte by hand */
#include "tests/unit/fake_baseline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static char *print(struct fake_verify *f)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_true(q8_baseline_print(&f->v, out, &f->err));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void baseline_settings_are_one_line(void **state)
{
    struct fake_verify *f = *state;
    char text[256];

    assert_string_equal(q8_baseline_settings(&f->v, text, sizeof text), FAKE_SETTINGS);
    f->v.options.mode = Q8_MODE_ZEROPOINT_VECTOR_WISE;
    f->v.options.threshold = 0.1;
    f->v.options.activations.tokens = UINT64_MAX;
    f->v.options.activations.seed = 0;
    assert_true(q8_digest_parse(FAKE_DIGEST_UP, &f->v.activations));
    assert_string_equal(q8_baseline_settings(&f->v, text, sizeof text),
                        "mode=zeropoint-vector-wise threshold=0.1 tokens=18446744073709551615 "
                        "seed=0 activations=" FAKE_DIGEST_UP);
}

static void baseline_settings_name_each_mode(void **state)
{
    static const char *const names[Q8_MODES] = {
        "bitsandbytes", "w8a8",        "w8a16",     "absmax",
        "row-wise",     "vector-wise", "zeropoint", "zeropoint-vector-wise"};
    struct fake_verify *f = *state;

    f->v.options.threshold = 6;
    for (int m = 0; m < Q8_MODES; m++) {
        char text[256], want[100];

        f->v.options.mode = (enum q8_mode)m;
        (void)snprintf(want, sizeof want, "mode=%s threshold=6 tokens=128 seed=1 activations=none",
                       names[m]);
        assert_string_equal(q8_baseline_settings(&f->v, text, sizeof text), want);
    }
    assert_null(q8_mode_name(Q8_MODES));
}

static void baseline_print_has_no_path_nor_time(void **state)
{
    struct fake_verify *f = *state;
    char *text;

    f->layer[0].weights.sqnr = INFINITY;
    f->layer[0].have_matmul = false;
    f->layer[1].weights.sqnr = 40.1;
    f->layer[1].matmul.sqnr = 1.0 / 3;
    f->v.total.seconds = 12345;
    text = print(f);
    assert_string_equal(text, "{\n"
                              " \"schema\": \"q8-verify-baseline/1\",\n"
                              " \"version\": \"0.1.0\",\n"
                              " \"level\": \"matmul\",\n"
                              " \"settings\": \"" FAKE_SETTINGS "\",\n"
                              " \"layers\": [\n"
                              "  {\n"
                              "   \"module\": \"" FAKE_Q "\",\n"
                              "   \"reference\": \"" FAKE_DIGEST_Q "\",\n"
                              "   \"weights_sqnr_db\": \"Infinity\",\n"
                              "   \"matmul_sqnr_db\": null\n"
                              "  },\n"
                              "  {\n"
                              "   \"module\": \"" FAKE_UP "\",\n"
                              "   \"reference\": \"" FAKE_DIGEST_UP "\",\n"
                              "   \"weights_sqnr_db\": 40.1,\n"
                              "   \"matmul_sqnr_db\": 0.3333333333333333\n"
                              "  }\n"
                              " ]\n"
                              "}\n");
    free(text);
}

static void baseline_print_of_what_was_not_measured_is_null(void **state)
{
    struct fake_verify *f = *state;
    char *text;

    f->layer[0].have_weights = f->layer[0].have_matmul = false;
    text = print(f);
    assert_non_null(strstr(text, "   \"module\": \"" FAKE_Q "\",\n"
                                 "   \"reference\": null,\n"
                                 "   \"weights_sqnr_db\": null,\n"
                                 "   \"matmul_sqnr_db\": null\n"));
    free(text);
}

static void baseline_printed_reads_back_and_shows_no_drop(void **state)
{
    static const double sqnr[] = {40.123456789012345, 0, -7.25, 1e-300, INFINITY, -INFINITY};
    struct fake_verify *f = *state;
    const struct q8_baseline *b;

    f->v.options.max_drop = 0;
    for (size_t i = 0; i < sizeof sqnr / sizeof *sqnr; i++) {
        char *text;

        f->layer[0].weights.sqnr = sqnr[i];
        f->layer[1].matmul.sqnr = -sqnr[i];
        f->layer[1].have_weights = i % 2;
        text = print(f);
        assert_true(fake_baseline(f, text));
        free(text);
        b = f->v.options.baseline;
        assert_int_equal(b->level, Q8_LEVEL_MATMUL);
        assert_string_equal(b->settings, FAKE_SETTINGS);
        assert_int_equal(b->layers, 2);
        assert_string_equal(b->layer[0].module, FAKE_Q);
        assert_string_equal(b->layer[1].module, FAKE_UP);
        assert_true(b->layer[0].weights_sqnr == sqnr[i]);
        assert_true(b->layer[0].matmul_sqnr == 34);
        assert_true(i % 2 ? b->layer[1].weights_sqnr == 40 : isnan(b->layer[1].weights_sqnr));
        assert_true(b->layer[1].matmul_sqnr == -sqnr[i]);
        assert_true(q8_digest_same(&b->layer[0].reference, &f->layer[0].reference));
        assert_true(q8_baseline_compare(&f->v, &f->err));
        assert_int_equal(f->v.findings.count, 0);
    }
}

static void baseline_on_a_full_disk_is_an_error(void **state)
{
    struct fake_verify *f = *state;
    FILE *out = fopen("/dev/full", "w");

    assert_non_null(out);
    (void)setvbuf(out, NULL, _IONBF, 0);
    assert_false(q8_baseline_print(&f->v, out, &f->err));
    assert_int_equal(f->err.code, Q8_EIO);
    assert_string_equal(f->err.text, "cannot write the baseline: No space left on device");
    (void)fclose(out);
}

/* Members in another order, members that are new: another writer's JSON. */
static void baseline_reads_any_json_of_its_schema(void **state)
{
    struct fake_verify *f = *state;

    assert_true(fake_compare(
        f, "{\"layers\": [ {\"weights_sqnr_db\": 4.0e1, \"module\": \"" FAKE_Q "\","
           "\"matmul_sqnr_db\": 34, \"note\": [1], \"reference\": \"" FAKE_DIGEST_Q "\"}"
           "," FAKE_LAYER_UP "],\r\n\"settings\": \"" FAKE_SETTINGS "\",\"new\":{},"
           "\"level\":\"matmul\",\"version\":\"9\","
           "\"schema\":\"q8-verify-baseline/1\"}"));
    assert_int_equal(f->v.findings.count, 0);
}

static void baseline_refuses_what_is_none(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "line 1, column 1: "},
        {"[]", "it is not a JSON object, so not a baseline"},
        {"{\"schema\":1}", "'schema' is not a string"},
        {"{}", "'schema' is missing"},
        {"{\"schema\":\"q8-verify/2\"}", "'schema' is 'q8-verify/2', not q8-verify-baseline/1"},
        {"{\"schema\":\"q8-verify-baseline/1\"}", "'settings' is missing"},
        {"{\"schema\":\"q8-verify-baseline/1\",\"settings\":\"\"}", "'version' is missing"},
        {"{\"schema\":\"q8-verify-baseline/1\",\"settings\":\"\",\"version\":\"\"}",
         "'level' is missing"},
        {FAKE_BASELINE("integrity", ""), "'level' is 'integrity', neither weights nor matmul"},
        {"{\"schema\":\"q8-verify-baseline/1\",\"settings\":\"\",\"version\":\"\",\"level\":"
         "\"weights\"}",
         "'layers' is missing"},
        {"{\"schema\":\"q8-verify-baseline/1\",\"settings\":\"\",\"version\":\"\",\"level\":"
         "\"weights\",\"layers\":{}}",
         "'layers' is not an array"},
        {FAKE_BASELINE("weights", "7"), "layers[0]: 'module' is missing"},
        {FAKE_BASELINE("weights", "{\"module\":null}"), "layers[0]: 'module' is not a string"},
        {FAKE_BASELINE("weights", "{\"module\":\"a\"}"), "layers[0]: 'weights_sqnr_db' is missing"},
        {FAKE_BASELINE("weights", "{\"module\":\"a\",\"weights_sqnr_db\":1}"),
         "layers[0]: 'matmul_sqnr_db' is missing"},
        {FAKE_BASELINE("weights", "{\"module\":\"a\",\"weights_sqnr_db\":1,\"matmul_sqnr_db\":1}"),
         "layers[0]: 'reference' is missing"},
        {FAKE_BASELINE("weights", FAKE_LAYER("a", "null", "40", "null")),
         "layers[0]: 'reference' is not a digest of 32 hex digits"},
        {FAKE_BASELINE("weights", FAKE_LAYER("a", "\"00\"", "40", "null")),
         "layers[0]: 'reference' is not a digest of 32 hex digits"},
        {FAKE_BASELINE("weights", FAKE_LAYER("a", "null", "\"NaN\"", "null")),
         "layers[0]: 'weights_sqnr_db' is not a number, an infinity or null"},
        {FAKE_BASELINE("weights", FAKE_LAYER("a", "null", "NaN", "null")),
         "layers[0]: 'weights_sqnr_db' is not a number, an infinity or null"},
        {FAKE_BASELINE("weights", FAKE_LAYER("a", "null", "null", "true")),
         "layers[0]: 'matmul_sqnr_db' is not a number, an infinity or null"},
        {FAKE_BASELINE("matmul", FAKE_LAYER_UP "," FAKE_LAYER_Q),
         "layers[1]: 'module' is '" FAKE_Q "', which does not come behind '" FAKE_UP "'"},
        {FAKE_BASELINE("matmul", FAKE_LAYER_Q "," FAKE_LAYER_Q),
         "layers[1]: 'module' is '" FAKE_Q "', which does not come behind '" FAKE_Q "'"},
        {FAKE_BASELINE("weights", FAKE_LAYER("a", "null", "null", "1e999")),
         "a number is too large for a double, at the key matmul_sqnr_db"},
        {"{\"schema\":\"\",\"schema\":\"\"}", "the key 'schema' appears twice in one object"},
        {"{\"schema\":\"\\u001b[2J\"}", "'schema' is '\\x1b[2J', not q8-verify-baseline/1"},
    };
    struct fake_verify *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text;

        f->err = (struct q8_err){0};
        assert_false(fake_baseline(f, rows[i].text));
        assert_int_equal(f->err.code, Q8_EINPUT);
        text = fake_text(f, f->err.text);
        assert_memory_equal(text, "base.json: ", 11);
        if (i == 0) /* the reader's own words go on */
            assert_memory_equal(text + 11, rows[i].want, strlen(rows[i].want));
        else
            assert_string_equal(text + 11, rows[i].want);
        (void)unlink(f->path[0]);
        f->path[0][0] = '\0';
    }
    f->err = (struct q8_err){0};
    assert_false(q8_baseline_read((struct q8_baseline *)f->v.options.baseline, "/nowhere/base.json",
                                  &f->mem, &f->err));
    assert_int_equal(f->err.code, Q8_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_BASELINE_TEST(baseline_settings_are_one_line),
        FAKE_BASELINE_TEST(baseline_settings_name_each_mode),
        FAKE_BASELINE_TEST(baseline_print_has_no_path_nor_time),
        FAKE_BASELINE_TEST(baseline_print_of_what_was_not_measured_is_null),
        FAKE_BASELINE_TEST(baseline_printed_reads_back_and_shows_no_drop),
        FAKE_BASELINE_TEST(baseline_on_a_full_disk_is_an_error),
        FAKE_BASELINE_TEST(baseline_reads_any_json_of_its_schema),
        FAKE_BASELINE_TEST(baseline_refuses_what_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
