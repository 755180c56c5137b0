/* list.c - what is verified: the pairs, the class, the modules that are multiplied, the layers */
#include "src/verify/verify_parts.h"

#include "src/compare/match.h"
#include "src/model/floats.h"
#include "src/model/foreign.h"
#include "src/verify/integrity/integrity.h"
#include "src/verify/runtime/runtime.h"

#include <math.h>
#include <string.h>

/* The class of the reference, and what of it is multiplied. */
static bool find_totals(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *reference = v->options.reference;
    struct q8_weight_list *list = &v->weights;
    uint64_t kept = 0;

    q8_model_arch(&v->arch, reference);
    if (!q8_model_is_float(reference, err) || !q8_weights_find(list, reference, &v->arch, mem, err))
        return false;
    v->total.parameters = list->parameters;
    v->total.linear = list->linear;
    for (uint64_t i = 0; i < list->count; i++)
        if (Q8_LINEAR_KINDS & 1u << list->weight[i].kind)
            list->weight[kept++] = list->weight[i];
    list->count = kept;
    list->by_tensor = NULL; /* of those that were there */
    return true;
}

static bool check_pair(struct q8_verify *v, struct q8_err *err)
{
    const struct q8_stored_list *a = &v->pairs.stored_a, *b = &v->pairs.stored_b;
    const struct q8_finding finding = {.level = Q8_LEVEL_INTEGRITY,
                                       .kind = "not-quantized",
                                       .name = Q8_WHOLE_MODEL,
                                       .fails = true};

    if (a->count)
        return q8_fail(err, Q8_EUSAGE,
                       "REFERENCE %s is int8 already (%s): it is the float model that is wanted "
                       "there, and QUANTIZED behind it",
                       v->options.reference->path, q8_layouts[a->layout].name);
    if (v->options.quantized->decoded) /* FP8, int4, ...: what its values lost is told */
        return true;
    if (!b->count && !b->layout)
        return q8_model_is_float(v->options.quantized, err) &&
               q8_fail(err, Q8_EUSAGE,
                       "QUANTIZED %s is not an int8 model: no weight in it is int8 and its "
                       "config.json has no quantization_config",
                       v->options.quantized->path);
    return b->count || q8_findings_add(&v->findings, &finding, err,
                                       "no weight is int8, though config.json says %s",
                                       q8_layouts[b->layout].name);
}

bool q8_verify_is_decoded(const struct q8_compared *c)
{
    return !c->b.stored && c->b.tensor && c->b.tensor->coded;
}

/* Whether it is a quantized weight beside the floats that it was made from. */
static bool is_layer(const struct q8_compared *c)
{
    return (c->b.stored || q8_verify_is_decoded(c)) && c->a.tensor && c->verdict > Q8_OTHER_SHAPE &&
           q8_dtype_is_float(c->a.tensor->dtype);
}

/* The module of a layer: its weight's name without the end. */
static const char *find_module(const struct q8_compared *c, struct q8_arena *mem,
                               struct q8_err *err)
{
    const size_t stem = q8_weight_stem(c->name);

    return c->b.stored ? c->b.stored->module
                       : q8_strndup(mem, c->name, stem ? stem : strlen(c->name), err);
}

static bool list_layers(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t covered = 0;

    v->layer = q8_alloc(mem, v->pairs.items, sizeof *v->layer, err);
    for (uint64_t i = 0; v->layer && i < v->pairs.items; i++) {
        const struct q8_compared *c = &v->pairs.item[i];
        struct q8_layer *l = &v->layer[v->layers];
        uint64_t elements;

        if (!is_layer(c))
            continue;
        *l = (struct q8_layer){.module = find_module(c, mem, err), .item = c};
        if (!l->module)
            return false;
        l->number = q8_path_layer(l->module, &l->role);
        l->kind = q8_arch_kind(&v->arch, c->name, 2);
        if (l->kind == Q8_KIND_OTHER)
            l->kind = c->a.slice ? Q8_KIND_EXPERT : Q8_KIND_LINEAR;
        elements = c->b.stored ? c->b.rows * c->b.cols : q8_tensor_elements(c->b.tensor);
        v->total.int8 += elements;
        if (c->a.slice || (Q8_LINEAR_KINDS & 1u << l->kind))
            covered += elements;
        v->layers++;
    }
    v->total.coverage =
        v->total.linear ? fmin(100, 100 * (double)covered / (double)v->total.linear) : 100;
    return v->layer != NULL;
}

bool q8_verify_list(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err)
{
    v->pairs.options = (struct q8_compare_options){.a = v->options.reference,
                                                   .b = v->options.quantized,
                                                   .threads = v->options.threads,
                                                   .isa = v->options.isa,
                                                   .layers = v->options.layers,
                                                   .watch = v->options.watch};
    return q8_compare_pair(&v->pairs, mem, err) && check_pair(v, err) && find_totals(v, mem, err) &&
           list_layers(v, mem, err) && q8_integrity_check(v, err) && q8_runtime_check(v, err);
}
