/* plan_make.c - the whole plan: everything that is decided before the first byte is written */
#include "src/convert/plan_make.h"

#include "src/convert/plan_parts.h"

static const char *module_name(void *self, uint64_t i)
{
    const struct q8_plan *plan = self;

    return plan->job[i].module;
}

bool q8_plan_make(struct q8_plan *ret, const struct q8_model *model,
                  const struct q8_plan_options *options, struct q8_arena *mem, struct q8_err *err)
{
    return q8_plan_list(ret, model, options, mem, err) &&
           q8_select_check(options->select, ret->jobs, module_name, ret, err) &&
           q8_plan_use_groups(ret, mem, err) && q8_plan_check(ret, mem, err) &&
           q8_plan_config(ret, mem, err) && q8_plan_side(ret, mem, err) &&
           q8_plan_layout(ret, mem, err);
}
