/* test_tensor.c - types, sizes, the index; types and widths: safetensors 0.8.0, tensor.rs */
#include "src/base/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* F32 [2, 4] with those strides. */
#define STRIDED(a, b)                                                                              \
    .dtype = Q8_F32, .rank = 2, .dim = {2, 4}, .nbytes = 32, .strided = true, .stride = {a, b}

#define TWO_TO(n) (UINT64_C(1) << (n))

static void tensor_types_are_found_by_their_whole_name(void **state)
{
    static const char *const none[] = {"", "F", "F3", "F322", "f32", "F8", "F8_E4M3F", "Q8_0"};

    (void)state;
    for (int d = 0; d < Q8_SAFETENSORS_DTYPES; d++)
        assert_int_equal(q8_dtype_find(q8_dtypes[d].name, strlen(q8_dtypes[d].name)), d);
    assert_int_equal(q8_dtype_find("BF16\"", 4), Q8_BF16); /* no NUL behind it */
    assert_int_equal(q8_dtype_find("F32\0", 4), Q8_DTYPES);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(q8_dtype_find(none[i], strlen(none[i])), Q8_DTYPES);
}

/* Files are laid out by falling type: a narrow one in front would leave a wide one unaligned. */
static void tensor_types_of_whole_bytes_get_wider(void **state)
{
    (void)state;
    for (int d = Q8_U8; d + 1 < Q8_SAFETENSORS_DTYPES; d++)
        assert_true(q8_dtype_size((enum q8_dtype)d) <= q8_dtype_size((enum q8_dtype)(d + 1)));
}

static void tensor_elements_that_share_bytes_have_no_size(void **state)
{
    (void)state;
    assert_int_equal(q8_dtype_size(Q8_BF16), 2);
    assert_int_equal(q8_dtype_size(Q8_C64), 8);
    assert_int_equal(q8_dtype_size(Q8_BOOL), 1);
    assert_int_equal(q8_dtype_size(Q8_F4), 0);
    assert_int_equal(q8_dtype_size(Q8_F6_E2M3), 0);
}

static void tensor_elements_are_counted_by_block(void **state)
{
    (void)state;
    assert_int_equal(q8_tensor_elements(&(struct q8_tensor){.dtype = Q8_F4, .nbytes = 3}), 6);
    assert_int_equal(q8_tensor_elements(&(struct q8_tensor){.dtype = Q8_F6_E3M2, .nbytes = 6}), 8);
    assert_int_equal(q8_tensor_elements(&(struct q8_tensor){.dtype = Q8_F64, .nbytes = 48}), 6);
}

static void tensor_bytes_multiplies_the_shape(void **state)
{
    static const struct {
        struct q8_tensor t;
        uint64_t want;
    } rows[] = {
        {{.dtype = Q8_F32, .rank = 0, .dim = {9}}, 4}, /* a scalar has no dimension */
        {{.dtype = Q8_BF16, .rank = 2, .dim = {3, 5}}, 30},
        {{.dtype = Q8_I64, .rank = 3, .dim = {3, 0, 2}}, 0},
        {{.dtype = Q8_F4, .rank = 2, .dim = {2, 3}}, 3},
        {{.dtype = Q8_F6_E2M3, .rank = 1, .dim = {4}}, 3},
        {{.dtype = Q8_U8, .rank = 1, .dim = {TWO_TO(61) - 1}}, TWO_TO(61) - 1},
        {{.dtype = Q8_C64, .rank = 8, .dim = {1, 1, 2, 1, 1, 2, 1, 1}}, 32},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct q8_err err = {0};
        uint64_t bytes = 99;

        assert_true(q8_tensor_bytes(&rows[i].t, &bytes, &err));
        assert_int_equal(bytes, rows[i].want);
    }
}

static void tensor_bytes_refuses_overflow_and_parts_of_bytes(void **state)
{
    static const struct {
        struct q8_tensor t;
        const char *want;
    } rows[] = {
        {{.dtype = Q8_U8, .rank = 1, .dim = {TWO_TO(61)}}, "more than 2^64 bits"},
        {{.dtype = Q8_F64, .rank = 1, .dim = {TWO_TO(58)}}, "more than 2^64 bits"},
        {{.dtype = Q8_U8, .rank = 2, .dim = {TWO_TO(32), TWO_TO(32)}}, "more than 2^64 bits"},
        {{.dtype = Q8_U8, .rank = 3, .dim = {TWO_TO(32), TWO_TO(32), 0}}, "more than 2^64 bits"},
        {{.dtype = Q8_U8, .rank = 3, .dim = {0, TWO_TO(63), 4}}, "more than 2^64 bits"},
        {{.dtype = Q8_U8, .rank = 3, .dim = {TWO_TO(32), 0, TWO_TO(32)}}, "more than 2^64 bits"},
        {{.dtype = Q8_F4, .rank = 1, .dim = {3}}, "12 bits, not whole bytes"},
        {{.dtype = Q8_F6_E3M2, .rank = 1, .dim = {2}}, "12 bits, not whole bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct q8_err err = {0};
        uint64_t bytes = 99;

        assert_false(q8_tensor_bytes(&rows[i].t, &bytes, &err));
        assert_int_equal(err.code, Q8_EINPUT);
        assert_non_null(strstr(err.text, rows[i].want));
        assert_int_equal(bytes, 99);
    }
}

static void index_add_stops_at_its_limits(void **state)
{
    static char name[Q8_NAME_LIMIT + 2];
    struct q8_tensor t = {.name = name};
    struct q8_err err = {0}, full = {0};
    struct q8_index ix = {0};
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, UINT64_MAX);
    memset(name, 'n', Q8_NAME_LIMIT);
    assert_true(q8_index_add(&ix, &t, &mem, &err));
    name[Q8_NAME_LIMIT] = 'n';
    assert_false(q8_index_add(&ix, &t, &mem, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_non_null(strstr(err.text, "has 65537 bytes (at most 65536): 'nnn"));
    ix.count = Q8_TENSOR_LIMIT;
    assert_false(q8_index_add(&ix, &(struct q8_tensor){.name = "a"}, &mem, &full));
    assert_int_equal(full.code, Q8_ELIMIT);
    assert_string_equal(full.text, "more than 1048576 tensors");
    q8_arena_clear(&mem);
}

static void tensor_check_keeps_data_inside_its_file(void **state)
{
    static const struct {
        struct q8_tensor t;
        const char *want; /* NULL: it is fine in 100 bytes */
    } rows[] = {
        {{.dtype = Q8_F32, .rank = 1, .dim = {5}, .offset = 80, .nbytes = 20}, NULL},
        {{.dtype = Q8_F32, .rank = 1, .dim = {5}, .offset = 81, .nbytes = 20}, "beyond the 100"},
        {{.dtype = Q8_F32, .rank = 1, .dim = {5}, .offset = UINT64_MAX - 3, .nbytes = 20},
         "beyond the 100"},
        {{.dtype = Q8_F32, .rank = 1, .dim = {5}, .nbytes = 24}, "needs 20 bytes, its data has 24"},
        {{.dtype = Q8_F32, .rank = 1, .dim = {TWO_TO(62)}, .nbytes = 0}, "more than 2^64 bits"},
        {{.dtype = Q8_F4, .rank = 1, .dim = {8}, .nbytes = 4}, NULL},
        {{.dtype = Q8_F4, .rank = 1, .dim = {8}, .nbytes = 4, .strided = true}, "share bytes"},
        /* (1 * 20 + 3 * 1 + 1) * 4 = 96 bytes */
        {{STRIDED(20, 1), .offset = 4}, NULL},
        {{STRIDED(20, 1), .offset = 5}, "beyond the 100"},
        {{STRIDED(1, 8), .offset = 0}, "beyond the 100"}, /* (1 + 3 * 8 + 1) * 4 = 104 */
        {{STRIDED(0, 0), .offset = 96}, NULL},
        {{STRIDED(0, UINT64_MAX / 2)}, "beyond the 100"},
        {{STRIDED(UINT64_MAX, 1)}, "beyond the 100"},
        {{STRIDED(UINT64_MAX - 3, 1)}, "beyond the 100"},
        {{STRIDED(TWO_TO(62) - 4, 1)}, "beyond the 100"}, /* 2^62 elements of 4 bytes */
        {{.dtype = Q8_F32, .rank = 2, .dim = {0, 9}, .strided = true, .stride = {-1, -1}}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct q8_err err = {0};

        assert_int_equal(q8_tensor_check(&rows[i].t, 100, &err), !rows[i].want);
        if (rows[i].want)
            assert_non_null(strstr(err.text, rows[i].want));
    }
}

static void tensor_shape_has_room_for_the_widest(void **state)
{
    struct q8_tensor t = {.rank = 2, .dim = {4096, 11008}}, scalar = {0}, widest = {.rank = 8};
    char text[200];

    (void)state;
    q8_tensor_shape(&scalar, text, sizeof text);
    assert_string_equal(text, "[]");
    q8_tensor_shape(&t, text, sizeof text);
    assert_string_equal(text, "[4096, 11008]");
    for (int d = 0; d < 8; d++)
        widest.dim[d] = UINT64_MAX;
    q8_tensor_shape(&widest, text, sizeof text);
    assert_int_equal(strlen(text), 8 * 20 + 7 * 2 + 2);
    assert_int_equal(text[strlen(text) - 1], ']');
    for (size_t size = 1; size < 14; size++) { /* cut, but inside */
        memset(text, '#', sizeof text);
        q8_tensor_shape(&t, text, size);
        assert_int_equal(strlen(text), size - 1);
        assert_int_equal(text[size], '#');
    }
}

static void tensor_index_is_sorted_and_found_by_bytes(void **state)
{
    /* In the order of their bytes. */
    static const char *const names[] = {"", "B", "a", "a.1", "a.10", "a.2", "a_", "b", "\xc3\xa9"};
    const size_t count = sizeof names / sizeof *names;
    struct q8_index ix = {0}, empty = {0};
    struct q8_arena mem;
    struct q8_err err = {0};

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        size_t n = i * 4 % count; /* all of them, mixed */

        assert_true(
            q8_index_add(&ix, &(struct q8_tensor){.name = names[n], .offset = n}, &mem, &err));
    }
    q8_index_sort(&ix);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(ix.tensor[i].name, names[i]);
        assert_ptr_equal(q8_index_find(&ix, names[i]), &ix.tensor[i]);
        assert_int_equal(ix.tensor[i].offset, i);
    }
    assert_null(q8_index_find(&ix, "a.11"));
    assert_null(q8_index_find(&ix, "c"));
    q8_index_sort(&empty);
    q8_index_sort_meta(&empty);
    assert_null(q8_index_find(&empty, "a"));
    q8_arena_clear(&mem);
}

static void tensor_index_without_memory_stays_as_it_was(void **state)
{
    struct q8_index ix = {0};
    struct q8_arena mem;
    struct q8_err err = {0};

    (void)state;
    q8_arena_init(&mem, 0);
    assert_false(q8_index_add(&ix, &(struct q8_tensor){.name = "a"}, &mem, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_int_equal(ix.count, 0);
    assert_int_equal(ix.room, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensor_types_are_found_by_their_whole_name),
        cmocka_unit_test(tensor_types_of_whole_bytes_get_wider),
        cmocka_unit_test(tensor_elements_that_share_bytes_have_no_size),
        cmocka_unit_test(tensor_elements_are_counted_by_block),
        cmocka_unit_test(tensor_bytes_multiplies_the_shape),
        cmocka_unit_test(tensor_bytes_refuses_overflow_and_parts_of_bytes),
        cmocka_unit_test(index_add_stops_at_its_limits),
        cmocka_unit_test(tensor_check_keeps_data_inside_its_file),
        cmocka_unit_test(tensor_shape_has_room_for_the_widest),
        cmocka_unit_test(tensor_index_is_sorted_and_found_by_bytes),
        cmocka_unit_test(tensor_index_without_memory_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
