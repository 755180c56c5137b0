/* test_json_write.c - the writer; expected texts from Python 3.11's json and repr, or RFC 8259 */
#include "src/base/json.h"
#include "src/base/json_write.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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
    root = q8_json_parse(text, strlen(text), &err);
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
        cmocka_unit_test(json_write_places_commas_and_lines),
        cmocka_unit_test(json_write_flat_puts_spaces_for_lines),
        cmocka_unit_test(json_write_escapes_strings),
        cmocka_unit_test(json_write_reads_back_every_character),
        cmocka_unit_test(json_write_doubles_with_the_fewest_digits),
        cmocka_unit_test(json_write_cannot_end_its_script_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
