/* plan_check.c - what is to be said before the work: gates, and runtimes that will not load it */
#include "src/plan.h"

#include "src/base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool add_warning(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err,
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
           add_warning(plan, mem, err,
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
        if (!add_warning(plan, mem, err, "%s does not load %s of %s: %s", refusal.runtime,
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
        !add_warning(plan, mem, err,
                     "%" PRIu64 " tensors are in the shards but not in "
                     "%s, '%s' for one; they are carried along",
                     m->strays, m->index_name, q8_text_escape(m->stray, name, sizeof name)))
        return false;
    if (m->bare)
        return add_warning(plan, mem, err,
                           "%s has no config.json: weights are chosen by name alone, "
                           "and a config.json must get the quantization_config shown",
                           m->path);
    if (!plan->arch.known)
        return add_warning(plan, mem, err,
                           "architecture '%s' (model_type '%s') is not in q8's table: "
                           "weights are chosen by name alone; check the list with --dry-run",
                           show_name(plan->arch.class_name, name, sizeof name),
                           show_name(plan->arch.model_type, type, sizeof type));
    return true;
}

/* The reason why nothing would become int8: that of a Linear, if there is one. */
static bool fail_nothing(const struct q8_plan *plan, struct q8_err *err)
{
    const struct q8_target *target = plan->options.target;
    const char *reason = "no Linear weight is there";
    bool by_pattern = false;

    for (uint64_t i = 0; i < plan->jobs; i++)
        if (plan->job[i].module && plan->job[i].kind != Q8_KIND_OTHER &&
            plan->job[i].kind != Q8_KIND_EMBEDDING && plan->job[i].kind != Q8_KIND_HEAD) {
            reason = plan->job[i].reason;
            by_pattern |= plan->job[i].by_pattern;
        }
    if (by_pattern)
        return q8_fail(err, Q8_EUNSUPPORTED, "%s: the patterns leave nothing to become int8",
                       plan->model->path);
    return q8_fail(err, Q8_EUNSUPPORTED,
                   "%s: nothing would become int8 with --to=%s: %s; try --to=%s", plan->model->path,
                   target->name, reason, target->instead);
}

double q8_plan_coverage(const struct q8_plan *plan)
{
    return plan->total.linear ? 100.0 * (double)plan->total.int8 / (double)plan->total.linear : 0;
}

static bool check_coverage(struct q8_plan *plan, struct q8_err *err)
{
    double percent = q8_plan_coverage(plan);

    if (plan->total.int8 == 0)
        return fail_nothing(plan, err);
    if (!(percent >= plan->options.min_coverage))
        return q8_fail(err, Q8_EGATE,
                       "%s: %.2f %% of the Linear parameters would become int8, "
                       "--min-coverage wants %.2f %%",
                       plan->model->path, percent, plan->options.min_coverage);
    return true;
}

bool q8_plan_check(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    return warn_model(plan, mem, err) && check_coverage(plan, err) &&
           warn_runtimes(plan, mem, err) && warn_groups(plan, mem, err);
}
