/* verify.c - the list of what is verified, the sums, and the verdict */
#include "src/verify/verify.h"

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/convert/plan.h"
#include "src/scheme/error.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_modules(const void *a, const void *b)
{
    return strcmp(((const struct q8_outlier_module *)a)->name,
                  ((const struct q8_outlier_module *)b)->name);
}

static bool list_modules(struct q8_verify *v, const struct q8_plan *plan, struct q8_arena *mem,
                         struct q8_err *err)
{
    v->module = q8_alloc(mem, plan->jobs, sizeof *v->module, err);
    for (uint64_t i = 0; v->module && i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        if (job->module && (Q8_LINEAR_KINDS & 1u << job->kind))
            v->module[v->modules++] = (struct q8_outlier_module){job->module, job->rows, job->cols};
    }
    if (v->modules)
        qsort(v->module, v->modules, sizeof *v->module, compare_modules);
    return v->module != NULL;
}

/* The class of the reference, and what of it is multiplied. */
static bool find_totals(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_select none = {0};
    /* a target that takes fused experts apart, as the int8 file may have them */
    const struct q8_plan_options options = {.target = q8_target_find("ct-w8a16"), .select = &none};
    struct q8_plan plan;

    if (!q8_plan_list(&plan, v->options.reference, &options, mem, err))
        return false;
    v->arch = plan.arch;
    v->total.parameters = plan.total.parameters;
    v->total.linear = plan.total.linear;
    return list_modules(v, &plan, mem, err);
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
    if (!b->count && !b->layout)
        return q8_fail(err, Q8_EUSAGE,
                       "QUANTIZED %s is no int8 model: no weight in it is int8 and its config.json "
                       "has no quantization_config",
                       v->options.quantized->path);
    return b->count || q8_findings_add(&v->findings, &finding, err,
                                       "no weight is int8, though config.json says %s",
                                       q8_layouts[b->layout].name);
}

/* Whether it is an int8 weight beside the floats that it was made from. */
static bool is_layer(const struct q8_compared *c)
{
    return c->b.stored && c->a.tensor && c->verdict > Q8_OTHER_SHAPE &&
           q8_dtype_is_float(c->a.tensor->dtype);
}

static bool list_layers(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t covered = 0;

    v->layer = q8_alloc(mem, v->pairs.items, sizeof *v->layer, err);
    for (uint64_t i = 0; v->layer && i < v->pairs.items; i++) {
        const struct q8_compared *c = &v->pairs.item[i];
        struct q8_layer *l = &v->layer[v->layers];

        if (!is_layer(c))
            continue;
        *l = (struct q8_layer){.module = c->b.stored->module, .item = c};
        l->number = q8_path_layer(l->module, &l->role);
        l->kind = q8_arch_kind(&v->arch, c->name, 2);
        if (l->kind == Q8_KIND_OTHER)
            l->kind = c->a.slice ? Q8_KIND_EXPERT : Q8_KIND_LINEAR;
        v->total.int8 += c->b.rows * c->b.cols;
        if (c->a.slice || (Q8_LINEAR_KINDS & 1u << l->kind))
            covered += c->b.rows * c->b.cols;
        v->layers++;
    }
    v->total.coverage =
        v->total.linear ? fmin(100, 100 * (double)covered / (double)v->total.linear) : 100;
    return v->layer != NULL;
}

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

/* Carried tensors whose bytes are not those of the reference. */
static bool judge_carried(struct q8_verify *v, struct q8_err *err)
{
    for (uint64_t i = 0; i < v->pairs.items; i++) {
        const struct q8_compared *c = &v->pairs.item[i];

        if (!c->a.tensor || !c->b.tensor || c->b.stored || c->a.stored)
            continue;
        v->total.carried++;
        v->total.same += c->verdict == Q8_SAME_BYTES;
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

/* Everything that is known before data are read. */
static bool prepare(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err)
{
    v->pairs.options = (struct q8_compare_options){.a = v->options.reference,
                                                   .b = v->options.quantized,
                                                   .threads = v->options.threads,
                                                   .isa = v->options.isa,
                                                   .layers = v->options.layers,
                                                   .watch = v->options.watch};
    return q8_compare_pair(&v->pairs, mem, err) && check_pair(v, err) && find_totals(v, mem, err) &&
           list_layers(v, mem, err) && q8_integrity_check(v, err);
}

static bool verify(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err)
{
    return prepare(v, mem, err) && q8_verify_data(v, mem, err) &&
           q8_model_same(v->options.reference, err) && q8_model_same(v->options.quantized, err) &&
           judge_carried(v, err) &&
           (v->options.level < Q8_LEVEL_WEIGHTS || digest_reference(v, err));
}

bool q8_verify_run(struct q8_verify *ret, const struct q8_verify_options *options,
                   struct q8_arena *mem, struct q8_err *err)
{
    const double begin = q8_now();

    *ret = (struct q8_verify){.options = *options};
    q8_findings_init(&ret->findings, mem);
    if (!verify(ret, mem, err))
        return false;
    add_totals(ret);
    if (!q8_gate_run(ret, err))
        return false;
    q8_findings_sort(&ret->findings);
    count_failing(ret);
    ret->total.seconds = q8_now() - begin;
    return true;
}
