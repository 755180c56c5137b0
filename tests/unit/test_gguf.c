/* test_gguf.c - parses what gguf-py 0.19.0 wrote, and refuses what nobody should (make_gguf.py) */
#include "formats/format.h"
#include "src/model/foreign.h"
#include "src/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *testdata;

/* What one test needs to open files. */
struct opened {
    struct q8_arena mem;
    struct q8_err err;
    struct q8_model model;
    char path[4096];
};

/* Opens testdata/FOLDER/NAME.gguf, with 1 MiB of memory. */
static bool open_file(struct opened *o, const char *folder, const char *name)
{
    *o = (struct opened){0};
    (void)snprintf(o->path, sizeof o->path, "%s/%s/%s.gguf", testdata, folder, name);
    q8_arena_init(&o->mem, 1 << 20);
    return q8_model_open(&o->model, o->path, &o->mem, &o->err);
}

static void close_file(struct opened *o)
{
    q8_model_close(&o->model);
    q8_arena_clear(&o->mem);
}

/* The next line of a list, cut at the first of those characters; what is behind it, or NULL. */
static char *next_line(FILE *list, char *line, int size, const char *cut)
{
    char *rest;

    if (!fgets(line, size, list))
        return NULL;
    line[strcspn(line, "\n")] = 0;
    rest = line + strcspn(line, cut);
    assert_true(*rest);
    *rest++ = 0;
    return rest;
}

static FILE *open_list(const char *name)
{
    char path[4096];
    FILE *list;

    (void)snprintf(path, sizeof path, "%s/%s", testdata, name);
    list = fopen(path, "r");
    assert_non_null(list);
    return list;
}

static void gguf_tensors_are_those_of_its_own_reader(void **state)
{
    FILE *list = open_list("good/gguf.txt");
    char line[512], *rest, name[100], type[20], shape[100];
    unsigned count = 0;

    (void)state;
    for (; (rest = next_line(list, line, sizeof line, " ")); count++) {
        unsigned long long offset, bytes;
        char got[200], *space;
        struct q8_tensor *t;
        struct opened o;

        assert_int_equal(
            sscanf(rest, "%99s %19s %99s %llu %llu", name, type, shape, &offset, &bytes), 5);
        line[strlen(line) - strlen(".gguf")] = 0;
        if (!open_file(&o, "good", line))
            fail_msg("%s", o.err.text);
        t = q8_index_find(&o.model.index, name);
        assert_non_null(t);
        q8_tensor_shape(t, got, sizeof got);
        while ((space = strchr(got, ' ')))
            memmove(space, space + 1, strlen(space));
        assert_string_equal(q8_dtypes[t->dtype].name, type);
        assert_string_equal(got, shape);
        assert_true(t->offset == offset && t->nbytes == bytes);
        close_file(&o);
    }
    (void)fclose(list);
    assert_true(count >= 60);
}

static void gguf_bad_file_is_refused_with_its_words(void **state)
{
    FILE *list = open_list("bad/expected_gguf.txt");
    char line[512], *words;
    unsigned count = 0;

    (void)state;
    for (; (words = next_line(list, line, sizeof line, "\t")); count++) {
        struct opened o;

        if (open_file(&o, "bad", line))
            fail_msg("accepted: %s", line);
        if (strcmp(line, "empty") == 0) /* which is said of every empty file */
            words = strcpy(line, "is empty");
        if ((o.err.code != Q8_EINPUT && o.err.code != Q8_EUNSUPPORTED) ||
            !strstr(o.err.text, words))
            fail_msg("%s: wants '%s', got %d '%s'", line, words, o.err.code, o.err.text);
        close_file(&o);
    }
    (void)fclose(list);
    assert_true(count >= 45);
}

static const struct q8_value *find(const struct opened *o, const char *key)
{
    const struct q8_shard *shard = &o->model.shard[0];

    for (uint64_t i = 0; i < shard->metas; i++)
        if (strcmp(shard->meta[i].key, key) == 0)
            return &shard->meta[i].value;
    fail_msg("no key %s", key);
    return NULL;
}

/* In either order of bytes: the values of make_gguf.py. */
static void gguf_metadata_keeps_its_types_and_values(void **state)
{
    static const char *const files[] = {"little-v2", "little-v3", "big-v2", "big-v3"};
    struct opened o;

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct q8_value *v;

        assert_true(open_file(&o, "good", files[i]));
        assert_true(find(&o, "a.u8")->u64 == 200 && find(&o, "a.u8")->bytes == 1);
        assert_true(find(&o, "a.i8")->i64 == -5 && find(&o, "a.i8")->type == Q8_META_I64);
        assert_true(find(&o, "a.u16")->u64 == 60000 && find(&o, "a.i16")->i64 == -300);
        assert_true(find(&o, "a.u32")->u64 == 4000000000 && find(&o, "a.i32")->i64 == -70000);
        assert_true(find(&o, "a.u64")->u64 == (UINT64_C(1) << 63) + 1);
        assert_true(find(&o, "a.i64")->i64 == -(INT64_C(1) << 62));
        assert_true(find(&o, "a.f32")->f64 == (double)0.1f && find(&o, "a.f32")->bytes == 4);
        assert_true(find(&o, "a.f64")->f64 == 0.1);
        assert_true(find(&o, "a.bool")->type == Q8_META_BOOL && find(&o, "a.bool")->flag);
        assert_string_equal(find(&o, "a.text")->text, "caf\xc3\xa9");
        v = find(&o, "a.numbers");
        assert_true(v->array.count == 3 && v->array.item[0].i64 == 3 && v->array.item[2].i64 == 2);
        v = find(&o, "a.flags");
        assert_true(v->array.count == 2 && v->array.item[0].flag && !v->array.item[1].flag);
        v = find(&o, "tokenizer.ggml.tokens"); /* too long to be kept */
        assert_true(v->array.count == 1030 && !v->array.item);
        close_file(&o);
    }
}

static void gguf_values_are_the_same_from_either_order_of_bytes(void **state)
{
    static const char *const tensors[] = {"f32", "f16", "f64", "vector", "cube"};
    unsigned char bytes[2][2048];
    struct opened o;

    (void)state;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        uint64_t size = 0;

        for (int big = 0; big < 2; big++) {
            struct q8_tensor *t;

            assert_true(open_file(&o, "good", big ? "big-v3" : "little-v3"));
            t = q8_index_find(&o.model.index, tensors[i]);
            assert_non_null(t);
            size = t->nbytes;
            assert_true(size <= sizeof bytes[big]);
            assert_int_equal(t->swapped, big);
            assert_true(q8_model_read(&o.model, t, 0, bytes[big], size, &o.err));
            close_file(&o);
        }
        assert_memory_equal(bytes[0], bytes[1], size);
    }
}

static void gguf_any_part_opens_the_whole_model(void **state)
{
    static const char *const parts[] = {"split-00001-of-00003", "split-00002-of-00003",
                                        "split-00003-of-00003"};
    struct opened o;

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_true(open_file(&o, "good", parts[i]));
        assert_int_equal(o.model.shards, 3);
        assert_int_equal(o.model.index.count, 12);
        assert_string_equal(o.model.shard[2].name, "split-00003-of-00003.gguf");
        assert_non_null(q8_index_find(&o.model.index, "blk.0.ffn_down.weight"));
        close_file(&o);
    }
}

/* A folder with a copy of a part of the split model under another name. */
static void check_copy(const char *part, const char *name, const char *words)
{
    char dir[] = "/tmp/q8-test-gguf-XXXXXX", command[9000];
    struct opened o = {0};

    assert_non_null(mkdtemp(dir));
    (void)snprintf(command, sizeof command, "cp %s/good/%s %s/%s", testdata, part, dir, name);
    assert_int_equal(system(command), 0);
    (void)snprintf(o.path, sizeof o.path, "%s/%s", dir, name);
    q8_arena_init(&o.mem, 1 << 20);
    assert_false(q8_model_open(&o.model, o.path, &o.mem, &o.err));
    if (o.err.code != Q8_EINPUT || !strstr(o.err.text, words))
        fail_msg("%s as %s: %d %s", part, name, o.err.code, o.err.text);
    close_file(&o);
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void gguf_parts_must_be_what_their_names_say(void **state)
{
    (void)state;
    check_copy("split-00002-of-00003.gguf", "m.gguf", "one of 3 parts");
    check_copy("split-00001-of-00003.gguf", "m-00001-of-00003.gguf", "no such file");
}

static void gguf_blocks_without_floats_are_refused_by_name(void **state)
{
    struct opened o;

    (void)state;
    assert_true(open_file(&o, "good", "blocks"));
    assert_false(q8_model_is_float(&o.model, &o.err));
    assert_int_equal(o.err.code, Q8_EUNSUPPORTED);
    assert_non_null(strstr(o.err.text, "llama-quantize --allow-requantize IN OUT f16"));
    close_file(&o);
}

/* No other format takes them for its own. */
static void gguf_blocks_are_no_types_of_safetensors(void **state)
{
    const struct q8_format *safetensors = q8_format_find("safetensors");
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    for (int d = Q8_SAFETENSORS_DTYPES; d < Q8_DTYPES; d++) {
        struct q8_tensor t = {
            .name = "a", .dtype = (enum q8_dtype)d, .rank = 1, .dim = {q8_dtypes[d].elements}};
        struct q8_index ix = {.tensor = &t, .count = 1, .room = 1};
        struct q8_err err = {0};
        uint64_t size;

        assert_int_equal(q8_dtype_find(q8_dtypes[d].name, strlen(q8_dtypes[d].name)), Q8_DTYPES);
        assert_false(safetensors->print(&ix, NULL, &size, &mem, &err));
        assert_int_equal(err.code, Q8_EUNSUPPORTED);
    }
    q8_arena_clear(&mem);
}

/* A vocabulary of more texts than there are in any takes no second to refuse. */
static void gguf_texts_of_arrays_are_counted(void **state)
{
    static const unsigned char head[] = "GGUF\3\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
                                        "\1\0\0\0\0\0\0\0x\11\0\0\0\10\0\0\0\1\0\100\0\0\0\0";
    const uint64_t size = (UINT64_C(8) << 22) + 100;
    unsigned char *bytes = calloc(size, 1);
    struct q8_source source = q8_source_memory(bytes, size);
    struct q8_index ix = {0};
    struct q8_err err = {0};
    struct q8_arena mem;

    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, head, sizeof head);
    q8_arena_init(&mem, 1 << 20);
    assert_false(q8_format_parse(q8_format_find("gguf"), &source, &ix, &mem, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_string_equal(err.text, "key 'x': more than 4194304 texts in arrays");
    q8_arena_clear(&mem);
    free(bytes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gguf_tensors_are_those_of_its_own_reader),
        cmocka_unit_test(gguf_bad_file_is_refused_with_its_words),
        cmocka_unit_test(gguf_metadata_keeps_its_types_and_values),
        cmocka_unit_test(gguf_values_are_the_same_from_either_order_of_bytes),
        cmocka_unit_test(gguf_any_part_opens_the_whole_model),
        cmocka_unit_test(gguf_parts_must_be_what_their_names_say),
        cmocka_unit_test(gguf_blocks_without_floats_are_refused_by_name),
        cmocka_unit_test(gguf_blocks_are_no_types_of_safetensors),
        cmocka_unit_test(gguf_texts_of_arrays_are_counted),
    };

    if (argc != 2)
        return 2;
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
