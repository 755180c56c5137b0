/* test_verify_junit.c - what q8-verify says to CI servers */
#include "src/verify/report_junit.h"
#include "src/verify/report.h"
#include "tests/unit/fake_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void verify_junit_has_a_case_for_each_layer_and_what_fails(void **state)
{
    char *pass = fake_result_report(q8_verify_junit, 3, Q8_LEVEL_MATMUL, false);
    char *fail = fake_result_report(q8_verify_junit, 3, Q8_LEVEL_MATMUL, true);

    (void)state;
    assert_int_equal(
        fake_result_count(pass, "<testcase classname=\"model-int8 &lt;b&gt;&amp;amp;\""), 25);
    assert_int_equal(fake_result_count(pass, " tests=\"25\" failures=\"0\" errors=\"0\""), 2);
    assert_int_equal(fake_result_count(pass, "<failure"), 0);
    assert_int_equal(
        fake_result_count(fail, "<testcase classname=\"model-int8 &lt;b&gt;&amp;amp;\""), 27);
    assert_int_equal(fake_result_count(fail, " tests=\"27\" failures=\"7\" errors=\"0\""), 2);
    assert_int_equal(fake_result_count(fail, "<failure"), 7);
    assert_int_equal(
        fake_result_count(fail, "name=\"model.norm.weight\"><failure type=\"carried\""), 1);
    free(pass);
    free(fail);
}

/* What stands in the case of that name, to be freed. */
static char *case_of(const char *xml, const char *name)
{
    const char *start = strstr(xml, name);

    assert_non_null(start);
    return strndup(start, (size_t)(strstr(start, "</testcase>") - start));
}

static void verify_junit_joins_what_fails_about_a_layer(void **state)
{
    char *xml = fake_result_report(q8_verify_junit, 3, Q8_LEVEL_MATMUL, true);
    char *text = case_of(xml, "name=\"model.layers.1.mlp.down_proj\"");

    (void)state;
    assert_int_equal(fake_result_count(text, "<failure"), 1);
    assert_int_equal(fake_result_count(text, "\nweights rows-swapped: rows 3 and 7"), 1);
    assert_int_equal(fake_result_count(text, "\nmatmul min-sqnr: SQNR 11.5 dB"), 1);
    assert_int_equal(
        fake_result_count(text, "<system-out>weights: SQNR 17.50 dB\nmatmul: SQNR 11.50 dB\n"), 1);
    free(text);
    text = case_of(xml, "name=\"(model)\"");
    assert_int_equal(fake_result_count(text, "integrity side-file: tokenizer.json: is not"), 1);
    assert_int_equal(
        fake_result_count(text, "<failure type=\"min-coverage\" message=\"coverage 97.3 %"), 1);
    free(text);
    text = case_of(xml, "name=\"model.layers.0.mlp.up_proj\"");
    assert_int_equal(
        fake_result_count(text, "weights ties: 3 codes are off within rounding\n</system-out>"), 1);
    free(text);
    free(xml);
}

static void verify_junit_of_one_name_twice_is_one_case(void **state)
{
    const struct q8_finding finding = {
        .level = Q8_LEVEL_WEIGHTS, .kind = "missing", .name = "model.norm.weight", .fails = true};
    struct q8_err err = {0};
    struct fake_result f;
    char *xml;

    (void)state;
    fake_result_make(&f, 3, Q8_LEVEL_MATMUL, true);
    assert_true(q8_findings_add(&f.v.findings, &finding, &err, "gone"));
    assert_true(q8_findings_add(&f.v.findings, &finding, &err, "gone again"));
    q8_findings_sort(&f.v.findings);
    xml = fake_result_print(&f, q8_verify_junit);
    assert_int_equal(fake_result_count(xml, "name=\"model.norm.weight\""), 1);
    assert_int_equal(fake_result_count(xml, "weights missing: gone"), 2);
    assert_int_equal(fake_result_count(xml, " tests=\"27\" failures=\"7\" errors=\"0\""), 2);
    q8_arena_clear(&f.mem);
    free(xml);
}

static void verify_junit_takes_the_path_where_its_end_says_nothing(void **state)
{
    static const char *const paths[][2] = {{"/a/b/", "b"}, {"b", "b"},       {".", "."},
                                           {"/", "/"},     {"a/..", "a/.."}, {"a//", "a"}};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct fake_result f;
        char want[64], *xml;

        fake_result_make(&f, 3, Q8_LEVEL_INTEGRITY, false);
        f.quantized.path = paths[i][0];
        xml = fake_result_print(&f, q8_verify_junit);
        (void)snprintf(want, sizeof want, "<testcase classname=\"%s\" name", paths[i][1]);
        assert_int_equal(fake_result_count(xml, want), 25);
        q8_arena_clear(&f.mem);
        free(xml);
    }
}

/* What XML 1.0 allows: section 2.2 of the recommendation. */
static void verify_junit_is_well_formed_whatever_the_names(void **state)
{
    char *xml = fake_result_report(q8_verify_junit, 3, Q8_LEVEL_MATMUL, true);
    FILE *lint;

    (void)state;
    for (const char *c = xml; *c; c++)
        assert_true((unsigned char)*c >= 0x20 || *c == '\n');
    assert_int_equal(fake_result_count(xml, "\xef\xbf\xbe"), 0); /* U+FFFE */
    assert_int_equal(fake_result_count(xml, "]]>"), 0);
    if (system("command -v xmllint >/dev/null 2>&1") != 0) {
        print_message("xmllint is not installed: well-formedness was only looked at from here\n");
        free(xml);
        return;
    }
    lint = popen("xmllint --noout -", "w");
    assert_non_null(lint);
    assert_int_equal(fwrite(xml, 1, strlen(xml), lint), strlen(xml));
    assert_int_equal(pclose(lint), 0);
    free(xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify_junit_has_a_case_for_each_layer_and_what_fails),
        cmocka_unit_test(verify_junit_joins_what_fails_about_a_layer),
        cmocka_unit_test(verify_junit_of_one_name_twice_is_one_case),
        cmocka_unit_test(verify_junit_takes_the_path_where_its_end_says_nothing),
        cmocka_unit_test(verify_junit_is_well_formed_whatever_the_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
