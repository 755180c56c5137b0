/* test_integrity_files.c - tensors that meet, changes of config.json, the index, the manifest */
#include "tests/unit/integrity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define BNB "\"quantization_config\": {\"load_in_8bit\": true}"

static const struct scratch_tensor head = HEAD, embed = EMBED, norm = NORM;
static const struct scratch_tensor int8[] = {INT8_UP, PART(".SCB", "[2]", 8)};

/* Checks the int8 weight and one more tensor against the float one and one more. */
static void expect(const char *what, const char *const config[2], const struct scratch_tensor *a,
                   const struct scratch_tensor *b, const char *findings)
{
    const struct scratch_tensor up = FLOAT_UP;
    struct scratch_tensor list[2][4] = {{up}, {int8[0], int8[1]}};
    struct checked c = {0};

    if (a)
        list[0][1] = *a;
    if (b)
        list[1][2] = *b;
    scratch_make(&c.a, config[0], list[0], a ? 2 : 1);
    scratch_make(&c.b, config[1], list[1], b ? 3 : 2);
    if (!checked_run(&c))
        fail_msg("%s: %s", what, c.a.err.text);
    if (strcmp(c.found, findings) != 0)
        fail_msg("%s: expected\n%sfound\n%s", what, findings, c.found);
    checked_close(&c);
}

static void integrity_tensors_that_do_not_meet_are_named(void **state)
{
    static const char *const config[2] = {"{" LLAMA "}", "{" LLAMA ", " BNB "}"};
    static const struct scratch_tensor wide = {"model.norm.weight", "F32", "[8]", floats, 32};
    static const struct scratch_tensor half = {"model.norm.weight", "F16", "[4]", floats, 8};
    static const struct scratch_tensor whole = {"model.norm.weight", "I32", "[4]", floats, 16};
    static const struct scratch_tensor rotary = {"model.layers.0.self_attn.rotary_emb.inv_freq",
                                                 "F32", "[4]", floats, 16};
    static const struct scratch_tensor mask = {"h.0.attn.bias", "F32", "[1, 1, 2, 2]", floats, 16};
    static const struct scratch_tensor bias = {"h.0.attn.bias", "F32", "[4]", floats, 16};
    static const struct scratch_tensor scale = PART(".input_scale", "[1]", 4);
    static const struct {
        const struct scratch_tensor *a, *b;
        const char *findings;
    } rows[] = {
        {&norm, &norm, ""},
        {&norm, NULL, "!missing-tensor model.norm.weight\n"},
        {NULL, &norm, "!extra-tensor model.norm.weight\n"},
        {&norm, &wide, "!shape model.norm.weight\n"},
        {&norm, &half, "!type model.norm.weight\n"},
        {&norm, &whole, "!type model.norm.weight\n"},
        {&whole, &norm, "!type model.norm.weight\n"},
        {&rotary, NULL, "missing-buffer model.layers.0.self_attn.rotary_emb.inv_freq\n"},
        {&mask, NULL, "missing-buffer h.0.attn.bias\n"},
        {&bias, NULL, "!missing-tensor h.0.attn.bias\n"},
        {NULL, &scale, "activation-scale " UP ".input_scale\n"},
        {&head, NULL, "!missing-tensor lm_head.weight\n"}, /* not tied */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(rows[i].findings, config, rows[i].a, rows[i].b, rows[i].findings);
}

static void integrity_int8_weight_of_another_matrix_fails(void **state)
{
    static const struct scratch_tensor turned = SCRATCH(UP ".weight", "F32", "[4, 2]", floats);
    static const struct scratch_tensor whole = SCRATCH(UP ".weight", "I32", "[2, 4]", floats);
    struct checked c;

    (void)state;
    assert_true(checked_pair(&c, BNB, &turned, 1, int8, 2));
    assert_string_equal(c.found, "!shape " UP "\n");
    checked_close(&c);
    assert_true(checked_pair(&c, BNB, &whole, 1, int8, 2));
    assert_string_equal(c.found, "!type " UP "\n");
    checked_close(&c);
}

static void integrity_tied_tensor_may_be_in_one_alone(void **state)
{
    static const char *const words[] = {", \"tie_word_embeddings\": true", "",
                                        ", \"text_config\": {\"tie_word_embeddings\": true}"};
    const struct scratch_tensor up = FLOAT_UP;
    const struct scratch_tensor both[] = {up, head, embed}, one[] = {up, embed};
    const struct scratch_tensor both8[] = {int8[0], int8[1], head, embed};
    const struct scratch_tensor one8[] = {int8[0], int8[1], embed};
    char text[2][500];

    (void)state;
    for (size_t i = 0; i < COUNT(words); i++)
        for (int way = 0; way < 2; way++) {
            struct checked c = {0};

            (void)snprintf(text[0], 500, "{\"architectures\": [\"LlamaForCausalLM\"]%s}", words[i]);
            (void)snprintf(text[1], 500, "{\"architectures\": [\"LlamaForCausalLM\"]%s, " BNB "}",
                           words[i]);
            scratch_make(&c.a, text[0], way ? one : both, way ? 2 : 3);
            scratch_make(&c.b, text[1], way ? both8 : one8, way ? 4 : 3);
            assert_true(checked_run(&c));
            assert_string_equal(c.found, "tied-tensor lm_head.weight\n");
            checked_close(&c);
        }
}

static void integrity_head_that_is_not_tied_must_be_there(void **state)
{
    const struct scratch_tensor up = FLOAT_UP;
    const struct scratch_tensor both[] = {up, head, embed}, one[] = {up, embed};
    const struct scratch_tensor both8[] = {int8[0], int8[1], head, embed};
    const struct scratch_tensor one8[] = {int8[0], int8[1], embed};
    struct checked c;

    (void)state;
    assert_true(checked_pair(&c, BNB, both, 3, one8, 3));
    assert_string_equal(c.found, "!missing-tensor lm_head.weight\n");
    checked_close(&c);
    assert_true(checked_pair(&c, BNB, one, 2, both8, 4));
    assert_string_equal(c.found, "!extra-tensor lm_head.weight\n");
    checked_close(&c);
}

static void integrity_table_without_partner_is_missing(void **state)
{
    static const char config[] = "{\"architectures\": [\"LlamaForCausalLM\"]}";
    static const char *const pair[2] = {config,
                                        "{\"architectures\": [\"LlamaForCausalLM\"], " BNB "}"};

    (void)state;
    expect("tied, and the other is not there either", pair, &embed, NULL,
           "!missing-tensor model.embed_tokens.weight\n");
}

static void integrity_changed_members_fail_unless_they_do_not_count(void **state)
{
    static const struct {
        const char *a, *b, *findings;
    } rows[] = {
        {"\"x\": 1", "\"x\": 1.0", ""},
        {"\"x\": 1", "\"x\": 2", "!config-changed config.json\n"},
        {"\"x\": {\"dtype\": 1, \"y\": null}", "\"x\": {\"dtype\": 2, \"y\": 0}",
         "!config-changed config.json\n"},
        {"\"x\": 1", "\"y\": 1", ""}, /* other releases write other members */
        {"\"transformers_version\": \"4\", \"torch_dtype\": \"float16\", \"use_cache\": true",
         "\"transformers_version\": \"5\", \"torch_dtype\": \"float32\", \"use_cache\": false", ""},
        {"\"text_config\": {\"dtype\": \"float32\"}", "\"text_config\": {\"dtype\": \"bfloat16\"}",
         ""},
        {"\"dtypes\": 1", "\"dtypes\": 2", "!config-changed config.json\n"},
        {"\"use_sliding_window\": false, \"sliding_window\": 8",
         "\"use_sliding_window\": false, \"sliding_window\": null", ""},
        {"\"sliding_window\": 8", "\"sliding_window\": null", "!config-changed config.json\n"},
        {"\"use_sliding_window\": false, \"sliding_window\": 8",
         "\"use_sliding_window\": false, \"sliding_window\": 9", "!config-changed config.json\n"},
        {"\"theta\": 1", "\"theta\": 2", "!config-changed config.json\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[2][500];
        const char *const config[2] = {text[0], text[1]};

        (void)snprintf(text[0], 500, "{%s}", rows[i].a);
        (void)snprintf(text[1], 500, "{%s, " BNB "}", rows[i].b);
        expect(rows[i].a, config, NULL, NULL, rows[i].findings);
    }
}

static void remove_file(const struct scratch *s, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", s->dir, name);
    (void)unlink(path);
}

#define SHARD "model-00001-of-00001.safetensors"
#define INDEX "model.safetensors.index.json"
#define MAP "\"weight_map\": {\"" UP ".weight\": \"" SHARD "\", \"" UP ".SCB\": \"" SHARD "\"}"

/* Eight codes and two floats: 16 bytes. */
static void integrity_index_is_judged(void **state)
{
    static const struct {
        const char *text, *findings;
    } rows[] = {
        {"{\"metadata\": {\"total_size\": 16, \"x\": [1]}, " MAP "}", ""},
        {"{\"metadata\": {\"total_size\": 1.6e1 }, " MAP "}", ""},
        {"{\"metadata\": {}, " MAP "}", ""},
        {"{" MAP "}", "!index-metadata " INDEX "\n"},
        {"{\"metadata\": null, " MAP "}", "!index-metadata " INDEX "\n"},
        {"{\"metadata\": {\"total_size\": 17}, " MAP "}", "!index-total " INDEX "\n"},
        {"{\"metadata\": {\"total_size\": \"16\"}, " MAP "}", "!index-total " INDEX "\n"},
        {"{\"metadata\": {\"total_size\": 16}, \"weight_map\": {\"" UP ".weight\": \"" SHARD "\"}}",
         "!index-stray " INDEX "\n"},
    };
    const struct scratch_tensor up = FLOAT_UP;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct checked c = {0};
        char from[128], to[128];

        scratch_make(&c.a, "{}", &up, 1);
        scratch_make(&c.b, "{" BNB "}", int8, 2);
        (void)snprintf(from, sizeof from, "%s/model.safetensors", c.b.dir);
        (void)snprintf(to, sizeof to, "%s/" SHARD, c.b.dir);
        assert_int_equal(rename(from, to), 0);
        scratch_write(&c.b, INDEX, rows[i].text, strlen(rows[i].text), "wb");
        if (!checked_run(&c))
            fail_msg("%s", c.a.err.text);
        if (strcmp(c.found, rows[i].findings) != 0)
            fail_msg("%s: found\n%s", rows[i].text, c.found);
        remove_file(&c.b, SHARD);
        remove_file(&c.b, INDEX);
        checked_close(&c);
    }
}

#define MANIFEST "q8-manifest.json"
#define SCHEMA "{\"schema\": \"q8-manifest/1\", "
#define SOURCES "\"sources\": [@], "
/* Of the bytes below; from xxhsum 0.8.1 -H2 (test_digest.c). */
#define DIGEST "4fb78cd2670dad5801271d2740e5fca3"
#define NOTES(name, bytes, digest)                                                                 \
    "\"files\": [{\"name\": \"" name "\", \"bytes\": " bytes ", \"xxh3_128\": \"" digest "\"}]"
#define GOOD NOTES("notes.txt", "100000", DIGEST)

/* The digest of the 8 bytes of length and the header that follows them. */
static void header_digest(const struct scratch *s, char text[Q8_DIGEST_TEXT])
{
    char path[128], bytes[4096];
    struct q8_digest digest;
    uint64_t length;
    FILE *in;

    (void)snprintf(path, sizeof path, "%s/model.safetensors", s->dir);
    in = fopen(path, "rb");
    if (!in || fread(bytes, 1, sizeof bytes, in) < 8)
        abort();
    (void)fclose(in);
    memcpy(&length, bytes, 8);
    digest = q8_xxh_once(bytes, 8 + length);
    q8_digest_text(&digest, text);
}

/* Writes the manifest: '@' becomes the true source, '#' the digest of its header. */
static void write_manifest(struct checked *c, const char *text)
{
    char header[Q8_DIGEST_TEXT], out[2000], path[128];
    size_t used = 0;
    struct stat st;

    header_digest(&c->a, header);
    (void)snprintf(path, sizeof path, "%s/model.safetensors", c->a.dir);
    if (stat(path, &st) < 0)
        abort();
    for (; *text; text++)
        if (*text == '@')
            used += (size_t)snprintf(out + used, sizeof out - used,
                                     "{\"name\": \"model.safetensors\", \"bytes\": %lld, "
                                     "\"header_xxh3_128\": \"%s\"}",
                                     (long long)st.st_size, header);
        else if (*text == '#')
            used += (size_t)snprintf(out + used, sizeof out - used, "%s", header);
        else
            out[used++] = *text;
    scratch_write(&c->b, MANIFEST, out, used, "wb");
}

/* Looks at a model with that manifest and a notes.txt of 100,000 bytes. */
static void expect_manifest(const char *text, const char *findings)
{
    const struct scratch_tensor up = FLOAT_UP;
    static unsigned char bytes[100000];
    struct checked c = {0};

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7);
    scratch_make(&c.a, "{}", &up, 1);
    scratch_make(&c.b, "{" BNB "}", int8, 2);
    scratch_write(&c.b, "notes.txt", bytes, sizeof bytes, "wb");
    write_manifest(&c, text);
    if (!checked_run(&c))
        fail_msg("%s", c.a.err.text);
    if (strcmp(c.found, findings) != 0)
        fail_msg("%s: expected\n%sfound\n%s", text, findings, c.found);
    remove_file(&c.b, MANIFEST);
    remove_file(&c.b, "notes.txt");
    checked_close(&c);
}

static void integrity_manifest_is_held_against_the_files(void **state)
{
    static const char rest[] = "manifest-extra model.safetensors\n";
    static const struct {
        const char *text, *findings;
    } rows[] = {
        {SCHEMA SOURCES GOOD "}", ""},
        {SCHEMA SOURCES "\"tensors\": [{\"name\": 1}], " GOOD "}", ""},
        {SCHEMA SOURCES NOTES("notes.txt", "99999", DIGEST) "}", "!manifest-size notes.txt\n"},
        {SCHEMA SOURCES NOTES("notes.txt", "100000", "06b05ab6733a618578af5f94892f3950") "}",
         "!manifest-digest notes.txt\n"},
        {SCHEMA SOURCES NOTES("other.txt", "100000", DIGEST) "}", "!manifest-missing other.txt\n"},
        {SCHEMA "\"sources\": [], " GOOD "}", "!manifest-source q8-manifest.json\n"},
        {SCHEMA "\"sources\": [@, @], " GOOD "}", "!manifest-source q8-manifest.json\n"},
        {SCHEMA "\"sources\": [{\"name\": \"model.safetensors\", \"bytes\": 9, "
                "\"header_xxh3_128\": \"#\"}], " GOOD "}",
         "!manifest-source q8-manifest.json\n"},
    };
    char findings[200];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        /* by name: model.safetensors, notes.txt, other.txt, q8-manifest.json */
        (void)snprintf(findings, sizeof findings, "%s%s", rest, rows[i].findings);
        expect_manifest(rows[i].text, findings);
    }
}

static void integrity_source_with_another_header_is_another_model(void **state)
{
    char text[500];

    (void)state;
    (void)snprintf(text, sizeof text,
                   SCHEMA "\"sources\": [{\"name\": \"model.safetensors\", \"bytes\": %d, "
                          "\"header_xxh3_128\": \"" DIGEST "\"}], " GOOD "}",
                   8 +
                       (int)strlen("{\"" UP ".weight\":{\"dtype\":\"F32\",\"shape\":[2, 4],"
                                   "\"data_offsets\":[0,32]}}") +
                       32);
    expect_manifest(text, "manifest-extra model.safetensors\n!manifest-source q8-manifest.json\n");
}

static void integrity_manifest_of_another_kind_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"schema\": 1}",
        SCHEMA SOURCES GOOD "} x",
        SCHEMA GOOD "}",                                          /* no sources */
        SCHEMA SOURCES "\"files\": [{\"name\": \"notes.txt\"}]}", /* no bytes */
        SCHEMA SOURCES NOTES("notes.txt", "-1", DIGEST) "}",
        SCHEMA SOURCES NOTES("notes.txt", "1", "xyz") "}",
        SCHEMA SOURCES NOTES("../notes.txt", "1", DIGEST) "}",
        SCHEMA SOURCES NOTES("a/../../notes.txt", "1", DIGEST) "}",
        SCHEMA SOURCES NOTES("/etc/passwd", "1", DIGEST) "}",
        SCHEMA SOURCES NOTES("./notes.txt", "1", DIGEST) "}",
        SCHEMA SOURCES NOTES("a//b", "1", DIGEST) "}",
        SCHEMA SOURCES NOTES("a/", "1", DIGEST) "}",
        SCHEMA SOURCES NOTES("", "1", DIGEST) "}",
        SCHEMA SOURCES GOOD ", " GOOD "}",
        /* one file twice: its bytes would be read twice */
        SCHEMA SOURCES "\"files\": [{\"name\": \"notes.txt\", \"bytes\": 100000, "
                       "\"xxh3_128\": \"" DIGEST "\"}, {\"name\": \"notes.txt\", "
                       "\"bytes\": 100000, \"xxh3_128\": \"" DIGEST "\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        expect_manifest(texts[i], "!manifest-invalid q8-manifest.json\n");
    expect_manifest("{\"schema\": \"q8-manifest/2\", " SOURCES GOOD "}",
                    "!manifest-schema q8-manifest.json\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integrity_tensors_that_do_not_meet_are_named),
        cmocka_unit_test(integrity_int8_weight_of_another_matrix_fails),
        cmocka_unit_test(integrity_tied_tensor_may_be_in_one_alone),
        cmocka_unit_test(integrity_head_that_is_not_tied_must_be_there),
        cmocka_unit_test(integrity_table_without_partner_is_missing),
        cmocka_unit_test(integrity_changed_members_fail_unless_they_do_not_count),
        cmocka_unit_test(integrity_index_is_judged),
        cmocka_unit_test(integrity_manifest_is_held_against_the_files),
        cmocka_unit_test(integrity_source_with_another_header_is_another_model),
        cmocka_unit_test(integrity_manifest_of_another_kind_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
