/*
 * check_config.c - what vLLM 0.33.0 and SGLang 0.5.23 refuse in quantization_config as a whole
 *
 * Sources: CompressedTensorsConfig.from_config and _quantization_scheme_map_from_config of both;
 * vLLM's CompressedTensorsKVCacheMethod.validate_kv_cache_scheme.
 */
#include "src/verify/runtime/runtime_parts.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/folder/folder.h"

#include <string.h>

static bool is(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

/* A group as vLLM leaves it out: of attention alone. */
static bool is_attention(const struct q8_group *g)
{
    const struct cJSON *targets = q8_json_get(g->json, "targets");
    const char *first = q8_json_string(q8_json_at(targets, 0));

    return first && !q8_json_at(targets, 1) && q8_text_stem(first, "Attention");
}

static bool judge_group(struct q8_runtime_run *r, const struct q8_group *g, struct q8_err *err)
{
    const bool vllm = r->reader == Q8_READER_VLLM;
    const struct cJSON *weights = q8_json_get(g->json, "weights");
    const char *order = q8_json_string(q8_json_get(weights, "actorder"));
    char name[100];

    q8_text_escape(g->key ? g->key : "", name, sizeof name);
    if (q8_json_kind(g->json) == '[')
        return q8_runtime_say(r, "runtime-config", Q8_CONFIG, err,
                              "%s is a list, the short form of a preset: it stops with \"%s\"",
                              name,
                              vllm ? "list indices must be integers or slices, not str"
                                   : "'list' object has no attribute 'get'");
    if (q8_json_kind(q8_json_get(g->json, "targets")) != '[')
        return q8_runtime_say(r, "runtime-config", Q8_CONFIG, err,
                              "%s has no list of targets: it stops with %s", name,
                              vllm ? "\"KeyError: 'targets'\" or a TypeError"
                                   : "\"'NoneType' object is not iterable\"");
    if (vllm && is_attention(g))
        return true;
    if (!q8_json_at(q8_json_get(g->json, "targets"), 0))
        return true;
    if (q8_json_kind(weights) != '{')
        return q8_runtime_say(r, "runtime-config", Q8_CONFIG, err,
                              "%s quantizes no weights: it stops with a ValidationError for "
                              "QuantizationArgs",
                              name);
    if (is(order, "group") || is(order, "dynamic"))
        return q8_runtime_say(r, "runtime-config", Q8_CONFIG, err,
                              vllm ? "%s: it stops with \"Compressed-tensors group/dynamic "
                                     "activation ordering is no longer supported.\""
                                   : "%s: it wants a weight_g_idx beside each weight for its "
                                     "actorder",
                              name);
    if (vllm && !g->acts && (is(g->format, "int-quantized") || is(g->format, "naive-quantized")))
        return q8_runtime_say(r, "runtime-config", Q8_CONFIG, err,
                              "%s is %s without input_activations: it stops with an "
                              "AssertionError, since the weights are no floats",
                              name, g->format);
    return true;
}

static bool judge_cache(struct q8_runtime_run *r, struct q8_err *err)
{
    const struct cJSON *cache = q8_json_get(r->config, "kv_cache_scheme");
    const char *type = q8_json_string(q8_json_get(cache, "type"));
    uint64_t bits = 0;

    if (r->reader != Q8_READER_VLLM || q8_json_kind(cache) != '{')
        return true;
    (void)q8_json_u64(q8_json_get(cache, "num_bits"), &bits);
    return (is(type, "float") && bits == 8) ||
           q8_runtime_say(r, "runtime-cache", Q8_CONFIG, err,
                          "kv_cache_scheme: it stops with \"Currently supported kv cache "
                          "quantization is num_bits=8, type=float, however received num_bits=%d, "
                          "type=%s\"",
                          (int)bits, type ? type : "None");
}

/* Rotations that the weights were made for. */
static bool judge_transform(struct q8_runtime_run *r, struct q8_err *err)
{
    const struct cJSON *transform = q8_json_get(r->config, "transform_config");

    if (!q8_json_at(q8_json_get(transform, "config_groups"), 0))
        return true;
    if (r->reader == Q8_READER_VLLM)
        return q8_runtime_doubt(r, "runtime-transform", Q8_CONFIG, err,
                                "transform_config: it applies transforms itself, which q8 does not "
                                "judge");
    return q8_runtime_say(r, "runtime-transform", Q8_CONFIG, err,
                          "transform_config: it does not look at it, and computes garbage, without "
                          "a word");
}

bool q8_runtime_inputs(struct q8_runtime_run *r, struct q8_err *err)
{
    const struct q8_index *index = &r->v->options.quantized->index;
    bool wanted = false;

    for (uint64_t i = 0; i < r->groups; i++)
        wanted = wanted ||
                 (r->group[i].static_inputs && (r->reader == Q8_READER_TRANSFORMERS ||
                                                r->group[i].recipe[r->reader] == Q8_RECIPE_W8A8));
    for (uint64_t i = 0; wanted && i < index->count; i++)
        wanted = !q8_text_stem(index->tensor[i].name, ".input_scale");
    return !wanted ||
           q8_runtime_say(r, "runtime-inputs", Q8_CONFIG, err,
                          "input_activations are static (dynamic is not true), but no tensor is an "
                          "input_scale: it divides by numbers that nobody filled");
}

bool q8_runtime_config(struct q8_runtime_run *r, struct q8_err *err)
{
    const struct cJSON *ignore = q8_json_get(r->config, "ignore");
    const struct cJSON *sparse = q8_json_get(r->config, "sparsity_config");

    for (uint64_t i = 0; i < r->groups; i++)
        if (!judge_group(r, &r->group[i], err))
            return false;
    if (ignore && q8_json_kind(ignore) != '[' &&
        !q8_runtime_say(r, "runtime-config", Q8_CONFIG, err,
                        "ignore is no list: it stops with \"'NoneType' object is not iterable\" "
                        "or the like"))
        return false;
    if (r->reader == Q8_READER_VLLM && q8_json_at(q8_json_get(sparse, "targets"), 0) &&
        !q8_runtime_say(r, "runtime-config", Q8_CONFIG, err,
                        "sparsity_config has targets: it stops with \"Sparsity support has been "
                        "removed from compressed-tensors.\""))
        return false;
    return judge_cache(r, err) && judge_transform(r, err) && q8_runtime_inputs(r, err);
}
