/* test_columns.c - a table of numbers in each of its prints; texts are from the contract */
#include "src/report/columns.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A row is an array of numbers, scaled by what the report is of. */
static double scaled(const void *self, const void *row, unsigned which)
{
    const double *scale = self, *value = row;

    return *scale * value[which];
}

static const struct q8_column columns[] = {
    {"sqnr_db", "of weights", "SQNR", "dB, <b>", Q8_HTML_DECIBEL, true, scaled, 0},
    {"scale.min", NULL, "Least", "smallest step", Q8_HTML_PLAIN, false, scaled, 1},
    {NULL, NULL, "Bad", "not finite", Q8_HTML_COUNT, false, scaled, 0},
    {"code.min", NULL, NULL, NULL, Q8_HTML_COUNT, false, scaled, 2},
    {"code.max", NULL, NULL, NULL, Q8_HTML_COUNT, false, scaled, 3},
    {"codex.max", NULL, NULL, NULL, Q8_HTML_COUNT, false, scaled, 0},
};

#define COLUMNS ((unsigned)(sizeof columns / sizeof *columns))

static const double one = 1, two = 2, row[] = {NAN, 0.1, -64, 3};

/* What is printed to, and what it then has. */
static FILE *out;

static const char *text_of(void)
{
    static char text[1000];
    size_t n;

    rewind(out);
    n = fread(text, 1, sizeof text - 1, out);
    text[n] = '\0';
    fclose(out);
    return text;
}

static void columns_in_json_share_an_object_by_the_name_before_the_dot(void **state)
{
    struct q8_json j = {.out = out = tmpfile()};

    (void)state;
    q8_json_begin(&j, NULL, '{');
    q8_columns_json(&j, columns, COLUMNS, &two, row);
    q8_json_end(&j, '}');
    assert_string_equal(text_of(),
                        "{\"sqnr_db\":null,\"scale\":{\"min\":0.2},"
                        "\"code\":{\"min\":-128,\"max\":6},\"codex\":{\"max\":\"NaN\"}}");
}

static void columns_in_csv_leave_out_what_a_row_has_not(void **state)
{
    (void)state;
    out = tmpfile();
    q8_columns_csv_head(out, columns, 2);
    fputc(';', out);
    q8_columns_csv(out, columns, 2, &one, row);
    q8_columns_csv(out, &columns[3], 1, &one, row);
    assert_string_equal(text_of(), ",sqnr_db,scale_min;,,0.10000000000000001,-64");
}

static void column_on_the_page_escapes_its_words(void **state)
{
    (void)state;
    out = tmpfile();
    q8_column_head(out, &columns[0], "n mine");
    q8_column_cell(out, &columns[1], &two, row);
    assert_string_equal(text_of(), "<th scope=\"col\" class=\"n mine\" title=\"dB, &lt;b&gt;\">"
                                   "<small>of weights</small> SQNR</th><td>0.200</td>");
}

static void columns_for_the_script_have_five_digits(void **state)
{
    struct q8_json j = {.out = out = tmpfile(), .script = true};

    (void)state;
    q8_json_begin(&j, NULL, '[');
    q8_column_script(&j, NULL, 1.0 / 3);
    q8_column_script(&j, NULL, 123456789);
    q8_column_script(&j, NULL, NAN);
    q8_column_script(&j, NULL, -INFINITY);
    q8_json_end(&j, ']');
    assert_string_equal(text_of(), "[0.33333,123456789,null,\"\u2212\u221e\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_in_json_share_an_object_by_the_name_before_the_dot),
        cmocka_unit_test(columns_in_csv_leave_out_what_a_row_has_not),
        cmocka_unit_test(column_on_the_page_escapes_its_words),
        cmocka_unit_test(columns_for_the_script_have_five_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
