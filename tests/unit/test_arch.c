/*
 * test_arch.c - what transformers 5.23 builds for a name; expectations are its own classes, as
 * formats.md and architectures.json tell them
 */
#include "src/model/arch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *type, *class, *name;
    uint32_t rank;
    enum q8_kind kind;
} kinds[] = {
    {"llama", "LlamaForCausalLM", "model.layers.0.mlp.up_proj.weight", 2, Q8_KIND_LINEAR},
    {"llama", "LlamaForCausalLM", "model.layers.11.self_attn.q_proj.bias", 1, Q8_KIND_OTHER},
    {"llama", "LlamaForCausalLM", "model.embed_tokens.weight", 2, Q8_KIND_EMBEDDING},
    {"llama", "LlamaForCausalLM", "model.norm.weight", 1, Q8_KIND_OTHER},
    {"llama", "LlamaForCausalLM", "lm_head.weight", 2, Q8_KIND_HEAD},
    /* only a matrix that is called weight is one */
    {"llama", "LlamaForCausalLM", "model.layers.0.mlp.up_proj.weight", 3, Q8_KIND_OTHER},
    {"llama", "LlamaForCausalLM", "model.layers.0.mlp.up_proj.weight_scale", 2, Q8_KIND_OTHER},
    {"llama", "LlamaForCausalLM", ".weight", 2, Q8_KIND_OTHER},
    /* Conv1D, subclasses of nn.Linear, what stays in fp32 */
    {"gpt2", "GPT2LMHeadModel", "transformer.h.0.attn.c_attn.weight", 2, Q8_KIND_CONV1D},
    {"gpt2", "GPT2LMHeadModel", "transformer.wpe.weight", 2, Q8_KIND_EMBEDDING},
    {"falcon", "FalconForCausalLM", "transformer.h.3.mlp.dense_h_to_4h.weight", 2,
     Q8_KIND_SUBLINEAR},
    {"t5", "T5ForConditionalGeneration", "encoder.block.0.layer.1.DenseReluDense.wo.weight", 2,
     Q8_KIND_KEEP},
    {"t5", "T5ForConditionalGeneration", "encoder.block.0.layer.0.SelfAttention.o.weight", 2,
     Q8_KIND_LINEAR},
    {"t5", "T5ForConditionalGeneration", "shared.weight", 2, Q8_KIND_EMBEDDING},
    /* mixtures of experts */
    {"mixtral", "MixtralForCausalLM", "model.layers.0.block_sparse_moe.experts.7.w1.weight", 2,
     Q8_KIND_EXPERT},
    {"mixtral", "MixtralForCausalLM", "model.layers.0.block_sparse_moe.gate.weight", 2,
     Q8_KIND_ROUTER},
    {"qwen2_moe", "Qwen2MoeForCausalLM", "model.layers.0.mlp.shared_expert_gate.weight", 2,
     Q8_KIND_LINEAR_ROUTER},
    {"qwen2_moe", "Qwen2MoeForCausalLM", "model.layers.0.mlp.shared_expert.up_proj.weight", 2,
     Q8_KIND_LINEAR},
    /* a word of embeddings in the name of a Linear */
    {"albert", "AlbertModel", "encoder.embedding_hidden_mapping_in.weight", 2, Q8_KIND_LINEAR},
    {"bert", "BertForMaskedLM", "cls.predictions.decoder.weight", 2, Q8_KIND_HEAD},
    {"bert", "BertForMaskedLM", "cls.predictions.transform.dense.weight", 2, Q8_KIND_LINEAR},
    /* no table knows it: the rule */
    {"zzz", "ZzzForCausalLM", "blocks.0.ffn.weight", 2, Q8_KIND_LINEAR},
    {"zzz", "ZzzForCausalLM", "lm_head.weight", 2, Q8_KIND_HEAD},
    {"zzz", "ZzzForCausalLM", "tok_embeddings.weight", 2, Q8_KIND_EMBEDDING},
    {NULL, NULL, "a.b.weight", 2, Q8_KIND_LINEAR},
    /* patterns end at a dot: this is no ".gate" */
    {"zzz", "ZzzForCausalLM", "layers.0.investigate.weight", 2, Q8_KIND_LINEAR},
    {"zzz", "ZzzForCausalLM", "layers.0.gate.weight", 2, Q8_KIND_ROUTER},
};

static void arch_kind_is_what_transformers_builds(void **state)
{
    struct q8_arch arch;

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        q8_arch_init(&arch, kinds[i].type, kinds[i].class);
        if (q8_arch_kind(&arch, kinds[i].name, kinds[i].rank) != kinds[i].kind)
            fail_msg("%s of %s: kind %d, not %d", kinds[i].name,
                     kinds[i].class ? kinds[i].class : "no class",
                     (int)q8_arch_kind(&arch, kinds[i].name, kinds[i].rank), (int)kinds[i].kind);
    }
}

static void arch_knows_the_classes_of_its_table(void **state)
{
    struct q8_arch arch;

    (void)state;
    q8_arch_init(&arch, "llama", "LlamaForCausalLM");
    assert_true(arch.known);
    q8_arch_init(&arch, "llama", "LlamaForCausalLMX");
    assert_false(arch.known);
    q8_arch_init(&arch, NULL, NULL);
    assert_false(arch.known);
}

/* A tied head is not in the file, and yet must be named in the skip list. */
static void arch_head_names_what_the_file_may_lack(void **state)
{
    static const struct {
        const char *type, *class, *head;
    } cases[] = {
        {"llama", "LlamaForCausalLM", "lm_head"},
        {"bert", "BertForMaskedLM", "cls.predictions.decoder"},
        {"roberta", "RobertaForMaskedLM", "lm_head.decoder"},
        {"gpt2", "GPT2LMHeadModel", "lm_head"},
        {"whisper", "WhisperForConditionalGeneration", "proj_out"},
        {"llama", "LlamaModel", NULL},
        {"bert", "BertModel", NULL},
    };
    struct q8_arch arch;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *head;

        q8_arch_init(&arch, cases[i].type, cases[i].class);
        head = q8_arch_head(&arch, 0);
        if (!cases[i].head) {
            assert_null(head);
            continue;
        }
        assert_non_null(head);
        assert_string_equal(head, cases[i].head);
        assert_null(q8_arch_head(&arch, 100));
    }
}

static void arch_splits_fused_experts_of_known_layout_only(void **state)
{
    const struct q8_arch_experts *layout;
    struct q8_arch arch;

    (void)state;
    q8_arch_init(&arch, "qwen3_vl_moe", "Qwen3VLMoeForConditionalGeneration");
    layout = q8_arch_experts(&arch, "model.language_model.layers.0.mlp.experts.gate_up_proj");
    assert_non_null(layout);
    assert_string_equal(layout->part[0], "gate_proj");
    assert_string_equal(layout->part[1], "up_proj");
    layout = q8_arch_experts(&arch, "model.language_model.layers.0.mlp.experts.down_proj");
    assert_non_null(layout);
    assert_string_equal(layout->part[0], "down_proj");
    assert_null(layout->part[1]);
    assert_null(q8_arch_experts(&arch, "model.language_model.layers.0.mlp.gate.weight"));
    q8_arch_init(&arch, "gpt_oss", "GptOssForCausalLM"); /* stored the other way round */
    assert_null(q8_arch_experts(&arch, "model.layers.0.mlp.experts.gate_up_proj"));
    q8_arch_init(&arch, NULL, NULL);
    assert_null(q8_arch_experts(&arch, "model.layers.0.mlp.experts.gate_up_proj"));
}

static void arch_group_is_what_runtimes_fuse(void **state)
{
    (void)state;
    assert_string_equal(q8_arch_group("model.layers.0.self_attn.q_proj"), "qkv_proj");
    assert_string_equal(q8_arch_group("model.layers.0.self_attn.v_proj"), "qkv_proj");
    assert_string_equal(q8_arch_group("model.layers.0.mlp.up_proj"), "gate_up_proj");
    assert_null(q8_arch_group("model.layers.0.self_attn.o_proj"));
    assert_null(q8_arch_group("seq_proj"));
}

/* formats.md 2.2.6, and a class that everything loads. */
static void arch_refusals_name_the_runtime(void **state)
{
    static const struct {
        const char *type;
        enum q8_layout layout;
        struct q8_arch_traits traits;
        bool refused;
    } cases[] = {
        {"llama", Q8_LAYOUT_PLAIN, {0}, false},
        {"llama", Q8_LAYOUT_PACKED, {0}, false},
        {"mixtral", Q8_LAYOUT_PLAIN, {.experts = true}, true},
        {"mixtral", Q8_LAYOUT_PACKED, {.experts = true}, false},
        {"mixtral", Q8_LAYOUT_PACKED, {.experts = true, .other_experts = true}, true},
        {"falcon", Q8_LAYOUT_PACKED, {.sublinear = true}, true},
        {"falcon", Q8_LAYOUT_PLAIN, {.sublinear = true}, false},
        {"llava", Q8_LAYOUT_PACKED, {.moved = true}, true},
        {"llava", Q8_LAYOUT_PLAIN, {.moved = true}, true},
        {"t5", Q8_LAYOUT_PACKED, {0}, true},
        {"t5", Q8_LAYOUT_PLAIN, {0}, false},
        {"t5", Q8_LAYOUT_BNB, {0}, false},
        {NULL, Q8_LAYOUT_PLAIN, {0}, false},
    };
    struct q8_arch_refusal refusal;
    struct q8_arch arch;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        q8_arch_init(&arch, cases[i].type, NULL);
        assert_int_equal(q8_arch_refusal(&arch, cases[i].layout, &cases[i].traits, 0, &refusal),
                         cases[i].refused);
        if (cases[i].refused)
            assert_non_null(strstr(refusal.runtime, "transformers"));
    }
}

/* transformers 5.23, conversion_mapping.py. */
static void arch_moved_is_what_transformers_renames(void **state)
{
    static const struct {
        const char *type, *class_name, *module;
        bool moved;
    } rows[] = {
        {"llava", "LlavaForConditionalGeneration", "language_model.model.layers.0.mlp.up_proj",
         true},
        {"llava", "LlavaForConditionalGeneration", "model.language_model.layers.0.mlp.up_proj",
         false},
        {"qwen2_vl", "Qwen2VLForConditionalGeneration", "model.layers.1.mlp.up_proj", true},
        {"gpt_neox", "GPTNeoXForCausalLM", "embed_out", true},
        {"gpt_neox", "GPTNeoXForCausalLM", "gpt_neox.layers.0.mlp.dense_4h_to_h", false},
        {"llama", "LlamaForCausalLM", "model.layers.1.mlp.up_proj", false},
        {NULL, NULL, "model.layers.1.mlp.up_proj", false},
    };
    struct q8_arch arch;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        q8_arch_init(&arch, rows[i].type, rows[i].class_name);
        assert_int_equal(q8_arch_moved(&arch, rows[i].module), rows[i].moved);
    }
}

static void arch_every_kind_has_a_reason(void **state)
{
    (void)state;
    for (int kind = 0; kind < Q8_KINDS; kind++)
        assert_non_null(q8_kind_reason((enum q8_kind)kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arch_kind_is_what_transformers_builds),
        cmocka_unit_test(arch_knows_the_classes_of_its_table),
        cmocka_unit_test(arch_head_names_what_the_file_may_lack),
        cmocka_unit_test(arch_splits_fused_experts_of_known_layout_only),
        cmocka_unit_test(arch_group_is_what_runtimes_fuse),
        cmocka_unit_test(arch_refusals_name_the_runtime),
        cmocka_unit_test(arch_moved_is_what_transformers_renames),
        cmocka_unit_test(arch_every_kind_has_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
