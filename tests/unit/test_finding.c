/* test_finding.c - the list of what was found */
#include "src/verify/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define THREADS 4
#define EACH 200

static void finding_level_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(q8_level_name(Q8_LEVEL_INTEGRITY), "integrity");
    assert_string_equal(q8_level_name(Q8_LEVEL_WEIGHTS), "weights");
    assert_string_equal(q8_level_name(Q8_LEVEL_MATMUL), "matmul");
    assert_null(q8_level_name(Q8_LEVELS));
    assert_null(q8_level_name((enum q8_level) - 1));
}

static void finding_text_is_the_lists_own(void **state)
{
    const struct q8_finding f = {Q8_LEVEL_WEIGHTS, "drop", "lm_head", NULL, true, 0};
    char word[] = "gone";
    struct q8_arena mem;
    struct q8_err err = {0};
    struct q8_findings list;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    q8_findings_init(&list, &mem);
    assert_true(q8_findings_add(&list, &f, &err, "%s of %d", word, 7));
    word[0] = 'd';
    assert_int_equal(list.count, 1);
    assert_string_equal(list.list[0].text, "gone of 7");
    assert_string_equal(list.list[0].kind, "drop");
    assert_string_equal(list.list[0].name, "lm_head");
    assert_int_equal(list.list[0].level, Q8_LEVEL_WEIGHTS);
    assert_true(list.list[0].fails);
    q8_arena_clear(&mem);
}

static void finding_long_text_is_cut(void **state)
{
    const struct q8_finding f = {.kind = "k", .name = "n"};
    char text[3000];
    struct q8_arena mem;
    struct q8_err err = {0};
    struct q8_findings list;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    q8_arena_init(&mem, 1 << 20);
    q8_findings_init(&list, &mem);
    assert_true(q8_findings_add(&list, &f, &err, "%s", text));
    assert_int_equal(strlen(list.list[0].text), 1023);
    q8_arena_clear(&mem);
}

/* The level decides first, then name, kind and text. */
static void finding_sort_gives_one_order_for_any_order_of_adding(void **state)
{
    static const struct {
        enum q8_level level;
        const char *name, *kind, *text;
        bool fails;
    } rows[] = {
        {Q8_LEVEL_INTEGRITY, "z", "z", "z", true}, {Q8_LEVEL_WEIGHTS, "a", "b", "x", false},
        {Q8_LEVEL_WEIGHTS, "b", "a", "x", true},   {Q8_LEVEL_WEIGHTS, "b", "b", "a", false},
        {Q8_LEVEL_WEIGHTS, "b", "b", "b", true},   {Q8_LEVEL_MATMUL, "a", "a", "a", false},
    };
    const size_t count = sizeof rows / sizeof *rows;

    (void)state;
    for (size_t first = 0; first < count; first++)
        for (size_t step = 1; step < count; step += 4) { /* 1 and 5: both visit all of 6 */
            struct q8_arena mem;
            struct q8_err err = {0};
            struct q8_findings list;

            q8_arena_init(&mem, 1 << 20);
            q8_findings_init(&list, &mem);
            for (size_t i = 0; i < count; i++) {
                const size_t k = (first + i * step) % count;
                const struct q8_finding f = {.level = rows[k].level,
                                             .kind = rows[k].kind,
                                             .name = rows[k].name,
                                             .fails = rows[k].fails};

                assert_true(q8_findings_add(&list, &f, &err, "%s", rows[k].text));
            }
            q8_findings_sort(&list);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(list.list[i].level, rows[i].level);
                assert_string_equal(list.list[i].name, rows[i].name);
                assert_string_equal(list.list[i].kind, rows[i].kind);
                assert_string_equal(list.list[i].text, rows[i].text);
                assert_int_equal(list.list[i].fails, rows[i].fails);
            }
            assert_int_equal(q8_findings_failing(&list), 3);
            q8_arena_clear(&mem);
        }
}

static void finding_empty_list_sorts(void **state)
{
    struct q8_arena mem;
    struct q8_findings list;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    q8_findings_init(&list, &mem);
    q8_findings_sort(&list);
    assert_int_equal(q8_findings_failing(&list), 0);
}

/* What a thread adds. */
struct adder {
    struct q8_findings *list;
    unsigned number;
    bool ok;
};

static void *add_many(void *self)
{
    static const char *const names[THREADS] = {"a", "b", "c", "d"};
    struct adder *a = self;
    struct q8_err err = {0};

    a->ok = true;
    for (unsigned i = 0; i < EACH; i++) {
        const struct q8_finding f = {.kind = "k", .name = names[a->number], .fails = i % 2};

        a->ok = q8_findings_add(a->list, &f, &err, "%03u", i) && a->ok;
    }
    return NULL;
}

static void finding_threads_lose_none(void **state)
{
    pthread_t thread[THREADS];
    struct adder adder[THREADS];
    struct q8_arena mem;
    struct q8_findings list;

    (void)state;
    q8_arena_init(&mem, 8 << 20);
    q8_findings_init(&list, &mem);
    for (unsigned t = 0; t < THREADS; t++) {
        adder[t] = (struct adder){.list = &list, .number = t};
        assert_int_equal(pthread_create(&thread[t], NULL, add_many, &adder[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(thread[t], NULL), 0);
        assert_true(adder[t].ok);
    }
    assert_int_equal(list.count, THREADS * EACH);
    assert_int_equal(q8_findings_failing(&list), THREADS * EACH / 2);
    q8_findings_sort(&list);
    for (unsigned i = 0; i < THREADS * EACH; i++) {
        assert_int_equal(list.list[i].name[0], 'a' + i / EACH);
        assert_int_equal(atoi(list.list[i].text), i % EACH);
    }
    q8_arena_clear(&mem);
}

static void finding_without_memory_is_a_limit(void **state)
{
    const struct q8_finding f = {.kind = "k", .name = "n"};
    struct q8_arena mem;
    struct q8_err err = {0};
    struct q8_findings list;
    uint64_t added = 0;

    (void)state;
    q8_arena_init(&mem, 4 << 20);
    q8_findings_init(&list, &mem);
    while (q8_findings_add(&list, &f, &err, "%0500d", 1))
        assert_true(++added < 100000);
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_int_equal(list.count, added);
    q8_arena_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finding_level_has_a_name),
        cmocka_unit_test(finding_text_is_the_lists_own),
        cmocka_unit_test(finding_long_text_is_cut),
        cmocka_unit_test(finding_sort_gives_one_order_for_any_order_of_adding),
        cmocka_unit_test(finding_empty_list_sorts),
        cmocka_unit_test(finding_threads_lose_none),
        cmocka_unit_test(finding_without_memory_is_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
