/* verify.c - a run from the list to the verdict */
#include "src/verify/verify.h"

#include "src/base/clock.h"
#include "src/scheme/error.h"
#include "src/verify/baseline.h"
#include "src/verify/gate.h"
#include "src/verify/runtime/runtime.h"
#include "src/verify/verify_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A tensor that was carried over and is not the reference's; of another type integrity.c tells. */
static bool add_carried(struct q8_verify *v, const struct q8_compared *c, struct q8_err *err)
{
    const struct q8_finding finding = {
        .level = Q8_LEVEL_INTEGRITY, .kind = "carried", .name = c->name, .fails = true};

    if (c->type_changed)
        return true;
    if (!c->have_numbers)
        return q8_findings_add(&v->findings, &finding, err,
                               "%" PRIu64 " of %" PRIu64 " elements are not those of the reference",
                               c->unequal, c->elements);
    return q8_findings_add(&v->findings, &finding, err,
                           "%" PRIu64 " of %" PRIu64 " values are not those of the reference; the "
                           "largest difference is %g",
                           c->unequal, c->elements, c->most);
}

/* A matrix, or an expert: no norm or bias, whose elements may all be the same. */
static bool is_weight(const struct q8_compared *c)
{
    return c->a.slice || q8_tensor_is_fused(c->a.tensor) ||
           (c->a.tensor->rank == 2 && q8_weight_stem(c->name));
}

/* Carried tensors whose bytes are not those of the reference; and constant ones. */
static bool judge_carried(struct q8_verify *v, struct q8_err *err)
{
    for (uint64_t i = 0; i < v->pairs.items; i++) {
        const struct q8_compared *c = &v->pairs.item[i];

        if (!c->a.tensor || !c->b.tensor || c->b.stored || c->a.stored || q8_verify_is_decoded(c))
            continue;
        v->total.carried++;
        v->total.same += c->verdict == Q8_SAME_BYTES;
        if (c->constant && is_weight(c) &&
            !q8_findings_constant(&v->findings, Q8_LEVEL_INTEGRITY, c->name, err))
            return false;
        if ((c->verdict == Q8_SAME_VALUES || c->verdict == Q8_OTHER_VALUES) &&
            !add_carried(v, c, err))
            return false;
    }
    return true;
}

/* One digest over the names and digests of all references. */
static bool digest_reference(struct q8_verify *v, struct q8_err *err)
{
    struct q8_xxh x = {0};

    if (!q8_xxh_open(&x, err))
        return false;
    for (uint64_t i = 0; i < v->layers; i++) {
        q8_xxh_add(&x, v->layer[i].module, strlen(v->layer[i].module) + 1);
        q8_xxh_add(&x, v->layer[i].reference.byte, sizeof v->layer[i].reference.byte);
    }
    v->reference = q8_xxh_sum(&x);
    q8_xxh_close(&x);
    return true;
}

static void add_totals(struct q8_verify *v)
{
    double err2 = 0, val2 = 0, sqnr = 0;
    uint64_t multiplied = 0;

    for (uint64_t i = 0; i < v->layers; i++) {
        const struct q8_layer *l = &v->layer[i];

        err2 += l->weights.err2;
        val2 += l->weights.val2;
        if (l->have_matmul && isfinite(l->matmul.sqnr)) {
            sqnr += l->matmul.sqnr;
            multiplied++;
        }
    }
    v->total.weights_sqnr =
        v->options.level < Q8_LEVEL_WEIGHTS || val2 == 0 ? NAN : q8_sqnr(val2, err2);
    v->total.matmul_sqnr = multiplied ? sqnr / (double)multiplied : NAN;
}

static int compare_module(const void *name, const void *layer)
{
    return strcmp(name, ((const struct q8_layer *)layer)->module);
}

/* Which layers the failing findings are about; those of a weight's tensor too. */
static void count_failing(struct q8_verify *v)
{
    for (uint64_t i = 0; i < v->findings.count; i++) {
        const struct q8_finding *f = &v->findings.list[i];
        struct q8_layer *l =
            v->layers ? bsearch(f->name, v->layer, v->layers, sizeof *v->layer, compare_module)
                      : NULL;

        if (f->fails && l && l->failing++ == 0)
            v->total.failing_layers++;
    }
    v->failed = q8_findings_failing(&v->findings) > 0;
}

static bool verify(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err)
{
    return q8_verify_list(v, mem, err) && q8_verify_data(v, mem, err) &&
           q8_model_same(v->options.reference, err) && q8_model_same(v->options.quantized, err) &&
           judge_carried(v, err) &&
           (v->options.level < Q8_LEVEL_WEIGHTS || digest_reference(v, err));
}

bool q8_verify_run(struct q8_verify *ret, const struct q8_verify_options *options,
                   struct q8_arena *mem, struct q8_err *err)
{
    const double begin = q8_now();

    *ret = (struct q8_verify){.options = *options};
    ret->options.tp = ret->options.tp ? ret->options.tp : 1;
    q8_findings_init(&ret->findings, mem);
    if (!verify(ret, mem, err))
        return false;
    add_totals(ret);
    if (!q8_gate_run(ret, err) || (ret->options.baseline && !q8_baseline_compare(ret, err)))
        return false;
    q8_runtime_judge(ret);
    q8_findings_sort(&ret->findings);
    count_failing(ret);
    ret->total.seconds = q8_now() - begin;
    return true;
}
