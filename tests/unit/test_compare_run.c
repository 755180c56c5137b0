/* test_compare_run.c - comparisons as a whole: config.json, patterns, threads, both reports */
#include "src/base/json.h"
#include "src/compare/report.h"
#include "tests/unit/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define MANY 300000 /* elements: more than a tile */

static const float ones[2] = {1, 1}, twos[2] = {1, 2};
static float many[2][MANY];

/* The changes of two config.json as lines "path a -> b". */
static void expect_changes(const char *a, const char *b, const char *want)
{
    const char *const config[2] = {a, b};
    char have[4096] = "";
    struct pair p = {0};

    if (!pair_run(&p, config, NULL, 0, NULL, 0))
        fail_msg("%s", p.a.err.text);
    for (uint64_t i = 0; i < p.result.changes; i++) {
        const struct q8_config_change *c = &p.result.change[i];
        const size_t used = strlen(have);

        (void)snprintf(have + used, sizeof have - used, "%s %s -> %s\n", c->path,
                       c->a ? c->a : "none", c->b ? c->b : "none");
    }
    assert_string_equal(have, want);
    assert_int_equal(p.result.different, p.result.changes > 0);
    pair_close(&p);
}

static void compare_config_names_every_change(void **state)
{
    (void)state;
    expect_changes("{\"a\": 1, \"t\": {\"rope_theta\": 10000.0, \"x\": [1, \"y\", null]}}",
                   "{\"a\": true, \"t\": {\"rope_theta\": 500000.0, \"x\": [1, \"z\", null, 4]}}",
                   "a 1 -> true\n"
                   "t.rope_theta 10000 -> 500000\n"
                   "t.x[1] \"y\" -> \"z\"\n"
                   "t.x[3] none -> 4\n");
}

/* Numbers go by value, and the order of keys does not count. */
static void compare_config_sees_through_notation(void **state)
{
    (void)state;
    expect_changes("{\"a\": 1e-5, \"b\": [], \"c\": {}, \"d\": \"\\u00e9\"}",
                   "{ \"d\":\"\xc3\xa9\", \"c\":{}, \"b\":[], \"a\":0.00001 }", "");
}

/* One change for all that is inside, whatever sorts around it. */
static void compare_config_names_a_whole_object_once(void **state)
{
    (void)state;
    expect_changes("{\"q\": {\"a\": [1, 2], \"b\": {\"c\": 1}}, \"q-x\": 1, \"qA\": 2}",
                   "{\"q-x\": 1, \"qA\": 2}", "q {\"a\":[1,2],\"b\":{\"c\":1}} -> none\n");
    expect_changes("{\"q\": [7, [8]], \"q-x\": 1, \"qA\": 2}", "{\"q\": 7, \"q-x\": 1, \"qA\": 3}",
                   "q [7,[8]] -> 7\nqA 2 -> 3\n");
    expect_changes("{\"q\": {\"k\": 1}}", "{\"q\": [1]}", "q {\"k\":1} -> [1]\n");
    expect_changes("{\"q\": []}", "{\"q\": [1]}", "q[0] none -> 1\n");
}

/* No two places have one path. */
static void compare_config_quotes_odd_keys(void **state)
{
    (void)state;
    expect_changes("{\"a.b\": 1}", "{\"a\": {\"b\": 1}}",
                   "\"a.b\" 1 -> none\na none -> {\"b\":1}\n");
    expect_changes("{\"a[0]\": 1, \"\": 2, \"q\\\"\": 3}", "{\"a\": [1], \"\": 4, \"q\\\"\": 5}",
                   "\"\" 2 -> 4\n\"a[0]\" 1 -> none\n\"q\\\"\" 3 -> 5\na none -> [1]\n");
}

/* As deep as the reader takes. */
static void compare_config_goes_deep(void **state)
{
    char a[1024] = "", b[1024] = "";

    (void)state;
    for (int i = 0; i < 64; i++) {
        strcat(a, "{\"k\":");
        strcat(b, "{\"k\":");
    }
    strcat(a, "1");
    strcat(b, "2");
    for (int i = 0; i < 64; i++) {
        strcat(a, "}");
        strcat(b, "}");
    }
    expect_changes(a, a, "");
    {
        const char *const config[2] = {a, b};
        struct pair p = {0};

        assert_true(pair_run(&p, config, NULL, 0, NULL, 0));
        assert_int_equal(p.result.changes, 1);
        assert_string_equal(p.result.change[0].b, "2");
        pair_close(&p);
    }
}

static void compare_layers_choose_tensors(void **state)
{
    const struct scratch_tensor a[] = {SCRATCH("m.0.q.weight", "F32", "[2]", ones),
                                       SCRATCH("m.0.q.bias", "F32", "[2]", ones),
                                       SCRATCH("m.1.q.weight", "F32", "[2]", ones)};
    static const struct {
        const char *pattern;
        uint64_t items;
    } cases[] = {{"m.0.q", 1}, {"m.0.q.bias", 1}, {"m.0.*", 2}, {"*.weight", 2}, {"m.2", 0}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct q8_select select = {0};
        struct pair p = {.options.layers = &select};
        struct q8_arena mem;
        struct q8_err err = {0};

        q8_arena_init(&mem, 1 << 20);
        assert_true(q8_select_add(&select, Q8_ONLY, cases[i].pattern, "--layers", &mem, &err));
        assert_int_equal(pair_run(&p, NULL, a, 3, a, 3), cases[i].items > 0);
        if (cases[i].items)
            assert_int_equal(p.result.items, cases[i].items);
        else
            assert_int_equal(p.a.err.code, Q8_EUSAGE);
        pair_close(&p);
        q8_arena_clear(&mem);
    }
}

static void compare_refuses_what_it_cannot_read(void **state)
{
    static const char *const gptq[2] = {
        "{}", "{\"quantization_config\": {\"quant_method\": \"gptq\", \"bits\": 4}}"};
    static const double wide[2] = {1, 1e300};
    const struct scratch_tensor a = SCRATCH("m.weight", "F32", "[2]", ones);
    const struct scratch_tensor b = SCRATCH("m.weight", "F64", "[2]", wide);
    struct pair p = {0};

    (void)state;
    assert_false(pair_run(&p, gptq, &a, 1, &a, 1));
    assert_int_equal(p.a.err.code, Q8_EUNSUPPORTED);
    pair_close(&p);
    p = (struct pair){0};
    assert_false(pair_run(&p, NULL, &a, 1, &b, 1));
    assert_int_equal(p.a.err.code, Q8_EINPUT);
    assert_non_null(strstr(p.a.err.text, "tensor 'm.weight': row 1 holds 1e+300, beyond fp32"));
    pair_close(&p);
}

static bool stop_at_once(void *self, const struct q8_progress *progress, struct q8_err *err)
{
    (void)self;
    (void)progress;
    return q8_fail(err, Q8_ESIGNAL + 2, "stopped");
}

static void compare_stops_when_the_watcher_says(void **state)
{
    const struct q8_watch watch = {stop_at_once, NULL, -1};
    const struct scratch_tensor a = SCRATCH("m.weight", "F32", "[300000]", many[0]);
    struct pair p = {.options.watch = &watch};

    (void)state;
    assert_false(pair_run(&p, NULL, &a, 1, &a, 1));
    assert_int_equal(p.a.err.code, Q8_ESIGNAL + 2);
    pair_close(&p);
}

/* The report as text that the caller frees. */
static char *print(const struct pair *p, bool json)
{
    struct q8_err err = {0};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_true(json ? q8_compare_json(&p->result, out, &err)
                     : q8_compare_text(&p->result, out, 100, &err));
    (void)fclose(out);
    return text;
}

/* Everything behind the paths, which differ from run to run. */
static const char *tail(const char *json)
{
    const char *at = strstr(json, "\"tolerance\"");

    return at ? at : json;
}

/* Sums over many tiles, rows of a matrix among them, and items in any order. */
static void compare_is_the_same_for_any_threads(void **state)
{
    static int8_t codes[MANY];
    static float scales[300];
    const struct scratch_tensor a[] = {SCRATCH("m.0", "F32", "[300000]", many[0]),
                                       SCRATCH("m.1.weight", "F32", "[300, 1000]", many[1]),
                                       SCRATCH("m.2", "F32", "[3, 100000]", many[1])};
    const struct scratch_tensor b[] = {SCRATCH("m.0", "F32", "[300000]", many[1]),
                                       SCRATCH("m.1.weight", "I8", "[300, 1000]", codes),
                                       SCRATCH("m.1.SCB", "F32", "[300]", scales),
                                       SCRATCH("m.2", "F32", "[3, 100000]", many[0])};
    static const unsigned threads[] = {1, 2, 7};
    char *first = NULL;

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        codes[i] = (int8_t)(many[1][i] * 127);
    for (size_t i = 0; i < COUNT(scales); i++)
        scales[i] = 1;
    for (size_t i = 0; i < COUNT(threads); i++) {
        struct pair p = {.options.threads = threads[i]};
        char *text;

        assert_true(pair_run(&p, NULL, a, 3, b, 4));
        assert_int_equal(p.result.count[Q8_OTHER_VALUES], 3);
        text = print(&p, true);
        if (first)
            assert_string_equal(tail(text), tail(first));
        pair_close(&p);
        if (first)
            free(text);
        else
            first = text;
    }
    free(first);
}

/* What a reader looks for, and a document that the strict reader takes. */
static void compare_reports_say_what_differs(void **state)
{
    static const char *const config[2] = {"{\"a\": \"x\"}", "{\"a\": {\"b\": [1]}}"};
    static const char *const words[] = {"\"schema\": \"q8-inspect-diff/1\"",
                                        "\"verdict\": \"only-a\"",
                                        "\"b\": null",
                                        "\"relative\": 1,",
                                        "\"max_abs\": 1,",
                                        "\"path\": \"a\"",
                                        "{\"b\":[1]}",
                                        "\"different\": true"};
    static const char *const lines[] = {
        "only in A:\n  gone  F32 [2]\n",
        "\n  m.weight ! 1.00e+00   1.00e+00    3.01 dB   50.00 %  F32\n",
        "config.json:\n  a: \"x\" -> {\"b\":[1]}\n",
        "1 only in A, 1 of other values\n1 change of config.json\nA and B differ: 2 tensors"};
    const struct scratch_tensor a[] = {SCRATCH("gone", "F32", "[2]", ones),
                                       SCRATCH("m.weight", "F32", "[2]", ones)};
    const struct scratch_tensor b = SCRATCH("m.weight", "F32", "[2]", twos);
    struct pair p = {0};
    struct q8_err err = {0};
    struct cJSON *root;
    char *text;

    (void)state;
    assert_true(pair_run(&p, config, a, 2, &b, 1));
    text = print(&p, true);
    for (size_t i = 0; i < COUNT(words); i++)
        if (!strstr(text, words[i]))
            fail_msg("no %s in %s", words[i], text);
    root = q8_json_parse(text, strlen(text), &err);
    assert_non_null(root);
    q8_json_free(root);
    free(text);
    text = print(&p, false);
    for (size_t i = 0; i < COUNT(lines); i++)
        if (!strstr(text, lines[i]))
            fail_msg("no %s in %s", lines[i], text);
    free(text);
    pair_close(&p);
}

/* Numbers between 0 and 1, the same in every run. */
static int fill_many(void **state)
{
    uint32_t x = 1;

    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < MANY; k++) {
            x = x * 1664525 + 1013904223;
            many[i][k] = (float)(x >> 8) / 0x1p24f;
        }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare_config_names_every_change),
        cmocka_unit_test(compare_config_sees_through_notation),
        cmocka_unit_test(compare_config_names_a_whole_object_once),
        cmocka_unit_test(compare_config_quotes_odd_keys),
        cmocka_unit_test(compare_config_goes_deep),
        cmocka_unit_test(compare_layers_choose_tensors),
        cmocka_unit_test(compare_refuses_what_it_cannot_read),
        cmocka_unit_test(compare_stops_when_the_watcher_says),
        cmocka_unit_test(compare_is_the_same_for_any_threads),
        cmocka_unit_test(compare_reports_say_what_differs),
    };

    return cmocka_run_group_tests(tests, fill_many, NULL);
}
