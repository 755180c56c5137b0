/*
 * check_units.c - what vLLM and SGLang build against what the file has, module by module
 *
 * What happens to a tensor without a place: vLLM 0.33.0, models/utils.py, AutoWeightsLoader, stops;
 * SGLang 0.5.23, models/llama.py and its kin, warns and goes on with weights that nobody filled.
 */
#include "src/verify/runtime/runtime_parts.h"

#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One unit, its name in the runtime and its lists' answer. */
struct case_ {
    const struct q8_unit *unit;
    const char *name;
    enum q8_place place;
    enum q8_match match;
    const struct q8_group *group;
};

/* The piece of the unit that is int8, or that is not: the first. */
static const struct q8_piece *first_piece(const struct q8_unit *u, bool int8)
{
    for (uint64_t i = 0; i < u->pieces; i++)
        if ((u->piece[i].stored != NULL) == int8)
            return &u->piece[i];
    return u->piece;
}

/* Suffix of a tensor of an int8 weight that a float module has no parameter for. */
static const char *odd_suffix(const struct q8_piece *p)
{
    return p->stored && p->stored->scheme->layout == Q8_LAYOUT_PACKED ? ".weight_packed"
                                                                      : ".weight_scale";
}

/* A tensor of the file that has no parameter: what each of the two does. */
static bool say_homeless(struct q8_runtime_run *r, const char *kind, const char *why,
                         const struct q8_piece *p, const char *suffix, struct q8_err *err)
{
    char name[256];

    q8_text_escape(p->module, name, sizeof name);
    if (r->reader == Q8_READER_VLLM)
        return q8_runtime_say(r, kind, p->module, err,
                              "%s: it stops with \"There is no module or parameter named "
                              "'%s%s'\"",
                              why, name, suffix);
    return q8_runtime_say(r, kind, p->module, err,
                          "%s: \"Parameter %s%s not found in params_dict\", or not even that; it "
                          "computes with weights that nobody filled",
                          why, name, suffix);
}

/* Int8 weights where the runtime builds a float module. */
static bool say_float(struct q8_runtime_run *r, const struct case_ *c, const char *kind,
                      const char *why, struct q8_err *err)
{
    const struct q8_piece *p = first_piece(c->unit, true);

    return say_homeless(r, kind, why, p, odd_suffix(p), err);
}

/* A float weight where the runtime builds an int8 module. */
static bool say_int8(struct q8_runtime_run *r, const struct case_ *c, struct q8_err *err)
{
    const struct q8_piece *p = first_piece(c->unit, false);
    const char *why = "it is float, but the config has it int8 (ignore has no name that counts "
                      "for it)";
    char text[400];

    if (c->unit->kind == Q8_UNIT_EXPERTS || (c->unit->pieces > 1 && c->unit->int8 == 0)) {
        (void)snprintf(text, sizeof text, "%s; what is asked for is '%s%s'", why, c->name,
                       c->unit->kind == Q8_UNIT_EXPERTS ? ".0.gate_proj" : "");
        why = text;
    }
    if (c->group && c->group->recipe[r->reader] == Q8_RECIPE_W8A8)
        return q8_runtime_say(r, "runtime-ignore", p->module, err,
                              "%s: its values are cast to int8 and multiplied with scales that "
                              "nobody filled",
                              why);
    return say_homeless(r, "runtime-ignore", why, p, ".weight", err);
}

/* The parts of one module that get different things. */
static bool say_split(struct q8_runtime_run *r, const struct case_ *c, struct q8_err *err)
{
    const struct q8_fused *f = c->unit->piece->fused;
    char parts[128] = "", name[256];

    q8_text_escape(c->name, name, sizeof name);
    if (c->unit->kind == Q8_UNIT_EXPERTS)
        return q8_runtime_say(r, "runtime-fused", c->unit->piece->module, err,
                              "it stops with \"All MoE projections need to have same "
                              "quantization scheme but found multiple\"");
    if (r->reader == Q8_READER_VLLM)
        return q8_runtime_say(r, "runtime-fused", c->unit->piece->module, err,
                              "it stops with \"Found different quantization schemes for the "
                              "shards of %s. vLLM requires all to use the same scheme.\"",
                              name);
    for (int i = 0; f->part[i]; i++)
        (void)snprintf(parts + strlen(parts), sizeof parts - strlen(parts), "%s'%s'", i ? ", " : "",
                       f->part[i]);
    return q8_runtime_say(r, "runtime-fused", c->unit->piece->module, err,
                          "it stops with \"Found different quantization schemes for [%s] in %s. "
                          "SGLang requires all to use the same scheme.\"",
                          parts, name);
}

/* An int8 module that no group has. */
static bool say_no_group(struct q8_runtime_run *r, const struct case_ *c, struct q8_err *err)
{
    const enum q8_unit_kind kind = c->unit->kind;
    char name[256];

    q8_text_escape(c->name, name, sizeof name);
    if (kind == Q8_UNIT_HEAD)
        return say_float(r, c, "runtime-head",
                         "it is int8, but no target has its name; a target \"Linear\" does not "
                         "reach a ParallelLMHead, \"re:.*lm_head$\" does",
                         err);
    if (r->reader == Q8_READER_SGLANG && kind != Q8_UNIT_EMBEDDING)
        return q8_runtime_say(r, "runtime-target", c->unit->piece->module, err,
                              "it stops with \"Unable to find matching target for %s in the "
                              "compressed-tensors config.\"",
                              name);
    return say_float(r, c, "runtime-target", "it is int8, but no target of the config has it", err);
}

/* How many columns share a scale in what the group describes; 0: all of the weight. */
static uint64_t group_columns(const struct q8_group *g, const struct q8_stored *w)
{
    return strcmp(g->strategy, "group") == 0     ? g->size
           : strcmp(g->strategy, "channel") == 0 ? w->cols
                                                 : 0;
}

/* Whether the int8 weight is stored as the group builds it. */
static bool is_stored_so(const struct q8_runtime_run *r, const struct q8_group *g,
                         const struct q8_stored *w)
{
    const uint64_t columns = group_columns(g, w);
    const uint64_t scales = q8_tensor_elements(w->scales);
    uint64_t wanted = 1;

    if ((w->scheme->layout == Q8_LAYOUT_PACKED) != (g->recipe[r->reader] == Q8_RECIPE_W8A16))
        return false;
    if (columns && !q8_mul(w->rows, q8_div_up(w->cols, columns), &wanted))
        return false;
    return scales == wanted;
}

static bool say_no_scheme(struct q8_runtime_run *r, const struct case_ *c, struct q8_err *err)
{
    const struct q8_group *g = c->group;
    const bool sparse = !g->acts && strcmp(g->strategy, "tensor") != 0;
    char name[256], format[64];

    q8_text_escape(c->name, name, sizeof name);
    q8_text_escape(g->format ? g->format : "none", format, sizeof format);
    if (r->reader == Q8_READER_VLLM)
        return q8_runtime_say(r, "runtime-scheme", c->unit->piece->module, err,
                              "it stops with \"No compressed-tensors compatible scheme was found "
                              "for layer_name='%s'\" (format %s, strategy %s)",
                              name, format, g->strategy);
    return q8_runtime_say(r, "runtime-scheme", c->unit->piece->module, err,
                          "it stops with \"%s\" (format %s, strategy %s)",
                          sparse ? "Other method (CompressedTensorsW4A16Sparse24) is not supported "
                                   "now"
                                 : "No compressed-tensors compatible scheme was found.",
                          format, g->strategy);
}

/* Experts that SGLang has no kernel for. */
static bool judge_experts(struct q8_runtime_run *r, const struct case_ *c, bool *ret_told,
                          struct q8_err *err)
{
    const char *format = q8_json_string(q8_json_get(r->config, "format"));

    *ret_told = r->reader == Q8_READER_SGLANG && c->unit->kind == Q8_UNIT_EXPERTS;
    if (*ret_told && c->group->recipe[r->reader] == Q8_RECIPE_W8A8)
        return q8_runtime_say(r, "runtime-experts", c->unit->piece->module, err,
                              "it stops with \"The W8A8Int8 Fused MoE scheme is implemented only "
                              "for NPU for now.\"");
    if (*ret_told && (!format || strcmp(format, "pack-quantized") != 0))
        return q8_runtime_say(r, "runtime-experts", c->unit->piece->module, err,
                              "it stops with \"For Fused MoE layers, only pack-quantized is "
                              "supported\": config.json as a whole has another format");
    *ret_told = false;
    return true;
}

/* Heads and tables of words that are one tensor by the config, but two in the file. */
static bool judge_tied(struct q8_runtime_run *r, const struct case_ *c, bool *ret_told,
                       struct q8_err *err)
{
    const char *module = c->unit->piece->module;

    *ret_told = c->unit->kind != Q8_UNIT_LINEAR && c->unit->kind != Q8_UNIT_EXPERTS &&
                q8_model_tied(r->v->options.quantized) == Q8_TIED;
    if (!*ret_told)
        return true;
    if (c->unit->kind == Q8_UNIT_HEAD)
        return q8_runtime_doubt(r, "runtime-tied", module, err,
                                "it is int8, but tie_word_embeddings is true: the embedding takes "
                                "its place, or the loader stops");
    return q8_runtime_say(r, "runtime-tied", module, err,
                          "it is int8 and the head is tied to it: it stops with "
                          "\"'VocabParallelEmbedding' object has no attribute 'weight'\" or "
                          "\"CompressedTensorsEmbeddingWNA16Int supports embedding lookup only\"");
}

/* Whether every int8 part is stored as the group builds it. */
static bool judge_stored(struct q8_runtime_run *r, const struct case_ *c, struct q8_err *err)
{
    const enum q8_recipe recipe = c->group->recipe[r->reader];
    const struct q8_unit *u = c->unit;

    if (u->kind == Q8_UNIT_EMBEDDING && recipe != Q8_RECIPE_W8A16)
        return q8_runtime_say(r, "runtime-embedding", u->piece->module, err,
                              "it stops with \"compressed-tensors embeddings only support "
                              "weight-only INT group/channel (WNA16) quantization\"");
    for (uint64_t i = 0; i < u->pieces; i++) {
        const struct q8_stored *w = u->piece[i].stored;

        if (w && !is_stored_so(r, c->group, w))
            return q8_runtime_say(
                r, "runtime-scheme", w->module, err,
                "the config gives it %s codes, strategy %s%s, but the file has %s codes with "
                "%" PRIu64 " scales: they do not fit the parameters that it builds",
                recipe == Q8_RECIPE_W8A16 ? "packed" : "plain", c->group->strategy,
                u->pieces > 1 ? " (the group of its fused module)" : "",
                w->scheme->layout == Q8_LAYOUT_PACKED ? "packed" : "plain",
                q8_tensor_elements(w->scales));
    }
    return u->int8 == u->pieces || say_int8(r, c, err);
}

static bool judge_group(struct q8_runtime_run *r, const struct case_ *c, struct q8_err *err)
{
    bool told;

    if (!judge_tied(r, c, &told, err) || told)
        return !err->code;
    switch (c->group->recipe[r->reader]) {
    case Q8_RECIPE_NONE: return say_no_scheme(r, c, err);
    case Q8_RECIPE_UNCLEAR:
        return q8_runtime_doubt(r, "runtime-humming", c->unit->piece->module, err,
                                "packed codes with int8 activations want the Humming kernel, which "
                                "may not be installed");
    default: break;
    }
    if (!judge_experts(r, c, &told, err) || told)
        return !err->code;
    return judge_stored(r, c, err);
}

/* A unit with int8 weights. */
static bool judge_int8(struct q8_runtime_run *r, const struct case_ *c, struct q8_err *err)
{
    const enum q8_unit_kind kind = c->unit->kind;

    if (c->place == Q8_PLACE_FLOAT && kind == Q8_UNIT_EMBEDDING)
        return say_float(r, c, "runtime-embedding",
                         "it is int8, but its class builds the "
                         "embedding float",
                         err);
    if (c->place == Q8_PLACE_FLOAT && kind == Q8_UNIT_HEAD)
        return say_float(r, c, "runtime-head", "it is int8, but its class builds the head float",
                         err);
    if (c->place == Q8_PLACE_FLOAT)
        return say_float(r, c, "runtime-float", "it is int8, but its class builds it float", err);
    if (c->place == Q8_PLACE_UNKNOWN)
        return q8_runtime_doubt(r, "runtime-unknown", c->unit->piece->module, err,
                                r->reading.known ? "whether its class builds it int8 is not known"
                                                 : "the class is none that q8 knows how it builds");
    switch (c->match) {
    case Q8_MATCH_IGNORED:
        return say_float(r, c, "runtime-ignore", "it is int8, but ignore has it", err);
    case Q8_MATCH_NONE: return say_no_group(r, c, err);
    case Q8_MATCH_SPLIT: return say_split(r, c, err);
    case Q8_MATCH_UNCLEAR:
        return q8_runtime_doubt(r, "runtime-pattern", c->unit->piece->module, err,
                                "a regex of the config or the name of a class decides whether it "
                                "is int8, which q8 cannot judge");
    default: return judge_group(r, c, err);
    }
}

/* A unit without: it must not be built int8. */
static bool judge_float(struct q8_runtime_run *r, const struct case_ *c, struct q8_err *err)
{
    const enum q8_kind kind = c->unit->piece->kind;

    if (c->place != Q8_PLACE_INT8 || kind == Q8_KIND_OTHER)
        return true;
    if (c->match == Q8_MATCH_SPLIT)
        return say_split(r, c, err);
    if (c->match == Q8_MATCH_UNCLEAR)
        return q8_runtime_doubt(r, "runtime-pattern", c->unit->piece->module, err,
                                "whether a list of the config has it cannot be judged");
    if (c->match == Q8_MATCH_NONE && r->reader == Q8_READER_SGLANG &&
        c->unit->kind != Q8_UNIT_HEAD && c->unit->kind != Q8_UNIT_EMBEDDING && r->groups)
        return say_no_group(r, c, err);
    if (c->match != Q8_MATCH_GROUP)
        return true;
    if (kind == Q8_KIND_ROUTER || kind == Q8_KIND_LINEAR_ROUTER)
        return q8_runtime_doubt(r, "runtime-router", c->unit->piece->module, err,
                                "it is float and ignore has no such name; a router is int8 in "
                                "some classes");
    return say_int8(r, c, err);
}

/*
 * A head that the file has not, since it is the embedding: vLLM builds one all the same in most
 * classes, with what the config gives it, and only then ties it.
 */
static bool judge_absent_head(struct q8_runtime_run *r, struct q8_err *err)
{
    const struct q8_piece piece = {.module = "lm_head", .key = "lm_head", .kind = Q8_KIND_HEAD};
    const struct q8_unit unit = {
        .kind = Q8_UNIT_HEAD, .name = piece.module, .piece = &piece, .pieces = 1};
    const struct q8_group *group;

    for (uint64_t i = 0; i < r->units; i++)
        if (r->unit[i].kind == Q8_UNIT_HEAD)
            return true;
    if (r->reader != Q8_READER_VLLM || q8_model_tied(r->v->options.quantized) != Q8_TIED ||
        q8_reading_head(&r->reading) != Q8_PLACE_INT8 ||
        q8_runtime_match(r, &unit, &group) != Q8_MATCH_GROUP)
        return true;
    return q8_runtime_doubt(r, "runtime-tied", "lm_head", err,
                            "the head is tied and not in the file, but a target has its name: "
                            "where its class builds one, nobody fills its int8 weights");
}

bool q8_runtime_unit_match(struct q8_runtime_run *r, struct q8_err *err)
{
    char name[4096];

    for (uint64_t i = 0; i < r->units; i++) {
        struct case_ c = {.unit = &r->unit[i], .name = "", .place = q8_unit_place(r, &r->unit[i])};

        c.name = q8_unit_name(c.unit, r->reader, name, sizeof name);
        c.match = q8_runtime_match(r, c.unit, &c.group);
        if (!(c.unit->int8 ? judge_int8(r, &c, err) : judge_float(r, &c, err)))
            return false;
    }
    return judge_absent_head(r, err);
}
