/* test_npz.c - arrays of npz files, over testdata/bad and testdata/good (testdata/make_npz.py) */
#include "formats/npz.h"

#include "kernels/kernels.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *testdata;

/* The bytes of a file that the caller frees. */
static unsigned char *load(const char *folder, const char *name, uint64_t *ret_size)
{
    unsigned char *bytes = malloc(1 << 16);
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s/%s", testdata, folder, name);
    file = fopen(path, "rb");
    if (!file || !bytes)
        fail_msg("cannot open %s", path);
    *ret_size = fread(bytes, 1, 1 << 16, file);
    (void)fclose(file);
    return realloc(bytes, *ret_size + 1); /* the size, so that a sanitizer sees an overrun */
}

/* What the arrays of a file were. */
struct seen {
    unsigned arrays;
    char name[16][64];
    struct q8_tensor array[16];
};

static double element(enum q8_dtype dtype, const unsigned char *p)
{
    union {
        uint16_t half;
        float f4;
        double f8;
        int8_t i1;
        int16_t i2;
        int32_t i4;
        int64_t i8;
    } value = {0};

    memcpy(&value, p, q8_dtype_size(dtype));
    switch (dtype) {
    case Q8_F16: return (double)q8_half_to_float(value.half);
    case Q8_F32: return (double)value.f4;
    case Q8_F64: return value.f8;
    case Q8_U8: return *p;
    case Q8_I8: return value.i1;
    case Q8_I16: return value.i2;
    case Q8_I32: return value.i4;
    default: return (double)value.i8;
    }
}

/* The i-th element is i % 100: so make_npz.py writes every array. */
static bool see(void *self, const struct q8_tensor *array, const void *data, struct q8_err *err)
{
    struct seen *seen = self;
    uint64_t step = q8_dtype_size(array->dtype);

    (void)err;
    assert_int_equal(array->offset, 0);
    for (uint64_t i = 0; i < array->nbytes / step; i++)
        if (element(array->dtype, (const unsigned char *)data + i * step) != (double)(i % 100))
            fail_msg("%s: element %lu is another", array->name, (unsigned long)i);
    assert_true(seen->arrays < 16);
    assert_true(strlen(array->name) < sizeof seen->name[0]);
    (void)strcpy(seen->name[seen->arrays], array->name);
    seen->array[seen->arrays++] = *array;
    return true;
}

static bool read_npz(const void *bytes, uint64_t size, uint64_t limit, struct seen *seen,
                     struct q8_err *err)
{
    struct q8_source source = q8_source_memory(bytes, size);
    struct q8_npz_visitor visitor = {see, seen};
    struct q8_arena mem;
    bool ok;

    *seen = (struct seen){0};
    *err = (struct q8_err){0};
    q8_arena_init(&mem, limit);
    ok = q8_npz_read(&source, &visitor, &mem, err);
    assert_true(mem.used <= limit);
    q8_arena_clear(&mem);
    return ok;
}

/* Runs `check` over every npz file of good/. */
static void each_good(void (*check)(const char *name, const unsigned char *bytes, uint64_t size))
{
    char path[4096];
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir;

    (void)snprintf(path, sizeof path, "%s/good", testdata);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        if (strstr(entry->d_name, ".npz")) {
            uint64_t size;
            unsigned char *bytes = load("good", entry->d_name, &size);

            check(entry->d_name, bytes, size);
            free(bytes);
            count++;
        }
    (void)closedir(dir);
    assert_true(count >= 12);
}

static void npz_bad_file_is_refused_with_its_words(void **state)
{
    char path[4096], line[512], *words;
    unsigned count = 0;
    FILE *list;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/bad/expected_npz.txt", testdata);
    list = fopen(path, "r");
    assert_non_null(list);
    for (; fgets(line, sizeof line, list); count++) {
        unsigned char *bytes;
        struct seen seen;
        struct q8_err err;
        uint64_t size;

        line[strcspn(line, "\n")] = 0;
        words = strchr(line, '\t');
        assert_non_null(words);
        *words++ = 0;
        (void)snprintf(path, sizeof path, "%s.npz", line);
        bytes = load("bad", path, &size);
        if (read_npz(bytes, size, 1 << 20, &seen, &err))
            fail_msg("accepted: %s", line);
        if ((err.code != Q8_EINPUT && err.code != Q8_EUNSUPPORTED && err.code != Q8_ELIMIT) ||
            !strstr(err.text, words))
            fail_msg("%s: wants '%s', got %d '%s'", line, words, err.code, err.text);
        free(bytes);
    }
    (void)fclose(list);
    assert_true(count >= 60);
}

static void check_reads(const char *name, const unsigned char *bytes, uint64_t size)
{
    struct seen seen;
    struct q8_err err;

    if (!read_npz(bytes, size, 1 << 20, &seen, &err))
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(seen.arrays == 0, strcmp(name, "no-arrays.npz") == 0);
}

static void npz_good_file_is_read(void **state)
{
    (void)state;
    each_good(check_reads);
}

static void read_good(const char *name, struct seen *seen)
{
    uint64_t size;
    unsigned char *bytes = load("good", name, &size);
    struct q8_err err;

    if (!read_npz(bytes, size, 1 << 20, seen, &err))
        fail_msg("%s: %s", name, err.text);
    free(bytes);
}

static void npz_arrays_come_by_name_without_suffix(void **state)
{
    static const char *const files[] = {"savez.npz", "savez-compressed.npz", "plain.npz",
                                        "streamed.npz", "comment.npz"};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct seen seen;

        read_good(files[i], &seen);
        assert_int_equal(seen.arrays, 4);
        assert_string_equal(seen.name[0], "a b/c");
        assert_string_equal(seen.name[1], "b");
        assert_string_equal(seen.name[2], "model.layers.0.self_attn.q_proj");
        assert_string_equal(seen.name[3], "\xe5\x90\x8d\xe5\x89\x8d");
        assert_int_equal(seen.array[1].rank, 2);
        assert_int_equal(seen.array[1].dim[0], 2);
        assert_int_equal(seen.array[1].dim[1], 60);
        assert_int_equal(seen.array[1].nbytes, 480);
        assert_int_equal(seen.array[2].dim[0], 5);
        assert_int_equal(seen.array[3].dtype, Q8_F16);
    }
}

static void npz_types_are_those_of_numpy(void **state)
{
    /* by name: t.f2 t.f4 t.f8 t.i1 t.i2 t.i4 t.i8 t.u1 */
    static const enum q8_dtype types[] = {Q8_F16, Q8_F32, Q8_F64, Q8_I8,
                                          Q8_I16, Q8_I32, Q8_I64, Q8_U8};
    struct seen seen;

    (void)state;
    read_good("every-type.npz", &seen);
    assert_int_equal(seen.arrays, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(seen.array[i].dtype, types[i]);
}

static void npz_shapes_are_those_of_numpy(void **state)
{
    struct seen seen;

    (void)state;
    read_good("shapes.npz", &seen); /* column eight flat long none scalar */
    assert_int_equal(seen.arrays, 6);
    assert_int_equal(seen.array[1].rank, 8);
    assert_int_equal(seen.array[1].dim[7], 2);
    assert_int_equal(seen.array[2].rank, 3);
    assert_int_equal(seen.array[2].nbytes, 0);
    assert_int_equal(seen.array[3].dim[0], 3);
    assert_int_equal(seen.array[4].rank, 1);
    assert_int_equal(seen.array[4].nbytes, 0);
    assert_int_equal(seen.array[5].rank, 0);
    assert_int_equal(seen.array[5].nbytes, 4);
}

static void check_no_prefix_reads(const char *name, const unsigned char *bytes, uint64_t size)
{
    for (uint64_t cut = 0; cut < size; cut++) {
        unsigned char *part = malloc(cut + 1);
        struct seen seen;
        struct q8_err err;

        assert_non_null(part);
        memcpy(part, bytes, cut);
        if (read_npz(part, cut, 1 << 20, &seen, &err))
            fail_msg("%s: its first %lu bytes were accepted", name, (unsigned long)cut);
        assert_int_equal(err.code, Q8_EINPUT);
        free(part);
    }
}

static void npz_truncated_file_is_refused(void **state)
{
    (void)state;
    each_good(check_no_prefix_reads);
}

/* No flipped byte may make it read outside of the file; most are refused. */
static void check_flipped(const char *name, const unsigned char *bytes, uint64_t size)
{
    unsigned char *copy = malloc(size + 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    for (uint64_t i = 0; i < size; i++) {
        struct q8_source source = q8_source_memory(copy, size);
        struct q8_tensor t;
        struct q8_err err = {0};
        struct seen seen = {0};
        struct q8_npz_visitor visitor = {see, &seen};
        struct q8_arena mem;

        q8_arena_init(&mem, 1 << 20);
        copy[i] ^= 0xff;
        /* data has a checksum, names and times have none: what is accepted is as it was */
        if (!q8_npz_read(&source, &visitor, &mem, &err) && !err.code)
            fail_msg("%s: refused without a reason", name);
        (void)q8_npy_parse(&t, copy + i, size - i, &err);
        copy[i] ^= 0xff;
        q8_arena_clear(&mem);
    }
    free(copy);
}

static void npz_flipped_byte_does_no_harm(void **state)
{
    (void)state;
    each_good(check_flipped);
}

static void check_small_memory(const char *name, const unsigned char *bytes, uint64_t size)
{
    uint64_t limit = 0;
    bool ok = false;

    while (!ok) {
        struct seen seen;
        struct q8_err err;

        ok = read_npz(bytes, size, limit, &seen, &err);
        if (!ok && err.code != Q8_ELIMIT)
            fail_msg("%s, %lu bytes: %s", name, (unsigned long)limit, err.text);
        limit += 64;
        assert_true(limit < 1 << 20);
    }
}

static void npz_without_memory_is_a_limit(void **state)
{
    (void)state;
    each_good(check_small_memory);
}

static bool refuse(void *self, const struct q8_tensor *array, const void *data, struct q8_err *err)
{
    (void)self, (void)array, (void)data;
    return q8_fail(err, Q8_EINPUT, "is not wanted");
}

static void npz_visitor_that_refuses_ends_the_reading(void **state)
{
    struct q8_npz_visitor visitor = {refuse, NULL};
    struct q8_err err = {0};
    struct q8_source source;
    struct q8_arena mem;
    unsigned char *bytes;
    uint64_t size;

    (void)state;
    bytes = load("good", "plain.npz", &size);
    source = q8_source_memory(bytes, size);
    q8_arena_init(&mem, 1 << 20);
    assert_false(q8_npz_read(&source, &visitor, &mem, &err));
    assert_string_equal(err.text, "array 'a b/c': is not wanted");
    q8_arena_clear(&mem);
    free(bytes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npz_bad_file_is_refused_with_its_words),
        cmocka_unit_test(npz_good_file_is_read),
        cmocka_unit_test(npz_arrays_come_by_name_without_suffix),
        cmocka_unit_test(npz_types_are_those_of_numpy),
        cmocka_unit_test(npz_shapes_are_those_of_numpy),
        cmocka_unit_test(npz_truncated_file_is_refused),
        cmocka_unit_test(npz_flipped_byte_does_no_harm),
        cmocka_unit_test(npz_without_memory_is_a_limit),
        cmocka_unit_test(npz_visitor_that_refuses_ends_the_reading),
    };

    if (argc != 2)
        return 2;
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
