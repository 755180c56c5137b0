/* test_foreign.c - what tells that a model is no float one, and what does not */
#include "src/model/foreign.h"

#include "src/base/json.h"
#include "src/model/unfinished.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define Q "model.layers.0.self_attn.q_proj"
#define P "model.layers.1.self_attn.q_proj"

static const unsigned char bytes[64];

/* A float weight, which is in every model here. */
#define FLOAT                                                                                      \
    {                                                                                              \
        P ".weight", "F32", "[4, 4]", bytes, 64                                                    \
    }
#define NONE                                                                                       \
    {                                                                                              \
        0                                                                                          \
    }

/* The answer for a model with that config.json and those tensors besides. */
static enum q8_code ask(const char *config, const struct scratch_tensor more[2], const char *phrase)
{
    const struct scratch_tensor tensor[] = {FLOAT, more[0], more[1]};
    const size_t count = 1 + (more[0].name != NULL) + (more[1].name != NULL);
    struct scratch s;
    enum q8_code ret;

    scratch_make(&s, config, tensor, count);
    assert_true(scratch_open(&s));
    assert_true(q8_model_is_float(&s.model, &s.err) == (s.err.code == Q8_OK));
    ret = s.err.code;
    if (phrase && !strstr(s.err.text, phrase))
        fail_msg("no '%s' in: %s", phrase, s.err.text);
    scratch_close(&s);
    return ret;
}

static void foreign_config_is_told_by_its_members(void **state)
{
    static const struct scratch_tensor none[2];
    static const struct {
        const char *config, *phrase; /* NULL: a float model */
    } cases[] = {
        {"{\"quantization_config\": {\"quant_method\": \"awq\"}}",
         "by awq: quantization_config in"},
        {"{\"quantization_config\": {\"x\": 1}}", "by an unnamed method"},
        {"{\"compression_config\": {\"format\": \"x\"}}", "compression_config in config.json"},
        {"{\"quantization\": {\"group_size\": 64, \"bits\": 4}}", "by MLX"},
        {"{\"llm_config\": {\"quantization_config\": {\"quant_method\": \"gptq\"}}}",
         "by gptq: quantization_config in llm_config of config.json"},
        {"{\"thinker_config\": {\"text_config\": {\"quantization_config\": {\"a\": 1}}}}",
         "quantization_config in text_config of config.json"},
        {"{\"quantization_config\": null}", NULL},
        {"{\"quantization_config\": {}}", NULL},
        {"{\"quantization_config\": false}", NULL},
        {"{\"quantization_config\": \"\"}", NULL},
        {"{\"text_config\": {\"quantization_config\": null}}", NULL},
        {"{\"quantization\": {\"quant_algo\": null}}", NULL},
        {"{\"quantization\": \"none\"}", NULL},
        {"{}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(ask(cases[i].config, none, cases[i].phrase),
                         cases[i].phrase ? Q8_EUNSUPPORTED : Q8_OK);
}

static void foreign_tensors_are_told_by_names_and_types(void **state)
{
    static const struct {
        struct scratch_tensor tensor[2];
        const char *phrase; /* NULL: a float model */
    } cases[] = {
        {{{Q ".weight_scale", "F32", "[1]", bytes, 4}, NONE}, "weight_scale' (F32)"},
        {{{Q ".weight_scale_inv", "F32", "[1]", bytes, 4}, NONE}, "by FP8 in blocks"},
        {{{Q ".qweight", "I32", "[1, 1]", bytes, 4}, NONE}, "by GPTQ or AWQ"},
        {{{Q ".weight", "U32", "[2, 1]", bytes, 8}, {Q ".scales", "F16", "[2, 1]", bytes, 4}},
         "by MLX"},
        {{{Q ".weight._data", "I8", "[2, 1]", bytes, 2}, NONE}, "by optimum-quanto"},
        {{{Q ".SCB", "F32", "[2]", bytes, 8}, NONE}, "by bitsandbytes with 8 bits"},
        {{{Q ".weight.absmax", "F32", "[2]", bytes, 8}, NONE}, "by bitsandbytes with 4 bits"},
        {{{Q ".weight.quant_state.bitsandbytes__nf4", "U8", "[2]", bytes, 2}, NONE},
         "by bitsandbytes with 4 bits"},
        {{{"m.experts.down_proj_blocks", "U8", "[2, 1]", bytes, 2},
          {"m.experts.down_proj_scales", "U8", "[2]", bytes, 2}},
         "by MXFP4"},
        {{{Q ".comfy_quant", "U8", "[2]", bytes, 2}, NONE}, "by ComfyUI"},
        {{{Q ".weight", "F8_E4M3", "[2, 2]", bytes, 4}, NONE}, "narrow floats"},
        {{{"m.mlp.experts.down_proj", "F8_E5M2", "[1, 2, 2]", bytes, 4}, NONE}, "narrow floats"},
        {{{Q ".weight", "I8", "[2, 2]", bytes, 4}, NONE}, "whole numbers"},
        {{{Q ".weight", "F8_E4M3", "[2, 2]", bytes, 4},
          {Q ".weight_scale_inv", "F32", "[1, 1]", bytes, 4}},
         "by FP8 in blocks"},
        /* what is near it */
        {{{Q ".scales", "F32", "[1]", bytes, 4}, NONE}, NULL},
        {{{"g_idx", "F32", "[1]", bytes, 4}, NONE}, NULL},
        {{{"m.position_ids", "I64", "[1, 2]", bytes, 16}, NONE}, NULL},
        {{{"m.steps.weight", "I64", "[2]", bytes, 16}, NONE}, NULL},
        {{{"m.e", "F8_E8M0", "[2]", bytes, 2}, NONE}, NULL},
        {{{"m.down_blocks", "F32", "[2]", bytes, 8}, {"m.down_scales", "F32", "[2]", bytes, 8}},
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(ask("{}", cases[i].tensor, cases[i].phrase),
                         cases[i].phrase ? Q8_EUNSUPPORTED : Q8_OK);
}

static void foreign_training_is_told_by_what_it_leaves(void **state)
{
    static const struct {
        struct scratch_tensor tensor[2];
        enum q8_code code;
    } cases[] = {
        {{{Q ".base_layer.weight", "F32", "[2, 2]", bytes, 16},
          {Q ".lora_A.default.weight", "F32", "[1, 2]", bytes, 8}},
         Q8_EUNSUPPORTED},
        {{{"base_layer.0.weight", "F32", "[2, 2]", bytes, 16}, NONE}, Q8_OK},
        {{{Q ".parametrizations.weight.0.lora_A", "F32", "[2, 2]", bytes, 16}, NONE}, Q8_OK},
        {{{Q ".weight", "F32", "[0]", bytes, 0}, NONE}, Q8_EINPUT},
        {{{Q ".weight", "F32", "[16]", bytes, 64}, NONE}, Q8_EINPUT},
        {{{"h.0.odd.weight", "F32", "[4]", bytes, 16},
          {"h.1.odd.weight", "F32", "[2, 2]", bytes, 16}},
         Q8_EINPUT},
        {{{"h._flat_param", "F32", "[4]", bytes, 16}, NONE}, Q8_EINPUT},
        /* a norm and a Linear in a row of modules; no rows at all */
        {{{"m.mlp.0.weight", "F32", "[4]", bytes, 16},
          {"m.mlp.1.weight", "F32", "[2, 2]", bytes, 16}},
         Q8_OK},
        {{{"h.0.odd.weight", "F32", "[4]", bytes, 16},
          {"h.1.odd.weight", "F32", "[1, 2, 2]", bytes, 16}},
         Q8_OK},
        {{{Q ".weight", "F32", "[0, 4]", bytes, 0}, NONE}, Q8_OK},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(ask("{}", cases[i].tensor, NULL), cases[i].code);
}

static void foreign_head_is_one_that_a_language_model_has_not(void **state)
{
    static const struct {
        const char *class_name, *module;
        bool foreign;
    } cases[] = {
        {"LlamaForCausalLM", "v_head.summary", true},
        {"LlamaForCausalLM", "v_head", true},
        {"LlamaForCausalLM", "classifier", true},
        {"LlamaForCausalLM", "aligner.dense", true},
        {"LlamaForCausalLM", "model.layers.0.v_head", false},
        {"LlamaForCausalLM", "layers.0.mlp", false},
        {"LlamaForCausalLM", "model.norm", false},
        {"LlamaForCausalLM", "wte", false},
        {"LlavaForConditionalGeneration", "aligner.dense", false},
        {"BertForSequenceClassification", "classifier", false},
        {"Own", "v_head.summary", false},
        {NULL, "v_head.summary", false},
    };
    struct q8_arch arch;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        q8_arch_init(&arch, "x", cases[i].class_name);
        assert_true((q8_unfinished_head(&arch, cases[i].module) != NULL) == cases[i].foreign);
    }
}

static void json_member_is_found_in_the_text(void **state)
{
    static const char text[] = "{\"a\": NaN, \"b\": {\"c\": 1}, \"\\u0063\" : [ 2 ] , \"d\":null}";
    uint64_t start, end;
    struct q8_err err = {0};

    (void)state;
    assert_true(q8_json_find(text, strlen(text), "c", &start, &end, &err));
    assert_int_equal(end - start, 5);
    assert_memory_equal(text + start, "[ 2 ]", 5);
    assert_true(q8_json_find(text, strlen(text), "d", &start, &end, &err));
    assert_memory_equal(text + start, "null}", 5);
    assert_int_equal(end - start, 4);
    assert_false(q8_json_find(text, strlen(text), "e", &start, &end, &err));
    assert_int_equal(err.code, Q8_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_config_is_told_by_its_members),
        cmocka_unit_test(foreign_tensors_are_told_by_names_and_types),
        cmocka_unit_test(foreign_training_is_told_by_what_it_leaves),
        cmocka_unit_test(foreign_head_is_one_that_a_language_model_has_not),
        cmocka_unit_test(json_member_is_found_in_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
