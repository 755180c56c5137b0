/* plan.c - what happens to each tensor and why */
#include "src/convert/plan.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/convert/plan_parts.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* Whether the runtime makes this output head the same tensor as the embedding, which is float. */
static bool is_tied(const struct q8_plan *plan, const char *module)
{
    const struct cJSON *root = plan->model->config_root;
    const char *head;

    if (q8_json_bool(q8_json_get(root, "tie_word_embeddings")) != 1)
        return false;
    for (size_t i = 0; (head = q8_arch_head(&plan->arch, i)); i++)
        if (strcmp(head, module) == 0)
            return true;
    return false;
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

/*
 * Why this weight stays float: the patterns', the architecture's or the target's reason; NULL:
 * int8, or an error.
 */
static const char *keep_reason(const struct q8_plan *plan, const struct q8_job *job,
                               const struct q8_choice *choice, struct q8_err *err)
{
    const struct q8_target *target = q8_plan_use(plan, choice);
    const char *blocked = q8_target_obstacle(target, job->kind, job->tensor, job->cols);
    const char *unfit = q8_scheme_misfit(target->scheme, job->cols);

    if (!blocked && job->kind == Q8_KIND_HEAD && is_tied(plan, job->module))
        blocked = "tie_word_embeddings makes it the embedding, which stays float";
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
    return unfit ? refuse(choice->use, job, target, unfit, err) : NULL;
}

/* Decides what becomes of a weight, and adds it. */
static bool add_weight(struct q8_plan *plan, struct q8_job *job, const struct q8_choice *choice,
                       struct q8_arena *mem, struct q8_err *err)
{
    job->reason = keep_reason(plan, job, choice, err);
    job->by_pattern = job->reason == skipped || job->reason == not_named;
    if (!job->reason) {
        job->as = q8_plan_use(plan, choice);
        if (choice->use)
            choice->use->taken++;
    }
    return !err->code && add_job(plan, job, mem, err);
}

bool q8_plan_fused(const struct q8_tensor *t)
{
    return t->rank == 3 && strstr(t->name, ".experts.") != NULL;
}

/* What is not "module.weight" of two dimensions is copied. */
static bool plan_other(struct q8_plan *plan, const struct q8_tensor *t, struct q8_arena *mem,
                       struct q8_err *err)
{
    struct q8_job job = {.tensor = t, .kind = Q8_KIND_OTHER};

    job.reason = t->rank == 2 ? "not a Linear weight" : "not a matrix";
    if (q8_plan_fused(t)) {
        job.reason = "experts in one 3-D weight, which the target has no place for";
        plan->total.linear += q8_tensor_elements(t);
    }
    return add_job(plan, &job, mem, err) != NULL;
}

/* One 2-D weight: "module.weight". */
static bool plan_matrix(struct q8_plan *plan, const struct q8_tensor *t, struct q8_arena *mem,
                        struct q8_err *err)
{
    enum q8_kind kind = q8_arch_kind(&plan->arch, t->name, t->rank);
    size_t length = strlen(t->name);
    struct q8_job job = {.tensor = t, .kind = kind};
    struct q8_choice choice;
    bool named = length > 7 && strcmp(t->name + length - 7, ".weight") == 0;

    if (!named || t->rank != 2)
        return plan_other(plan, t, mem, err);
    job.module = q8_strndup(mem, t->name, length - 7, err);
    if (!job.module)
        return false;
    job.transpose = kind == Q8_KIND_CONV1D;
    job.rows = t->dim[job.transpose];
    job.cols = t->dim[!job.transpose];
    if (Q8_LINEAR_KINDS & 1u << kind)
        plan->total.linear += q8_tensor_elements(t);
    choice = q8_select_ask(plan->options.select, job.module);
    return add_weight(plan, &job, &choice, mem, err);
}

/*
 * One 2-D slice of a fused expert tensor: rows of part `p` of expert `e`.  What is said of the
 * `whole` tensor is said of each slice.
 */
static bool plan_slice(struct q8_plan *plan, const struct q8_tensor *t,
                       const struct q8_arch_experts *layout, uint64_t e, unsigned p,
                       const struct q8_choice *whole, struct q8_arena *mem, struct q8_err *err)
{
    const uint64_t rows = t->dim[1] / (layout->part[1] ? 2 : 1);
    const int stem = (int)(strrchr(t->name, '.') - t->name);
    struct q8_job job = {.tensor = t, .kind = Q8_KIND_EXPERT, .rows = rows, .cols = t->dim[2]};
    struct q8_choice choice;

    job.first_row = e * t->dim[1] + p * rows;
    job.module = q8_sprintf(mem, err, "%.*s.%" PRIu64 ".%s", stem, t->name, e, layout->part[p]);
    if (!job.module)
        return false;
    choice = q8_select_ask(plan->options.select, job.module);
    if (!choice.only)
        choice.only = whole->only ? whole->only : whole->also;
    if (whole->use && (!choice.use || whole->use < choice.use)) /* the earlier in the list */
        choice.use = whole->use;
    return add_weight(plan, &job, &choice, mem, err);
}

/*
 * A fused 3-D expert tensor whose layout is known: [experts, parts * rows, cols].  It is quantized
 * slice by slice, or copied when no slice is to be int8 or a pattern names the tensor itself.
 */
static bool plan_experts(struct q8_plan *plan, const struct q8_tensor *t,
                         const struct q8_arch_experts *layout, struct q8_arena *mem,
                         struct q8_err *err)
{
    const struct q8_choice whole = q8_select_ask(plan->options.select, t->name);
    const uint64_t first = plan->jobs;
    struct q8_job copy = {.tensor = t, .kind = Q8_KIND_EXPERT};
    uint64_t kept = 0, apart = 0;
    char name[256];

    plan->total.linear += q8_tensor_elements(t);
    if (whole.skip) {
        copy.reason = skipped;
        copy.by_pattern = true;
    }
    for (uint64_t e = 0; !copy.reason && e < t->dim[0]; e++)
        for (unsigned p = 0; p < (layout->part[1] ? 2 : 1); p++)
            if (!plan_slice(plan, t, layout, e, p, &whole, mem, err))
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

/*
 * The layout of a fused expert tensor when it is one that can be split: known for the class, and
 * borne out by the shapes of the pair, gate_up [E, 2 * I, H] and down [E, H, I] (transposed ones
 * have 2 * I where the other has H).
 */
static const struct q8_arch_experts *split_layout(const struct q8_plan *plan,
                                                  const struct q8_tensor *t)
{
    static const char gate_up[] = "gate_up_proj", down[] = "down_proj";
    const struct q8_arch_experts *layout = NULL;
    const struct q8_tensor *g, *d;
    char other[Q8_NAME_BYTES];
    size_t stem;

    if (t->rank == 3 && plan->options.target->splits_experts)
        layout = q8_arch_experts(&plan->arch, t->name);
    if (!layout || q8_target_obstacle(plan->options.target, Q8_KIND_EXPERT, t, t->dim[2]))
        return NULL;
    stem = strlen(t->name) - strlen(layout->part[1] ? gate_up : down);
    if ((size_t)snprintf(other, sizeof other, "%.*s%s", (int)stem, t->name,
                         layout->part[1] ? down : gate_up) >= sizeof other)
        return NULL;
    d = q8_index_find(&plan->model->index, other);
    g = layout->part[1] ? t : d;
    d = layout->part[1] ? d : t;
    if (!g || !d || g->rank != 3 || d->rank != 3 || g->dim[0] != d->dim[0] ||
        g->dim[2] != d->dim[1] || d->dim[2] > UINT64_MAX / 2 || g->dim[1] != 2 * d->dim[2])
        return NULL;
    return layout;
}

static bool plan_tensors(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    for (uint64_t i = 0; i < plan->model->index.count; i++) {
        const struct q8_tensor *t = &plan->model->index.tensor[i];
        const struct q8_arch_experts *layout = split_layout(plan, t);

        if (!(layout ? plan_experts(plan, t, layout, mem, err) : plan_matrix(plan, t, mem, err)))
            return false;
    }
    return true;
}

static void count_totals(struct q8_plan *plan)
{
    for (uint64_t i = 0; i < plan->model->index.count; i++)
        plan->total.parameters += q8_tensor_elements(&plan->model->index.tensor[i]);
    for (uint64_t i = 0; i < plan->jobs; i++)
        if (!plan->job[i].reason) {
            plan->total.int8 += plan->job[i].rows * plan->job[i].cols;
            plan->total.modules++;
        }
}

static bool find_arch(struct q8_plan *plan, struct q8_err *err)
{
    const struct cJSON *root = plan->model->config_root;
    const struct cJSON *class = q8_json_at(q8_json_get(root, "architectures"), 0);

    if (q8_json_get(root, "quantization_config"))
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%s/config.json has a quantization_config already: convert "
                       "from the original float checkpoint",
                       plan->model->path);
    q8_arch_init(&plan->arch, q8_json_string(q8_json_get(root, "model_type")),
                 q8_json_key(class) ? NULL : q8_json_string(class));
    return true;
}

bool q8_plan_list(struct q8_plan *ret, const struct q8_model *model,
                  const struct q8_plan_options *options, struct q8_arena *mem, struct q8_err *err)
{
    *ret = (struct q8_plan){.model = model, .options = *options, .job_room = model->index.count};
    ret->job = q8_alloc(mem, ret->job_room, sizeof *ret->job, err);
    if (!ret->job || !find_arch(ret, err) || !q8_plan_use_open(ret, err) ||
        !plan_tensors(ret, mem, err))
        return false;
    count_totals(ret);
    return true;
}
