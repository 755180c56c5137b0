/* test_pytorch.c - files of torch.save, over testdata (tests/oracle/make_torch.py) */
#include "formats/format.h"
#include "formats/pickle.h"
#include "src/base/tensor_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MOST 16384 /* bytes of a file */

static const char *testdata;

/* A file of testdata, parsed; close it in every case. */
struct parsed {
    unsigned char *bytes;
    struct q8_source source;
    struct q8_index ix;
    struct q8_arena mem;
    struct q8_err err;
    bool ok;
};

static void open_bytes(struct parsed *p, const void *bytes, uint64_t size)
{
    *p = (struct parsed){.bytes = malloc(size + 1)}; /* that size: a sanitizer sees an overrun */
    assert_non_null(p->bytes);
    memcpy(p->bytes, bytes, size);
    p->source = q8_source_memory(p->bytes, size);
    q8_arena_init(&p->mem, 1 << 20);
    p->ok = q8_format_parse(q8_format_find("pytorch"), &p->source, &p->ix, &p->mem, &p->err);
    assert_int_equal(p->ok, p->err.code == 0);
}

static void open_file(struct parsed *p, const char *folder, const char *name, const char *suffix)
{
    unsigned char bytes[MOST];
    char path[4096];
    uint64_t size;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s/%s%s", testdata, folder, name, suffix);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    assert_true(size < sizeof bytes);
    open_bytes(p, bytes, size);
}

static void close_file(struct parsed *p)
{
    q8_arena_clear(&p->mem);
    free(p->bytes);
}

static FILE *open_list(const char *folder)
{
    char path[4096];
    FILE *list;

    (void)snprintf(path, sizeof path, "%s/%s/expected_torch.txt", testdata, folder);
    list = fopen(path, "r");
    assert_non_null(list);
    return list;
}

/* Cuts a line at its tabs into `count` fields. */
static void split(char *line, char **field, unsigned count)
{
    line[strcspn(line, "\n")] = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_non_null(line);
        field[i] = line;
        line = strchr(line, '\t');
        if (line)
            *line++ = 0;
    }
}

static void compare(struct parsed *p, char *const field[5])
{
    char shape[200], hex[2 * MOST] = "";
    unsigned char data[MOST];
    const struct q8_tensor *t;

    q8_index_sort(&p->ix);
    t = q8_index_find(&p->ix, field[1]);
    if (!t || strcmp(q8_dtypes[t->dtype].name, field[2]) != 0)
        fail_msg("%s: '%s' is not there as %s", field[0], field[1], field[2]);
    q8_tensor_shape(t, shape, sizeof shape);
    assert_string_equal(shape, field[3]);
    assert_true(t->nbytes < sizeof data);
    assert_true(q8_tensor_read(&p->source, t, 0, data, t->nbytes, &p->err));
    for (uint64_t i = 0; i < t->nbytes; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", data[i]);
    if (strcmp(t->nbytes ? hex : "-", field[4]) != 0)
        fail_msg("%s: '%s' is %s, not %s", field[0], field[1], hex, field[4]);
}

static void pytorch_tensors_are_those_of_torch(void **state)
{
    FILE *list = open_list("good");
    char line[4096], last[100] = "", *field[5];
    struct parsed p = {.bytes = NULL};
    uint64_t lines = 0, tensors = 0;

    (void)state;
    for (; fgets(line, sizeof line, list); lines++) {
        split(line, field, 5);
        if (strcmp(last, field[0]) != 0) {
            close_file(&p);
            (void)snprintf(last, sizeof last, "%s", field[0]);
            open_file(&p, "good", field[0], "");
            if (!p.ok)
                fail_msg("%s: %s", field[0], p.err.text);
            tensors += p.ix.count;
        }
        compare(&p, field);
    }
    close_file(&p);
    (void)fclose(list);
    assert_true(lines > 100);
    assert_int_equal(lines, tensors); /* none that torch does not have */
}

static void pytorch_bad_file_is_refused_with_its_words(void **state)
{
    FILE *list = open_list("bad");
    char line[4096], *field[2];
    unsigned count = 0;

    (void)state;
    for (; fgets(line, sizeof line, list); count++) {
        struct parsed p;

        split(line, field, 2);
        open_file(&p, "bad", field[0], ".bin");
        if (p.ok || !strstr(p.err.text, field[1]))
            fail_msg("%s: wants '%s', got %d '%s'", field[0], field[1], p.err.code, p.err.text);
        if (p.err.code != Q8_EINPUT && p.err.code != Q8_EUNSUPPORTED && p.err.code != Q8_ELIMIT)
            fail_msg("%s: code %d", field[0], p.err.code);
        close_file(&p);
    }
    (void)fclose(list);
    assert_true(count > 70);
}

static void pytorch_note_tells_what_was_taken(void **state)
{
    static const struct {
        const char *file, *note;
    } cases[] = {
        {"torch-nested.pt", "its tensors are those under ['model']['state_dict']; 1 entries"},
        {"torch-unchecked.bin", "it was saved without checksums"},
    };
    struct parsed p;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_file(&p, "good", cases[i].file, "");
        assert_non_null(p.ix.note);
        assert_non_null(strstr(p.ix.note, cases[i].note));
        close_file(&p);
    }
    open_file(&p, "good", "torch-views.bin", "");
    assert_null(p.ix.note);
    close_file(&p);
}

/* Every file that ends early, and every file with one byte changed, is read or refused. */
static void pytorch_damaged_file_is_no_accident(void **state)
{
    static const char *const files[] = {"torch-legacy-views.bin", "torch-by-hand.bin"};

    (void)state;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        struct parsed whole;

        open_file(&whole, "good", files[f], "");
        for (uint64_t i = 0; i < whole.source.size; i++) {
            const unsigned char byte = whole.bytes[i];
            struct parsed p;

            open_bytes(&p, whole.bytes, i);
            assert_false(p.ok);
            close_file(&p);
            whole.bytes[i] ^= 1 << i % 8;
            open_bytes(&p, whole.bytes, whole.source.size);
            close_file(&p);
            whole.bytes[i] = byte;
        }
        close_file(&whole);
    }
}

/* ---- limits ---- */

/* A pickle of that head and the unit, repeated; *ret_used: memory. */
static int repeat(const char *head, size_t heads, const char *unit, size_t units, uint64_t size,
                  uint64_t *ret_used)
{
    unsigned char *bytes = malloc(size + 1);
    struct q8_pickle p = {.bytes = bytes, .size = size};
    struct q8_arena mem;
    struct q8_err err = {0};

    assert_non_null(bytes);
    memcpy(bytes, head, heads);
    for (uint64_t i = heads; i < size; i++)
        bytes[i] = (unsigned char)unit[(i - heads) % units];
    bytes[size] = 0;
    q8_arena_init(&mem, UINT64_C(1) << 30);
    assert_false(q8_pickle_read(&p, &mem, &err));
    *ret_used = mem.used;
    q8_arena_clear(&mem);
    free(bytes);
    return err.code;
}

static void pickle_of_one_thing_again_and_again_stays_small(void **state)
{
    static const struct {
        const char *head;
        size_t heads;
        const char *unit;
        size_t units;
    } cases[] = {
        {"", 0, "]", 1},            /* values on the stack */
        {"", 0, "(", 1},            /* marks */
        {"]", 1, "Na", 2},          /* items of one list */
        {"}", 1, "NNs", 3},         /* of a dict */
        {"(", 1, "N\x85", 2},       /* tuples in each other */
        {"N", 1, "\x94", 1},        /* places of the memo */
        {"]q\0", 3, "h\0a", 3},     /* a list in itself */
        {"(", 1, "(t(t(t(t(t", 10}, /* empty tuples */
        {"(", 1, "X\1\0\0\0a", 6},  /* texts */
        {"N", 1, "Q", 1},           /* ids of ids */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t used;
        int code =
            repeat(cases[i].head, cases[i].heads, cases[i].unit, cases[i].units, 16 << 20, &used);

        if (code != Q8_ELIMIT && code != Q8_EINPUT)
            fail_msg("case %zu: code %d", i, code);
        if (used > UINT64_C(96) << 20)
            fail_msg("case %zu: %lu MiB", i, (unsigned long)(used >> 20));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pytorch_tensors_are_those_of_torch),
        cmocka_unit_test(pytorch_bad_file_is_refused_with_its_words),
        cmocka_unit_test(pytorch_note_tells_what_was_taken),
        cmocka_unit_test(pytorch_damaged_file_is_no_accident),
        cmocka_unit_test(pickle_of_one_thing_again_and_again_stays_small),
    };

    testdata = argc > 1 ? argv[1] : "testdata";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
