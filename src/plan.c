/* plan.c - what happens to each tensor and why */
#include "src/plan.h"

#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool q8_plan_warn(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err,
                  const char *format, ...)
{
    char text[1024];
    const char **list =
        q8_grow(mem, plan->warning, plan->warnings, &plan->warning_room, sizeof *list, err);
    va_list args;

    if (!list)
        return false;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    plan->warning = list;
    list[plan->warnings] = q8_strndup(mem, text, strlen(text), err);
    return list[plan->warnings++] != NULL;
}

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

static uint64_t elements(const struct q8_tensor *t)
{
    return t->nbytes * 8 / q8_dtypes[t->dtype].bits;
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

/* Why this weight cannot be int8 whatever anyone asks, or NULL. */
static const char *obstacle(const struct q8_target *target, enum q8_kind kind,
                            const struct q8_tensor *t, uint64_t cols)
{
    if (!(target->accepts & 1u << kind))
        return q8_kind_reason(kind);
    if (q8_dtype_float(t->dtype) == Q8_FLOATS)
        return "its type is no float that q8 quantizes";
    if (t->nbytes == 0)
        return "it is empty";
    if (cols > Q8_ROW_LIMIT / (q8_dtypes[t->dtype].bits / 8))
        return "its rows are longer than the 4 MiB that q8 holds in memory";
    if (target->scheme.group && cols % target->scheme.group)
        return "its columns are no multiple of the group size";
    return NULL;
}

/*
 * Why this weight stays float: the patterns', the architecture's or the target's reason; NULL:
 * int8.
 */
static const char *keep_reason(struct q8_plan *plan, enum q8_kind kind, const char *module,
                               const struct q8_tensor *t, uint64_t cols, struct q8_err *err)
{
    const struct q8_target *target = plan->options.target;
    struct q8_choice choice = q8_select_ask(plan->options.select, module);
    const char *blocked = obstacle(target, kind, t, cols);
    char name[256];

    if (!blocked && kind == Q8_KIND_HEAD && is_tied(plan, module))
        blocked = "tie_word_embeddings makes it the embedding, which stays float";
    if (choice.also && blocked)
        q8_fail(err, Q8_EUSAGE, "%s '%s': %s cannot become int8 in %s: %s", choice.also->origin,
                choice.also->text, q8_text_escape(module, name, sizeof name), target->name,
                blocked);
    if (blocked)
        return blocked;
    if (choice.skip)
        return "skipped by a pattern";
    if (choice.also)
        return NULL;
    if (plan->options.select->have_only && !choice.only)
        return "no --only pattern names it";
    if (!(target->takes & 1u << kind))
        return q8_kind_reason(kind);
    return NULL;
}

/* One 2-D weight: "module.weight". */
static bool plan_matrix(struct q8_plan *plan, const struct q8_tensor *t, struct q8_arena *mem,
                        struct q8_err *err)
{
    enum q8_kind kind = q8_arch_kind(&plan->arch, t->name, t->rank);
    size_t length = strlen(t->name);
    struct q8_job job = {.tensor = t, .kind = kind};
    bool named = length > 7 && strcmp(t->name + length - 7, ".weight") == 0;

    if (!named || t->rank != 2) {
        job.reason = t->rank == 2 ? "not a Linear weight" : "not a matrix";
        return add_job(plan, &job, mem, err) != NULL;
    }
    job.module = q8_strndup(mem, t->name, length - 7, err);
    if (!job.module)
        return false;
    job.transpose = kind == Q8_KIND_CONV1D;
    job.rows = t->dim[job.transpose];
    job.cols = t->dim[!job.transpose];
    job.reason = keep_reason(plan, kind, job.module, t, job.cols, err);
    if (Q8_LINEAR_KINDS & 1u << kind)
        plan->total.linear += elements(t);
    if (err->code || !add_job(plan, &job, mem, err))
        return false;
    return true;
}

/* A fused 3-D expert tensor whose layout is known: [experts, parts * rows, cols]. */
static bool plan_experts(struct q8_plan *plan, const struct q8_tensor *t,
                         const struct q8_arch_experts *layout, struct q8_arena *mem,
                         struct q8_err *err)
{
    unsigned parts = layout->part[1] ? 2 : 1;
    size_t stem = strlen(t->name) - strlen(layout->suffix);
    const char *leaf = strrchr(layout->suffix, '.');
    int middle = (int)(leaf - layout->suffix);
    uint64_t rows = t->dim[1] / parts;

    plan->total.linear += elements(t);
    for (uint64_t e = 0; e < t->dim[0]; e++)
        for (unsigned p = 0; p < parts; p++) {
            struct q8_job job = {.tensor = t, .kind = Q8_KIND_EXPERT, .rows = rows};

            job.cols = t->dim[2];
            job.first_row = e * t->dim[1] + p * rows;
            job.module = q8_sprintf(mem, err, "%.*s%.*s.%" PRIu64 ".%s", (int)stem, t->name, middle,
                                    layout->suffix, e, layout->part[p]);
            if (!job.module)
                return false;
            job.reason = keep_reason(plan, Q8_KIND_EXPERT, job.module, t, job.cols, err);
            if (!err->code && job.reason)
                q8_fail(err, Q8_EUNSUPPORTED,
                        "%s: a fused expert tensor is quantized as a whole "
                        "or not at all, and '%s' would stay float: %s",
                        t->name, job.module, job.reason);
            if (err->code || !add_job(plan, &job, mem, err))
                return false;
        }
    return true;
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
    char other[4096];
    size_t stem;

    if (t->rank == 3 && plan->options.target->splits_experts)
        layout = q8_arch_experts(&plan->arch, t->name);
    if (!layout || obstacle(plan->options.target, Q8_KIND_EXPERT, t, t->dim[2]))
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
        plan->total.parameters += elements(&plan->model->index.tensor[i]);
    for (uint64_t i = 0; i < plan->jobs; i++)
        if (!plan->job[i].reason) {
            plan->total.int8 += plan->job[i].rows * plan->job[i].cols;
            plan->total.modules++;
        }
}

static const char *module_name(void *self, uint64_t i)
{
    const struct q8_plan *plan = self;

    return plan->job[i].module ? plan->job[i].module : "";
}

/* Whether two jobs are members of one fused group of one layer. */
static bool same_group(const struct q8_job *a, const struct q8_job *b)
{
    const char *x = a->module ? q8_arch_group(a->module) : NULL;
    const char *y = b->module ? q8_arch_group(b->module) : NULL;
    size_t stem = x ? (size_t)(strrchr(a->module, '.') - a->module) + 1 : 0;

    return x && y && strcmp(x, y) == 0 && strncmp(a->module, b->module, stem) == 0 &&
           !strchr(b->module + stem, '.');
}

/* q/k/v and gate/up of one layer are one weight in vLLM and SGLang: they share one fate. */
static bool warn_groups(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_job *first = NULL, *other = NULL;
    uint64_t groups = 0;
    char a[256], b[256];

    for (uint64_t i = 0; i < plan->jobs; i++)
        /* sorted by name, so the members of one group stand near each other */
        for (uint64_t k = i + 1; k < plan->jobs && k < i + 16; k++)
            if (!plan->job[i].reason != !plan->job[k].reason &&
                same_group(&plan->job[i], &plan->job[k]) && groups++ == 0) {
                first = plan->job[i].reason ? &plan->job[k] : &plan->job[i];
                other = plan->job[i].reason ? &plan->job[i] : &plan->job[k];
            }
    return !groups ||
           q8_plan_warn(plan, mem, err,
                        "%s becomes int8 and %s does not (%" PRIu64 " such pairs): vLLM and "
                        "SGLang fuse them into %s and refuse to load the model",
                        q8_text_escape(first->module, a, sizeof a),
                        q8_text_escape(other->module, b, sizeof b), groups,
                        q8_arch_group(first->module));
}

/* A name from config.json, safe to show. */
static const char *show_name(const char *name, char *text, size_t size)
{
    return q8_text_escape(name ? name : "none", text, size);
}

/* Says which runtimes are known not to load the result, before the work. */
static bool warn_runtimes(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_target *target = plan->options.target;
    struct q8_arch_refusal refusal;
    struct q8_arch_traits traits = {0};
    char type[128];

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        traits.experts |= job->kind == Q8_KIND_EXPERT && job->tensor->rank == 2;
        traits.split_experts |= job->tensor->rank == 3 && !job->reason;
        traits.sublinear |= job->kind == Q8_KIND_SUBLINEAR && !job->reason;
    }
    show_name(plan->arch.model_type, type, sizeof type);
    for (size_t i = 0; q8_arch_refusal(&plan->arch, target->layout, &traits, i, &refusal); i++) {
        if (refusal.all)
            return q8_fail(err, Q8_EUNSUPPORTED, "no known runtime loads %s of %s: %s; try --to=%s",
                           target->name, type, refusal.reason, target->instead);
        if (!q8_plan_warn(plan, mem, err, "%s does not load %s of %s: %s", refusal.runtime,
                          target->name, type, refusal.reason))
            return false;
    }
    return true;
}

static bool warn_model(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *m = plan->model;
    char name[256], type[128];

    if (m->strays &&
        !q8_plan_warn(plan, mem, err,
                      "%" PRIu64 " tensors are in the shards but not in "
                      "%s, '%s' for one; they are carried along",
                      m->strays, m->index_name, q8_text_escape(m->stray, name, sizeof name)))
        return false;
    if (m->bare)
        return q8_plan_warn(plan, mem, err,
                            "%s has no config.json: weights are chosen by name alone, "
                            "and a config.json must get the quantization_config shown",
                            m->path);
    if (!plan->arch.known)
        return q8_plan_warn(plan, mem, err,
                            "architecture '%s' (model_type '%s') is not in q8's table: "
                            "weights are chosen by name alone; check the list with --dry-run",
                            show_name(plan->arch.class_name, name, sizeof name),
                            show_name(plan->arch.model_type, type, sizeof type));
    return true;
}

/* The reasons why nothing, or too little, would become int8. */
static bool check_coverage(struct q8_plan *plan, struct q8_err *err)
{
    const struct q8_target *target = plan->options.target;
    double percent =
        plan->total.linear ? 100.0 * (double)plan->total.int8 / (double)plan->total.linear : 0;
    const char *reason = "no Linear weight is there";

    if (plan->total.int8 == 0) {
        for (uint64_t i = 0; i < plan->jobs; i++)
            if (plan->job[i].module && plan->job[i].kind != Q8_KIND_OTHER &&
                plan->job[i].kind != Q8_KIND_EMBEDDING && plan->job[i].kind != Q8_KIND_HEAD)
                reason = plan->job[i].reason;
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%s: nothing would become int8 with --to=%s: %s; try --to=%s",
                       plan->model->path, target->name, reason, target->instead);
    }
    if (!(percent >= plan->options.min_coverage))
        return q8_fail(err, Q8_EGATE,
                       "%s: %.2f %% of the Linear parameters would become int8, "
                       "--min-coverage wants %.2f %%",
                       plan->model->path, percent, plan->options.min_coverage);
    return true;
}

static bool find_arch(struct q8_plan *plan, struct q8_err *err)
{
    const struct cJSON *root = plan->model->config_root;
    const struct cJSON *classes = q8_json_get(root, "architectures");

    if (q8_json_get(root, "quantization_config"))
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%s/config.json has a quantization_config already: convert "
                       "from the original float checkpoint",
                       plan->model->path);
    q8_arch_init(&plan->arch, q8_json_string(q8_json_get(root, "model_type")),
                 q8_json_string(q8_json_at(classes, 0)));
    return true;
}

bool q8_plan_make(struct q8_plan *ret, const struct q8_model *model,
                  const struct q8_plan_options *options, struct q8_arena *mem, struct q8_err *err)
{
    *ret = (struct q8_plan){.model = model, .options = *options, .job_room = model->index.count};
    ret->job = q8_alloc(mem, ret->job_room, sizeof *ret->job, err);
    if (!ret->job)
        return false;
    if (!find_arch(ret, err) || !plan_tensors(ret, mem, err) ||
        !q8_select_check(options->select, ret->jobs, module_name, ret, err))
        return false;
    count_totals(ret);
    return warn_model(ret, mem, err) && check_coverage(ret, err) && warn_runtimes(ret, mem, err) &&
           warn_groups(ret, mem, err) && q8_plan_config(ret, mem, err) &&
           q8_plan_side(ret, mem, err) && q8_plan_layout(ret, mem, err);
}
