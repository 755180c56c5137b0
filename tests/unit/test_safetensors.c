/* test_safetensors.c - parse and print, over testdata/bad and testdata/good (testdata/make.py) */
#include "formats/format.h"

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

static bool parse(const void *bytes, uint64_t size, struct q8_index *out, struct q8_arena *mem,
                  struct q8_err *err)
{
    struct q8_source source = q8_source_memory(bytes, size);

    *out = (struct q8_index){0};
    *err = (struct q8_err){0};
    return q8_format_find("safetensors")->parse(&source, out, mem, err);
}

/* Runs `check` over every file of good/. */
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
        if (strstr(entry->d_name, ".safetensors")) {
            uint64_t size;
            unsigned char *bytes = load("good", entry->d_name, &size);

            check(entry->d_name, bytes, size);
            free(bytes);
            count++;
        }
    (void)closedir(dir);
    assert_true(count >= 15);
}

static void safetensors_bad_file_is_refused_with_its_words(void **state)
{
    char path[4096], line[512], *words;
    unsigned count = 0;
    FILE *list;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/bad/expected.txt", testdata);
    list = fopen(path, "r");
    assert_non_null(list);
    for (; fgets(line, sizeof line, list); count++) {
        struct q8_arena mem;
        struct q8_index ix;
        struct q8_err err;
        unsigned char *bytes;
        uint64_t size;

        line[strcspn(line, "\n")] = 0;
        words = strchr(line, '\t');
        assert_non_null(words);
        *words++ = 0;
        (void)snprintf(path, sizeof path, "%s.safetensors", line);
        bytes = load("bad", path, &size);
        q8_arena_init(&mem, 1 << 20);
        if (parse(bytes, size, &ix, &mem, &err))
            fail_msg("accepted: %s", line);
        if ((err.code != Q8_EINPUT && err.code != Q8_ELIMIT) || !strstr(err.text, words))
            fail_msg("%s: wants '%s', got %d '%s'", line, words, err.code, err.text);
        q8_arena_clear(&mem);
        free(bytes);
    }
    (void)fclose(list);
    assert_true(count >= 40);
}

static void check_parses(const char *name, const unsigned char *bytes, uint64_t size)
{
    struct q8_arena mem;
    struct q8_index ix;
    struct q8_err err;

    q8_arena_init(&mem, 1 << 20);
    if (!parse(bytes, size, &ix, &mem, &err))
        fail_msg("%s: %s", name, err.text);
    for (uint64_t i = 0; i < ix.count; i++) {
        assert_true(ix.tensor[i].offset <= size);
        assert_true(ix.tensor[i].nbytes <= size - ix.tensor[i].offset);
        assert_true(i == 0 || ix.tensor[i - 1].offset <= ix.tensor[i].offset);
    }
    q8_arena_clear(&mem);
}

static void safetensors_good_file_is_parsed(void **state)
{
    (void)state;
    each_good(check_parses);
}

static void check_no_prefix_parses(const char *name, const unsigned char *bytes, uint64_t size)
{
    for (uint64_t cut = 0; cut < size; cut++) {
        unsigned char *part = malloc(cut + 1);
        struct q8_arena mem;
        struct q8_index ix;
        struct q8_err err;

        assert_non_null(part);
        memcpy(part, bytes, cut);
        q8_arena_init(&mem, 1 << 20);
        if (parse(part, cut, &ix, &mem, &err))
            fail_msg("%s: its first %lu bytes were accepted", name, (unsigned long)cut);
        assert_int_equal(err.code, Q8_EINPUT);
        q8_arena_clear(&mem);
        free(part);
    }
}

static void safetensors_truncated_file_is_refused(void **state)
{
    (void)state;
    each_good(check_no_prefix_parses);
}

static void check_small_memory(const char *name, const unsigned char *bytes, uint64_t size)
{
    uint64_t step = 64, limit = 0;
    bool ok = false;

    while (!ok) {
        struct q8_arena mem;
        struct q8_index ix;
        struct q8_err err;

        q8_arena_init(&mem, limit);
        ok = parse(bytes, size, &ix, &mem, &err);
        if (!ok && err.code != Q8_ELIMIT)
            fail_msg("%s, %lu bytes: %s", name, (unsigned long)limit, err.text);
        assert_true(mem.used <= limit);
        q8_arena_clear(&mem);
        limit += step;
        assert_true(limit < 1 << 20);
    }
}

static void safetensors_without_memory_is_a_limit(void **state)
{
    (void)state;
    each_good(check_small_memory);
}

/* What print writes. */
struct output {
    unsigned char bytes[1 << 16];
    uint64_t at;
};

static bool take(void *self, uint64_t off, const void *bytes, uint64_t n, struct q8_err *err)
{
    struct output *out = self;

    (void)err;
    assert_int_equal(off, out->at);
    assert_true(n <= sizeof out->bytes - off);
    memcpy(out->bytes + off, bytes, n);
    out->at += n;
    return true;
}

/* Prints into `out` (the data stays zero); the size of the file. */
static uint64_t print(struct q8_index *ix, struct output *out, struct q8_arena *mem)
{
    const struct q8_format *format = q8_format_find("safetensors");
    struct q8_sink sink = {take, out};
    struct q8_err err = {0};
    uint64_t counted = 0, size = 0;

    memset(out, 0, sizeof *out);
    assert_true(format->print(ix, NULL, &counted, mem, &err));
    assert_true(format->print(ix, &sink, &size, mem, &err));
    assert_int_equal(counted, size);
    return size;
}

static void assert_same_index(struct q8_index *a, struct q8_index *b)
{
    q8_index_sort(a);
    q8_index_sort(b);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->metas, b->metas);
    assert_int_equal(a->have_meta, b->have_meta);
    for (uint64_t i = 0; i < a->count; i++) {
        const struct q8_tensor *x = &a->tensor[i], *y = &b->tensor[i];

        assert_string_equal(x->name, y->name);
        assert_int_equal(x->dtype, y->dtype);
        assert_int_equal(x->rank, y->rank);
        assert_memory_equal(x->dim, y->dim, sizeof x->dim);
        assert_int_equal(x->nbytes, y->nbytes);
        assert_int_equal(x->offset, y->offset);
    }
    for (uint64_t i = 0; i < a->metas; i++) {
        assert_string_equal(a->meta[i].key, b->meta[i].key);
        assert_string_equal(a->meta[i].value.text, b->meta[i].value.text);
    }
}

static void check_round_trip(const char *name, const unsigned char *bytes, uint64_t size)
{
    static struct output out;
    struct q8_arena mem;
    struct q8_index first, again;
    struct q8_err err;
    uint64_t printed;

    q8_arena_init(&mem, 1 << 20);
    assert_true(parse(bytes, size, &first, &mem, &err));
    printed = print(&first, &out, &mem);
    if (!parse(out.bytes, printed, &again, &mem, &err))
        fail_msg("%s: %s", name, err.text);
    assert_same_index(&first, &again);
    q8_arena_clear(&mem);
}

static void safetensors_printed_index_parses_to_the_same(void **state)
{
    (void)state;
    each_good(check_round_trip);
}

/*
 * safetensors.torch.save(d, {"format": "pt"}) of safetensors 0.8.0 with d = {"b.weight": float32
 * [1, 2], NAME: uint8 [3], "c": float16 [2], "a": bfloat16 [], "e": int64 [0, 3], "flag": bool
 * [1], "i": int8 [2, 1]}, without the 20 bytes of data.
 */
#define NAME "a\xc3\xa9\"\\\n\x01\x7f"
static const char theirs[] =
    "\xc0\x01\0\0\0\0\0\0{\"__metadata__\":{\"format\":\"pt\"},"
    "\"e\":{\"dtype\":\"I64\",\"shape\":[0,3],\"data_offsets\":[0,0]},"
    "\"b.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
    "\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[8,10]},"
    "\"c\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[10,14]},"
    "\"i\":{\"dtype\":\"I8\",\"shape\":[2,1],\"data_offsets\":[14,16]},"
    "\"a\xc3\xa9\\\"\\\\\\n\\u0001\x7f\":"
    "{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[16,19]},"
    "\"flag\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[19,20]}}      ";

static void safetensors_print_gives_the_bytes_of_the_library(void **state)
{
    static struct output out;
    struct q8_tensor tensors[] = {
        {.name = "b.weight", .dtype = Q8_F32, .rank = 2, .dim = {1, 2}},
        {.name = NAME, .dtype = Q8_U8, .rank = 1, .dim = {3}},
        {.name = "c", .dtype = Q8_F16, .rank = 1, .dim = {2}},
        {.name = "a", .dtype = Q8_BF16},
        {.name = "e", .dtype = Q8_I64, .rank = 2, .dim = {0, 3}},
        {.name = "flag", .dtype = Q8_BOOL, .rank = 1, .dim = {1}},
        {.name = "i", .dtype = Q8_I8, .rank = 2, .dim = {2, 1}},
    };
    struct q8_meta meta[] = {{"bits", {Q8_META_U64, 4, .u64 = 8}}, /* left out: no text */
                             {"format", {Q8_META_TEXT, .text = "pt"}}};
    struct q8_index ix = {
        .tensor = tensors, .count = 7, .meta = meta, .metas = 2, .have_meta = true};
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    assert_int_equal(print(&ix, &out, &mem), sizeof theirs - 1 + 20);
    assert_int_equal(out.at, sizeof theirs - 1);
    assert_memory_equal(out.bytes, theirs, sizeof theirs - 1);
    assert_int_equal(tensors[0].offset, 8 + 0x1c0);
    ix = (struct q8_index){0};
    assert_int_equal(print(&ix, &out, &mem), 16); /* safetensors.torch.save({}) */
    assert_memory_equal(out.bytes, "\x08\0\0\0\0\0\0\0{}      ", 16);
    q8_arena_clear(&mem);
}

static void safetensors_print_refuses_a_size_beyond_64_bits(void **state)
{
    struct q8_tensor tensors[9];
    struct q8_index ix = {.tensor = tensors, .count = 9};
    struct q8_err err = {0};
    struct q8_arena mem;
    uint64_t size;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    for (int i = 0; i < 9; i++) /* 9 * (2^61 - 1) > 2^64 */
        tensors[i] = (struct q8_tensor){
            .name = &"abcdefghi"[i], .dtype = Q8_U8, .rank = 1, .dim = {(UINT64_C(1) << 61) - 1}};
    assert_false(q8_format_find("safetensors")->print(&ix, NULL, &size, &mem, &err));
    assert_int_equal(err.code, Q8_EINPUT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(safetensors_bad_file_is_refused_with_its_words),
        cmocka_unit_test(safetensors_good_file_is_parsed),
        cmocka_unit_test(safetensors_truncated_file_is_refused),
        cmocka_unit_test(safetensors_without_memory_is_a_limit),
        cmocka_unit_test(safetensors_printed_index_parses_to_the_same),
        cmocka_unit_test(safetensors_print_gives_the_bytes_of_the_library),
        cmocka_unit_test(safetensors_print_refuses_a_size_beyond_64_bits),
    };

    if (argc != 2)
        return 2;
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
