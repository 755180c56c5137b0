/* plan_twice.c - weights that are quantized already */
#include "src/convert/plan_parts.h"

#include "src/base/text.h"
#include "src/model/coded/decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Adds a title to the list that the text is, if it is not in it. */
static void add_scheme(char *text, size_t size, const char *title)
{
    const size_t used = strlen(text);

    if (!strstr(text, title))
        (void)snprintf(text + used, size - used, "%s%s", used ? ", " : "", title);
}

bool q8_plan_schemes(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    char text[400] = "";

    plan->total.twice = plan->total.int8_twice = 0;
    plan->total.carried = plan->total.int8_carried = 0;
    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        if (!job->tensor->coded || !q8_coded_is_quantized(job->tensor->coded))
            continue;
        add_scheme(text, sizeof text, q8_coded_title(q8_coded_source(job->tensor->coded)));
        if (job->reason)
            continue;
        *(job->carry ? &plan->total.carried : &plan->total.twice) += 1;
        *(job->carry ? &plan->total.int8_carried : &plan->total.int8_twice) +=
            job->rows * job->cols;
    }
    plan->schemes = *text ? q8_strndup(mem, text, strlen(text), err) : NULL;
    return !err->code;
}

/* Those that the target has no place for are larger than they were. */
static bool warn_floats(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_job *first = NULL;
    uint64_t count = 0, before = 0, after = 0;
    char name[256], a[32], b[32];

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        if (!job->reason || !job->tensor->coded || !q8_coded_is_quantized(job->tensor->coded))
            continue;
        first = first ? first : job;
        count++;
        before += q8_coded_raw(q8_coded_source(job->tensor->coded))->nbytes;
        after += job->tensor->nbytes;
    }
    return !first ||
           q8_plan_warn(plan, mem, err,
                        "%" PRIu64 " weight%s quantized already and become%s floats, %s for %s of "
                        "codes, such as %s: %s",
                        count, count == 1 ? " is" : "s are", count == 1 ? "s" : "",
                        q8_text_bytes(after, a, sizeof a), q8_text_bytes(before, b, sizeof b),
                        q8_text_escape(first->tensor->name, name, sizeof name), first->reason);
}

/* Nothing that is said of errors can be of the float original. */
bool q8_plan_warn_twice(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const uint64_t n = plan->total.twice;

    if (!warn_floats(plan, mem, err))
        return false;
    return n == 0 ||
           q8_plan_warn(plan, mem, err,
                        "%" PRIu64 " weight%s quantized already (%s) and rounded a second time: "
                        "errors are against the values that are stored, the float original is not "
                        "known",
                        n, n == 1 ? " is" : "s are", plan->schemes);
}
