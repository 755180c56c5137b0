/* test_failing_model.c - each call of what opens models, or says why there is none, fails once */
#include "tests/unit/failing.h"

#include "src/model/coded/decode.h"
#include "src/model/folder/below.h"
#include "src/model/foreign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SHARD(number) "model-0000" number "-of-00002.safetensors"
#define TENSOR(name, shape, from, to)                                                              \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

/* A weight file of zeros, but for the last byte. */
static void put_weights(const char *path, const char *header, size_t bytes, int last)
{
    const uint64_t length = strlen(header);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(&length, 8, 1, file), 1);
    assert_true(fputs(header, file) >= 0);
    for (size_t i = 1; i < bytes; i++)
        assert_int_equal(fputc(0, file), 0);
    assert_int_equal(fputc(last, file), last);
    assert_int_equal(fclose(file), 0);
}

static bool open_model(const char *path, struct q8_err *err)
{
    struct q8_model m;
    struct q8_arena mem;
    char bytes[8];
    bool ok;

    q8_arena_init(&mem, UINT64_C(64) << 20);
    ok = q8_model_open(&m, path, &mem, err) && q8_model_is_float(&m, err) &&
         q8_model_read(&m, m.index.tensor, 0, bytes, sizeof bytes, err) && q8_model_same(&m, err);
    q8_model_close(&m);
    q8_arena_clear(&mem);
    return ok;
}

/* As floats, whatever it is, with the first bytes of each tensor. */
static bool open_decoded(const char *path, struct q8_err *err)
{
    const struct q8_decode_options options = {Q8_DECODE_ALL, Q8_DTYPES, Q8_ISA_ref};
    struct q8_arena mem;
    struct q8_model m;
    char bytes[8];
    bool ok;

    q8_arena_init(&mem, UINT64_C(64) << 20);
    ok = q8_model_open(&m, path, &mem, err) && q8_model_decode(&m, &options, &mem, err);
    for (uint64_t i = 0; ok && i < m.index.count; i++)
        ok = m.index.tensor[i].nbytes < sizeof bytes ||
             q8_model_read(&m, &m.index.tensor[i], 0, bytes, sizeof bytes, err);
    q8_model_close(&m);
    q8_arena_clear(&mem);
    return ok;
}

/* A file and a folder that links lead to. */
static bool follow_links(const char *path, struct q8_err *err)
{
    struct q8_spot spot;
    struct q8_root root;
    struct q8_file f;
    int folder;
    bool ok = q8_root_open(&root, path, err);

    if (!ok)
        return false;
    ok = q8_root_look(&root, "to/low", &spot, err);
    if (ok)
        assert_int_equal(spot.lead, Q8_LEAD_FILE);
    ok = ok && q8_root_file(&root, spot.real, "links/to/low", &f, err);
    if (ok)
        q8_file_close(&f);
    ok = ok && q8_root_look(&root, "to", &spot, err);
    folder = ok ? q8_root_folder(&root, spot.real, err) : -1;
    if (folder >= 0)
        (void)close(folder);
    q8_root_close(&root);
    return folder >= 0;
}

static void put_models(void)
{
    static const char a[] =
        "{" TENSOR("a.weight", "[2,2]", 0, 16) "," TENSOR("c", "[2]", 16, 24) "}";
    static const char b[] =
        "{" TENSOR("b.weight", "[2,2]", 0, 16) "," TENSOR("c", "[2]", 16, 24) "}";
    static const char *const folders[] = {"one", "two", "half", "links", "links/in"};

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(folders[i], 0777), 0);
    failing_put("one/config.json", "{\"model_type\": \"llama\", \"quantization_config\": null}");
    put_weights("one/model.safetensors", a, 24, 1);
    failing_put("two/config.json", "{}");
    put_weights("two/" SHARD("1"), a, 24, 1);
    put_weights("two/" SHARD("2"), b, 24, 2);
    failing_put(
        "two/model.safetensors.index.json",
        "{\"metadata\": {\"total_size\": 40, \"by\": [1, \"x\"]}, \"more\": 1, \"weight_map\": {"
        "\"a.weight\": \"" SHARD("1") "\", \"b.weight\": \"" SHARD("1") "\", \"c\": \"" SHARD(
            "2") "\", \"gone\": \"" SHARD("2") "\"}}");
    failing_put("half/config.json", "{}");
    put_weights("half/" SHARD("1"), a, 24, 1);
    failing_put(
        "half/model.safetensors.index.json",
        "{\"weight_map\": {\"a.weight\": \"" SHARD("1") "\", \"b.weight\": \"" SHARD("2") "\"}}");
    failing_put("links/in/low", "x");
    assert_int_equal(symlink("in", "links/to"), 0);
}

/* Indexes that are none, by the name of their folder. */
static const struct {
    const char *folder, *text;
} indexes[] = {
    {"map-list", "{\"weight_map\": []}"},
    {"map-twice", "{\"weight_map\": {\"c\": \"" SHARD("1") "\"}, \"weight_map\": {}}"},
    {"map-none", "{\"metadata\": null}"},
    {"map-empty", "{\"metadata\": {}, \"weight_map\": {}}"},
    {"map-number", "{\"weight_map\": {\"c\": 1}}"},
    {"map-outside", "{\"weight_map\": {\"c\": \"../model.safetensors\"}}"},
    {"map-behind", "{\"weight_map\": {\"c\": \"" SHARD("1") "\"}} 1"},
    {"tensor-twice", "{\"weight_map\": {\"c\": \"" SHARD("1") "\", \"c\": \"" SHARD("1") "\"}}"},
    {"about-cut", "{\"metadata\": {\"x\":"},
    {"about-word", "{\"metadata\": {\"x\": tru}}"},
};

/* An index of `count` lines of one kind, the number of each in it. */
static void put_long_index(const char *folder, const char *start, const char *line, unsigned count,
                           const char *end)
{
    char path[100];
    FILE *file;

    assert_int_equal(mkdir(folder, 0777), 0);
    (void)snprintf(path, sizeof path, "%s/config.json", folder);
    failing_put(path, "{}");
    (void)snprintf(path, sizeof path, "%s/model.safetensors.index.json", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(start, file) >= 0);
    for (unsigned i = 0; i < count; i++)
        assert_true(fprintf(file, "%s\"%u%s", i ? ", " : "", i, line) > 0);
    assert_true(fputs(end, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void put_indexes(void)
{
    static const char both[] = "{" TENSOR("c", "[2]", 0, 8) "}";
    char path[100];

    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        put_long_index(indexes[i].folder, indexes[i].text, "", 0, "");
        (void)snprintf(path, sizeof path, "%s/" SHARD("1"), indexes[i].folder);
        put_weights(path, both, 8, 1);
    }
    put_long_index("about-much", "{\"metadata\": {", "\": 1", 257, "}}");
    put_long_index("about-long", "{\"metadata\": {\"x\": [", "\"", 150000, "]}}");
    put_long_index("both", "{\"weight_map\": {\"d\": \"" SHARD("1") "\", \"e\": \"" SHARD("2"), "",
                   0, "\"}}");
    put_weights("both/" SHARD("1"), both, 8, 1);
    put_weights("both/" SHARD("2"), both, 8, 1);
}

/* Directories of several models: more than are named, none that fits. */
static void put_parts(void)
{
    char path[100];

    assert_int_equal(mkdir("pipe9", 0777) | mkdir("pipe0", 0777) | mkdir("words", 0777), 0);
    failing_put(
        "pipe9/model_index.json",
        "{\"_class_name\": \"P\", \"a/..\": 1, \".\": 2, \"0\": 3, \"a\": 4, \"b\": 5, \"c\": 6,"
        " \"d\": 7, \"e\": 8, \"f\": 9, \"h\": 10, \"i\": 11, \"j\": 12}");
    for (const char *part = "abcdefhij"; *part; part++) {
        (void)snprintf(path, sizeof path, "pipe9/%c", *part);
        assert_int_equal(mkdir(path, 0777), 0);
        (void)snprintf(path, sizeof path, "pipe9/%c/model.safetensors%s", *part,
                       *part == 'b' ? ".index.json" : "");
        failing_put(path, "");
    }
    failing_put("pipe0/model_index.json", "{\"vae\": [\"a\", \"b\"]}");
    failing_put("words/modules.json",
                "[1, {}, {\"path\": \"..\"}, {\"path\": \"a/b\"}, {\"path\": \"none\"}]");
}

/* Folders and files that are no model, and what is said of them. */
static void put_others(void)
{
    static const char *const folders[] = {"empty",
                                          "adapter",
                                          "pipe",
                                          "pipe/unet",
                                          "sentences",
                                          "sentences/0",
                                          "shards",
                                          "renamed",
                                          "partial",
                                          "foreign",
                                          "hub",
                                          "hub/models--o--m",
                                          "hub/models--o--m/snapshots",
                                          "hub/models--o--m/snapshots/rev",
                                          "hub/models--o--m/refs",
                                          "models",
                                          "models/m",
                                          "bare"};

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(folders[i], 0777), 0);
    failing_put("adapter/adapter_config.json", "{\"peft_type\": \"LORA\"}");
    failing_put("pipe/model_index.json", "{\"_class_name\": \"P\", \"unet\": [\"a\", \"b\"]}");
    failing_put("pipe/unet/diffusion_pytorch_model.safetensors", "");
    put_parts();
    failing_put("sentences/modules.json", "[{\"path\": \"\"}, {\"path\": \"0\"}]");
    failing_put("sentences/0/config.json", "{}");
    failing_put("sentences/0/model.safetensors", "");
    failing_put("shards/config.json", "{}");
    failing_put("shards/" SHARD("1"), "");
    failing_put("renamed/config.json", "{}");
    failing_put("renamed/model.fp16.safetensors", "");
    failing_put("partial/config.json", "{}");
    failing_put("partial/model.safetensors.incomplete", "");
    failing_put("foreign/config.json", "{}");
    failing_put("foreign/tf_model.h5", "");
    failing_put("hub/models--o--m/refs/main", "rev\n");
    failing_put("models/m/config.json", "{}");
    failing_put("models/m/model.safetensors", "");
    failing_put("bare/model.safetensors", "");
    failing_put("page.safetensors", "<!DOCTYPE html><html>");
    failing_put("tokenizer.json", "{\"a\": 1}");
    assert_int_equal(symlink("../.git/annex/objects/x", "annex.safetensors"), 0);
    assert_int_equal(symlink("nowhere", "lost.safetensors"), 0);
}

static const char *testdata;

static int enter(void **state)
{
    if (failing_enter(state) < 0 || setenv("HF_HUB_CACHE", "hub", 1) < 0 ||
        symlink(testdata, "testdata") < 0)
        return -1;
    put_models();
    put_indexes();
    put_others();
    return 0;
}

static void failing_calls_on_a_model_are_told(void **state)
{
    static const struct failing_scene scenes[] = {
        {open_model, "one", 0, ""},
        {open_model, "one/model.safetensors", 0, ""},
        {open_model, "two", 0, ""},
        {open_model, "both", 0, ""},
        {follow_links, "links", 0, ""},
        {open_decoded, "testdata/tiny-fp8", 0, ""},
        {open_decoded, "testdata/good/coded-packed.safetensors", 0, ""},
        {open_model, "testdata/good/torch-types.bin", 0, ""},
        {open_model, "testdata/good/torch-legacy-views.bin", 0, ""},
    };

    (void)state;
    FAILING_TRY(scenes);
}

static void failing_calls_leave_a_bad_index_bad(void **state)
{
    static const struct failing_scene scenes[] = {
        {open_model, "map-list", Q8_EINPUT, "map-list/model.safetensors.index.json: "},
        {open_model, "map-twice", Q8_EINPUT, "has two weight_map objects"},
        {open_model, "map-none", Q8_EINPUT, "has no weight_map, or an empty one"},
        {open_model, "map-empty", Q8_EINPUT, "has no weight_map, or an empty one"},
        {open_model, "map-number", Q8_EINPUT, "map-number/model.safetensors.index.json: "},
        {open_model, "map-outside", Q8_EINPUT, "'../model.safetensors' is not a name for a weight"},
        {open_model, "map-behind", Q8_EINPUT, "map-behind/model.safetensors.index.json: "},
        {open_model, "tensor-twice", Q8_EINPUT, "tensor 'c' is named twice"},
        {open_model, "about-cut", Q8_EINPUT, "about-cut/model.safetensors.index.json: "},
        {open_model, "about-word", Q8_EINPUT, "about-word/model.safetensors.index.json: "},
        {open_model, "about-much", Q8_ELIMIT, "metadata of more than 256 members"},
        {open_model, "about-long", Q8_ELIMIT, "metadata of more than 1048576 bytes"},
    };

    (void)state;
    FAILING_TRY(scenes);
}

static void failing_calls_leave_an_error_an_error(void **state)
{
    static const struct failing_scene scenes[] = {
        {open_model, "half", Q8_EINPUT, "names " SHARD("2") ", but there is no such file"},
        {open_model, "empty", Q8_EINPUT, "empty is empty: no config.json, no weights"},
        {open_model, "adapter", Q8_EUNSUPPORTED,
         "adapter is an adapter (LORA) of the model 'none'"},
        {open_model, "pipe", Q8_EUNSUPPORTED, "unet/diffusion_pytorch_model.safetensors"},
        {open_model, "sentences", Q8_EUNSUPPORTED, "whose model is in 0: name sentences/0"},
        {open_model, "pipe9", Q8_EUNSUPPORTED, "h/ or i/"},
        {open_model, "pipe0", Q8_EUNSUPPORTED, "and none of them has safetensors here"},
        {open_model, "words", Q8_EUNSUPPORTED, "words: neither model.safetensors nor"},
        {open_model, "shards", Q8_EUNSUPPORTED, "but no model.safetensors.index.json"},
        {open_model, "renamed", Q8_EUNSUPPORTED, "model.fp16.safetensors: give it the name"},
        {open_model, "partial", Q8_EUNSUPPORTED, "a download is not finished"},
        {open_model, "foreign", Q8_EUNSUPPORTED, "it has tf_model.h5"},
        {open_model, "hub", Q8_EUNSUPPORTED, "such as hub/models--o--m/snapshots/rev"},
        {open_model, "hub/models--o--m", Q8_EUNSUPPORTED, "name the snapshot in it"},
        {open_model, "models", Q8_EUNSUPPORTED, "name one, such as models/m"},
        {open_model, "bare", Q8_EINPUT, "bare: no config.json; to convert the weights alone"},
        {open_model, "page.safetensors", Q8_EUNSUPPORTED, "page.safetensors"},
        {open_model, "tokenizer.json", Q8_EUNSUPPORTED, "name its directory instead, ."},
        {open_model, "annex.safetensors", Q8_EUNSUPPORTED, "`git annex get`"},
        {open_model, "lost.safetensors", Q8_EINPUT, "is a link to nowhere"},
        {open_model, "https://huggingface.co/o/m/tree/main", Q8_EUNSUPPORTED, "snapshots/rev"},
        {open_model, "hf://o/other", Q8_EUNSUPPORTED, "`hf download o/other --local-dir other`"},
        {open_model, "https://example.org/m", Q8_EUNSUPPORTED, "download it and give a local"},
        {open_model, "o/m", Q8_EUNSUPPORTED, "no directory here but a name of the hub"},
        {open_model, "neither", Q8_EIO, "neither: No such file or directory"},
    };

    (void)state;
    FAILING_TRY(scenes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_calls_on_a_model_are_told),
        cmocka_unit_test(failing_calls_leave_a_bad_index_bad),
        cmocka_unit_test(failing_calls_leave_an_error_an_error),
    };

    testdata = argc > 1 ? argv[1] : "testdata";
    return cmocka_run_group_tests(tests, enter, failing_leave);
}
