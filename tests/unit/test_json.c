/* test_json.c - the reader; expected texts from Python 3.11's json and repr, or RFC 8259 */
#include "src/base/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct cJSON *parse(const char *text, struct q8_err *err)
{
    return q8_json_parse(text, strlen(text), err);
}

static void json_parse_gives_values_of_each_kind(void **state)
{
    static const char text[] = "{\"a\": {\"B\": [1, \"x\\u00e4\\n\", true, false, null, 1.5]},\n"
                               " \"n\": 9007199254740991, \"A\": 0, \"f\": 1e3}\n";
    struct q8_err err = {0};
    struct cJSON *root = parse(text, &err);
    const struct cJSON *list = q8_json_get(q8_json_get(root, "a"), "B");
    uint64_t n = 99;

    (void)state;
    assert_non_null(root);
    assert_true(q8_json_u64(q8_json_at(list, 0), &n));
    assert_int_equal(n, 1);
    assert_string_equal(q8_json_string(q8_json_at(list, 1)), "x\xc3\xa4\n");
    assert_int_equal(q8_json_bool(q8_json_at(list, 2)), 1);
    assert_int_equal(q8_json_bool(q8_json_at(list, 3)), 0);
    assert_int_equal(q8_json_bool(q8_json_at(list, 4)), -1);
    assert_false(q8_json_u64(q8_json_at(list, 5), &n));
    assert_null(q8_json_at(list, 6));
    assert_null(q8_json_key(q8_json_at(list, 0)));
    assert_string_equal(q8_json_key(q8_json_at(root, 2)), "A");
    assert_true(q8_json_u64(q8_json_get(root, "n"), &n));
    assert_int_equal(n, UINT64_C(9007199254740991));
    assert_true(q8_json_u64(q8_json_get(root, "A"), &n)); /* not "a" */
    assert_int_equal(n, 0);
    assert_true(q8_json_u64(q8_json_get(root, "f"), &n));
    assert_int_equal(n, 1000);
    q8_json_free(root);
}

static void json_get_of_nothing_is_nothing(void **state)
{
    struct q8_err err = {0};
    struct cJSON *root = parse("[{\"a\": 1}, \"s\"]", &err);
    uint64_t n;

    (void)state;
    assert_null(q8_json_get(root, "a"));
    assert_null(q8_json_get(NULL, "a"));
    assert_null(q8_json_get(q8_json_at(root, 1), "a"));
    assert_null(q8_json_at(NULL, 0));
    assert_null(q8_json_key(NULL));
    assert_null(q8_json_string(NULL));
    assert_null(q8_json_string(q8_json_at(root, 0)));
    assert_int_equal(q8_json_bool(NULL), -1);
    assert_false(q8_json_u64(NULL, &n));
    q8_json_free(root);
    q8_json_free(NULL);
}

static void json_u64_refuses_what_a_double_cannot_hold(void **state)
{
    static const char *const bad[] = {
        "-1",    "0.5", "1e16", "9007199254740992", "9007199254740993", "18446744073709551616",
        "\"1\"", "[1]", "null"};
    struct q8_err err = {0};
    uint64_t n;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cJSON *root = parse(bad[i], &err);

        assert_non_null(root);
        assert_false(q8_json_u64(root, &n));
        q8_json_free(root);
    }
}

static void json_parse_refuses_what_cjson_lets_pass(void **state)
{
    /* clang-format off */
    static const char *const bad[] = {
        "", " ", "{", "{\"a\":1", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "'a'",
        "{} x", "{}{}", "1 2",                      /* bytes behind the value */
        "{\"a\":1,\"a\":2}", "[{\"b\":{\"a\":1,\"c\":0,\"\\u0061\":2}}]",  /* duplicate keys */
        "01", "-01", "+1", "1.", ".5", "1e", "-", "0x10", "1e999", "[-1e999]",
        "\"\\u0000\"", "{\"a\\u0000b\":1}",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\x41\"", "\"a\nb\"", "\"a\tb\"",
        "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xe2\x80",
        "\xef\xbb\xbf{}",                           /* a byte order mark, as Python refuses it */
        "nul", "True", "nan", "infinity", "-NaN", "+Infinity", "{NaN:1}", "[1NaN]", "Infinityx",
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct q8_err err = {0};
        struct cJSON *root = parse(bad[i], &err);

        if (root)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(err.code, Q8_EINPUT);
        assert_true(err.text[0]);
    }
}

/* "[0,0,...]" of that many values, the list counted; freed by the caller. */
static char *zeros(size_t values)
{
    char *text = malloc(2 * values);

    assert_non_null(text);
    for (size_t i = 0; i + 1 < values; i++)
        memcpy(text + 2 * i, i ? ",0" : "[0", 2);
    memcpy(text + 2 * (values - 1), "]", 2);
    return text;
}

static void json_parse_counts_values_before_it_makes_them(void **state)
{
    struct q8_err err = {0};
    char *text = zeros(Q8_JSON_VALUES);
    struct cJSON *root = parse(text, &err);

    (void)state;
    assert_non_null(root);
    q8_json_free(root);
    free(text);
    text = zeros(Q8_JSON_VALUES + 1);
    assert_null(parse(text, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_string_equal(err.text, "2097153 values in one document (at most 2097152)");
    free(text);
}

static void json_parse_names_the_place_of_a_long_number(void **state)
{
    struct q8_err err = {0};
    char text[200];
    struct cJSON *root;

    (void)state;
    for (int digits = 63; digits < 65; digits++) {
        (void)snprintf(text, sizeof text, "{\"1%0100d\": true,\n \"b\": -1%0*d}", 0, digits - 2, 0);
        root = parse(text, &err);
        assert_int_equal(root != NULL, digits == 63);
        q8_json_free(root);
    }
    assert_int_equal(err.code, Q8_EINPUT);
    assert_string_equal(err.text, "line 2, column 7: a number of more than 63 characters");
}

static unsigned allocations; /* that cJSON may still make */

static void *allocate(size_t size)
{
    return allocations > 0 ? allocations--, malloc(size) : NULL;
}

static void json_parse_tells_no_memory_from_malformed(void **state)
{
    cJSON_Hooks hooks = {allocate, free};
    unsigned least = 0;

    (void)state;
    cJSON_InitHooks(&hooks);
    for (;; least++) {
        struct q8_err err = {0};
        struct cJSON *root;

        allocations = least;
        root = parse("{\"a\": [1, \"b\"]}", &err);
        q8_json_free(root);
        if (root)
            break;
        assert_int_equal(err.code, Q8_ELIMIT);
    }
    cJSON_InitHooks(NULL);
    assert_true(least >= 6); /* four values, a key and a string */
}

static void json_parse_refuses_a_nul_inside(void **state)
{
    struct q8_err err = {0}, err2 = {0};

    (void)state;
    assert_null(q8_json_parse("{}\0", 3, &err));
    assert_int_equal(err.code, Q8_EINPUT);
    assert_null(q8_json_parse("\"a\0b\"", 5, &err2));
    assert_int_equal(err2.code, Q8_EINPUT);
}

static void json_parse_takes_pythons_non_numbers_as_empty_lists(void **state)
{
    struct q8_err err = {0};
    struct cJSON *root = parse("{\"a\": [0.0, Infinity], \"b\": -Infinity, \"c\": NaN,\n"
                               " \"NaN\": \"Infinity \\\"NaN\"}",
                               &err);
    uint64_t n;

    (void)state;
    assert_non_null(root);
    assert_non_null(q8_json_at(q8_json_get(root, "a"), 1));
    assert_null(q8_json_at(q8_json_get(root, "a"), 2));
    assert_false(q8_json_u64(q8_json_get(root, "b"), &n));
    assert_null(q8_json_at(q8_json_get(root, "c"), 0));
    assert_string_equal(q8_json_string(q8_json_get(root, "NaN")), "Infinity \"NaN");
    q8_json_free(root);
}

static void json_parse_stops_at_depth_64(void **state)
{
    struct q8_err err = {0};
    char text[131];
    struct cJSON *root;

    (void)state;
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    root = q8_json_parse(text, 128, &err);
    assert_non_null(root);
    q8_json_free(root);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_null(q8_json_parse(text, 130, &err));
    assert_int_equal(err.code, Q8_EINPUT);
}

static void json_parse_names_line_column_or_key(void **state)
{
    struct q8_err err = {0}, err2 = {0};

    (void)state;
    assert_null(parse("{\n  \"a\": 1,\n  \"b\": x\n}", &err));
    assert_ptr_equal(strstr(err.text, "line 3, column 8: "), err.text);
    assert_null(parse("{\"a\": 1,\n \"k\\u001b\": 1, \"k\\u001b\": 2}", &err2));
    assert_string_equal(err2.text, "the key 'k\\x1b' appears twice in one object");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_parse_gives_values_of_each_kind),
        cmocka_unit_test(json_get_of_nothing_is_nothing),
        cmocka_unit_test(json_u64_refuses_what_a_double_cannot_hold),
        cmocka_unit_test(json_parse_refuses_what_cjson_lets_pass),
        cmocka_unit_test(json_parse_refuses_a_nul_inside),
        cmocka_unit_test(json_parse_tells_no_memory_from_malformed),
        cmocka_unit_test(json_parse_names_the_place_of_a_long_number),
        cmocka_unit_test(json_parse_counts_values_before_it_makes_them),
        cmocka_unit_test(json_parse_takes_pythons_non_numbers_as_empty_lists),
        cmocka_unit_test(json_parse_stops_at_depth_64),
        cmocka_unit_test(json_parse_names_line_column_or_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
