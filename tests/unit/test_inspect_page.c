/* test_inspect_page.c - the page of q8-inspect, and the escapes that keep names what they are */
#include "src/base/json.h"
#include "src/base/json_write.h"
#include "src/report/escape.h"
#include "src/inspect/page.h"
#include "src/report/page.h"
#include "tests/browser/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

/* What put(text) writes, to be freed. */
static char *written(void (*put)(FILE *, const char *), const char *text)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);

    assert_non_null(out);
    put(out, text);
    assert_int_equal(fclose(out), 0);
    return result;
}

struct row {
    const char *text, *want;
};

static void check(void (*put)(FILE *, const char *), const struct row *row, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        char *got = written(put, row[i].text);

        assert_string_equal(got, row[i].want);
        free(got);
    }
}

#define CHECK(put, rows) check(put, rows, sizeof(rows) / sizeof *(rows))

static void html_text_escapes_what_html_obeys(void **state)
{
    static const struct row rows[] = {
        {"", ""},
        {"model.layers.0", "model.layers.0"},
        {"<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"},
        {"a&amp;\"b\"'c'", "a&amp;amp;&quot;b&quot;&#39;c&#39;"},
        {"gr\xc3\xb6\xc3\x9f"
         "e \xf0\x9f\x98\x80",
         "gr\xc3\xb6\xc3\x9f"
         "e \xf0\x9f\x98\x80"},
        {"a\xff\xc0\xaf", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* U+FFFD each */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},   /* a surrogate */
        {"a\nb\x1b[2J\x7f", "a\\u{000a}b\\u{001b}[2J\\u{007f}"},
        {"\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8", "\\u{202e}\\u{2066}\\u{2028}"},
        {"\xf3\xa0\x81\x81", "\\u{e0041}"}, /* tag latin capital letter a */
    };

    (void)state;
    CHECK(q8_html_text, rows);
}

static void html_name_may_break_at_its_joints(void **state)
{
    static const struct row rows[] = {{"a.b_c/d", "a.<wbr>b_<wbr>c/<wbr>d"},
                                      {"<.>", "&lt;.<wbr>&gt;"}};

    (void)state;
    CHECK(q8_html_name, rows);
}

static void put_script(FILE *out, const char *text)
{
    q8_json_text(&(struct q8_json){.out = out, .script = true}, NULL, text);
}

static void script_text_cannot_end_its_block(void **state)
{
    static const struct row rows[] = {
        {"plain", "\"plain\""},
        {"</script><!--", "\"\\u003c/script\\u003e\\u003c!--\""},
        {"a\"b\\c&'", "\"a\\\"b\\\\c\\u0026\\u0027\""},
        {"\xe2\x80\xa8\xe2\x80\xa9\n", "\"\\\\u{2028}\\\\u{2029}\\\\u{000a}\""},
        {"\xff", "\"\\ufffd\""},
    };

    (void)state;
    CHECK(put_script, rows);
}

static void html_number_has_the_digits_of_its_form(void **state)
{
    static const struct {
        enum q8_html_form form;
        double value;
        const char *want;
    } rows[] = {
        {Q8_HTML_DECIBEL, 31.236, "31.24"},
        {Q8_HTML_DECIBEL, (double)INFINITY, "\xe2\x88\x9e"},
        {Q8_HTML_DECIBEL, -(double)INFINITY, "\xe2\x88\x92\xe2\x88\x9e"},
        {Q8_HTML_DECIBEL, (double)NAN, "\xe2\x80\x93"},
        {Q8_HTML_PLAIN, 0, "0"},
        {Q8_HTML_PLAIN, 0.031249, "0.0312"},
        {Q8_HTML_PLAIN, 123456, "1.23e5"},
        {Q8_HTML_PLAIN, 0.0000125, "1.25e-5"},
        {Q8_HTML_PLAIN, 1e300, "1.00e300"},
        {Q8_HTML_PLAIN, 0.57, "0.570"},
        {Q8_HTML_PLAIN, 448, "448"},
        {Q8_HTML_PLAIN, -17, "-17.0"},
        {Q8_HTML_COUNT, 4294967296, "4294967296"},
        {Q8_HTML_PERCENT, 0, "0 %"},
        {Q8_HTML_PERCENT, 0.0312, "3.1 %"},
        {Q8_HTML_PERCENT, 0.00005, "0.005 %"},
        {Q8_HTML_PERCENT, 0.46, "46 %"},
        {Q8_HTML_BITS, 7.125, "7.12"},
        {Q8_HTML_COSINE, 0.99998125, "0.999981"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *got = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&got, &size);

        assert_non_null(out);
        q8_html_number(out, rows[i].form, rows[i].value);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(got, rows[i].want);
        free(got);
    }
}

/* The page of a fake model, to be freed. */
static char *page_of(uint64_t layers, bool int8, bool suggestion)
{
    struct q8_err err = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct fake f;

    assert_non_null(out);
    fake_make(&f, layers, int8);
    assert_true(q8_inspect_page(&f.in, suggestion ? &f.suggestion : NULL, out, &err));
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strlen(text), size); /* no NUL in it */
    q8_arena_clear(&f.mem);
    return text;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    while ((text = strstr(text, what)) != NULL) {
        text += strlen(what);
        n++;
    }
    return n;
}

/* The data block of a page, parsed; to be freed. */
static struct cJSON *data_of(const char *page)
{
    const char *data = strstr(page, "id=\"data\">");
    struct q8_err err = {0};
    struct cJSON *root;

    assert_non_null(data);
    data += strlen("id=\"data\">");
    root = q8_json_parse(data, (uint64_t)(strstr(data, "</script>") - data), &err);
    assert_string_equal(err.text, "");
    return root;
}

static void html_page_is_called_by_the_last_part_of_the_path(void **state)
{
    static const struct row rows[] = {{"/home/a/models/b/", "<title>b \xe2\x80\x93"},
                                      {"b", "<title>b \xe2\x80\x93"},
                                      {"/", "<title>/ \xe2\x80\x93"},
                                      {"../..", "<title>../.. \xe2\x80\x93"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        q8_html_open(out, "q8-inspect", rows[i].text);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(count(text, rows[i].want), 1);
        free(text);
    }
}

static void html_page_shows_hostile_names_as_text(void **state)
{
    char *page = page_of(4, false, true);

    (void)state;
    assert_int_equal(count(page, "<img"), 0);
    assert_int_equal(count(page, "<svg"), 0);
    assert_int_equal(count(page, "<b>an I64"), 0);
    assert_int_equal(count(page, "<Llama"), 0);
    assert_int_equal(count(page, "\xe2\x80\xae"), 0); /* the bidirectional override */
    assert_true(count(page, "&lt;img src=x onerror=alert(1)&gt;") >= 1);
    assert_true(count(page, "\\u{202e}&quot;bytes&quot; &amp; &#39;quotes&#39;") >= 1);
    assert_int_equal(count(page, "<script"), 2);
    assert_int_equal(count(page, "</script"), 2);
    assert_int_equal(count(page, "<!--"), 0);
    free(page);
}

static void html_page_refers_to_nothing_outside(void **state)
{
    char *page = page_of(4, false, true);

    (void)state;
    assert_int_equal(count(page, "src=\""), 0);
    assert_int_equal(count(page, "@import"), 0);
    assert_int_equal(count(page, "url("), 0);
    assert_int_equal(count(page, "<link"), 0);
    assert_int_equal(count(page, "http://"), 1); /* the name of SVG's namespace */
    assert_int_equal(count(page, "https://"), 0);
    assert_int_equal(count(page, "default-src 'none'"), 1);
    free(page);
}

static void html_page_is_the_same_twice_and_has_no_time(void **state)
{
    char *a = page_of(4, false, true), *b;

    (void)state;
    b = page_of(4, false, true);
    assert_string_equal(a, b);
    assert_int_equal(count(a, "86421.1"), 0); /* total.seconds of the fake */
    free(a);
    free(b);
}

static void html_page_holds_json_that_parses(void **state)
{
    for (int int8 = 0; int8 < 2; int8++) {
        char *page = page_of(4, int8, !int8);
        struct cJSON *root = data_of(page);

        assert_non_null(q8_json_get(root, "rows"));
        q8_json_free(root);
        free(page);
    }
    (void)state;
}

static void html_page_of_codes_shows_bits(void **state)
{
    char *page = page_of(4, true, false);

    (void)state;
    assert_int_equal(count(page, "id=\"doctor\""), 0);
    assert_int_equal(count(page, "Below 30 dB"), 0); /* nobody knows */
    assert_int_equal(count(page, ">Codes used</th>"), 1);
    assert_int_equal(count(page, "\"title\":\"Codes used\""), 1);
    assert_int_equal(count(page, "<small>SQNR</small>"), 0); /* no column of a scheme */
    free(page);
}

static void html_page_of_many_tensors_stays_small(void **state)
{
    char *page = page_of(80, false, true);

    (void)state;
    assert_true(strlen(page) < 1000000);
    free(page);
}

static void html_page_without_layers_has_no_map(void **state)
{
    char *page = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&page, &size);
    struct q8_err err = {0};
    struct fake f;

    (void)state;
    assert_non_null(out);
    fake_make(&f, 4, false);
    f.in.subjects = 0;
    f.in.outliers = (struct q8_outlier_list){0};
    f.suggestion.cures = 0;
    assert_true(q8_inspect_page(&f.in, &f.suggestion, out, &err));
    assert_int_equal(fclose(out), 0);
    assert_int_equal(count(page, "id=\"layers\""), 0);
    assert_int_equal(count(page, "id=\"features\""), 0);
    assert_int_equal(count(page, "no weight is below 30 dB"), 1);
    q8_arena_clear(&f.mem);
    free(page);
}

static void html_page_says_when_the_disk_is_full(void **state)
{
    FILE *out = fopen("/dev/full", "w");
    struct q8_err err = {0};
    struct fake f;

    (void)state;
    assert_non_null(out);
    fake_make(&f, 4, false);
    assert_false(q8_inspect_page(&f.in, &f.suggestion, out, &err));
    assert_int_equal(err.code, Q8_EIO);
    q8_arena_clear(&f.mem);
    (void)fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_text_escapes_what_html_obeys),
        cmocka_unit_test(html_name_may_break_at_its_joints),
        cmocka_unit_test(script_text_cannot_end_its_block),
        cmocka_unit_test(html_number_has_the_digits_of_its_form),
        cmocka_unit_test(html_page_is_called_by_the_last_part_of_the_path),
        cmocka_unit_test(html_page_shows_hostile_names_as_text),
        cmocka_unit_test(html_page_refers_to_nothing_outside),
        cmocka_unit_test(html_page_is_the_same_twice_and_has_no_time),
        cmocka_unit_test(html_page_holds_json_that_parses),
        cmocka_unit_test(html_page_of_codes_shows_bits),
        cmocka_unit_test(html_page_of_many_tensors_stays_small),
        cmocka_unit_test(html_page_without_layers_has_no_map),
        cmocka_unit_test(html_page_says_when_the_disk_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
