/*
 * groups.c - config_groups as vLLM 0.33.0 and SGLang 0.5.23 read them
 *
 * Sources: vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors.py,
 * _get_scheme_from_parts; the same file of sglang/srt/layers/quantization.  Defaults of what is
 * missing: compressed-tensors 0.20.0, quantization/quant_args.py.
 */
#include "src/verify/runtime/runtime_parts.h"

#include "src/base/json.h"

#include <string.h>
#include <strings.h>

#define GROUP_LIMIT 4096 /* as in integrity/ */

static bool is(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

static bool is_true(const struct cJSON *value)
{
    return q8_json_bool(value) == 1 || is(q8_json_string(value), "local");
}

/* The strategy, by the rule of QuantizationArgs where none is named. */
static const char *strategy_of(const struct cJSON *args)
{
    const char *strategy = q8_json_string(q8_json_get(args, "strategy"));
    const double size = q8_json_f64(q8_json_get(args, "group_size"));

    return strategy ? strategy : size > 0 ? "group" : size == -1 ? "channel" : "tensor";
}

static bool is_object(const struct cJSON *value)
{
    return q8_json_kind(value) == '{' && q8_json_at(value, 0);
}

/* What vLLM makes of 8-bit weights in that format, with that quantization of activations. */
static enum q8_recipe vllm_recipe(const struct q8_group *g, const struct cJSON *acts, bool fixed)
{
    const bool plain = is(g->format, "int-quantized") || is(g->format, "naive-quantized");
    const bool packed = is(g->format, "pack-quantized");
    const bool by_row = is(g->strategy, "channel"), grouped = is(g->strategy, "group");
    const bool moving = is_true(q8_json_get(acts, "dynamic"));
    const char *strategy = strategy_of(acts);

    if (!fixed)
        return Q8_RECIPE_NONE;
    if (packed && acts && (by_row || grouped) && moving &&
        (is(strategy, "token") || is(strategy, "group")))
        return Q8_RECIPE_UNCLEAR; /* if the Humming kernel is installed */
    if (packed && !acts && (by_row || grouped))
        return Q8_RECIPE_W8A16;
    if (plain && acts && !grouped &&
        ((is(strategy, "tensor") && !moving) || (is(strategy, "token") && moving)))
        return Q8_RECIPE_W8A8;
    return Q8_RECIPE_NONE;
}

/* What SGLang makes of them: plain codes as soon as there are activations, whatever the format. */
static enum q8_recipe sglang_recipe(const struct q8_group *g, const struct cJSON *acts, bool fixed)
{
    const bool known = is(g->format, "int-quantized") || is(g->format, "naive-quantized") ||
                       is(g->format, "pack-quantized");
    const bool grouped = is(g->strategy, "group");
    const bool moving = is_true(q8_json_get(acts, "dynamic"));
    const char *strategy = strategy_of(acts);

    if (!fixed || !known)
        return Q8_RECIPE_NONE;
    if (!acts)
        return is(g->format, "pack-quantized") && !is(g->strategy, "tensor") ? Q8_RECIPE_W8A16
                                                                             : Q8_RECIPE_NONE;
    return !grouped && ((is(strategy, "tensor") && !moving) || (is(strategy, "token") && moving))
               ? Q8_RECIPE_W8A8
               : Q8_RECIPE_NONE;
}

/*
 * Which targets may name a class: text that is part of the class's name, whatever the case
 * (is_equal_or_regex_match).
 */
static void read_classes(struct q8_group *g)
{
    for (uint64_t i = 0; i < g->targets.plains; i++) {
        const char *text = g->targets.plain[i];

        if (!strchr(text, '.') && strcasestr("linear", text))
            g->linear = true;
        else if (!strchr(text, '.') && *text >= 'A' && *text <= 'Z')
            g->other_class = true;
    }
}

static bool read_group(struct q8_group *g, const struct cJSON *json, const char *format,
                       struct q8_arena *mem, struct q8_err *err)
{
    const struct cJSON *weights = q8_json_get(json, "weights");
    const struct cJSON *acts = q8_json_get(json, "input_activations");
    const char *own = q8_json_string(q8_json_get(json, "format"));
    const bool bare = q8_json_kind(json) == '[';

    *g = (struct q8_group){.json = json, .key = q8_json_key(json), .format = own ? own : format};
    g->strategy = strategy_of(weights);
    (void)q8_json_u64(q8_json_get(weights, "group_size"), &g->size);
    acts = is_object(acts) ? acts : NULL;
    g->acts = acts != NULL;
    g->static_inputs = acts && !is_true(q8_json_get(acts, "dynamic"));
    if (is_object(weights)) {
        const bool fixed = !is_true(q8_json_get(weights, "dynamic"));

        g->recipe[Q8_READER_VLLM] = vllm_recipe(g, acts, fixed);
        g->recipe[Q8_READER_SGLANG] = sglang_recipe(g, acts, fixed);
    }
    if (!q8_names_init(&g->targets, bare ? json : q8_json_get(json, "targets"), Q8_NAMES_COMPRESSED,
                       mem, err))
        return false;
    read_classes(g);
    return true;
}

bool q8_runtime_groups(struct q8_runtime_run *r, struct q8_err *err)
{
    const char *format = q8_json_string(q8_json_get(r->config, "format"));
    const struct cJSON *list = q8_json_get(r->config, "config_groups");
    const struct cJSON *first = q8_json_kind(list) == '{' ? q8_json_at(list, 0) : NULL;
    struct q8_arena *mem = r->v->findings.mem;
    uint64_t count = 0;

    for (const struct cJSON *json = first; json; json = q8_json_next(json))
        if (++count > GROUP_LIMIT)
            return q8_fail(err, Q8_ELIMIT, "%s: more than %d config_groups",
                           r->v->options.quantized->path, GROUP_LIMIT);
    r->group = q8_alloc(mem, count, sizeof *r->group, err);
    if (!r->group ||
        !q8_names_init(&r->ignore, q8_json_get(r->config, "ignore"), Q8_NAMES_COMPRESSED, mem, err))
        return false;
    for (const struct cJSON *json = first; json; json = q8_json_next(json)) {
        struct q8_group *g = &r->group[r->groups++];

        if (!read_group(g, json, format, mem, err))
            return false;
        g->targets.steps = r->ignore.steps;
    }
    return true;
}
