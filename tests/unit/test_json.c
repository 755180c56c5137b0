/* test_json.c - reader and writer; expected texts from Python 3.11's json and repr, or RFC 8259 */
#include "src/base/json.h"
#include "src/base/json_write.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
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
    assert_string_equal(err.text, "1048577 values in one document (at most 1048576)");
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

/* Writes a document that uses everything into memory that the caller frees. */
static char *write_document(unsigned indent)
{
    char *text = NULL;
    size_t size = 0;
    struct q8_json j = {.out = open_memstream(&text, &size), .indent = indent};

    assert_non_null(j.out);
    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "s", "x");
    q8_json_begin(&j, "list", '[');
    q8_json_number(&j, NULL, UINT64_MAX);
    q8_json_text(&j, NULL, NULL);
    q8_json_begin(&j, NULL, '{');
    q8_json_end(&j, '}');
    q8_json_begin(&j, NULL, '[');
    q8_json_end(&j, ']');
    q8_json_end(&j, ']');
    q8_json_flag(&j, "yes", true);
    q8_json_flag(&j, "no", false);
    q8_json_raw(&j, "raw", "[1,  2]");
    q8_json_end(&j, '}');
    assert_int_equal(fclose(j.out), 0);
    return text;
}

static void json_write_places_commas_and_lines(void **state)
{
    char *text;

    (void)state;
    text = write_document(0);
    assert_string_equal(text, "{\"s\":\"x\",\"list\":[18446744073709551615,null,{},[]],"
                              "\"yes\":true,\"no\":false,\"raw\":[1,  2]}");
    free(text);
    text = write_document(2);
    assert_string_equal(text, "{\n"
                              "  \"s\": \"x\",\n"
                              "  \"list\": [\n"
                              "    18446744073709551615,\n"
                              "    null,\n"
                              "    {},\n"
                              "    []\n"
                              "  ],\n"
                              "  \"yes\": true,\n"
                              "  \"no\": false,\n"
                              "  \"raw\": [1,  2]\n"
                              "}");
    free(text);
}

/* What json.dumps(indent=2) and json.dumps() give, one in the other. */
static void json_write_flat_puts_spaces_for_lines(void **state)
{
    char *text = NULL;
    size_t size = 0;
    struct q8_json j = {.out = open_memstream(&text, &size), .indent = 2};

    (void)state;
    q8_json_begin(&j, NULL, '{');
    q8_json_begin(&j, "flat", '{');
    j.flat = true;
    q8_json_number(&j, "a", 1);
    q8_json_numbers(&j, "b", (uint64_t[]){2, 3}, 2);
    q8_json_end(&j, '}');
    j.flat = false;
    q8_json_number(&j, "c", 4);
    q8_json_end(&j, '}');
    assert_int_equal(fclose(j.out), 0);
    assert_string_equal(text, "{\n"
                              "  \"flat\": {\"a\": 1, \"b\": [2, 3]},\n"
                              "  \"c\": 4\n"
                              "}");
    free(text);
}

/* One string or number as the writer puts it. */
static char *write_value(const char *string, double number)
{
    char *text = NULL;
    size_t size = 0;
    struct q8_json j = {.out = open_memstream(&text, &size)};

    assert_non_null(j.out);
    if (string)
        q8_json_text(&j, NULL, string);
    else
        q8_json_double(&j, NULL, number);
    assert_int_equal(fclose(j.out), 0);
    return text;
}

static void json_write_escapes_strings(void **state)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        {"q\"\\\n\t\x01\x7f\xc2\x80\xe2\x80\xae\xf3\xa0\x81\x81\xc3\xa9",
         "\"q\\\"\\\\\\n\\u0009\\u0001\\u007f\\u0080\\u202e\\udb40\\udc41\xc3\xa9\""},
        {"a\xffz\xed\xa0\x80", "\"a\\ufffdz\\ufffd\\ufffd\\ufffd\""},
        {"", "\"\""},
        {"/\xf0\x9f\x98\x80", "\"/\xf0\x9f\x98\x80\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = write_value(rows[i].value, 0);

        assert_string_equal(text, rows[i].want);
        free(text);
    }
}

static void json_write_reads_back_every_character(void **state)
{
    struct q8_err err = {0};
    char value[128] = {0}, *text;
    struct cJSON *root;

    (void)state;
    for (int c = 1; c < 128; c++)
        value[c - 1] = (char)c;
    text = write_value(value, 0);
    root = parse(text, &err);
    assert_non_null(root);
    assert_string_equal(q8_json_string(root), value);
    q8_json_free(root);
    free(text);
}

static void json_write_doubles_with_the_fewest_digits(void **state)
{
    static const struct {
        double value;
        const char *want; /* Python's repr, without ".0" */
    } rows[] = {
        /* clang-format off */
        {0, "0"}, {-0.0, "-0"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"}, {100, "100"},
        {42.125, "42.125"}, {-1.5, "-1.5"}, {1e-5, "1e-05"}, {2.5e-8, "2.5e-08"},
        {0x1p-1074, "5e-324"}, {1e15, "1000000000000000"}, {9007199254740991.0, "9007199254740991"},
        {1e16, "1e+16"}, {1e300, "1e+300"}, {1.7976931348623157e308, "1.7976931348623157e+308"},
        {(double)NAN, "\"NaN\""}, {(double)INFINITY, "\"Infinity\""},
        {-(double)INFINITY, "\"-Infinity\""},
        /* clang-format on */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = write_value(NULL, rows[i].value);

        assert_string_equal(text, rows[i].want);
        free(text);
    }
}

static void json_write_cannot_end_its_script_block(void **state)
{
    struct q8_json j = {.script = true};
    char *text = NULL;
    size_t size;

    (void)state;
    j.out = open_memstream(&text, &size);
    assert_non_null(j.out);
    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "</script><!--", "a\"b\\c&'");
    q8_json_text(&j, "plain", "\xe2\x80\xa8\n\xff");
    q8_json_end(&j, '}');
    (void)fclose(j.out);
    assert_string_equal(text, "{\"\\u003c/script\\u003e\\u003c!--\":\"a\\\"b\\\\c\\u0026\\u0027\","
                              "\"plain\":\"\\\\u{2028}\\\\u{000a}\\ufffd\"}");
    free(text);
}

/* Every kind of value, written again as it was read: keys, order and nesting. */
static void json_value_writes_what_was_read(void **state)
{
    static const char text[] = "{\"a\":[1,-2.5,[],{}],\"b\":{\"c\":true,\"d\":false},"
                               "\"e\":null,\"f\":\"x\\n\"}";
    struct q8_err err = {0};
    struct cJSON *root = q8_json_parse(text, strlen(text), &err);
    const struct cJSON *list = q8_json_at(q8_json_get(root, "a"), 0);
    char kinds[8] = "", *copy = NULL;
    struct q8_json j = {0};
    size_t size;

    (void)state;
    assert_non_null(root);
    for (size_t i = 0; list; list = q8_json_next(list))
        kinds[i++] = q8_json_kind(list);
    assert_string_equal(kinds, "00[{");
    assert_true(q8_json_f64(q8_json_at(q8_json_get(root, "a"), 1)) == -2.5);
    assert_true(isnan(q8_json_f64(root)));
    assert_null(q8_json_next(NULL));
    j.out = open_memstream(&copy, &size);
    assert_non_null(j.out);
    q8_json_value(&j, NULL, root);
    (void)fclose(j.out);
    assert_string_equal(copy, text);
    free(copy);
    q8_json_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_value_writes_what_was_read),
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
        cmocka_unit_test(json_write_places_commas_and_lines),
        cmocka_unit_test(json_write_flat_puts_spaces_for_lines),
        cmocka_unit_test(json_write_escapes_strings),
        cmocka_unit_test(json_write_reads_back_every_character),
        cmocka_unit_test(json_write_doubles_with_the_fewest_digits),
        cmocka_unit_test(json_write_cannot_end_its_script_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
