/* list.c - what is measured, in a float model and in one of int8, and what it is held against */
#include "src/inspect/list.h"

#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/convert/plan.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE UINT64_C(65536) /* elements of what is no matrix that are measured at a time */

static bool same_arithmetic(const struct q8_target *a, const struct q8_target *b)
{
    return a->scheme->rule == b->scheme->rule && a->scheme->group == b->scheme->group;
}

const struct q8_target *q8_costs(unsigned i)
{
    const struct q8_target *t = q8_targets, *earlier;

    for (;; t++) {
        for (earlier = q8_targets; !same_arithmetic(earlier, t);)
            earlier++;
        if (earlier == t && i-- == 0)
            return t;
    }
}

unsigned q8_cost_of(const struct q8_target *target)
{
    unsigned i = 0;

    while (!same_arithmetic(q8_costs(i), target))
        i++;
    return i;
}

double q8_subject_sqnr(const struct q8_inspect *in, const struct q8_subject *s)
{
    const struct q8_cost *cost;

    if (s->codes)
        return s->codes->have_reference ? s->codes->sqnr : NAN;
    if (!s->matrix || !s->matrix->have_costs || s->unmeasured)
        return NAN;
    cost = &s->matrix->cost[q8_cost_of(in->options.target)];
    return cost->obstacle ? NAN : cost->sqnr;
}

/* What is no matrix: pieces of one length; what is left over is read behind them. */
static struct q8_view whole_view(const struct q8_tensor *t)
{
    const uint64_t n = q8_tensor_elements(t), cols = n < PIECE ? n : PIECE;

    return (struct q8_view){.tensor = t, .rows = cols ? n / cols : 0, .cols = cols};
}

/* Why a matrix is not measured row by row, or NULL. */
static const char *too_large(const struct q8_view *v)
{
    if (v->rows > Q8_MATRIX_ROWS)
        return "more than 524,288 rows: measured as a whole";
    if (v->cols > Q8_MATRIX_COLS)
        return "more than 262,144 columns: measured as a whole";
    return NULL;
}

static const char *no_numbers(const struct q8_tensor *t)
{
    if (!q8_dtype_is_float(t->dtype))
        return "its type is not one that q8 measures";
    return t->nbytes == 0 ? "it is empty" : NULL;
}

/* Which schemes could take the weight; false: none could. */
static bool find_costs(struct q8_matrix *m, const struct q8_inspect_options *options,
                       const struct q8_subject *s)
{
    bool any = false;

    for (unsigned c = 0; c < Q8_COSTS; c++) {
        const struct q8_target *target = q8_costs(c);
        struct q8_cost *cost = &m->cost[c];

        cost->row = UINT64_MAX;
        cost->obstacle = q8_target_obstacle(target, s->kind, s->tensor, s->view.cols);
        if (s->experts && target->splits_experts)
            cost->obstacle = NULL;
        if (!cost->obstacle)
            cost->obstacle = q8_scheme_misfit(target->scheme, s->view.cols);
        if (!cost->obstacle && options->quick && c != q8_cost_of(options->target))
            cost->obstacle = "left out by --quick";
        any |= !cost->obstacle;
    }
    return any;
}

/* Room for what is kept per row and column of a matrix. */
static bool add_matrix(struct q8_subject *s, const struct q8_inspect_options *options,
                       struct q8_arena *mem, struct q8_err *err)
{
    s->whole = too_large(&s->view);
    if (s->whole) {
        s->view = whole_view(s->tensor);
        return true;
    }
    s->matrix = q8_alloc(mem, 1, sizeof *s->matrix, err);
    if (!s->matrix)
        return false;
    s->matrix->have_columns = !options->quick;
    s->matrix->have_costs = !s->stored && find_costs(s->matrix, options, s);
    return true;
}

/* --layers: by the subject's name, or by that of its tensor. */
static bool is_shown(const struct q8_inspect_options *options, const struct q8_subject *s)
{
    struct q8_choice choice;

    if (options->layers->count == 0)
        return true;
    choice = q8_select_ask(options->layers, s->name);
    if (!choice.only && s->tensor->name != s->name)
        choice = q8_select_ask(options->layers, s->tensor->name);
    return choice.only != NULL;
}

static bool add_subject(struct q8_inspect *in, struct q8_subject *s, bool matrix,
                        struct q8_arena *mem, struct q8_err *err)
{
    s->numbers.elements =
        s->view.cols ? s->view.rows * s->view.cols : q8_tensor_elements(s->tensor);
    s->layer = q8_path_layer(s->name, &s->role);
    s->shown = is_shown(&in->options, s);
    s->unmeasured = s->stored ? too_large(&s->view) : no_numbers(s->tensor);
    if (s->shown && !s->unmeasured) {
        if (!matrix)
            s->view = whole_view(s->tensor);
        else if (!add_matrix(s, &in->options, mem, err))
            return false;
    }
    in->subject[in->subjects++] = *s;
    return true;
}

/* A float model: what the plan would do with each tensor tells what it is. */
static bool list_float(struct q8_inspect *in, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_select none = {0};
    struct q8_plan_options options = {.target = in->options.target, .select = &none};
    struct q8_plan plan;

    if (!q8_plan_list(&plan, in->model, &options, mem, err))
        return false;
    in->arch = plan.arch;
    in->subject = q8_alloc(mem, plan.jobs, sizeof *in->subject, err);
    for (uint64_t i = 0; in->subject && i < plan.jobs; i++) {
        const struct q8_job *job = &plan.job[i];
        struct q8_subject s = {.name = job->module ? job->module : job->tensor->name,
                               .tensor = job->tensor,
                               .kind = job->kind,
                               .int8 = !job->reason,
                               .experts = !job->module && q8_plan_fused(job->tensor)};
        bool matrix = job->module != NULL;

        s.view = q8_job_view(job);
        if (s.experts || (!matrix && job->tensor->rank == 2)) {
            const struct q8_tensor *t = job->tensor;
            uint64_t cols = t->dim[t->rank - 1];

            matrix = cols > 0;
            s.view = (struct q8_view){.tensor = t, .cols = cols};
            s.view.rows = cols ? q8_tensor_elements(t) / cols : 0;
        }
        if (!add_subject(in, &s, matrix, mem, err))
            return false;
    }
    return in->subject != NULL;
}

/* An int8 model: its weights, and what is no part of them. */
static bool list_coded(struct q8_inspect *in, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_index *ix = &in->model->index;
    const struct cJSON *root = in->model->config_root;
    const struct cJSON *class = q8_json_at(q8_json_get(root, "architectures"), 0);

    q8_arch_init(&in->arch, q8_json_string(q8_json_get(root, "model_type")),
                 q8_json_key(class) ? NULL : q8_json_string(class));
    in->subject = q8_alloc(mem, ix->count, sizeof *in->subject, err);
    for (uint64_t i = 0; in->subject && i < ix->count; i++) {
        const struct q8_tensor *t = &ix->tensor[i];
        struct q8_subject s = {.name = t->name, .tensor = t};

        if (q8_stored_is_part(&in->stored, t))
            continue;
        s.stored = q8_stored_of(&in->stored, t);
        s.kind = q8_arch_kind(&in->arch, t->name, t->rank);
        if (s.stored) {
            s.name = s.stored->module;
            s.int8 = true;
            s.view = (struct q8_view){
                .tensor = t, .stored = s.stored, .rows = s.stored->rows, .cols = s.stored->cols};
            s.codes = q8_alloc(mem, 1, sizeof *s.codes, err);
            if (!s.codes)
                return false;
            if (s.kind == Q8_KIND_OTHER)
                s.kind = Q8_KIND_LINEAR;
        } else if (t->rank == 2) {
            if (s.kind != Q8_KIND_OTHER) /* "module.weight" */
                s.name = q8_strndup(mem, t->name, strlen(t->name) - strlen(".weight"), err);
            s.view = (struct q8_view){.tensor = t, .rows = t->dim[0], .cols = t->dim[1]};
        }
        if (!s.name || !add_subject(in, &s, s.view.cols > 0, mem, err))
            return false;
    }
    return in->subject != NULL;
}

static const char *subject_name(void *self, uint64_t i)
{
    const struct q8_inspect *in = self;

    return in->subject[i].name;
}

static void count_totals(struct q8_inspect *in)
{
    for (uint64_t i = 0; i < in->subjects; i++) {
        const struct q8_subject *s = &in->subject[i];

        in->total.parameters += s->numbers.elements;
        if (s->stored || s->experts || (Q8_LINEAR_KINDS & 1u << s->kind))
            in->total.linear += s->numbers.elements;
    }
    in->total.tensors = in->model->index.count;
}

/* ---- the float weights that int8 ones were made from ---- */

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

static bool find_reference(struct q8_inspect *in, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_select none = {0};
    /* a target that takes fused experts apart, as the int8 file may have them */
    const struct q8_plan_options options = {.target = q8_target_find("ct-w8a16"), .select = &none};
    const struct q8_job **list;
    struct q8_plan plan;
    uint64_t count, found = 0;

    if (in->stored.count == 0)
        return q8_fail(err, Q8_EUSAGE, "%s is not an int8 model: --reference is for one",
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

bool q8_inspect_list(struct q8_inspect *ret, const struct q8_model *model,
                     const struct q8_inspect_options *options, struct q8_arena *mem,
                     struct q8_err *err)
{
    *ret = (struct q8_inspect){.model = model, .options = *options};
    if (!q8_stored_find(&ret->stored, model, mem, err) ||
        !(ret->stored.count ? list_coded(ret, mem, err) : list_float(ret, mem, err)) ||
        !q8_select_check(options->layers, ret->subjects, subject_name, ret, err) ||
        (options->reference && !find_reference(ret, mem, err)))
        return false;
    count_totals(ret);
    return true;
}
