/* test_plan.c - what becomes of each weight, what is refused, and what config.json says */
#include "src/convert/plan_make.h"

#include "src/base/json.h"
#include "src/convert/plan_parts.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define LLAMA "\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\""
#define COUNT(list) (sizeof(list) / sizeof *(list))

static const float floats[256];

/* [4, 64], which every target takes. */
#define WEIGHT(name) SCRATCH(name ".weight", "F32", "[4, 64]", floats)

static const struct scratch_tensor llama[] = {
    WEIGHT("lm_head"),
    WEIGHT("model.embed_tokens"),
    WEIGHT("model.layers.0.mlp.down_proj"),
    WEIGHT("model.layers.0.mlp.up_proj"),
    {"model.norm.weight", "F32", "[64]", floats, 256},
};
enum { HEAD, EMBED, DOWN, UP, NORM };

/* A checkpoint and its plan. */
struct planned {
    struct scratch s;
    struct q8_select select;
    struct q8_plan_options options;
    struct q8_plan plan;
};

static void open_model(struct planned *p, const char *config, const struct scratch_tensor *tensor,
                       size_t count)
{
    *p = (struct planned){.options.target = q8_target_find("bnb-int8")};
    p->options.select = &p->select;
    scratch_make(&p->s, config, tensor, count);
    assert_true(scratch_open(&p->s));
}

static void open_llama(struct planned *p)
{
    open_model(p, "{" LLAMA "}", llama, COUNT(llama));
}

static void add(struct planned *p, enum q8_verb verb, const char *pattern)
{
    assert_true(q8_select_add(&p->select, verb, pattern, "--test", &p->s.mem, &p->s.err));
}

static bool make(struct planned *p)
{
    return q8_plan_make(&p->plan, &p->s.model, &p->options, &p->s.mem, &p->s.err);
}

/* Refused with that code, and that phrase in the message. */
static void refuse(struct planned *p, enum q8_code code, const char *phrase)
{
    assert_false(make(p));
    assert_int_equal(p->s.err.code, code);
    if (!strstr(p->s.err.text, phrase))
        fail_msg("no '%s' in: %s", phrase, p->s.err.text);
}

static void close_model(struct planned *p)
{
    scratch_close(&p->s);
}

static void plan_says_what_becomes_of_each_weight(void **state)
{
    struct planned p;

    (void)state;
    open_llama(&p);
    assert_true(make(&p));
    assert_int_equal(p.plan.jobs, COUNT(llama));
    for (int i = 0; i <= NORM; i++) {
        const struct q8_job *job = &p.plan.job[i];

        assert_string_equal(job->tensor->name, llama[i].name);
        assert_true(!job->reason == (i == DOWN || i == UP));
        assert_true(job->as == (job->reason ? NULL : p.options.target));
        assert_int_equal(q8_job_parts(job), job->reason ? 1 : 3);
    }
    assert_string_equal(p.plan.job[UP].module, "model.layers.0.mlp.up_proj");
    assert_true(p.plan.job[UP].rows == 4 && p.plan.job[UP].cols == 64);
    assert_null(p.plan.job[NORM].module);
    assert_int_equal(p.plan.total.parameters, 4 * 256 + 64);
    assert_int_equal(p.plan.total.linear, 768); /* the head is a Linear, the embedding is none */
    assert_int_equal(p.plan.total.int8, 512);
    assert_int_equal(p.plan.total.modules, 2);
    assert_true(q8_plan_coverage(&p.plan) == 100. * 512 / 768);
    close_model(&p);
}

static void plan_goes_by_the_patterns(void **state)
{
    struct planned p;

    (void)state;
    open_llama(&p);
    add(&p, Q8_SKIP, "*.down_proj");
    add(&p, Q8_ALSO, "lm_head");
    assert_true(make(&p));
    assert_null(p.plan.job[HEAD].reason);
    assert_null(p.plan.job[UP].reason);
    assert_string_equal(p.plan.job[DOWN].reason, "skipped by a pattern");
    assert_true(p.plan.job[DOWN].by_pattern);
    assert_int_equal(p.plan.ignores, 4); /* a runtime takes it for a Linear of the target's */
    assert_string_equal(p.plan.ignore[0], "classifier"); /* and so it does with other heads */
    assert_string_equal(p.plan.ignore[1], "model.layers.0.mlp.down_proj");
    close_model(&p);

    open_llama(&p);
    add(&p, Q8_ONLY, "*.down_proj");
    assert_true(make(&p));
    assert_null(p.plan.job[DOWN].reason);
    assert_string_equal(p.plan.job[UP].reason, "no --only pattern names it");
    assert_true(q8_plan_coverage(&p.plan) == 100. * 256 / 768);
    close_model(&p);
}

static void plan_refuses_before_the_work(void **state)
{
    static const struct scratch_tensor twice[] = {WEIGHT("x"),
                                                  {"x.weight_format", "F32", "[4]", floats, 16}};
    struct planned p;

    (void)state;
    open_llama(&p);
    add(&p, Q8_SKIP, "model.layers.0.mlp.up");
    refuse(&p, Q8_EUSAGE, "model.layers.0.mlp.up_proj"); /* the nearest */
    close_model(&p);

    open_llama(&p);
    add(&p, Q8_ALSO, "model.embed_tokens");
    refuse(&p, Q8_EUSAGE, "--test 'model.embed_tokens': model.embed_tokens cannot become int8");
    close_model(&p);

    open_llama(&p);
    add(&p, Q8_SKIP, "*");
    refuse(&p, Q8_EUNSUPPORTED, "the patterns leave nothing to become int8");
    close_model(&p);

    open_llama(&p);
    add(&p, Q8_ONLY, "*.up_proj");
    p.options.min_coverage = 33.4;
    refuse(&p, Q8_EGATE, "33.33 % of the Linear parameters");
    close_model(&p);

    open_llama(&p);
    add(&p, Q8_USE, "ct-w8a16=*");
    refuse(&p, Q8_EUSAGE,
           "ct-w8a16 in a model of bnb-int8: the bitsandbytes format has one scheme");
    close_model(&p);

    open_model(&p, "{\"quantization_config\": {\"bits\": 4}, " LLAMA "}", llama, COUNT(llama));
    refuse(&p, Q8_EUNSUPPORTED, "quantization_config in config.json says so");
    close_model(&p);

    open_model(&p, "{" LLAMA "}", twice, COUNT(twice));
    refuse(&p, Q8_EUNSUPPORTED, "two output tensors would be named 'x.weight_format'");
    close_model(&p);
}

/* The members in the order in which compressed-tensors 0.20.0 has them: formats.md 2.2.4. */
static void plan_config_is_what_was_plus_one_member(void **state)
{
    static const char *const target[] = {"ct-w8a8", "ct-w8a16", "ct-w8a16-g64"};
    static const char *const inputs[] = {
        ("{\"num_bits\": 8, \"type\": \"int\", \"symmetric\": true, \"strategy\": \"token\", "
         "\"dynamic\": true}"),
        "null", "null"};
    static const char *const strategy[] = {"\"channel\"", "\"channel\"",
                                           "\"group\", \"group_size\": 64"};
    char want[2048];
    struct planned p;

    (void)state;
    for (size_t i = 0; i < COUNT(target); i++) {
        open_model(&p, "{\n  " LLAMA ",  \"x\" : 1e0\n\n}\n", llama, COUNT(llama));
        p.options.target = q8_target_find(target[i]);
        assert_true(make(&p));
        (void)snprintf(want, sizeof want,
                       "{\n  " LLAMA ",  \"x\" : 1e0,\n"
                       "  \"quantization_config\": {\n"
                       "    \"config_groups\": {\n"
                       "      \"group_0\": {\n"
                       "        \"input_activations\": %s,\n"
                       "        \"output_activations\": null,\n"
                       "        \"targets\": [\"Linear\"],\n"
                       "        \"weights\": {\"num_bits\": 8, \"type\": \"int\", "
                       "\"symmetric\": true, \"strategy\": %s, \"dynamic\": false}\n"
                       "      }\n"
                       "    },\n"
                       "    \"format\": \"%s\",\n"
                       "    \"global_compression_ratio\": null,\n"
                       "    \"ignore\": [\n"
                       "      \"lm_head\"\n"
                       "    ],\n"
                       "    \"kv_cache_scheme\": null,\n"
                       "    \"quant_method\": \"compressed-tensors\",\n"
                       "    \"quantization_status\": \"compressed\"\n"
                       "  }\n}\n",
                       inputs[i], strategy[i], i ? "pack-quantized" : "int-quantized");
        assert_string_equal(p.plan.config, want);
        close_model(&p);
    }
}

/* Names with what once were marks in the text of the config, and with what JSON escapes. */
static void plan_config_takes_names_for_names(void **state)
{
    static const struct scratch_tensor hostile[] = {
        WEIGHT("model.x.@format@"), WEIGHT("model.x.@groups@"), WEIGHT("model.x.@ignore@"),
        WEIGHT("model.x.\\\"%s\\\\\\u001b"), WEIGHT("y")};
    static const char *const targets[] = {"bnb-int8", "ct-w8a16"};
    struct planned p;

    (void)state;
    for (size_t i = 0; i < COUNT(targets); i++) {
        const struct cJSON *config, *list;
        struct cJSON *root;

        open_model(&p, "{" LLAMA "}", hostile, COUNT(hostile));
        p.options.target = q8_target_find(targets[i]);
        add(&p, Q8_SKIP, "model.x.@ignore@");
        if (i == 1)
            add(&p, Q8_USE, "ct-w8a16-g32=model.x.*");
        assert_true(make(&p));
        assert_true(
            q8_plan_config_check(&p.plan, "x", p.plan.config, strlen(p.plan.config), &p.s.err));
        root = q8_json_parse(p.plan.config, strlen(p.plan.config), &p.s.err);
        config = q8_json_get(root, "quantization_config");
        list = q8_json_at(q8_json_get(config, i ? "ignore" : "llm_int8_skip_modules"), 0);
        while (list && strcmp(q8_json_string(list), "model.x.@ignore@") != 0)
            list = q8_json_next(list);
        assert_non_null(list);
        list = q8_json_get(q8_json_get(q8_json_get(config, "config_groups"), "group_1"), "targets");
        assert_int_equal(q8_json_kind(list), i ? '[' : 'n');
        if (i) {
            assert_string_equal(q8_json_string(q8_json_at(list, 0)), "model.x.\"%s\\\x1b");
            assert_string_equal(q8_json_string(q8_json_at(list, 1)), "model.x.@format@");
            assert_string_equal(q8_json_string(q8_json_at(list, 2)), "model.x.@groups@");
            assert_null(q8_json_at(list, 3));
        }
        q8_json_free(root);
        close_model(&p);
    }
}

static void plan_config_check_wants_the_member_back(void **state)
{
    static const struct {
        const char *text, *phrase;
    } bad[] = {{"{\"quantization_config\": {\"a\": @b@}}", "line 1, column 31"},
               {"{\"quantization_config\": {}", "x/config.json"},
               {"{\"quantization_config\": []}", "it is not there"},
               {"{\"a\": {\"quantization_config\": {}}}", "it is not there"},
               {"", "x/config.json"}};
    const struct q8_plan plan = {.options.target = q8_targets};
    struct q8_err err = {0};

    (void)state;
    assert_true(q8_plan_config_check(&plan, "x", "{\"quantization_config\": {}}", 27, &err));
    for (size_t i = 0; i < COUNT(bad); i++) {
        err = (struct q8_err){0};
        assert_false(
            q8_plan_config_check(&plan, "x/config.json", bad[i].text, strlen(bad[i].text), &err));
        assert_int_equal(err.code, Q8_EIO);
        assert_non_null(strstr(err.text, bad[i].phrase));
    }
}

static void plan_names_the_files_that_come_and_stay(void **state)
{
    static const char *const names[] = {"tokenizer.json",      "b.txt",      "pytorch_model.bin",
                                        "model-2.safetensors", "q8-journal", "SHA256SUMS"};
    char path[128];
    struct planned p;

    (void)state;
    open_llama(&p);
    for (size_t i = 0; i < COUNT(names); i++)
        scratch_write(&p.s, names[i], "xyz", 3, "wb");
    p.options.sha256 = true;
    assert_true(make(&p));
    assert_int_equal(p.plan.sides, 2);
    assert_string_equal(p.plan.side[0].name, "b.txt");
    assert_string_equal(p.plan.side[1].name, "tokenizer.json");
    assert_int_equal(p.plan.side[1].bytes, 3);
    assert_int_equal(p.plan.lefts, 4);
    assert_string_equal(p.plan.left[0].name, "SHA256SUMS");
    assert_string_equal(p.plan.left[1].name, "model-2.safetensors");
    assert_false(p.plan.left[1].expected);
    assert_string_equal(p.plan.left[1].reason, "a weight file that the model does not name");
    assert_string_equal(p.plan.left[2].reason, "weights in another format");
    assert_string_equal(p.plan.left[3].reason, "left by a run of q8-convert");
    assert_int_equal(p.plan.files, 6); /* weights, two, config.json, manifest, sums */
    assert_int_equal(p.plan.hashed, 4);
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", p.s.dir, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    close_model(&p);
}

/* No byte of the weight file belongs to two tensors, and none beyond the header to none. */
static void plan_lays_tensors_end_to_end(void **state)
{
    struct planned p;
    uint64_t data = 0, first = UINT64_MAX, sum = 0, blocks = 0;

    (void)state;
    open_llama(&p);
    assert_true(make(&p));
    for (uint64_t i = 0; i < p.plan.jobs; i++)
        for (unsigned k = 0; k < q8_job_parts(&p.plan.job[i]); k++) {
            const uint64_t at = p.plan.job[i].offset[k];
            char name[Q8_NAME_BYTES];
            struct q8_tensor t;

            assert_non_null(q8_job_part(&p.plan.job[i], k, &t, name, sizeof name, &p.s.err));
            first = at < first ? at : first;
            data += t.nbytes;
            for (uint64_t j = 0; j < p.plan.jobs; j++)
                for (unsigned m = 0; m < q8_job_parts(&p.plan.job[j]); m++)
                    assert_true((i == j && k == m) || p.plan.job[j].offset[m] < at ||
                                p.plan.job[j].offset[m] >= at + t.nbytes);
        }
    assert_int_equal(data, 2 * 1024 + 256 + 2 * (256 + 16 + 1)); /* floats, codes, SCB, a zero */
    assert_int_equal(first + data, p.plan.shard[0].bytes);
    for (uint64_t i = 0; i < p.plan.files; i++) {
        sum += p.plan.file[i].bytes;
        blocks += (p.plan.file[i].bytes + 4095) / 4096;
    }
    assert_int_equal(p.plan.total.output_bytes, sum);
    assert_int_equal(p.plan.total.disk_bytes, blocks * 4096);
    close_model(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_says_what_becomes_of_each_weight),
        cmocka_unit_test(plan_goes_by_the_patterns),
        cmocka_unit_test(plan_refuses_before_the_work),
        cmocka_unit_test(plan_config_is_what_was_plus_one_member),
        cmocka_unit_test(plan_config_takes_names_for_names),
        cmocka_unit_test(plan_config_check_wants_the_member_back),
        cmocka_unit_test(plan_names_the_files_that_come_and_stay),
        cmocka_unit_test(plan_lays_tensors_end_to_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
