/* test_memo.c - src/base/memo.c: texts that are printed into memory */
#include "src/base/memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void memo_text_is_what_was_printed(void **state)
{
    struct q8_err err = {0};
    struct q8_arena mem;
    struct q8_memo m;
    uint64_t size = 0;

    (void)state;
    q8_arena_init(&mem, UINT64_C(64) << 20);
    assert_true(q8_memo_open(&m, &mem, &err));
    assert_string_equal(m.text, "");
    for (int i = 0; i < 100000; i++)
        size += (uint64_t)fprintf(m.out, "line %d\n", i);
    assert_true(q8_memo_close(&m, &err));
    assert_int_equal(m.size, size);
    assert_int_equal(strlen(m.text), size);
    assert_memory_equal(m.text, "line 0\nline 1\n", 14);
    assert_string_equal(m.text + size - 11, "line 99999\n");
    q8_arena_clear(&mem);
}

static void memo_without_room_is_a_failure_and_no_shorter_text(void **state)
{
    struct q8_err err = {0};
    struct q8_arena mem;
    struct q8_memo m;

    (void)state;
    q8_arena_init(&mem, UINT64_C(1) << 20);
    assert_true(q8_memo_open(&m, &mem, &err));
    for (int i = 0; i < 1000000; i++)
        (void)fprintf(m.out, "line %d\n", i);
    assert_false(q8_memo_close(&m, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    q8_arena_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memo_text_is_what_was_printed),
        cmocka_unit_test(memo_without_room_is_a_failure_and_no_shorter_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
