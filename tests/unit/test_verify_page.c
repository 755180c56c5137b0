/* test_verify_page.c - the page of q8-verify */
#include "src/verify/page.h"
#include "src/base/json.h"
#include "src/verify/report.h"
#include "tests/unit/fake_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The page of f, to be freed; f is cleared. */
static char *page_of_fake(struct fake_result *f)
{
    char *text = fake_result_print(f, q8_verify_page);

    q8_arena_clear(&f->mem);
    return text;
}

static char *page_of(enum q8_level level, bool fails)
{
    struct fake_result f;

    fake_result_make(&f, 3, level, fails);
    return page_of_fake(&f);
}

static void html_verify_says_the_verdict_first(void **state)
{
    char *page = page_of(Q8_LEVEL_MATMUL, true);

    (void)state;
    assert_int_equal(fake_result_count(page,
                                       "<p class=\"verdict fail\"><b>FAIL</b> <span>9 findings, "
                                       "4 of 24 layers fail</span></p>"),
                     1);
    assert_true(strstr(page, "<p class=\"verdict") < strstr(page, "<section"));
    free(page);
    page = page_of(Q8_LEVEL_MATMUL, false);
    assert_int_equal(
        fake_result_count(page, "<p class=\"verdict pass\"><b>PASS</b> <span>24 layers, down to "
                                "matmul</span></p>"),
        1);
    free(page);
}

static void html_verify_lists_what_fails_before_notes(void **state)
{
    char *page = page_of(Q8_LEVEL_MATMUL, true);
    char *list = strstr(page, "<section id=\"findings\">"), *end;

    (void)state;
    assert_non_null(list);
    end = strstr(list, "</section>");
    *end = '\0';
    assert_int_equal(fake_result_count(list, "<td>fails</td></tr>"), 9);
    assert_int_equal(fake_result_count(list, "<td>note</td></tr>"), 3);
    assert_int_equal(fake_result_count(strstr(list, "<td>note</td></tr>"), "<td>fails</td></tr>"),
                     0);
    free(page);
}

/* 3 layers of 7 weights, a hostile one in layer 0, and two without a layer. */
static void html_verify_has_each_layer_as_data(void **state)
{
    char *page = page_of(Q8_LEVEL_MATMUL, true);
    char *data = strstr(page, "id=\"data\">");

    (void)state;
    assert_int_equal(fake_result_count(page, "<section id=\"layers\" hidden>"), 1);
    assert_non_null(data);
    assert_int_equal(fake_result_count(data, "{\"rows\":24,"), 1);
    assert_int_equal(fake_result_count(data, "\"places\":[0,0,[1,22]]"), 1);
    assert_int_equal(fake_result_count(data, "{\"about\":["), 24);
    assert_int_equal(fake_result_count(data, "[\"fails: rows-swapped\",\"rows 3 and 7"), 1);
    assert_int_equal(fake_result_count(data, "\"title\":\"KL\""), 0); /* no layer has it */
    free(page);
}

static void html_verify_without_a_script_shows_the_worst_first(void **state)
{
    char *page = page_of(Q8_LEVEL_MATMUL, true);
    char *rows = strstr(page, "<table id=\"plain\""), *first;

    (void)state;
    assert_non_null(rows);
    assert_int_equal(fake_result_count(rows, "<th scope=\"row\">"), 24);
    first = strstr(rows, "<th scope=\"row\">");
    assert_ptr_equal(strstr(rows, "<th scope=\"row\">model.<wbr>layers.<wbr>1.<wbr>mlp.<wbr>down_"),
                     first);
    free(page);
}

static void html_verify_of_integrity_alone_has_no_numbers(void **state)
{
    char *page = page_of(Q8_LEVEL_INTEGRITY, false);

    (void)state;
    assert_int_equal(fake_result_count(page, "<small>weights</small>"), 0);
    assert_int_equal(fake_result_count(strstr(page, "<table id=\"plain\""), "<th scope=\"row\">"),
                     24);
    free(page);
}

static void html_verify_shows_hostile_names_as_text(void **state)
{
    char *page = page_of(Q8_LEVEL_MATMUL, true);

    (void)state;
    assert_int_equal(fake_result_count(page, "<img"), 0);
    assert_int_equal(fake_result_count(page, "<Llama"), 0);
    assert_int_equal(fake_result_count(page, "<b>text"), 0);
    assert_int_equal(fake_result_count(page, "<script>alert"), 0);
    assert_int_equal(fake_result_count(page, "\xe2\x80\xae"), 0); /* the bidirectional override */
    assert_int_equal(fake_result_count(page, "<script"), 2);
    assert_int_equal(fake_result_count(page, "</script"), 2);
    assert_int_equal(fake_result_count(page, "<!--"), 0);
    assert_true(fake_result_count(page, "&lt;img src=x onerror=alert(1)&gt;") >= 2);
    free(page);
}

static void html_verify_refers_to_nothing_outside(void **state)
{
    char *page = page_of(Q8_LEVEL_MATMUL, true);

    (void)state;
    assert_int_equal(fake_result_count(page, "src=\""), 0);
    assert_int_equal(fake_result_count(page, "url("), 0);
    assert_int_equal(fake_result_count(page, "<link"), 0);
    assert_int_equal(fake_result_count(page, "http://"), 1); /* the name of SVG's namespace */
    assert_int_equal(fake_result_count(page, "https://"), 0);
    assert_int_equal(fake_result_count(page, "default-src 'none'"), 1);
    free(page);
}

static void html_verify_holds_json_that_parses(void **state)
{
    (void)state;
    for (int level = 0; level < Q8_LEVELS; level++) {
        char *page = page_of((enum q8_level)level, true);
        char *data = strstr(page, "id=\"data\">") + strlen("id=\"data\">");
        struct q8_err err = {0};
        struct cJSON *root;

        root = q8_json_parse(data, (uint64_t)(strstr(data, "</script>") - data), &err);
        assert_string_equal(err.text, "");
        assert_non_null(q8_json_get(q8_json_get(root, "details"), "23"));
        assert_null(q8_json_get(q8_json_get(root, "details"), "24"));
        q8_json_free(root);
        free(page);
    }
}

static void html_verify_of_many_findings_says_how_many_are_left_out(void **state)
{
    const struct q8_finding finding = {
        .level = Q8_LEVEL_INTEGRITY, .kind = "missing", .name = "a", .fails = true};
    struct q8_err err = {0};
    struct fake_result f;
    char *page;

    (void)state;
    fake_result_make(&f, 3, Q8_LEVEL_MATMUL, false);
    for (int i = 0; i < 1500; i++)
        assert_true(q8_findings_add(&f.v.findings, &finding, &err, "gone"));
    q8_findings_sort(&f.v.findings);
    page = page_of_fake(&f);
    assert_int_equal(fake_result_count(page, "<td>fails</td></tr>"), 1000);
    assert_int_equal(fake_result_count(page, "<p>And 503 more:"), 1); /* with the fake's 3 notes */
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_verify_says_the_verdict_first),
        cmocka_unit_test(html_verify_lists_what_fails_before_notes),
        cmocka_unit_test(html_verify_has_each_layer_as_data),
        cmocka_unit_test(html_verify_without_a_script_shows_the_worst_first),
        cmocka_unit_test(html_verify_of_integrity_alone_has_no_numbers),
        cmocka_unit_test(html_verify_shows_hostile_names_as_text),
        cmocka_unit_test(html_verify_refers_to_nothing_outside),
        cmocka_unit_test(html_verify_holds_json_that_parses),
        cmocka_unit_test(html_verify_of_many_findings_says_how_many_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
