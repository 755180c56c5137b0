/* test_page_rows.c - the rows of a page as data */
#include "src/base/json.h"
#include "src/inspect/page.h"
#include "src/report/rows.h"
#include "tests/browser/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

/* The page of f, to be freed; f is cleared. */
static char *page_of_fake(struct fake *f)
{
    struct q8_err err = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_true(q8_inspect_page(&f->in, NULL, out, &err));
    assert_int_equal(fclose(out), 0);
    q8_arena_clear(&f->mem);
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

/* Rows that a list of runs stands for; in *ret_sum of their numbers. */
static uint64_t run_length(const struct cJSON *runs, double *ret_sum)
{
    uint64_t rows = 0;

    *ret_sum = 0;
    for (const struct cJSON *run = runs->child; run; run = run->next) {
        const bool many = cJSON_IsArray(run);
        const struct cJSON *value = many ? run->child : run;
        const uint64_t times = many ? (uint64_t)value->next->valuedouble : 1;

        rows += times;
        if (cJSON_IsNumber(value))
            *ret_sum += value->valuedouble * (double)times;
    }
    return rows;
}

static void html_data_has_each_row_in_every_list(void **state)
{
    const uint64_t rows = 4 * 9 - 1 + 3 + 4;
    const struct cJSON *names;
    struct cJSON *root;
    struct fake f;
    char *page;
    double sum;

    (void)state;
    fake_make(&f, 4, false);
    page = page_of_fake(&f);
    root = data_of(page);
    names = q8_json_get(root, "names");
    assert_int_equal(run_length(q8_json_get(root, "places"), &sum), rows);
    assert_int_equal((int)sum, 4 * 7 - 1 + 2); /* one o_proj is missing, two are hostile */
    assert_int_equal(run_length(q8_json_get(root, "marked"), &sum), rows);
    assert_int_equal(run_length(q8_json_get(names, "of"), &sum), rows);
    for (const struct cJSON *c = q8_json_get(root, "columns")->child; c; c = c->next)
        assert_int_equal(run_length(q8_json_get(c, "value"), &sum), rows);
    for (const struct cJSON *w = q8_json_get(root, "words")->child; w; w = w->next)
        assert_int_equal(run_length(q8_json_get(w, "of"), &sum), rows);
    assert_int_equal(cJSON_GetArraySize(q8_json_get(root, "details")), rows);
    q8_json_free(root);
    free(page);
}

/* The name of a row, made of its parts and numbers; names of many rows share the parts. */
static void html_data_takes_numbers_out_of_names(void **state)
{
    static const char *const made[] = {"a.7.x", "a.12.x", "a.007.x", "a.1.b.2.c.3", "a.#.1", "9.1"};
    static const char *const want[] = {"[\"a.#.1\"]", "[\"a.007.x\"]", "[\"\",\".\",\"\"]",
                                       "[\"a.\",\".x\"]", "[\"a.\",\".b.\",\".c.3\"]"};
    struct fake f;
    char *page;

    (void)state;
    fake_make(&f, 4, false);
    for (uint64_t i = 0; i < f.in.subjects; i++)
        f.in.subject[i].shown = i < sizeof made / sizeof *made;
    for (uint64_t i = 0; i < sizeof made / sizeof *made; i++)
        f.in.subject[i].name = made[i];
    page = page_of_fake(&f);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(count(page, want[i]), 1);
    /* by value: 9.1, a.#.1, a.1.b.2.c.3, a.007.x, a.7.x, a.12.x */
    assert_int_equal(count(page, "\"numbers\":[[9,null,1,null,7,12],[1,null,2,[null,3]]]"), 1);
    free(page);
}

static void html_page_of_100000_tensors_has_8_megabytes_at_most(void **state)
{
    struct fake f;
    uint64_t rows;
    struct cJSON *root;
    char *page;
    double sum;

    (void)state;
    fake_make_experts(&f, 60, 560);
    rows = f.in.subjects;
    assert_true(rows > 100000);
    page = page_of_fake(&f);
    assert_true(strlen(page) <= 8000000);
    assert_int_equal(count(strstr(page, "<table id=\"plain\""), "<th scope=\"row\">"),
                     Q8_PAGE_PLAIN);
    root = data_of(page);
    assert_int_equal(run_length(q8_json_get(root, "marked"), &sum), rows);
    assert_int_equal(cJSON_GetArraySize(q8_json_get(root, "details")), Q8_PAGE_DETAILS);
    q8_json_free(root);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_data_has_each_row_in_every_list),
        cmocka_unit_test(html_data_takes_numbers_out_of_names),
        cmocka_unit_test(html_page_of_100000_tensors_has_8_megabytes_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
