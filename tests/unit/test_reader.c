/*
 * test_reader.c - what vLLM 0.33.0 and SGLang 0.5.23 build; expectations are read by hand in the
 * model files of their wheels
 */
#include "src/model/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define T Q8_READER_TRANSFORMERS
#define V Q8_READER_VLLM
#define S Q8_READER_SGLANG
#define INT8 Q8_PLACE_INT8
#define FLOAT Q8_PLACE_FLOAT
#define UNKNOWN Q8_PLACE_UNKNOWN

static const struct {
    enum q8_reader reader;
    const char *class, *type, *module;
    enum q8_place place;
} modules[] = {
    {V, "LlamaForCausalLM", NULL, "model.layers.0.self_attn.q_proj", INT8},
    {V, "LlamaForCausalLM", NULL, "model.layers.31.mlp.gate_proj", INT8},
    {V, "LlamaForCausalLM", NULL, "lm_head", INT8},
    {S, "LlamaForCausalLM", NULL, "model.layers.0.mlp.up_proj", INT8},
    /* no such module is in models/llama.py */
    {V, "LlamaForCausalLM", NULL, "model.layers.0.adapter.down", UNKNOWN},
    /* models/mixtral.py: ReplicatedLinear(..., quant_config=None) */
    {V, "MixtralForCausalLM", NULL, "model.layers.11.block_sparse_moe.gate", FLOAT},
    {V, "MixtralForCausalLM", NULL, "model.layers.11.block_sparse_moe.experts.7.w2", INT8},
    {V, "MixtralForCausalLM", NULL, "model.layers.11.self_attn.o_proj", INT8},
    /* models/deepseek_v2.py: GateLinear without, indexer.wk_weights_proj too */
    {V, "DeepseekV3ForCausalLM", NULL, "model.layers.3.mlp.gate", FLOAT},
    {V, "DeepseekV3ForCausalLM", NULL, "model.layers.3.mlp.experts.255.up_proj", INT8},
    {V, "DeepseekV3ForCausalLM", NULL, "model.layers.3.mlp.shared_experts.up_proj", INT8},
    {V, "DeepseekV3ForCausalLM", NULL, "model.layers.3.self_attn.kv_a_proj_with_mqa", INT8},
    {V, "DeepseekV3ForCausalLM", NULL, "model.layers.3.self_attn.indexer.wk", FLOAT},
    {V, "DeepseekV3ForCausalLM", NULL, "model.layers.3.self_attn.indexer.weights_proj", FLOAT},
    {V, "DeepseekV3ForCausalLM", NULL, "model.layers.3.self_attn.indexer.wq_b", INT8},
    {S, "DeepseekV3ForCausalLM", NULL, "model.layers.3.self_attn.indexer.weights_proj", FLOAT},
    {S, "DeepseekV3ForCausalLM", NULL, "model.layers.3.self_attn.q_a_proj", INT8},
    {S, "DeepseekV3ForCausalLM", NULL, "model.layers.0.mlp.gate_proj", INT8},
    /* models/deepseek_mtp.py: nn.Linear */
    {V, "DeepseekV3ForCausalLM", NULL, "model.layers.61.eh_proj", FLOAT},
    {S, "DeepseekV3ForCausalLM", NULL, "model.layers.61.shared_head.head", FLOAT},
    {V, "GPT2LMHeadModel", NULL, "transformer.h.0.attn.c_attn", INT8},
    {V, "Qwen2MoeForCausalLM", NULL, "model.layers.0.mlp.shared_expert_gate", FLOAT},
    {V, "Qwen2MoeForCausalLM", NULL, "model.layers.0.mlp.shared_expert.gate_proj", INT8},
    /* models/qwen2_vl.py hands its quantization to the tower, in both spellings of the file */
    {V, "Qwen2VLForConditionalGeneration", "qwen2", "visual.blocks.0.attn.qkv", INT8},
    {V, "Qwen2VLForConditionalGeneration", "qwen2", "model.visual.blocks.0.mlp.fc1", INT8},
    {V, "Qwen2VLForConditionalGeneration", "qwen2", "model.layers.0.mlp.down_proj", INT8},
    /* which tower SGLang builds the config decides; the language model's rows say nothing of it */
    {S, "LlavaForConditionalGeneration", "llama",
     "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj", UNKNOWN},
    {S, "LlavaForConditionalGeneration", "llama", "language_model.model.layers.0.self_attn.q_proj",
     INT8},
    /* models/siglip.py: float where a width is no multiple of 64, so float */
    {V, "LlavaForConditionalGeneration", "llama",
     "vision_tower.vision_model.encoder.layers.0.mlp.fc1", FLOAT},
    {V, "LlavaForConditionalGeneration", "llama",
     "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj", INT8},
    /* models/mllama4.py: the tower and the projector get quant_config=None */
    {V, "Llama4ForConditionalGeneration", "llama4_text",
     "vision_model.model.layers.0.self_attn.q_proj", FLOAT},
    {V, "Llama4ForConditionalGeneration", "llama4_text", "multi_modal_projector.linear_1", FLOAT},
    /* models/transformers/base.py replaces every nn.Linear */
    {V, "Olmo2ForCausalLM", NULL, "model.layers.0.mlp.down_proj", INT8},
    /* nobody builds these */
    {V, "ZzzForCausalLM", "qwen2", "model.layers.0.mlp.down_proj", UNKNOWN},
    {S, NULL, NULL, "model.layers.0.mlp.down_proj", UNKNOWN},
    {T, "LlamaForCausalLM", NULL, "model.layers.0.mlp.down_proj", UNKNOWN},
};

static void reader_module_is_what_the_source_builds(void **state)
{
    struct q8_reading reading;

    (void)state;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        q8_reading_init(&reading, modules[i].reader, modules[i].class, modules[i].type);
        if (q8_reading_module(&reading, modules[i].module) != modules[i].place)
            fail_msg("%s: %s of %s: place %d, not %d", q8_reader_name(modules[i].reader),
                     modules[i].module, modules[i].class ? modules[i].class : "no class",
                     (int)q8_reading_module(&reading, modules[i].module), (int)modules[i].place);
    }
}

static const struct {
    enum q8_reader reader;
    const char *class, *type;
    enum q8_place head, embed;
} ends[] = {
    {V, "LlamaForCausalLM", NULL, INT8, INT8},
    {S, "LlamaForCausalLM", NULL, INT8, FLOAT},
    {V, "MixtralForCausalLM", NULL, INT8, FLOAT},
    /* built as the tied embedding alone */
    {V, "Gemma2ForCausalLM", NULL, FLOAT, FLOAT},
    {V, "Qwen2VLForConditionalGeneration", "qwen2", INT8, INT8},
    {V, "ZzzForCausalLM", NULL, UNKNOWN, UNKNOWN},
    {T, "LlamaForCausalLM", NULL, UNKNOWN, UNKNOWN},
};

static void reader_head_and_embedding_are_what_the_source_builds(void **state)
{
    struct q8_reading reading;

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        q8_reading_init(&reading, ends[i].reader, ends[i].class, ends[i].type);
        if (q8_reading_head(&reading) != ends[i].head)
            fail_msg("%s: head %d", ends[i].class, (int)q8_reading_head(&reading));
        if (q8_reading_embed(&reading) != ends[i].embed)
            fail_msg("%s: embedding %d", ends[i].class, (int)q8_reading_embed(&reading));
    }
}

static void reader_names_are_words_and_titles_have_versions(void **state)
{
    (void)state;
    assert_string_equal(q8_reader_name(T), "transformers");
    assert_string_equal(q8_reader_name(V), "vllm");
    assert_string_equal(q8_reader_title(V), "vLLM 0.33.0");
    assert_string_equal(q8_reader_title(S), "SGLang 0.5.23");
}

static void reader_takes_any_name(void **state)
{
    const size_t length = 1 << 20;
    char *long_name = malloc(length + 1);
    struct q8_reading reading;

    (void)state;
    assert_non_null(long_name);
    q8_reading_init(&reading, V, "", "");
    assert_false(reading.known);
    q8_reading_init(&reading, V, NULL, NULL);
    assert_false(reading.known);
    for (const char *fill = ".a9#*"; *fill; fill++) {
        memset(long_name, *fill, length);
        long_name[length] = '\0';
        q8_reading_init(&reading, V, long_name, long_name);
        assert_false(reading.known);
        q8_reading_init(&reading, V, "MixtralForCausalLM", long_name);
        assert_true(reading.known);
        (void)q8_reading_module(&reading, long_name);
        (void)q8_reading_module(&reading, "");
    }
    free(long_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_module_is_what_the_source_builds),
        cmocka_unit_test(reader_head_and_embedding_are_what_the_source_builds),
        cmocka_unit_test(reader_names_are_words_and_titles_have_versions),
        cmocka_unit_test(reader_takes_any_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
