/* plan_float.c - what becomes of each tensor where nothing becomes int8 */
#include "src/convert/plan_parts.h"

#include "src/base/text.h"
#include "src/model/coded/decode.h"
#include "src/model/foreign.h"

#define NEAR 64 /* jobs in front of one, among which is mostly one that is like it */

/* What options say of int8 weights has no place here. */
static bool check_options(const struct q8_plan *plan, struct q8_err *err)
{
    const struct q8_plan_options *o = &plan->options;
    const char *name = o->select->count                 ? o->select->pattern[0].origin
                       : o->vision != Q8_VISION_DEFAULT ? "--vision"
                       : o->min_coverage > 0            ? "--min-coverage"
                                                        : NULL;

    return !name ||
           q8_fail(err, Q8_EUSAGE, "%s says which modules become int8, and --to=%s makes none int8",
                   name, o->target->name);
}

/* safetensors has no type for the blocks of GGUF. */
static bool check_types(const struct q8_plan *plan, struct q8_err *err)
{
    for (uint64_t i = 0; i < plan->model->index.count; i++) {
        const struct q8_tensor *t = &plan->model->index.tensor[i];
        char name[256];

        if (t->dtype >= Q8_SAFETENSORS_DTYPES)
            return q8_fail(err, Q8_EUNSUPPORTED,
                           "%s: tensor '%s' is %s of GGUF, for which safetensors has no type: %s",
                           plan->model->shard[t->shard].name,
                           q8_text_escape(t->name, name, sizeof name), q8_dtypes[t->dtype].name,
                           t->dtype == Q8_GGUF_Q8_0
                               ? "--to=f32 makes floats of it"
                               : "llama-quantize --allow-requantize IN OUT f16 makes floats of it");
    }
    return true;
}

/* What is done to a computed one: "rounded to BF16: F32". */
static const char *describe(const struct q8_plan *plan, const struct q8_tensor *t,
                            struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_coded *c = q8_coded_source(t->coded);
    const enum q8_dtype to = plan->options.target->dtype, from = q8_coded_raw(c)->dtype;
    const bool wider = to == Q8_F32 && (from == Q8_F16 || from == Q8_BF16);

    if (q8_coded_is_quantized(c))
        return q8_sprintf(mem, err, "dequantized to %s: %s", q8_dtypes[to].name, q8_coded_title(c));
    if (from == to)
        return q8_coded_title(c);
    return q8_sprintf(mem, err, "%s to %s: %s", wider ? "widened" : "rounded", q8_dtypes[to].name,
                      q8_dtypes[from].name);
}

/* Whether the same is done to both. */
static bool is_alike(const struct q8_tensor *a, const struct q8_tensor *b)
{
    const struct q8_coded *c, *d;

    if (!a->coded || !b->coded)
        return !a->coded && !b->coded;
    c = q8_coded_source(a->coded);
    d = q8_coded_source(b->coded);
    return q8_coded_title(c) == q8_coded_title(d) &&
           q8_coded_raw(c)->dtype == q8_coded_raw(d)->dtype;
}

/* Texts are shared by those that lie near each other. */
static const char *find_reason(const struct q8_plan *plan, const struct q8_tensor *t,
                               struct q8_arena *mem, struct q8_err *err)
{
    if (!t->coded)
        return "as they are";
    for (uint64_t i = plan->jobs; i > 0 && i + NEAR > plan->jobs; i--)
        if (is_alike(plan->job[i - 1].tensor, t))
            return plan->job[i - 1].reason;
    return describe(plan, t, mem, err);
}

bool q8_plan_float(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *m = plan->model;

    if (!check_options(plan, err) ||
        !(plan->options.target->dtype == Q8_DTYPES ? check_types(plan, err)
                                                   : q8_model_is_float(m, err)))
        return false;
    for (uint64_t i = 0; i < m->index.count; i++) {
        const struct q8_tensor *t = &m->index.tensor[i];
        const char *reason = find_reason(plan, t, mem, err);

        if (!reason)
            return false;
        plan->job[plan->jobs++] =
            (struct q8_job){.tensor = t, .kind = Q8_KIND_OTHER, .reason = reason};
        plan->total.parameters += q8_tensor_elements(t);
    }
    return true;
}
