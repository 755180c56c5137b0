/* test_tensor_read.c - the packed bytes of tensors that lie in their file in any way */
#include "src/base/tensor_read.h"

#include "src/base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define BYTES (UINT64_C(1) << 19)
#define GUARD 64  /* bytes around what is read */
#define OFFSET 13 /* of the data: no type is aligned */

static unsigned char bytes[BYTES], want[BYTES], got[BYTES];

static struct q8_file file;
static struct q8_source source;

static int make_file(void **state)
{
    static char path[] = "/tmp/q8-test-tensor-XXXXXX";

    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    file = (struct q8_file){.fd = mkstemp(path), .path = path, .size = BYTES};
    source = q8_file_source(&file);
    return write(file.fd, bytes, BYTES) == (ssize_t)BYTES ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    (void)unlink(file.path);
    q8_file_close(&file);
    return 0;
}

/* By the definition: (i0, i1, ...) is at offset + sum(i * stride), and the last counts fastest. */
static void pack(const struct q8_tensor *t)
{
    const uint64_t size = q8_dtypes[t->dtype].bytes;
    uint64_t at[Q8_MAX_RANK] = {0};

    for (uint64_t to = 0; to < t->nbytes; to += size) {
        uint64_t place = 0;

        for (uint32_t d = 0; d < t->rank; d++)
            place += at[d] * t->stride[d];
        for (uint64_t i = 0; i < size; i++)
            want[to + i] = bytes[t->offset + place * size + (t->swapped ? size - 1 - i : i)];
        for (uint32_t d = t->rank; d-- > 0 && ++at[d] == t->dim[d];)
            at[d] = 0;
    }
}

/* Reads all of it in pieces of n bytes, the last shorter, and looks at what lies around each. */
static void check_pieces(const struct q8_tensor *t, uint64_t n)
{
    static const unsigned char around[GUARD];
    struct q8_err err = {0};

    for (uint64_t at = 0; at < t->nbytes; at += n) {
        const uint64_t take = n < t->nbytes - at ? n : t->nbytes - at;

        memset(got, 0, GUARD + take + GUARD);
        assert_true(q8_tensor_read(&source, t, at, got + GUARD, take, &err));
        assert_memory_equal(got, around, GUARD);
        assert_memory_equal(got + GUARD, want + at, take);
        assert_memory_equal(got + GUARD + take, around, GUARD);
    }
}

static void tensor_read_gathers_what_lies_in_any_way(void **state)
{
    static struct q8_tensor rows[] = {
        {.dtype = Q8_BF16, .rank = 2, .dim = {37, 53}, .stride = {1, 37}}, /* turned */
        {.dtype = Q8_BF16, .rank = 2, .dim = {37, 53}, .stride = {2, 90}}, /* and with gaps */
        {.dtype = Q8_F32, .rank = 2, .dim = {37, 53}, .stride = {64, 1}},  /* columns of a wider */
        {.dtype = Q8_F32, .rank = 2, .dim = {37, 53}, .stride = {159, 3}}, /* every third */
        {.dtype = Q8_F64, .rank = 2, .dim = {37, 53}, .stride = {0, 1}},   /* one row again */
        {.dtype = Q8_F64, .rank = 2, .dim = {37, 53}, .stride = {1, 0}},   /* one column again */
        {.dtype = Q8_I8, .rank = 2, .dim = {37, 53}, .stride = {0, 0}},    /* one element */
        {.dtype = Q8_F16,
         .rank = 3,
         .dim = {5, 7, 11},
         .stride = {1, 55, 5}}, /* dims in any order */
        {.dtype = Q8_F16, .rank = 3, .dim = {5, 7, 11}, .stride = {77, 1, 7}},
        {.dtype = Q8_F16, .rank = 3, .dim = {5, 7, 11}, .stride = {11, 55, 1}},
        {.dtype = Q8_F16, .rank = 3, .dim = {5, 7, 11}, .stride = {900, 1, 30}},
        {.dtype = Q8_U8, .rank = 4, .dim = {1, 6, 1, 9}, .stride = {0, 1, 999, 6}},
        {.dtype = Q8_F32, .rank = 1, .dim = {19}, .stride = {4000}}, /* each in a page of its own */
        {.dtype = Q8_BF16, .rank = 2, .dim = {20000, 3}, .stride = {1, 20000}}, /* over a piece */
        {.dtype = Q8_BF16,
         .rank = 2,
         .dim = {700, 300},
         .stride = {1, 700}},                                             /* in both directions */
        {.dtype = Q8_BF16, .rank = 2, .dim = {37, 53}, .stride = {1, 3}}, /* over each other */
        {.dtype = Q8_BF16, .rank = 2, .dim = {200, 900}, .stride = {1, 210}}, /* with gaps */
        {.dtype = Q8_F64, .rank = 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct q8_tensor *t = &rows[i];
        struct q8_err err = {0};

        t->strided = true;
        t->offset = OFFSET;
        assert_true(q8_tensor_bytes(t, &t->nbytes, &err));
        assert_true(q8_tensor_check(t, BYTES, &err));
        pack(t);
        check_pieces(t, t->nbytes);
        check_pieces(t, 1000);
        check_pieces(t, 333); /* parts of elements at both ends */
        if (t->nbytes < 1000)
            check_pieces(t, 1);
        t->swapped = true;
        pack(t);
        check_pieces(t, t->nbytes);
        check_pieces(t, 333);
    }
}

static void tensor_read_swaps_the_numbers_of_a_packed_one(void **state)
{
    const struct q8_tensor t = {
        .dtype = Q8_C64, .rank = 1, .dim = {9}, .offset = OFFSET, .nbytes = 72, .swapped = true};

    (void)state;
    for (uint64_t i = 0; i < 72; i++) /* two numbers of four bytes each */
        want[i] = bytes[OFFSET + (i ^ 3)];
    check_pieces(&t, 72);
    check_pieces(&t, 5);
}

static void tensor_read_of_a_turned_tensor_is_its_transpose(void **state)
{
    const struct q8_tensor packed = {
        .dtype = Q8_F32, .rank = 3, .dim = {2, 5, 7}, .offset = OFFSET, .nbytes = 280};
    struct q8_tensor turned = q8_tensor_turn(&packed, 35), again;
    struct q8_err err = {0};

    (void)state;
    assert_int_equal(turned.dim[0], 7);
    assert_int_equal(turned.dim[1], 5);
    assert_true(q8_tensor_read(&source, &turned, 0, got, 140, &err));
    for (uint64_t r = 0; r < 7; r++)
        for (uint64_t c = 0; c < 5; c++)
            assert_memory_equal(got + (r * 5 + c) * 4, bytes + OFFSET + (35 + c * 7 + r) * 4, 4);
    again = q8_tensor_turn(&turned, 0); /* as it was */
    assert_false(again.strided);
    assert_true(q8_tensor_read(&source, &again, 0, got, 140, &err));
    assert_memory_equal(got, bytes + OFFSET + 140, 140);
}

static void tensor_read_of_a_packed_one_is_the_file(void **state)
{
    const struct q8_tensor t = {.dtype = Q8_F4, .rank = 1, .dim = {60}, .offset = 7, .nbytes = 30};
    struct q8_err err = {0};

    (void)state;
    assert_true(q8_tensor_read(&source, &t, 3, got, 20, &err));
    assert_memory_equal(got, bytes + 10, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensor_read_gathers_what_lies_in_any_way),
        cmocka_unit_test(tensor_read_swaps_the_numbers_of_a_packed_one),
        cmocka_unit_test(tensor_read_of_a_turned_tensor_is_its_transpose),
        cmocka_unit_test(tensor_read_of_a_packed_one_is_the_file),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
