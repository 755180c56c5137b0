/*
 * archs.c - the architectures of GGUF that q8 makes models of transformers of
 *
 * Names and changes: llama.cpp 0c1e57098, convert_hf_to_gguf.py and gguf-py/gguf/tensor_mapping.py,
 * the other way round; which keys say what: transformers 5.23, integrations/ggml.py, and where that
 * says less, src/llama-model.cpp.
 */
#include "src/model/gguf/archs.h"

#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LAYER "model.layers.#."

/* ---- names ---- */

static const struct q8_gguf_name common[] = {
    {"token_embd", "model.embed_tokens", Q8_GGUF_SAME},
    {"output_norm", "model.norm", Q8_GGUF_NORM},
    {"output", "lm_head", Q8_GGUF_SAME},
    {"rope_freqs", "", Q8_GGUF_LEFT},
    {"rope_factors_long", "", Q8_GGUF_LEFT},
    {"rope_factors_short", "", Q8_GGUF_LEFT},
    {"blk.#.attn_norm", LAYER "input_layernorm", Q8_GGUF_NORM},
    {"blk.#.ffn_norm", LAYER "post_attention_layernorm", Q8_GGUF_NORM},
    {"blk.#.attn_q", LAYER "self_attn.q_proj", Q8_GGUF_Q},
    {"blk.#.attn_k", LAYER "self_attn.k_proj", Q8_GGUF_K},
    {"blk.#.attn_v", LAYER "self_attn.v_proj", Q8_GGUF_SAME},
    {"blk.#.attn_output", LAYER "self_attn.o_proj", Q8_GGUF_SAME},
    {"blk.#.attn_q_norm", LAYER "self_attn.q_norm", Q8_GGUF_NORM},
    {"blk.#.attn_k_norm", LAYER "self_attn.k_norm", Q8_GGUF_NORM},
    {"blk.#.ffn_gate", LAYER "mlp.gate_proj", Q8_GGUF_SAME},
    {"blk.#.ffn_up", LAYER "mlp.up_proj", Q8_GGUF_SAME},
    {"blk.#.ffn_down", LAYER "mlp.down_proj", Q8_GGUF_SAME},
};

static const struct q8_gguf_name none[] = {{.gguf = NULL}};

static const struct q8_gguf_name mixtral_names[] = {
    {"blk.#.ffn_gate_inp", LAYER "block_sparse_moe.gate", Q8_GGUF_SAME},
    {"blk.#.ffn_gate_exps", LAYER "block_sparse_moe.experts.*.w1", Q8_GGUF_EXPERTS},
    {"blk.#.ffn_down_exps", LAYER "block_sparse_moe.experts.*.w2", Q8_GGUF_EXPERTS},
    {"blk.#.ffn_up_exps", LAYER "block_sparse_moe.experts.*.w3", Q8_GGUF_EXPERTS},
    {.gguf = NULL},
};

static const struct q8_gguf_name qwen_moe_names[] = {
    {"blk.#.ffn_gate_inp", LAYER "mlp.gate", Q8_GGUF_SAME},
    {"blk.#.ffn_gate_exps", LAYER "mlp.experts.*.gate_proj", Q8_GGUF_EXPERTS},
    {"blk.#.ffn_up_exps", LAYER "mlp.experts.*.up_proj", Q8_GGUF_EXPERTS},
    {"blk.#.ffn_down_exps", LAYER "mlp.experts.*.down_proj", Q8_GGUF_EXPERTS},
    {"blk.#.ffn_gate_shexp", LAYER "mlp.shared_expert.gate_proj", Q8_GGUF_SAME},
    {"blk.#.ffn_up_shexp", LAYER "mlp.shared_expert.up_proj", Q8_GGUF_SAME},
    {"blk.#.ffn_down_shexp", LAYER "mlp.shared_expert.down_proj", Q8_GGUF_SAME},
    {"blk.#.ffn_gate_inp_shexp", LAYER "mlp.shared_expert_gate", Q8_GGUF_ROW},
    {.gguf = NULL},
};

static const struct q8_gguf_name phi3_names[] = {
    {"blk.#.attn_qkv", LAYER "self_attn.qkv_proj", Q8_GGUF_SAME},
    {"blk.#.ffn_up", LAYER "mlp.gate_up_proj", Q8_GGUF_SAME},
    {.gguf = NULL},
};

static const struct q8_gguf_name four_norms[] = {
    {"blk.#.ffn_norm", LAYER "pre_feedforward_layernorm", Q8_GGUF_NORM},
    {"blk.#.post_attention_norm", LAYER "post_attention_layernorm", Q8_GGUF_NORM},
    {"blk.#.post_ffw_norm", LAYER "post_feedforward_layernorm", Q8_GGUF_NORM},
    {.gguf = NULL},
};

static const struct q8_gguf_name starcoder2_names[] = {
    {"blk.#.ffn_up", LAYER "mlp.c_fc", Q8_GGUF_SAME},
    {"blk.#.ffn_down", LAYER "mlp.c_proj", Q8_GGUF_SAME},
    {.gguf = NULL},
};

/* Norms of heads, which have another shape in transformers, or need a word in the config. */
static const struct q8_gguf_name no_head_norms[] = {
    {"blk.#.attn_q_norm", NULL, Q8_GGUF_SAME},
    {"blk.#.attn_k_norm", NULL, Q8_GGUF_SAME},
    {.gguf = NULL},
};

#define NEOX "gpt_neox.layers.#."
static const struct q8_gguf_name gptneox_names[] = {
    {"token_embd", "gpt_neox.embed_in", Q8_GGUF_SAME},
    {"output_norm", "gpt_neox.final_layer_norm", Q8_GGUF_SAME},
    {"output", "embed_out", Q8_GGUF_SAME},
    {"blk.#.attn_norm", NEOX "input_layernorm", Q8_GGUF_SAME},
    {"blk.#.ffn_norm", NEOX "post_attention_layernorm", Q8_GGUF_SAME},
    {"blk.#.attn_qkv", NEOX "attention.query_key_value", Q8_GGUF_QKV},
    {"blk.#.attn_output", NEOX "attention.dense", Q8_GGUF_SAME},
    {"blk.#.ffn_up", NEOX "mlp.dense_h_to_4h", Q8_GGUF_SAME},
    {"blk.#.ffn_down", NEOX "mlp.dense_4h_to_h", Q8_GGUF_SAME},
    {.gguf = NULL},
};

#define BLOOM "transformer.h.#."
static const struct q8_gguf_name bloom_names[] = {
    {"token_embd", "transformer.word_embeddings", Q8_GGUF_SAME},
    {"token_embd_norm", "transformer.word_embeddings_layernorm", Q8_GGUF_SAME},
    {"output_norm", "transformer.ln_f", Q8_GGUF_SAME},
    {"blk.#.attn_norm", BLOOM "input_layernorm", Q8_GGUF_SAME},
    {"blk.#.ffn_norm", BLOOM "post_attention_layernorm", Q8_GGUF_SAME},
    {"blk.#.attn_qkv", BLOOM "self_attention.query_key_value", Q8_GGUF_QKV},
    {"blk.#.attn_output", BLOOM "self_attention.dense", Q8_GGUF_SAME},
    {"blk.#.ffn_up", BLOOM "mlp.dense_h_to_4h", Q8_GGUF_SAME},
    {"blk.#.ffn_down", BLOOM "mlp.dense_4h_to_h", Q8_GGUF_SAME},
    {.gguf = NULL},
};

/* ---- config.json ---- */

const struct q8_gguf_member q8_gguf_members[] = {
    {"hidden_size", "embedding_length", NULL},
    {"num_hidden_layers", "block_count", NULL},
    {"intermediate_size", "feed_forward_length", NULL},
    {"num_attention_heads", "attention.head_count", NULL},
    {"max_position_embeddings", "context_length", NULL},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon", NULL},
    {"rope_theta", "rope.freq_base", "10000.0"},
    {"head_dim", "attention.key_length", ""},
    {.hf = NULL},
};

static const struct q8_gguf_member plain[] = {{"hidden_act", NULL, "\"silu\""}, {.hf = NULL}};

static const struct q8_gguf_member mixtral_members[] = {
    {"hidden_act", NULL, "\"silu\""},
    {"num_local_experts", "expert_count", NULL},
    {"num_experts_per_tok", "expert_used_count", NULL},
    {.hf = NULL},
};

/* norm_topk_prob: what llama.cpp does, src/llama-model.cpp, build_moe_ffn. */
#define QWEN_MOE(norm)                                                                             \
    {                                                                                              \
        {"hidden_act", NULL, "\"silu\""}, {"norm_topk_prob", NULL, norm},                          \
            {"num_experts", "expert_count", NULL},                                                 \
            {"num_experts_per_tok", "expert_used_count", NULL},                                    \
            {"moe_intermediate_size", "expert_feed_forward_length", NULL},                         \
            {"shared_expert_intermediate_size", "expert_shared_feed_forward_length", ""},          \
        {                                                                                          \
            .hf = NULL                                                                             \
        }                                                                                          \
    }
static const struct q8_gguf_member qwen2moe_members[] = QWEN_MOE("false");
static const struct q8_gguf_member qwen3moe_members[] = QWEN_MOE("true");

static const struct q8_gguf_member phi3_members[] = {
    {"hidden_act", NULL, "\"silu\""},
    {"original_max_position_embeddings", "rope.scaling.original_context_length", NULL},
    {"sliding_window", "attention.sliding_window", "null"},
    {.hf = NULL},
};

#define GELU                                                                                       \
    {                                                                                              \
        "hidden_activation", NULL, "\"gelu_pytorch_tanh\""                                         \
    }

static const struct q8_gguf_member gemma_members[] = {GELU, {.hf = NULL}};

static const struct q8_gguf_member gemma2_members[] = {
    GELU,
    {"attn_logit_softcapping", "attn_logit_softcapping", NULL},
    {"final_logit_softcapping", "final_logit_softcapping", NULL},
    {"sliding_window", "attention.sliding_window", NULL},
    {.hf = NULL},
};

static const struct q8_gguf_member gemma3_members[] = {
    GELU,
    {"final_logit_softcapping", "final_logit_softcapping", "null"},
    {"sliding_window", "attention.sliding_window", NULL},
    {"rope_theta", "rope.freq_base", "1000000.0"},
    {"rope_local_base_freq", "rope.freq_base_swa", "10000.0"},
    {.hf = NULL},
};

static const struct q8_gguf_member starcoder2_members[] = {
    {"hidden_act", NULL, "\"gelu_pytorch_tanh\""},
    {"norm_epsilon", "attention.layer_norm_epsilon", NULL},
    {"rms_norm_eps", NULL, ""},
    {"sliding_window", "attention.sliding_window", "null"},
    {.hf = NULL},
};

static const struct q8_gguf_member granite_members[] = {
    {"hidden_act", NULL, "\"silu\""},
    {"attention_multiplier", "attention.scale", "1.0"},
    {"embedding_multiplier", "embedding_scale", "1.0"},
    {"residual_multiplier", "residual_scale", "1.0"},
    {"logits_scaling", "logit_scale", "1.0"},
    {.hf = NULL},
};

/* Norms with a mean. */
#define LAYER_NORM(key)                                                                            \
    {key, "attention.layer_norm_epsilon", NULL},                                                   \
    {                                                                                              \
        "rms_norm_eps", NULL, ""                                                                   \
    }

static const struct q8_gguf_member cohere_members[] = {
    {"hidden_act", NULL, "\"silu\""},
    {"logit_scale", "logit_scale", NULL},
    LAYER_NORM("layer_norm_eps"),
    {.hf = NULL},
};

static const struct q8_gguf_member stablelm_members[] = {
    {"hidden_act", NULL, "\"silu\""},
    {"use_parallel_residual", "use_parallel_residual", "false"},
    LAYER_NORM("layer_norm_eps"),
    {.hf = NULL},
};

static const struct q8_gguf_member gptneox_members[] = {
    {"hidden_act", NULL, "\"gelu\""},
    {"use_parallel_residual", "use_parallel_residual", "true"},
    LAYER_NORM("layer_norm_eps"),
    {.hf = NULL},
};

/* The length and the width that llama.cpp has for it are its own. */
static const struct q8_gguf_member bloom_members[] = {
    LAYER_NORM("layer_norm_epsilon"),
    {"max_position_embeddings", NULL, ""},
    {"intermediate_size", NULL, ""},
    {"rope_theta", NULL, ""},
    {.hf = NULL},
};

static const struct q8_gguf_arch archs[] = {
    {"llama", "llama", "LlamaForCausalLM", true, false, false, none, plain, "attention_bias", NULL},
    {"llama", "mixtral", "MixtralForCausalLM", true, false, true, mixtral_names, mixtral_members,
     NULL, NULL},
    {"qwen2", "qwen2", "Qwen2ForCausalLM", false, false, false, none, plain, "", NULL},
    {"qwen3", "qwen3", "Qwen3ForCausalLM", false, false, false, none, plain, "attention_bias",
     NULL},
    {"qwen2moe", "qwen2_moe", "Qwen2MoeForCausalLM", false, false, true, qwen_moe_names,
     qwen2moe_members, "qkv_bias", NULL},
    {"qwen3moe", "qwen3_moe", "Qwen3MoeForCausalLM", false, false, true, qwen_moe_names,
     qwen3moe_members, "attention_bias", NULL},
    {"phi3", "phi3", "Phi3ForCausalLM", false, false, false, phi3_names, phi3_members, NULL,
     "partial_rotary_factor"},
    {"gemma", "gemma", "GemmaForCausalLM", false, true, false, none, gemma_members, NULL, NULL},
    {"gemma2", "gemma2", "Gemma2ForCausalLM", false, true, false, four_norms, gemma2_members, NULL,
     NULL},
    {"gemma3", "gemma3_text", "Gemma3ForCausalLM", false, true, false, four_norms, gemma3_members,
     NULL, NULL},
    {"starcoder2", "starcoder2", "Starcoder2ForCausalLM", false, false, false, starcoder2_names,
     starcoder2_members, "use_bias", NULL},
    {"olmo2", "olmo2", "Olmo2ForCausalLM", false, false, false, four_norms, plain, "attention_bias",
     NULL},
    {"granite", "granite", "GraniteForCausalLM", true, false, false, none, granite_members,
     "attention_bias", NULL},
    {"smollm3", "smollm3", "SmolLM3ForCausalLM", true, false, false, none, plain, "attention_bias",
     NULL},
    {"command-r", "cohere", "CohereForCausalLM", false, false, false, no_head_norms, cohere_members,
     "attention_bias", NULL},
    {"stablelm", "stablelm", "StableLmForCausalLM", false, false, false, no_head_norms,
     stablelm_members, "use_qkv_bias", "partial_rotary_factor"},
    {"gptneox", "gpt_neox", "GPTNeoXForCausalLM", false, false, false, gptneox_names,
     gptneox_members, "attention_bias", "rotary_pct"},
    {"bloom", "bloom", "BloomForCausalLM", false, false, false, bloom_names, bloom_members, "",
     NULL},
};

const struct q8_gguf_arch *q8_gguf_arch_find(const char *name, bool experts)
{
    for (size_t i = 0; i < COUNT(archs); i++)
        if (strcmp(archs[i].name, name) == 0 && archs[i].experts == experts)
            return &archs[i];
    return NULL;
}

const char *q8_gguf_archs(char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < COUNT(archs) && used < size; i++)
        if (i == 0 || strcmp(archs[i].name, archs[i - 1].name) != 0)
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", archs[i].name);
    return text;
}

/* Whether a name without its last part is the pattern's; the number that stands for '#'. */
static bool matches(const char *pattern, const char *name, size_t length, uint64_t *ret_layer)
{
    const char *hash = strchr(pattern, '#');
    const size_t front = hash ? (size_t)(hash - pattern) : strlen(pattern);
    char *end;

    *ret_layer = 0;
    if (length < front || strncmp(name, pattern, front) != 0)
        return false;
    if (!hash)
        return length == front;
    if (name[front] < '0' || name[front] > '9' || (name[front] == '0' && name[front + 1] != '.'))
        return false;
    *ret_layer = strtoull(name + front, &end, 10);
    return *ret_layer < 100000 && (size_t)(end - name) <= length &&
           strlen(hash + 1) == length - (size_t)(end - name) &&
           strncmp(hash + 1, end, strlen(hash + 1)) == 0;
}

const struct q8_gguf_name *q8_gguf_name_find(const struct q8_gguf_arch *arch, const char *name,
                                             uint64_t *ret_layer)
{
    const char *dot = strrchr(name, '.');
    const size_t length = dot ? (size_t)(dot - name) : 0;

    if (!dot || (strcmp(dot, ".weight") != 0 && strcmp(dot, ".bias") != 0))
        return NULL;
    for (const struct q8_gguf_name *n = arch->names; n->gguf; n++)
        if (matches(n->gguf, name, length, ret_layer))
            return n->hf ? n : NULL;
    for (size_t i = 0; i < COUNT(common); i++)
        if (matches(common[i].gguf, name, length, ret_layer))
            return &common[i];
    return NULL;
}

/* Whether the architecture is that of a model_type; that of Mistral is Llama's. */
static bool is_type(const struct q8_gguf_arch *arch, const char *model_type)
{
    return strcmp(arch->model_type, model_type) == 0 ||
           (strcmp(arch->model_type, "llama") == 0 && strcmp(model_type, "mistral") == 0);
}

const char *q8_gguf_name_make(const struct q8_gguf_arch *arch, const char *name, uint64_t expert,
                              struct q8_arena *mem, struct q8_err *err)
{
    uint64_t layer;
    const char *hf = q8_gguf_name_find(arch, name, &layer)->hf;
    char text[300];
    size_t used = 0;

    for (; *hf && used < sizeof text - 30; hf++)
        if (*hf == '#' || *hf == '*')
            used += (size_t)snprintf(text + used, sizeof text - used, "%" PRIu64,
                                     *hf == '#' ? layer : expert);
        else
            text[used++] = *hf;
    return q8_sprintf(mem, err, "%.*s%s", (int)used, text, strrchr(name, '.'));
}

const char *q8_gguf_module(const char *model_type, const char *weight, uint64_t expert,
                           struct q8_arena *mem, struct q8_err *err)
{
    const char *full = NULL;
    uint64_t layer;

    if (!model_type)
        return q8_strndup(mem, weight, q8_text_stem(weight, ".weight"), err);
    for (size_t i = 0; i < COUNT(archs) && !full && !err->code; i++)
        if (is_type(&archs[i], model_type) && q8_gguf_name_find(&archs[i], weight, &layer))
            full = q8_gguf_name_make(&archs[i], weight, expert, mem, err);
    return full ? q8_strndup(mem, full, q8_text_stem(full, ".weight"), err) : NULL;
}
