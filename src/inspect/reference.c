/* reference.c - the float weights that int8 ones were made from */
#include "src/inspect/inspect.h"

#include "src/base/text.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int compare_jobs(const void *a, const void *b)
{
    const struct q8_job *x = *(const struct q8_job *const *)a;
    const struct q8_job *y = *(const struct q8_job *const *)b;

    return strcmp(x->module, y->module);
}

static int compare_name(const void *name, const void *job)
{
    return strcmp(name, (*(const struct q8_job *const *)job)->module);
}

/* The jobs of a plan that are matrices, by module. */
static const struct q8_job **sort_jobs(const struct q8_plan *plan, uint64_t *ret_count,
                                       struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_job **list = q8_alloc(mem, plan->jobs, sizeof *list, err);

    *ret_count = 0;
    for (uint64_t i = 0; list && i < plan->jobs; i++)
        if (plan->job[i].module && q8_dtype_is_float(plan->job[i].tensor->dtype))
            list[(*ret_count)++] = &plan->job[i];
    if (list)
        qsort(list, *ret_count, sizeof *list, compare_jobs);
    return list;
}

static bool take_view(struct q8_subject *s, const struct q8_job *job, struct q8_err *err)
{
    char name[384];

    s->reference = q8_job_view(job);
    return (job->rows == s->stored->rows && job->cols == s->stored->cols) ||
           q8_fail(err, Q8_EINPUT,
                   "%s is [%" PRIu64 ", %" PRIu64 "], but [%" PRIu64 ", %" PRIu64
                   "] in the reference: is it another model?",
                   q8_text_escape(s->name, name, sizeof name), s->stored->rows, s->stored->cols,
                   job->rows, job->cols);
}

bool q8_inspect_reference(struct q8_inspect *in, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_select none = {0};
    /* a target that takes fused experts apart, as the int8 file may have them */
    const struct q8_plan_options options = {.target = q8_target_find("ct-w8a16"), .select = &none};
    const struct q8_job **list;
    struct q8_plan plan;
    uint64_t count, found = 0;

    if (in->stored.count == 0)
        return q8_fail(err, Q8_EUSAGE, "%s is no int8 model: --reference is for one",
                       in->model->path);
    if (!q8_plan_list(&plan, in->options.reference, &options, mem, err))
        return false;
    list = sort_jobs(&plan, &count, mem, err);
    for (uint64_t i = 0; list && i < in->subjects; i++) {
        struct q8_subject *s = &in->subject[i];
        const struct q8_job **at =
            s->stored ? bsearch(s->name, list, count, sizeof *list, compare_name) : NULL;

        if (at && ++found && !take_view(s, *at, err))
            return false;
    }
    return list && (found > 0 || q8_fail(err, Q8_EINPUT,
                                         "%s has none of the int8 weights of %s: is it the model "
                                         "that it was made from?",
                                         in->options.reference->path, in->model->path));
}
