/* plan_float.c - what becomes of each tensor where nothing becomes int8 */
#include "src/convert/plan_parts.h"

#include "src/base/text.h"
#include "src/model/coded/decode.h"
#include "src/model/foreign.h"

#include <stdlib.h>
#include <string.h>

#define NEAR 64 /* jobs in front of one, among which is mostly one that is like it */

/* A tensor as it lies in its file. */
struct place {
    const struct q8_tensor *raw; /* of the file, or what is computed */
    const struct q8_tensor *t;   /* of the index */
    uint64_t head;               /* 1: it is the weight of a head, which others are made of last */
};

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

/* ---- tensors that share their bytes ---- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* By what they are made of, then heads behind the others, then by name. */
static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    const struct q8_tensor *s = x->raw, *t = y->raw;
    int d = compare_numbers(s->shard, t->shard);

    d = d ? d : compare_numbers(s->offset, t->offset);
    d = d ? d : compare_numbers(s->nbytes, t->nbytes);
    d = d ? d : compare_numbers(x->head, y->head);
    return d ? d : strcmp(s->name, t->name);
}

/* Whether the elements of both are the same bytes of a file in the same order. */
static bool is_same(const struct q8_tensor *a, const struct q8_tensor *b)
{
    return !a->coded && !b->coded && a->shard == b->shard && a->offset == b->offset &&
           a->nbytes == b->nbytes && a->nbytes > 0 && a->dtype == b->dtype &&
           a->swapped == b->swapped && a->rank == b->rank && a->strided == b->strided &&
           memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0 &&
           (!a->strided || memcmp(a->stride, b->stride, a->rank * sizeof *a->stride) == 0);
}

static bool is_head(const struct q8_plan *plan, const struct q8_tensor *t)
{
    const size_t stem = q8_weight_stem(t->name);
    const char *head;

    for (size_t i = 0; stem && (head = q8_arch_head(&plan->arch, i)); i++)
        if (strlen(head) == stem && strncmp(head, t->name, stem) == 0)
            return true;
    return false;
}

/*
 * Marks the tensors that are another one once more, as tied weights are in PyTorch's files:
 * transformers saves those once, under the name of the embedding.
 */
static bool find_twins(const struct q8_plan *plan, bool *twin, struct q8_arena *own,
                       struct q8_err *err)
{
    const struct q8_index *ix = &plan->model->index;
    struct place *list = q8_alloc(own, ix->count, sizeof *list, err);
    const struct q8_tensor *first = NULL;

    if (!list)
        return false;
    for (uint64_t i = 0; i < ix->count; i++) {
        const struct q8_tensor *t = &ix->tensor[i];

        const bool cast = t->coded && q8_coded_is_cast(t->coded);

        list[i] = (struct place){cast ? q8_coded_raw(t->coded) : t, t, is_head(plan, t)};
    }
    if (ix->count)
        qsort(list, ix->count, sizeof *list, compare_places);
    for (uint64_t i = 0; i < ix->count; i++) {
        if (first && is_same(first, list[i].raw))
            twin[list[i].t - ix->tensor] = true;
        else
            first = list[i].raw;
    }
    return true;
}

/* ---- what happens to one ---- */

/* What is done to a computed one: "rounded to BF16: F32". */
static const char *describe(const struct q8_plan *plan, const struct q8_tensor *t,
                            struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_coded *c = q8_coded_source(t->coded);
    const enum q8_dtype to = plan->options.target->dtype, from = q8_coded_raw(c)->dtype;
    const bool wider = to == Q8_F32 && (from == Q8_F16 || from == Q8_BF16);

    if (q8_coded_is_quantized(c))
        return q8_sprintf(mem, err, "dequantized to %s: %s", q8_dtypes[to].name, q8_coded_title(c));
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

static bool list_jobs(struct q8_plan *plan, const bool *twin, struct q8_arena *mem,
                      struct q8_err *err)
{
    const struct q8_index *ix = &plan->model->index;

    for (uint64_t i = 0; i < ix->count; i++) {
        const struct q8_tensor *t = &ix->tensor[i];
        struct q8_job job = {.tensor = t, .kind = Q8_KIND_OTHER};

        if (twin[i]) {
            plan->twin = plan->twin ? plan->twin : t->name;
            plan->total.twins++;
            continue;
        }
        job.reason = find_reason(plan, t, mem, err);
        if (!job.reason)
            return false;
        plan->job[plan->jobs++] = job;
        plan->total.parameters += q8_tensor_elements(t);
    }
    return true;
}

bool q8_plan_float(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *m = plan->model;
    struct q8_arena own;
    bool *twin, ok;

    if (!check_options(plan, err) ||
        (plan->options.target->dtype != Q8_DTYPES && !q8_model_is_float(m, err)))
        return false;
    q8_arena_init(&own, mem->limit);
    twin = q8_alloc(&own, m->index.count, sizeof *twin, err);
    ok = twin && find_twins(plan, twin, &own, err) && list_jobs(plan, twin, mem, err);
    q8_arena_clear(&own);
    return ok;
}
