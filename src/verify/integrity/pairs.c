/* pairs.c - tensors that are missing, extra, of another shape or type */
#include "src/verify/integrity/integrity_parts.h"

#include "src/compare/report.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/scheme/scheme.h"

#include <string.h>

#define PIECE UINT64_C(16384) /* bytes that are compared at a time */
#define SHAPE_TEXT 200
#define TYPE_TEXT 64

/* Whether weights may be tied: one of the two configs says so, or neither says anything. */
static bool may_be_tied(const struct q8_verify *v)
{
    const enum q8_tied a = q8_model_tied(v->options.reference);
    const enum q8_tied b = q8_model_tied(v->options.quantized);

    return a == Q8_TIED || b == Q8_TIED || (a == Q8_TIED_BLANK && b == Q8_TIED_BLANK);
}

static bool is_table(const struct q8_verify *v, const struct q8_tensor *t)
{
    const enum q8_kind kind = q8_arch_kind(&v->arch, t->name, t->rank);

    return kind == Q8_KIND_HEAD || kind == Q8_KIND_EMBEDDING;
}

/* Whether two tensors of as many bytes hold the same. */
static bool compare_bytes(const struct q8_model *a, const struct q8_tensor *t,
                          const struct q8_model *b, const struct q8_tensor *u, bool *ret,
                          struct q8_err *err)
{
    unsigned char x[PIECE], y[PIECE];

    *ret = true;
    for (uint64_t at = 0, n; *ret && at < t->nbytes; at += n) {
        n = q8_min(PIECE, t->nbytes - at);
        if (!q8_model_read(a, t, at, x, n, err) || !q8_model_read(b, u, at, y, n, err))
            return false;
        *ret = memcmp(x, y, n) == 0;
    }
    return true;
}

/* Whether `lacking` has a table of words with the bytes of `t`, which it can be tied to. */
static bool find_partner(const struct q8_verify *v, const struct q8_model *owner,
                         const struct q8_tensor *t, const struct q8_model *lacking, bool *ret,
                         struct q8_err *err)
{
    for (uint64_t i = 0; !*ret && i < lacking->index.count; i++) {
        const struct q8_tensor *other = &lacking->index.tensor[i];

        if (other->dtype == t->dtype && other->rank == t->rank &&
            memcmp(other->dim, t->dim, t->rank * sizeof *t->dim) == 0 && is_table(v, other) &&
            !compare_bytes(owner, t, lacking, other, ret, err))
            return false;
    }
    return true;
}

/* Whether the model that has it not takes it from another tensor. */
static bool find_shared(const struct q8_verify *v, const struct q8_side *side,
                        const struct q8_model *owner, const struct q8_model *lacking, bool *ret,
                        struct q8_err *err)
{
    const size_t length = q8_text_stem(side->tensor->name, ".bias");
    const char *module, *weight;

    *ret = false;
    if (side->stored || side->slice || !may_be_tied(v))
        return true;
    if (side->tensor->rank == 2)
        return !is_table(v, side->tensor) ||
               find_partner(v, owner, side->tensor, lacking, ret, err);
    if (!length)
        return true;
    module = q8_strndup(v->findings.mem, side->tensor->name, length, err);
    weight = module ? q8_weight_name(module, v->findings.mem, err) : NULL;
    if (!weight)
        return false;
    *ret = q8_arch_kind(&v->arch, weight, 2) == Q8_KIND_HEAD;
    return true;
}

/* What old checkpoints hold and transformers computes: it drops them when it saves. */
static bool is_buffer(const struct q8_tensor *t)
{
    return q8_text_stem(t->name, ".rotary_emb.inv_freq") ||
           q8_text_stem(t->name, ".position_ids") || q8_text_stem(t->name, ".masked_bias") ||
           (t->rank == 4 && q8_text_stem(t->name, ".bias"));
}

/* Scales of activations, which some W8A8 models have: parts of an int8 weight's module. */
static bool is_activation_scale(const struct q8_verify *v, const struct q8_tensor *t)
{
    static const char *const ends[] = {".input_scale", ".input_zero_point", ".output_scale"};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t length = q8_text_stem(t->name, ends[i]);
        char module[4096];

        if (!length || length >= sizeof module)
            continue;
        memcpy(module, t->name, length);
        module[length] = 0;
        return q8_stored_find_module(&v->pairs.stored_b, module) != NULL;
    }
    return false;
}

static bool judge_missing(struct q8_verify *v, const struct q8_compared *c, struct q8_err *err)
{
    char type[TYPE_TEXT], shape[SHAPE_TEXT];
    bool shared;

    q8_side_type(&c->a, type, sizeof type);
    q8_side_shape(&c->a, shape, sizeof shape);
    if (!find_shared(v, &c->a, v->options.reference, v->options.quantized, &shared, err))
        return false;
    if (shared)
        return q8_findings_add(&v->findings, Q8_FINDING("tied-tensor", c->name, false), err,
                               "only the reference has it (%s %s); config.json ties it to another "
                               "tensor, which runtimes take",
                               type, shape);
    if (is_buffer(c->a.tensor))
        return q8_findings_add(&v->findings, Q8_FINDING("missing-buffer", c->name, false), err,
                               "only the reference has it (%s %s); runtimes compute it themselves",
                               type, shape);
    return q8_findings_add(&v->findings, Q8_FINDING("missing-tensor", c->name, true), err,
                           "the reference has it (%s %s), the int8 model does not: transformers "
                           "fills it with random numbers",
                           type, shape);
}

static bool judge_extra(struct q8_verify *v, const struct q8_compared *c, const char *name,
                        struct q8_err *err)
{
    char type[TYPE_TEXT], shape[SHAPE_TEXT];
    bool shared;

    q8_side_type(&c->b, type, sizeof type);
    q8_side_shape(&c->b, shape, sizeof shape);
    if (!find_shared(v, &c->b, v->options.quantized, v->options.reference, &shared, err))
        return false;
    if (shared)
        return q8_findings_add(&v->findings, Q8_FINDING("tied-tensor", name, false), err,
                               "only the int8 model has it (%s %s); config.json ties it to another "
                               "tensor of the reference",
                               type, shape);
    if (is_activation_scale(v, c->b.tensor))
        return q8_findings_add(&v->findings, Q8_FINDING("activation-scale", name, false), err,
                               "a scale of activations (%s %s), which q8 does not look at", type,
                               shape);
    return q8_findings_add(&v->findings, Q8_FINDING("extra-tensor", name, true), err,
                           "the int8 model has it (%s %s), the reference does not", type, shape);
}

/* Both have it, with what headers tell. */
static bool judge_both(struct q8_verify *v, const struct q8_compared *c, const char *name,
                       struct q8_err *err)
{
    char text[2][SHAPE_TEXT];

    if (c->verdict == Q8_OTHER_SHAPE)
        return q8_findings_add(&v->findings, Q8_FINDING("shape", name, true), err,
                               "expected %s as in the reference, found %s",
                               q8_side_shape(&c->a, text[0], SHAPE_TEXT),
                               q8_side_shape(&c->b, text[1], SHAPE_TEXT));
    if (c->verdict != Q8_OTHER_TYPE && (!c->type_changed || c->b.stored))
        return true;
    return q8_findings_add(
        &v->findings, Q8_FINDING("type", name, true), err,
        "expected %s%s as in the reference, found %s", c->b.stored ? "a float weight, not " : "",
        q8_side_type(&c->a, text[0], TYPE_TEXT), q8_side_type(&c->b, text[1], TYPE_TEXT));
}

bool q8_integrity_pairs(struct q8_verify *v, struct q8_err *err)
{
    bool ok = true;

    for (uint64_t i = 0; ok && i < v->pairs.items; i++) {
        const struct q8_compared *c = &v->pairs.item[i];
        const char *name = c->b.stored ? c->b.stored->module : c->name;

        if (c->verdict == Q8_ONLY_A)
            ok = judge_missing(v, c, err);
        else if (c->verdict == Q8_ONLY_B)
            ok = judge_extra(v, c, name, err);
        else
            ok = judge_both(v, c, name, err);
    }
    return ok;
}
