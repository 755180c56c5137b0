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
    /* what transformers cuts, joins or permutes on loading */
    {"nomic_bert", "NomicBertModel", "encoder.layers.0.attn.Wqkv.weight", 2, Q8_KIND_FUSED},
    {"nomic_bert", "NomicBertModel", "layers.0.self_attn.q_proj.weight", 2, Q8_KIND_LINEAR},
    /* classes with more than a language model's heads; boxes of a DETR that are tied */
    {"musicgen", "MusicgenForConditionalGeneration", "decoder.lm_heads.0.weight", 2, Q8_KIND_HEAD},
    {"imagegpt", "ImageGPTForCausalImageModeling", "transformer.h.0.attn.c_attn.weight", 2,
     Q8_KIND_CONV1D},
    {"colpali", "ColPaliForRetrieval", "embedding_proj_layer.weight", 2, Q8_KIND_LINEAR},
    {"d_fine", "DFineForObjectDetection", "model.decoder.class_embed.0.weight", 2, Q8_KIND_HEAD},
    {"deformable_detr", "DeformableDetrForObjectDetection", "model.decoder.class_embed.1.weight", 2,
     Q8_KIND_HEAD},
    {"wav2vec2", "Wav2Vec2ForXVector", "objective.weight", 2, Q8_KIND_OTHER},
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
        /* their _init_weights, or their own code, reads a weight that is packed */
        {"modernbert", Q8_LAYOUT_PACKED, {0}, true},
        {"gpt_bigcode", Q8_LAYOUT_PACKED, {0}, true},
        {"paligemma", Q8_LAYOUT_PACKED, {0}, true},
        {"dinov2", Q8_LAYOUT_PACKED, {0}, true},
        {"deberta", Q8_LAYOUT_PACKED, {0}, true},
        {"modernbert", Q8_LAYOUT_PLAIN, {0}, false},
        {"t5", Q8_LAYOUT_PACKED, {0}, true},
        {"t5", Q8_LAYOUT_PLAIN, {0}, false},
        {"t5", Q8_LAYOUT_BNB, {0}, false},
        {"dinov2", Q8_LAYOUT_PLAIN, {0}, true}, /* cuts a weight on loading */
        {"mamba", Q8_LAYOUT_BNB, {0}, true},    /* multiplies by it */
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
    q8_arch_init(&arch, "mixtral", NULL);
    assert_true(q8_arch_refusal(&arch, Q8_LAYOUT_PLAIN,
                                &(struct q8_arch_traits){.int8_experts = true}, 0, &refusal));
    assert_non_null(strstr(refusal.runtime, "SGLang"));
}

/* transformers 5.23, conversion_mapping.py. */
/* Expectations: rename_source_key of transformers 5.23 over these names. */
static const struct {
    const char *type, *class_name, *module, *memory; /* NULL: the same */
} memory_names[] = {
    {"llava", "LlavaForConditionalGeneration", "language_model.model.layers.0.mlp.up_proj",
     "model.language_model.layers.0.mlp.up_proj"},
    {"llava", "LlavaForConditionalGeneration", "model.language_model.layers.0.mlp.up_proj", NULL},
    {"llava", "LlavaForConditionalGeneration", "language_model.lm_head", "lm_head"},
    {"llava", "LlavaForConditionalGeneration",
     "vision_tower.vision_model.encoder.layers.11.mlp.fc1",
     "model.vision_tower.encoder.layers.11.mlp.fc1"},
    {"qwen2_vl", "Qwen2VLForConditionalGeneration", "model.layers.1.mlp.up_proj",
     "model.language_model.layers.1.mlp.up_proj"},
    {"qwen2_vl", "Qwen2VLForConditionalGeneration", "visual.merger.mlp.2",
     "model.visual.merger.mlp.2"},
    {"vit", "ViTForImageClassification", "vit.encoder.layer.3.attention.attention.query",
     "vit.layers.3.attention.q_proj"},
    {"vit", "ViTForImageClassification", "classifier", NULL},
    {"gpt_neox", "GPTNeoXForCausalLM", "embed_out", "lm_head"},
    {"gpt_neox", "GPTNeoXForCausalLM", "gpt_neox.layers.0.mlp.dense_4h_to_h", NULL},
    /* the base model's prefix, as gpt2's own checkpoint lacks it, and one in the base model */
    {"gpt2", "GPT2LMHeadModel", "h.0.attn.c_attn", "transformer.h.0.attn.c_attn"},
    {"gpt2", "GPT2LMHeadModel", "lm_head", NULL},
    {"gpt2", "GPT2Model", "transformer.h.0.attn.c_attn", "h.0.attn.c_attn"},
    {"llama", "LlamaForCausalLM", "model.layers.1.mlp.up_proj", NULL},
    {"llama", "LlamaForCausalLM", "layers.1.mlp.up_proj", "model.layers.1.mlp.up_proj"},
    {"llama", "LlamaModel", "model.layers.1.mlp.up_proj", "layers.1.mlp.up_proj"},
    /* code of one's own is not renamed */
    {"llava", "LlavaForMe", "language_model.model.layers.0.mlp.up_proj", NULL},
    {NULL, NULL, "layers.1.mlp.up_proj", NULL},
};

static void arch_memory_name_is_what_transformers_makes_of_it(void **state)
{
    char name[128];

    (void)state;
    for (size_t i = 0; i < sizeof memory_names / sizeof *memory_names; i++) {
        const char *module = memory_names[i].module, *want = memory_names[i].memory, *got;
        struct q8_arch arch;

        q8_arch_init(&arch, memory_names[i].type, memory_names[i].class_name);
        got = q8_arch_memory_name(&arch, module, name, sizeof name);
        if (q8_arch_moved(&arch, module) != (want != NULL))
            fail_msg("%s of %s: %s", module, memory_names[i].class_name, got);
        if (want)
            assert_string_equal(got, want);
        else
            assert_ptr_equal(got, module);
    }
}

/* The parts of nomic_bert's Wqkv, by conversion_mapping.py of transformers 5.23. */
static void arch_part_names_are_those_in_memory(void **state)
{
    static const char *const parts[] = {"layers.4.self_attn.q_proj", "layers.4.self_attn.k_proj",
                                        "layers.4.self_attn.v_proj"};
    static const char fused[] = "encoder.layers.4.attn.Wqkv";
    struct q8_arch arch;
    char name[64];

    (void)state;
    q8_arch_init(&arch, "nomic_bert", "NomicBertModel");
    assert_true(q8_arch_fused(&arch, fused)->equal);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(q8_arch_part_name(&arch, fused, i, name, sizeof name), parts[i]);
    assert_null(q8_arch_part_name(&arch, fused, 3, name, sizeof name));
    assert_null(q8_arch_part_name(&arch, fused, 0, name, 25));
    assert_null(q8_arch_part_name(&arch, "layers.4.self_attn.q_proj", 0, name, sizeof name));
    /* sizes by the config; rows in another order */
    q8_arch_init(&arch, "molmo2", "Molmo2ForConditionalGeneration");
    assert_false(q8_arch_fused(&arch, "model.transformer.blocks.0.self_attn.att_proj")->equal);
    q8_arch_init(&arch, "nomic_bert", "NomicBertOwn");
    assert_null(q8_arch_fused(&arch, fused));
}

static void arch_memory_name_of_little_room_is_none(void **state)
{
    static const char long_digits[] = "encoder.layer.0";
    char name[64], digits[4096];
    struct q8_arch arch;

    (void)state;
    q8_arch_init(&arch, "gpt2", "GPT2LMHeadModel");
    assert_null(q8_arch_memory_name(&arch, "h.0.attn.c_attn", name, 16));
    assert_null(q8_arch_memory_name(&arch, "h.0.attn.c_attn", name, 27));
    assert_string_equal(q8_arch_memory_name(&arch, "h.0.attn.c_attn", name, 28),
                        "transformer.h.0.attn.c_attn");
    /* a name without end, and parts of none */
    q8_arch_init(&arch, "vit", "ViTModel");
    memset(digits, '1', sizeof digits);
    memcpy(digits, long_digits, sizeof long_digits - 1);
    digits[sizeof digits - 1] = '\0';
    (void)q8_arch_memory_name(&arch, digits, name, sizeof name);
    assert_string_equal(q8_arch_memory_name(&arch, "..", name, sizeof name), "..");
    assert_string_equal(q8_arch_memory_name(&arch, "", name, sizeof name), "");
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
        cmocka_unit_test(arch_memory_name_is_what_transformers_makes_of_it),
        cmocka_unit_test(arch_memory_name_of_little_room_is_none),
        cmocka_unit_test(arch_part_names_are_those_in_memory),
        cmocka_unit_test(arch_every_kind_has_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
