/* plan_check.c - what is to be said before the work: gates, and runtimes that will not load it */
#include "src/convert/plan_parts.h"

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

/* What should share one fate and does not. */
enum { FUSED_FLOAT, FUSED_SCHEMES, EXPERT_SCHEMES, RIFTS };

/* How often, and the first two; `a` becomes int8. */
struct rift {
    const struct q8_job *a, *b;
    uint64_t count;
};

static void add_rift(struct rift *rift, const struct q8_job *a, const struct q8_job *b)
{
    if (rift->count++ == 0)
        *rift = (struct rift){a->reason ? b : a, a->reason ? a : b, 1};
}

static void find_rifts(const struct q8_plan *plan, struct rift ret[RIFTS])
{
    for (uint64_t i = 0; i < plan->jobs; i++)
        /* sorted by name, so the members of one group stand near each other */
        for (uint64_t k = i + 1; k < plan->jobs && k < i + 16; k++) {
            const struct q8_job *a = &plan->job[i], *b = &plan->job[k];

            if (a->as == b->as)
                continue;
            if (a->module && b->module && q8_arch_same_group(a->module, b->module))
                add_rift(&ret[a->reason || b->reason ? FUSED_FLOAT : FUSED_SCHEMES], a, b);
            if (k == i + 1 && !a->reason && !b->reason && a->kind == Q8_KIND_EXPERT &&
                b->kind == Q8_KIND_EXPERT && q8_arch_same_experts(a->module, b->module))
                add_rift(&ret[EXPERT_SCHEMES], a, b);
        }
}

/* q/k/v, gate/up and the experts of one layer are one weight in vLLM and SGLang. */
static bool warn_groups(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    struct rift rift[RIFTS] = {{0}};
    char a[256], b[256];

    find_rifts(plan, rift);
    for (int i = 0; i < RIFTS; i++) {
        const struct rift *r = &rift[i];

        if (!r->count)
            continue;
        q8_text_escape(r->a->module, a, sizeof a);
        q8_text_escape(r->b->module, b, sizeof b);
        if (i == FUSED_FLOAT &&
            !q8_plan_warn(plan, mem, err,
                          "%s becomes int8 and %s does not (%" PRIu64 " such pairs): vLLM and "
                          "SGLang fuse them into %s and refuse to load the model",
                          a, b, r->count, q8_arch_group(r->a->module)))
            return false;
        if (i != FUSED_FLOAT &&
            !q8_plan_warn(plan, mem, err,
                          "%s becomes int8 as %s and %s as %s (%" PRIu64 " such pairs): vLLM and "
                          "SGLang fuse them into %s, with one scheme, and do not load the model",
                          a, r->a->as->name, b, r->b->as->name, r->count,
                          i == EXPERT_SCHEMES ? "one weight" : q8_arch_group(r->a->module)))
            return false;
    }
    return true;
}

/* A name from config.json, safe to show. */
static const char *show_name(const char *name, char *text, size_t size)
{
    return q8_text_escape(name ? name : "none", text, size);
}

/* Whether the first group of the config, by which transformers decodes experts, fits this one. */
static bool is_decoded(const struct q8_target *first, const struct q8_target *as)
{
    return as == first || (first->scheme->group && as->scheme->layout == first->scheme->layout);
}

/* What is stored in this target's layout; what is float counts for the main one. */
static struct q8_arch_traits find_traits(const struct q8_plan *plan, const struct q8_target *target)
{
    const struct q8_target *first = plan->options.target;
    struct q8_arch_traits traits = {0};

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];
        bool mine = job->as && job->as->scheme->layout == target->scheme->layout;

        if (job->kind == Q8_KIND_EXPERT && job->tensor->rank == 2) {
            traits.experts |= mine || target == first;
            traits.other_experts |= target == first && job->as && !is_decoded(first, job->as);
        }
        traits.split_experts |= job->tensor->rank == 3 && mine;
        traits.int8_experts |= job->kind == Q8_KIND_EXPERT && mine;
        traits.sublinear |= job->kind == Q8_KIND_SUBLINEAR && mine;
    }
    return traits;
}

/* Whether something in that layout is beside the language model. */
static bool have_towers(const struct q8_plan *plan, const struct q8_target *target)
{
    for (uint64_t i = 0; i < plan->jobs; i++)
        if (plan->job[i].as && plan->job[i].as->scheme->layout == target->scheme->layout &&
            q8_sections_find(&plan->keep.sections, plan->job[i].module) != Q8_SECTION_MAIN)
            return true;
    return false;
}

/* Says which runtimes are known not to load the result, before the work. */
static bool warn_runtimes(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_arch_refusal refusal;
    char type[128];

    show_name(plan->arch.model_type, type, sizeof type);
    for (uint64_t g = 0; g < plan->groups; g++) {
        const struct q8_target *target = plan->group[g].target;
        const struct q8_arch_traits traits = find_traits(plan, target);
        struct q8_arch arch;
        uint64_t before = 0;

        while (before < g && plan->group[before].target->scheme->layout != target->scheme->layout)
            before++;
        if (before < g) /* said of that layout already */
            continue;
        q8_sections_arch(&arch, &plan->keep.sections, &plan->arch, have_towers(plan, target));
        for (size_t i = 0; q8_arch_refusal(&arch, target->scheme->layout, &traits, i, &refusal);
             i++)
            if (!q8_plan_warn(plan, mem, err, "%s does not load %s of %s: %s", refusal.runtime,
                              target->name, type, refusal.reason))
                return false;
    }
    return true;
}

/* Modules that become int8 where a reader builds them float, or may. */
struct misplaced {
    const char *first; /* NULL: none */
    uint64_t count;
};

static void add_misplaced(struct misplaced *m, const char *module)
{
    m->first = m->first ? m->first : module;
    m->count++;
}

/* What one reader of the target makes of the int8 modules. */
static bool warn_reader(struct q8_plan *plan, enum q8_reader reader, struct q8_arena *mem,
                        struct q8_err *err)
{
    struct misplaced is_float = {0}, unknown = {0};
    char name[256];

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        if (job->reason)
            continue;
        switch (q8_keep_place(&plan->keep, reader, job->kind, job->module)) {
        case Q8_PLACE_FLOAT: add_misplaced(&is_float, job->module); break;
        case Q8_PLACE_UNKNOWN: add_misplaced(&unknown, job->module); break;
        default: break;
        }
    }
    if (is_float.first &&
        !q8_plan_warn(plan, mem, err,
                      "%s becomes int8 (%" PRIu64 " such module%s), but %s builds it float and "
                      "does not load the model",
                      q8_text_escape(is_float.first, name, sizeof name), is_float.count,
                      is_float.count == 1 ? "" : "s", q8_reader_title(reader)))
        return false;
    return !unknown.first ||
           q8_plan_warn(plan, mem, err,
                        "how %s builds %s (%" PRIu64 " such module%s) is not known to q8",
                        q8_reader_title(reader), q8_text_escape(unknown.first, name, sizeof name),
                        unknown.count, unknown.count == 1 ? "" : "s");
}

/* vLLM and SGLang build models from files of their own; those that have none are said together. */
static bool warn_readers(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_reading *reading = plan->keep.reading;
    char name[128];

    if (!q8_target_read_by(plan->options.target, Q8_READER_VLLM) || !plan->arch.class_name)
        return true;
    for (int r = 0; r < Q8_READERS; r++)
        if ((reading[r].known || r == Q8_READER_TRANSFORMERS) &&
            !warn_reader(plan, (enum q8_reader)r, mem, err))
            return false;
    return reading[Q8_READER_VLLM].known || reading[Q8_READER_SGLANG].known ||
           q8_plan_warn(plan, mem, err,
                        "neither %s nor %s has a model file for '%s' that q8 knows: which of its "
                        "modules they build float is not known",
                        q8_reader_title(Q8_READER_VLLM), q8_reader_title(Q8_READER_SGLANG),
                        q8_text_escape(plan->arch.class_name, name, sizeof name));
}

static bool warn_model(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *m = plan->model;
    char name[256], type[128];

    for (uint64_t i = 0; i < m->notes; i++)
        if (!q8_plan_warn(plan, mem, err, "%s", m->note[i]))
            return false;
    if (m->config_made && !q8_plan_warn(plan, mem, err, "%s", m->config_made))
        return false;
    if (m->strays &&
        !q8_plan_warn(plan, mem, err,
                      "%" PRIu64 " tensors are in the shards but not in "
                      "%s, '%s' for one; they are carried along",
                      m->strays, m->index_name, q8_text_escape(m->stray, name, sizeof name)))
        return false;
    if (!plan->options.target->scheme)
        return true;
    if (m->bare && !m->config)
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

/* Whether there is a plan for that target in which something becomes int8. */
static bool would_do(const struct q8_plan *plan, const struct q8_target *target, uint64_t memory)
{
    struct q8_plan_options options = plan->options;
    struct q8_err ignored = {0};
    struct q8_plan trial;
    struct q8_arena own;
    bool ok;

    options.target = target;
    q8_arena_init(&own, memory);
    ok = q8_plan_list(&trial, plan->model, &options, &own, &ignored) && trial.total.int8 > 0 &&
         q8_plan_use_groups(&trial, &own, &ignored) && q8_plan_check(&trial, &own, &ignored) &&
         q8_plan_config(&trial, &own, &ignored);
    q8_arena_clear(&own);
    return ok;
}

/* The first target that would do where this one makes nothing int8; NULL: none. */
static const struct q8_target *find_other(const struct q8_plan *plan, const struct q8_arena *mem)
{
    for (const struct q8_target *t = q8_targets; t->name; t++)
        if (t != plan->options.target && would_do(plan, t, mem->limit))
            return t;
    return NULL;
}

/* The reason why nothing would become int8: that of a Linear, if there is one. */
static bool fail_nothing(const struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_target *target = plan->options.target, *other = find_other(plan, mem);
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
    return q8_fail(err, Q8_EUNSUPPORTED, "%s: nothing would become int8 with --to=%s: %s%s%s",
                   plan->model->path, target->name, reason,
                   other ? "; try --to=" : ", nor with any other target", other ? other->name : "");
}

double q8_plan_coverage(const struct q8_plan *plan)
{
    return plan->total.linear ? 100.0 * (double)plan->total.covered / (double)plan->total.linear
                              : 0;
}

static bool check_coverage(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    double percent = q8_plan_coverage(plan);

    if (plan->total.int8 == 0)
        return fail_nothing(plan, mem, err);
    if (!(percent >= plan->options.min_coverage))
        return q8_fail(err, Q8_EGATE,
                       "%s: %.2f %% of the Linear parameters would become int8, "
                       "--min-coverage wants %.2f %%",
                       plan->model->path, percent, plan->options.min_coverage);
    return true;
}

bool q8_plan_check(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    if (!q8_plan_schemes(plan, mem, err) || !warn_model(plan, mem, err))
        return false;
    if (!plan->options.target->scheme)
        return true;
    return q8_plan_warn_twice(plan, mem, err) && check_coverage(plan, mem, err) &&
           warn_runtimes(plan, mem, err) && warn_readers(plan, mem, err) &&
           warn_groups(plan, mem, err);
}
