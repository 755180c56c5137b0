/* test_arena.c - limits, zeroing, alignment, growth; expected values are from paper */
#include "src/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void arena_alloc_gives_zeroed_aligned_separate_pieces(void **state)
{
    unsigned char *piece[300];
    struct q8_arena mem;
    struct q8_err err = {0};

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    for (int round = 0; round < 2; round++) { /* the second gets memory that was in use */
        for (size_t i = 0; i < 300; i++) {
            piece[i] = q8_alloc(&mem, i, 1, &err);
            assert_non_null(piece[i]);
            assert_int_equal((uintptr_t)piece[i] % 16, 0);
            for (size_t k = 0; k < i; k++)
                assert_int_equal(piece[i][k], 0);
            memset(piece[i], (int)(i % 255) + 1, i);
        }
        for (size_t i = 0; i < 300; i++)
            for (size_t k = 0; k < i; k++)
                assert_int_equal(piece[i][k], i % 255 + 1);
        q8_arena_clear(&mem);
    }
}

static void arena_alloc_refuses_what_passes_the_limit(void **state)
{
    struct q8_arena mem;
    struct q8_err err = {0}, second = {0};

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    assert_null(q8_alloc(&mem, 1, 1 << 20, &err)); /* its block has a header */
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_string_equal(err.text, "needs more than the 1 MiB of memory set aside for it");
    assert_int_equal(mem.used, 0);
    err = (struct q8_err){0};
    assert_non_null(q8_alloc(&mem, 1, 1 << 19, &err));
    assert_null(q8_alloc(&mem, 1, 1 << 19, &second)); /* what is in use counts */
    assert_int_equal(second.code, Q8_ELIMIT);
    assert_non_null(q8_alloc(&mem, 1, 1 << 18, &err)); /* a refusal leaves the arena usable */
    assert_true(mem.used <= mem.limit);
    q8_arena_clear(&mem);
}

static void arena_alloc_refuses_sizes_that_wrap(void **state)
{
    static const struct {
        uint64_t count, size;
    } rows[] = {
        {UINT64_C(1) << 63, 2}, /* the product is 2^64 */
        {UINT64_C(1) << 33, UINT64_C(1) << 33},
        {UINT64_MAX, 1},      /* wraps when rounded up */
        {UINT64_MAX - 20, 1}, /* wraps with the header */
    };
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, UINT64_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct q8_err err = {0};

        assert_null(q8_alloc(&mem, rows[i].count, rows[i].size, &err));
        assert_int_equal(err.code, Q8_ELIMIT);
        assert_int_equal(mem.used, 0);
    }
}

static void arena_clear_gives_everything_back(void **state)
{
    struct q8_arena mem;
    struct q8_err err = {0};

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 4; i++) /* 800 KiB of 1 MiB */
            assert_non_null(q8_alloc(&mem, 200, 1 << 10, &err));
        q8_arena_clear(&mem);
        assert_int_equal(mem.used, 0);
        assert_null(mem.head);
        assert_int_equal(mem.limit, 1 << 20);
    }
}

static void arena_strndup_copies_bytes_and_ends_them(void **state)
{
    struct q8_arena mem;
    struct q8_err err = {0};

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    assert_memory_equal(q8_strndup(&mem, "a\0bc", 3, &err), "a\0b", 4);
    assert_string_equal(q8_strndup(&mem, "abc", 2, &err), "ab");
    assert_string_equal(q8_strndup(&mem, NULL, 0, &err), "");
    q8_arena_clear(&mem);
}

static void arena_sprintf_has_room_for_any_length(void **state)
{
    struct q8_arena mem;
    struct q8_err err = {0};
    const char *text;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    assert_string_equal(q8_sprintf(&mem, &err, "%s-%d%%", "a", 7), "a-7%");
    text = q8_sprintf(&mem, &err, "%0100000d", 7);
    assert_int_equal(strlen(text), 100000);
    assert_int_equal(text[99999], '7');
    assert_null(q8_sprintf(&mem, &err, "%02000000d", 7));
    assert_int_equal(err.code, Q8_ELIMIT);
    q8_arena_clear(&mem);
}

/* 1 MiB of numbers: without giving the old arrays back their sum would be 2 MiB and a half. */
static void arena_grow_keeps_the_elements_and_frees_the_old(void **state)
{
    uint64_t *list = NULL, room = 0, count;
    struct q8_arena mem;
    struct q8_err err = {0};

    (void)state;
    q8_arena_init(&mem, 2 << 20);
    for (count = 0; count < 1 << 17; count++) {
        uint64_t *same = list;

        list = q8_grow(&mem, list, count, &room, sizeof *list, &err);
        assert_non_null(list);
        assert_true(room > count);
        assert_true(count == 0 || list == same || (count & (count - 1)) == 0); /* by doubling */
        list[count] = ~count;
    }
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(list[i], ~i);
    assert_null(q8_grow(&mem, list, count, &room, sizeof *list, &err)); /* 2 MiB and the old */
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_int_equal(room, 1 << 17);
    assert_int_equal(list[count - 1], ~(count - 1));
    q8_arena_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_alloc_gives_zeroed_aligned_separate_pieces),
        cmocka_unit_test(arena_alloc_refuses_what_passes_the_limit),
        cmocka_unit_test(arena_alloc_refuses_sizes_that_wrap),
        cmocka_unit_test(arena_clear_gives_everything_back),
        cmocka_unit_test(arena_strndup_copies_bytes_and_ends_them),
        cmocka_unit_test(arena_sprintf_has_room_for_any_length),
        cmocka_unit_test(arena_grow_keeps_the_elements_and_frees_the_old),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
