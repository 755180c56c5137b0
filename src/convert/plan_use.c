/* plan_use.c - schemes of single modules: --use */
#include "src/convert/plan_parts.h"

#include "src/base/text.h"

#include <stdlib.h>
#include <string.h>

/* Whether both can be in one config. */
static bool is_mixable(const struct q8_target *a, const struct q8_target *b)
{
    const enum q8_layout layout = a->scheme->layout;

    return q8_layouts[layout].mixes && q8_layout_same_method(layout, b->scheme->layout);
}

bool q8_plan_use_open(const struct q8_plan *plan, struct q8_err *err)
{
    const struct q8_target *target = plan->options.target;
    const struct q8_select *select = plan->options.select;
    char name[200];

    for (uint64_t i = 0; i < select->count; i++) {
        const struct q8_pattern *p = &select->pattern[i];
        const struct q8_target *use = p->target ? q8_target_find(p->target) : target, *of;

        if (!use && q8_target_find_float(p->target))
            return q8_fail(err, Q8_EUSAGE, "%s: %s makes nothing int8; --skip leaves a layer float",
                           p->origin, p->target);
        if (!use)
            return q8_fail(err, Q8_EUSAGE, "%s wants a target, not '%s'; --to=list prints them",
                           p->origin, q8_text_escape(p->target, name, sizeof name));
        of = q8_layouts[target->scheme->layout].mixes ? use : target;
        if (p->target && !is_mixable(target, use))
            return q8_fail(err, Q8_EUSAGE,
                           "%s: %s in a model of %s: the %s format has one scheme for all "
                           "modules; --skip leaves a layer float",
                           p->origin, use->name, target->name, q8_layouts[of->scheme->layout].name);
    }
    return true;
}

const struct q8_target *q8_plan_use(const struct q8_plan *plan, const struct q8_choice *choice)
{
    return choice->use ? q8_target_find(choice->use->target) : plan->options.target;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Adds the modules that have this target's scheme; a group is there when it has some. */
static bool add_group(struct q8_plan *plan, const struct q8_target *target, struct q8_arena *mem,
                      struct q8_err *err)
{
    struct q8_group group = {.target = target};

    for (uint64_t i = 0; i < plan->jobs; i++)
        group.modules += plan->job[i].as == target;
    if (group.modules == 0 && target != plan->options.target)
        return true;
    group.module = q8_alloc(mem, group.modules, sizeof *group.module, err);
    if (!group.module)
        return false;
    group.modules = 0;
    for (uint64_t i = 0; i < plan->jobs; i++)
        if (plan->job[i].as == target) {
            group.module[group.modules++] = plan->job[i].module;
            group.parameters += plan->job[i].rows * plan->job[i].cols;
        }
    if (group.modules)
        qsort(group.module, group.modules, sizeof *group.module, compare_names);
    plan->group[plan->groups++] = group;
    return true;
}

bool q8_plan_use_groups(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_select *select = plan->options.select;
    uint64_t targets = 0;
    char text[300];

    for (uint64_t i = 0; i < select->count; i++)
        if (select->pattern[i].target && !select->pattern[i].taken)
            return q8_fail(err, Q8_EUSAGE,
                           "%s '%s': every module that matches stays float, or an earlier pattern "
                           "has it",
                           select->pattern[i].origin,
                           q8_text_escape(select->pattern[i].text, text, sizeof text));
    if (!plan->options.target->scheme)
        return true;
    while (q8_targets[targets].name)
        targets++;
    plan->group = q8_alloc(mem, targets, sizeof *plan->group, err);
    if (!plan->group || !add_group(plan, plan->options.target, mem, err))
        return false;
    for (const struct q8_target *t = q8_targets; t->name; t++)
        if (t != plan->options.target && !add_group(plan, t, mem, err))
            return false;
    return true;
}
