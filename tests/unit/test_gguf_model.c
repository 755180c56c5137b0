/* test_gguf_model.c - GGUF files as the models they were made from; files of make_gguf.py */
#include "src/base/json.h"
#include "src/model/coded/codes.h"
#include "src/model/coded/decode.h"
#include "src/model/gguf/adopt.h"
#include "src/model/gguf/archs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char *testdata;

struct opened {
    struct q8_arena mem;
    struct q8_err err;
    struct q8_model model;
    char path[4096];
};

/* Opens testdata/good/NAME.gguf and makes floats of it. */
static void open_file(struct opened *o, const char *name)
{
    const struct q8_decode_options options = {Q8_DECODE_ALL, Q8_DTYPES, Q8_ISA_ref};

    *o = (struct opened){0};
    (void)snprintf(o->path, sizeof o->path, "%s/good/%s.gguf", testdata, name);
    q8_arena_init(&o->mem, 1 << 20);
    if (!q8_model_open(&o->model, o->path, &o->mem, &o->err) ||
        !q8_model_decode(&o->model, &options, &o->mem, &o->err))
        fail_msg("%s", o->err.text);
}

static void close_file(struct opened *o)
{
    q8_model_close(&o->model);
    q8_arena_clear(&o->mem);
}

static const struct q8_tensor *find(const struct opened *o, const char *name)
{
    const struct q8_tensor *t = q8_index_find(&o->model.index, name);

    if (!t)
        fail_msg("no tensor %s", name);
    return t;
}

/* The elements of a tensor as floats; fewer than 4096. */
static uint64_t read_floats(struct opened *o, const char *name, float *ret)
{
    const struct q8_tensor *t = find(o, name);
    unsigned char raw[16384];
    const uint64_t n = q8_tensor_elements(t);

    assert_true(n <= 4096 && t->nbytes <= sizeof raw);
    if (!q8_model_read(&o->model, t, 0, raw, t->nbytes, &o->err))
        fail_msg("%s", o->err.text);
    for (uint64_t i = 0; i < n; i++) {
        uint16_t half;

        if (t->dtype == Q8_F32) {
            memcpy(&ret[i], raw + 4 * i, sizeof ret[i]);
        } else {
            memcpy(&half, raw + 2 * i, sizeof half);
            ret[i] = t->dtype == Q8_F16 ? q8_half_to_float(half) : q8_bf16_to_float(half);
        }
    }
    return n;
}

/* That element i of the tensor is i % 97 + number (make_gguf.py, small), or as near as that. */
static void check_elements(struct opened *o, const char *name, unsigned number, double away)
{
    float x[4096];
    const uint64_t n = read_floats(o, name, x);

    for (uint64_t i = 0; i < n; i++)
        if (fabs((double)x[i] - (double)(i % 97 + number)) > away)
            fail_msg("%s: element %u is %g", name, (unsigned)i, (double)x[i]);
}

static void gguf_model_floats_are_those_of_gguf_py(void **state)
{
    static const char *const files[] = {"little-v2", "little-v3", "big-v2", "big-v3"};
    float x[4096], want[4096];
    struct opened o;

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        open_file(&o, files[i]);
        assert_int_equal(read_floats(&o, "q8_0", x), 192);
        assert_int_equal(read_floats(&o, "q8_0_floats", want), 192);
        assert_memory_equal(x, want, 192 * sizeof *x);
        assert_int_equal(read_floats(&o, "bf16", x), 192);
        assert_int_equal(read_floats(&o, "bf16_floats", want), 192);
        assert_memory_equal(x, want, 192 * sizeof *x);
        close_file(&o);
    }
}

static void gguf_model_any_range_of_blocks_is_read(void **state)
{
    unsigned char all[768], some[768];
    struct opened o;

    (void)state;
    open_file(&o, "big-v3");
    assert_true(q8_model_read(&o.model, find(&o, "q8_0"), 0, all, sizeof all, &o.err));
    for (uint64_t first = 0; first < sizeof all; first += 13)
        for (uint64_t n = 1; n <= sizeof all - first; n += 29) {
            assert_true(q8_model_read(&o.model, find(&o, "q8_0"), first, some, n, &o.err));
            assert_memory_equal(some, all + first, n);
        }
    close_file(&o);
}

static void gguf_model_of_llama_has_its_rows_and_names_back(void **state)
{
    static const char *const names[] = {"model.embed_tokens.weight",
                                        "model.norm.weight",
                                        "lm_head.weight",
                                        "model.layers.0.input_layernorm.weight",
                                        "model.layers.0.post_attention_layernorm.weight",
                                        "model.layers.0.self_attn.q_proj.weight",
                                        "model.layers.0.self_attn.k_proj.weight",
                                        "model.layers.0.self_attn.v_proj.weight",
                                        "model.layers.0.self_attn.o_proj.weight",
                                        "model.layers.0.mlp.gate_proj.weight",
                                        "model.layers.0.mlp.up_proj.weight",
                                        "model.layers.0.mlp.down_proj.weight"};
    struct opened o;

    (void)state;
    open_file(&o, "llama");
    assert_null(o.model.unknown);
    assert_int_equal(o.model.index.count, 12);
    assert_int_equal(o.model.raw.count, 12);
    for (unsigned i = 0; i < 12; i++)
        check_elements(&o, names[i], i + 1, 0);
    assert_int_equal(find(&o, names[5])->dtype, Q8_F16);
    close_file(&o);
    open_file(&o, "llama-q8_0"); /* in steps of at most 108 / 127 */
    for (unsigned i = 0; i < 12; i++)
        check_elements(&o, names[i], i + 1, 0.46);
    assert_int_equal(find(&o, names[5])->dtype, Q8_F32);
    close_file(&o);
}

/* What int8 of groups of 32 can hold without a rounding. */
static void gguf_model_codes_times_steps_are_the_floats(void **state)
{
    static const char *const names[] = {"model.layers.0.self_attn.q_proj.weight",
                                        "model.layers.0.mlp.down_proj.weight"};
    int8_t codes[1024];
    uint16_t step;
    float x[4096];
    struct q8_codes how;
    struct opened o;

    (void)state;
    open_file(&o, "llama-q8_0");
    for (size_t i = 0; i < 2; i++) {
        const struct q8_coded *c = find(&o, names[i])->coded;

        assert_int_equal(read_floats(&o, names[i], x), 1024);
        assert_true(q8_coded_codes(c, &how) && how.group == 32 && how.groups == 1);
        assert_int_equal(how.dtype, Q8_F16);
        assert_true(q8_coded_read_codes(c, 0, 32, codes, &o.err));
        for (uint64_t row = 0; row < 32; row++) {
            assert_true(q8_coded_read_steps(c, row, &step, &o.err));
            for (uint64_t k = row * 32; k < row * 32 + 32; k++)
                assert_true((float)codes[k] * q8_half_to_float(step) - x[k] == 0);
        }
    }
    close_file(&o);
}

static void gguf_model_experts_are_apart(void **state)
{
    float x[4096];
    struct opened o;

    (void)state;
    open_file(&o, "qwen3moe");
    assert_null(o.model.unknown);
    check_elements(&o, "model.layers.0.mlp.gate.weight", 10, 0);
    check_elements(&o, "model.layers.0.mlp.experts.0.gate_proj.weight", 11, 0);
    assert_int_equal(read_floats(&o, "model.layers.0.mlp.experts.1.down_proj.weight", x), 1024);
    for (unsigned i = 0; i < 1024; i++) /* behind those of the first */
        assert_true((unsigned)x[i] == (1024 + i) % 97 + 13);
    close_file(&o);
}

static void gguf_model_norms_of_gemma_lose_the_one(void **state)
{
    struct opened o;

    (void)state;
    open_file(&o, "gemma2");
    assert_null(o.model.unknown);
    check_elements(&o, "model.norm.weight", 2, 0);
    check_elements(&o, "model.layers.0.pre_feedforward_layernorm.weight", 4, 0);
    close_file(&o);
}

/* Members of config.json; numbers are read back as whole ones. */
static void check_config(const char *file, const char *class, const char *type, bool tied)
{
    const struct cJSON *root;
    uint64_t n = 0;
    struct opened o;

    open_file(&o, file);
    root = o.model.config_root;
    assert_non_null(root);
    assert_true(o.model.config_made && strlen(o.model.config) == o.model.config_len);
    assert_string_equal(q8_json_string(q8_json_at(q8_json_get(root, "architectures"), 0)), class);
    assert_string_equal(q8_json_string(q8_json_get(root, "model_type")), type);
    assert_true(q8_json_u64(q8_json_get(root, "hidden_size"), &n) && n == 32);
    assert_true(q8_json_u64(q8_json_get(root, "num_key_value_heads"), &n) && n == 2);
    assert_true(q8_json_u64(q8_json_get(root, "head_dim"), &n) && n == 8);
    assert_true(q8_json_u64(q8_json_get(root, "vocab_size"), &n) && n == 4);
    assert_int_equal(q8_json_bool(q8_json_get(root, "tie_word_embeddings")), tied);
    assert_non_null(strstr(o.model.config, "\"rms_norm_eps\": 1e-05"));
    assert_non_null(strstr(o.model.config, "\"rope_theta\": 500000.0"));
    assert_non_null(strstr(o.model.config, "\"bos_token_id\": 1"));
    assert_non_null(strstr(o.model.config, "\"pad_token_id\": null"));
    assert_non_null(strstr(o.model.config_made, "tokenizer.json"));
    close_file(&o);
}

static void gguf_model_config_is_made_of_the_keys(void **state)
{
    (void)state;
    check_config("llama", "LlamaForCausalLM", "llama", false);
    check_config("qwen3moe", "Qwen3MoeForCausalLM", "qwen3_moe", false);
    check_config("gemma2", "Gemma2ForCausalLM", "gemma2", true);
}

static void gguf_model_of_another_architecture_keeps_its_names(void **state)
{
    struct opened o;

    (void)state;
    open_file(&o, "unknown");
    assert_non_null(strstr(o.model.unknown, "'mamba3' is not one that q8 knows: llama, qwen2"));
    assert_null(o.model.config);
    (void)find(&o, "blk.0.attn_q.weight");
    close_file(&o);
}

static void gguf_model_names_are_whole(void **state)
{
    static const char *const others[] = {"blk.0.attn_q",         "blk.0.attn_q.scale",
                                         "blk..attn_q.weight",   "blk.00.attn_q.weight",
                                         "blk.0.attn_qx.weight", "xblk.0.attn_q.weight",
                                         "blk.0attn_q.weight",   "blk.123456.attn_q.weight",
                                         "output_norms.weight",  ".weight",
                                         "blk.-1.attn_q.weight", "blk.0.attn_q.weight.weight"};
    const struct q8_gguf_arch *arch = q8_gguf_arch_find("llama", false);
    uint64_t layer;

    (void)state;
    assert_non_null(arch);
    assert_string_equal(q8_gguf_name_find(arch, "blk.12.attn_q.bias", &layer)->gguf,
                        "blk.#.attn_q");
    assert_int_equal(layer, 12);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (q8_gguf_name_find(arch, others[i], &layer))
            fail_msg("%s", others[i]);
}

/* ---- a file by hand ---- */

static void put_number(FILE *file, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        (void)fputc((int)(number >> 8 * i & 255), file);
}

static void put_text(FILE *file, const char *text)
{
    put_number(file, strlen(text), 8);
    (void)fputs(text, file);
}

static void put_count(FILE *file, const char *key, uint64_t count)
{
    put_text(file, key);
    put_number(file, 4, 4); /* u32 */
    put_number(file, count, 4);
}

/* One tensor of I8 [experts, 1, 1], and config.json. */
static void make_experts(const char *dir, uint64_t experts)
{
    char path[100];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/config.json", dir);
    file = fopen(path, "wb");
    assert_non_null(file);
    (void)fputs("{}", file);
    (void)fclose(file);
    (void)snprintf(path, sizeof path, "%s/m.gguf", dir);
    file = fopen(path, "wb");
    assert_non_null(file);
    (void)fputs("GGUF\3", file);
    put_number(file, 0, 3);
    put_number(file, 1, 8);
    put_number(file, 5, 8);
    put_text(file, "general.architecture");
    put_number(file, 8, 4);
    put_text(file, "llama");
    put_count(file, "llama.attention.head_count", 1);
    put_count(file, "llama.embedding_length", 1);
    put_count(file, "llama.block_count", 1);
    put_count(file, "llama.expert_count", experts);
    put_text(file, "blk.0.ffn_up_exps.weight");
    put_number(file, 3, 4);
    put_number(file, 1, 8);
    put_number(file, 1, 8);
    put_number(file, experts, 8);
    put_number(file, 24, 4); /* I8 */
    put_number(file, 0, 8);
    for (uint64_t i = 0; i < experts + 32; i++)
        (void)fputc(0, file);
    assert_int_equal(fclose(file), 0);
}

/* A byte for each is a tensor for each: memory of hundreds of times the file's. */
static void gguf_model_of_a_million_experts_is_refused(void **state)
{
    const struct q8_decode_options options = {Q8_DECODE_ALL, Q8_DTYPES, Q8_ISA_ref};
    static const uint64_t counts[] = {3, 1000000};
    char dir[] = "/tmp/q8-test-gguf-XXXXXX", path[100];

    (void)state;
    assert_non_null(mkdtemp(dir));
    for (unsigned i = 0; i < 2; i++) {
        struct opened o = {0};
        bool ok;

        make_experts(dir, counts[i]);
        q8_arena_init(&o.mem, 1 << 20);
        ok = q8_model_open(&o.model, dir, &o.mem, &o.err) &&
             q8_model_decode(&o.model, &options, &o.mem, &o.err);
        assert_int_equal(ok, i == 0);
        if (ok)
            assert_int_equal(o.model.index.count, 3);
        else if (o.err.code != Q8_ELIMIT || !strstr(o.err.text, "1000000 experts apart"))
            fail_msg("%s", o.err.text);
        close_file(&o);
    }
    (void)snprintf(path, sizeof path, "%s/config.json", dir);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/m.gguf", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gguf_model_floats_are_those_of_gguf_py),
        cmocka_unit_test(gguf_model_any_range_of_blocks_is_read),
        cmocka_unit_test(gguf_model_of_llama_has_its_rows_and_names_back),
        cmocka_unit_test(gguf_model_codes_times_steps_are_the_floats),
        cmocka_unit_test(gguf_model_experts_are_apart),
        cmocka_unit_test(gguf_model_norms_of_gemma_lose_the_one),
        cmocka_unit_test(gguf_model_config_is_made_of_the_keys),
        cmocka_unit_test(gguf_model_of_another_architecture_keeps_its_names),
        cmocka_unit_test(gguf_model_names_are_whole),
        cmocka_unit_test(gguf_model_of_a_million_experts_is_refused),
    };

    if (argc != 2)
        return 2;
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
