/* plan.c - what happens to each tensor and why */
#include "src/convert/plan.h"

#include "src/base/text.h"
#include "src/convert/plan_parts.h"
#include "src/model/foreign.h"
#include "src/scheme/carry.h"

#include <inttypes.h>

static struct q8_job *add_job(struct q8_plan *plan, const struct q8_job *job, struct q8_arena *mem,
                              struct q8_err *err)
{
    struct q8_job *list = q8_grow(mem, plan->job, plan->jobs, &plan->job_room, sizeof *list, err);

    if (!list)
        return NULL;
    plan->job = list;
    list[plan->jobs] = *job;
    return &list[plan->jobs++];
}

struct q8_view q8_job_view(const struct q8_job *job)
{
    return (struct q8_view){.tensor = job->tensor,
                            .transpose = job->transpose,
                            .first = job->first_row * job->cols,
                            .rows = job->rows,
                            .cols = job->cols};
}

struct q8_weight_shape q8_job_shape(const struct q8_job *job, uint64_t rows)
{
    return (struct q8_weight_shape){job->carry ? job->step : job->tensor->dtype, rows, job->cols};
}

bool q8_job_carry(const struct q8_job *job, struct q8_carry *ret)
{
    const uint32_t group = job->as->scheme->group;

    return !job->transpose &&
           q8_carry_init(ret, job->tensor, job->as->scheme, group ? group : job->cols);
}

bool q8_job_recodes(const struct q8_job *job)
{
    struct q8_codes codes;

    return !job->reason && !job->carry && !job->transpose && job->tensor->rank == 2 &&
           job->tensor->coded && q8_coded_codes(job->tensor->coded, &codes);
}

/* The pattern asks for what cannot be; always NULL. */
static const char *refuse(const struct q8_pattern *p, const struct q8_job *job,
                          const struct q8_target *target, const char *why, struct q8_err *err)
{
    char name[256], text[256];

    q8_fail(err, Q8_EUSAGE, "%s '%s': %s cannot become int8 in %s: %s", p->origin,
            q8_text_escape(p->text, text, sizeof text),
            q8_text_escape(job->module, name, sizeof name), target->name, why);
    return NULL;
}

/* Reasons of the user's own. */
static const char skipped[] = "skipped by a pattern", not_named[] = "no --only pattern names it";

/* Whether all readers of the target that are known build that module float. */
static bool nobody_reads(const struct q8_plan *plan, const struct q8_job *job)
{
    bool any = false;

    for (int r = Q8_READER_VLLM; r < Q8_READERS; r++) {
        const enum q8_place place =
            q8_keep_place(&plan->keep, (enum q8_reader)r, job->kind, job->module);

        if (place == Q8_PLACE_INT8)
            return false;
        any |= place == Q8_PLACE_FLOAT;
    }
    return any;
}

static bool have_head(const struct q8_plan *plan)
{
    for (uint64_t i = 0; i < plan->weights.count; i++)
        if (plan->weights.weight[i].kind == Q8_KIND_HEAD)
            return true;
    return false;
}

/* Why an embedding cannot be int8 though a pattern asks for it: a clause, or NULL. */
static const char *embedding_obstacle(const struct q8_plan *plan, const struct q8_job *job,
                                      const struct q8_target *target)
{
    const char *head = q8_arch_head(&plan->arch, 0);
    const bool tied =
        head && (q8_weight_is_tied(plan->model, &plan->arch, head) || !have_head(plan));

    if (job->rows < plan->keep.sections.vocabulary || !plan->keep.sections.vocabulary)
        return "of embeddings, runtimes have a place for that of the vocabulary alone";
    if (tied)
        return "tie_word_embeddings makes the head of it, which runtimes read as floats";
    if (q8_keep_place(&plan->keep, Q8_READER_VLLM, job->kind, job->module) == Q8_PLACE_FLOAT)
        return "vLLM builds the embedding of this class float";
    return q8_target_obstacle(target, Q8_KIND_LINEAR, job->tensor, job->cols);
}

/* Why it cannot be int8 in that target, whatever a pattern says: a clause, or NULL. */
static const char *find_obstacle(const struct q8_plan *plan, const struct q8_job *job,
                                 const struct q8_choice *choice, const struct q8_target *target)
{
    const char *blocked;

    if (choice->also && target->looks_up & 1u << job->kind)
        blocked = embedding_obstacle(plan, job, target);
    else
        blocked = q8_target_obstacle(target, job->kind, job->tensor, job->cols);
    if (!blocked && job->kind == Q8_KIND_HEAD &&
        q8_weight_is_tied(plan->model, &plan->arch, job->module))
        blocked = "tie_word_embeddings makes it the embedding, which stays float";
    if (!blocked && choice->also && job->kind == Q8_KIND_HEAD &&
        q8_target_read_by(target, Q8_READER_VLLM) && nobody_reads(plan, job))
        blocked = "vLLM and SGLang build the head of this class float";
    return blocked;
}

/*
 * Why this weight stays float: the patterns', the architecture's, the target's or its readers'
 * reason; NULL: int8, or an error.
 */
static const char *keep_reason(const struct q8_plan *plan, const struct q8_job *job,
                               const struct q8_choice *choice, struct q8_err *err)
{
    const struct q8_target *target = q8_plan_use(plan, choice);
    const char *blocked = find_obstacle(plan, job, choice, target);
    const char *unfit = q8_scheme_misfit(target->scheme, job->cols);

    if (!blocked && !choice->use)
        blocked = unfit;
    if (blocked && choice->also)
        return refuse(choice->also, job, target, blocked, err);
    if (blocked)
        return blocked;
    if (choice->skip)
        return skipped;
    if (!choice->also && plan->options.select->have_only && !choice->only)
        return not_named;
    if (!choice->also && !(target->takes & 1u << job->kind))
        return q8_kind_reason(job->kind);
    blocked = choice->also ? NULL : q8_keep_reason(&plan->keep, job->module);
    if (blocked)
        return blocked;
    return unfit ? refuse(choice->use, job, target, unfit, err) : NULL;
}

/* What is no weight, or none that the target can take apart, is copied. */
static bool plan_other(struct q8_plan *plan, const struct q8_tensor *t, struct q8_arena *mem,
                       struct q8_err *err)
{
    struct q8_job job = {.tensor = t, .kind = Q8_KIND_OTHER};

    job.reason = q8_tensor_is_fused(t)
                     ? "experts in one 3-D weight, which the target has no place for"
                 : t->rank == 2 ? "not a Linear weight"
                                : "not a matrix";
    return add_job(plan, &job, mem, err) != NULL;
}

/*
 * Decides what becomes of a weight, and adds it.  What is said of the `whole` tensor is said of
 * each slice of it; NULL: it is none.
 */
static bool plan_weight(struct q8_plan *plan, const struct q8_weight *w,
                        const struct q8_choice *whole, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_choice choice;
    struct q8_carry carry;
    struct q8_job job = {.tensor = w->view.tensor,
                         .module = w->module,
                         .kind = w->kind,
                         .transpose = w->view.transpose,
                         .first_row = w->view.first ? w->view.first / w->view.cols : 0,
                         .rows = w->view.rows,
                         .cols = w->view.cols};

    if (!q8_select_ask(plan->options.select, w->module, &choice, err))
        return false;
    if (whole && !choice.only)
        choice.only = whole->only ? whole->only : whole->also;
    if (whole && whole->use && (!choice.use || whole->use < choice.use)) /* the earlier one */
        choice.use = whole->use;
    job.reason = keep_reason(plan, &job, &choice, err);
    job.by_pattern = job.reason == skipped || job.reason == not_named;
    if (!job.reason) {
        job.as = q8_plan_use(plan, &choice);
        job.carry = q8_job_carry(&job, &carry);
        job.step = job.carry ? carry.codes.dtype : Q8_DTYPES;
        if (choice.use)
            choice.use->taken++;
    }
    return !err->code && add_job(plan, &job, mem, err);
}

/*
 * A fused tensor of experts that the target takes apart: quantized slice by slice [count], or
 * copied when no slice is to be int8 or a pattern names the tensor itself.
 */
static bool plan_experts(struct q8_plan *plan, const struct q8_weight *const *slice, uint64_t count,
                         struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_tensor *t = slice[0]->view.tensor;
    const uint64_t first = plan->jobs;
    struct q8_job copy = {.tensor = t, .kind = Q8_KIND_EXPERT};
    struct q8_choice whole;
    uint64_t kept = 0, apart = 0;
    char name[256];

    if (!q8_select_ask(plan->options.select, t->name, &whole, err))
        return false;
    if (whole.skip) {
        copy.reason = skipped;
        copy.by_pattern = true;
    }
    for (uint64_t i = 0; !copy.reason && i < count; i++)
        if (!plan_weight(plan, slice[i], &whole, mem, err))
            return false;
    for (uint64_t i = first; i < plan->jobs; i++) {
        kept += plan->job[i].reason != NULL;
        apart += plan->job[i].as != plan->job[first].as;
    }
    if (kept > 0 && kept < plan->jobs - first)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%" PRIu64 " of the %" PRIu64 " slices of '%s' would stay float: a fused "
                       "expert tensor is quantized as a whole or not at all; --skip '%s' leaves it",
                       kept, plan->jobs - first, q8_text_escape(t->name, name, sizeof name), name);
    if (kept == 0 && apart > 0)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "the slices of '%s' would have more than one scheme: a fused expert tensor "
                       "has one; name the tensor itself",
                       q8_text_escape(t->name, name, sizeof name));
    if (kept > 0) {
        copy.reason = plan->job[first].reason;
        copy.by_pattern = plan->job[first].by_pattern;
    }
    if (!copy.reason)
        return true;
    plan->jobs = first;
    return add_job(plan, &copy, mem, err) != NULL;
}

static bool plan_tensor(struct q8_plan *plan, const struct q8_tensor *t, struct q8_arena *mem,
                        struct q8_err *err)
{
    uint64_t count;
    const struct q8_weight *const *of = q8_weights_of(&plan->weights, t, &count);

    if (count == 0 || (of[0]->fused && !q8_target_splits(plan->options.target, t)))
        return plan_other(plan, t, mem, err);
    return of[0]->fused ? plan_experts(plan, of, count, mem, err)
                        : plan_weight(plan, of[0], NULL, mem, err);
}

static void count_totals(struct q8_plan *plan)
{
    plan->total.parameters = plan->weights.parameters;
    plan->total.linear = plan->weights.linear;
    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        plan->total.drafts +=
            q8_sections_find(&plan->keep.sections, job->tensor->name) == Q8_SECTION_DRAFT;
        if (job->reason)
            continue;
        plan->total.int8 += job->rows * job->cols;
        plan->total.covered += job->kind == Q8_KIND_EMBEDDING ? 0 : job->rows * job->cols;
        plan->total.modules++;
    }
}

/* Names that are not those of transformers are no model that anything loads. */
static bool check_known(const struct q8_model *m, struct q8_err *err)
{
    return !m->unknown ||
           (q8_model_is_float(m, err) && /* blocks are no values of any model */
            q8_fail(err, Q8_EUNSUPPORTED, "%s cannot become a model of transformers: %s", m->path,
                    m->unknown));
}

bool q8_plan_list(struct q8_plan *ret, const struct q8_model *model,
                  const struct q8_plan_options *options, struct q8_arena *mem, struct q8_err *err)
{
    *ret = (struct q8_plan){.model = model, .options = *options, .job_room = model->index.count};
    ret->job = q8_alloc(mem, ret->job_room, sizeof *ret->job, err);
    q8_model_arch(&ret->arch, model);
    q8_keep_init(&ret->keep, model, &ret->arch, options->target, options->vision);
    if (!ret->job || !check_known(model, err))
        return false;
    if (!options->target->scheme)
        return q8_plan_float(ret, mem, err);
    if (!q8_model_is_float(model, err) || !q8_plan_use_open(ret, err) ||
        !q8_weights_find(&ret->weights, model, &ret->arch, mem, err))
        return false;
    for (uint64_t i = 0; i < model->index.count; i++)
        if (!plan_tensor(ret, &model->index.tensor[i], mem, err))
            return false;
    count_totals(ret);
    return true;
}
