/* list.c - what is measured, in a float model and in one of int8, and what it is held against */
#include "src/inspect/list.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/scheme/keep.h"
#include "src/model/floats.h"
#include "src/model/foreign.h"

#include <inttypes.h>
#include <math.h>
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

/* --layers: whether it is shown, by the subject's name, or by that of its tensor. */
static bool set_shown(struct q8_subject *s, const struct q8_inspect_options *options,
                      struct q8_err *err)
{
    struct q8_choice choice = {0};

    if (options->layers->count && !q8_select_ask(options->layers, s->name, &choice, err))
        return false;
    if (!choice.only && s->tensor->name != s->name &&
        !q8_select_ask(options->layers, s->tensor->name, &choice, err))
        return false;
    s->shown = !options->layers->count || choice.only;
    return true;
}

static bool add_subject(struct q8_inspect *in, struct q8_subject *s, bool matrix,
                        struct q8_arena *mem, struct q8_err *err)
{
    s->numbers.elements =
        s->view.cols ? s->view.rows * s->view.cols : q8_tensor_elements(s->tensor);
    s->layer = q8_path_layer(s->name, &s->role);
    s->unmeasured = s->stored ? too_large(&s->view) : no_numbers(s->tensor);
    if (!set_shown(s, &in->options, err))
        return false;
    if (s->shown && !s->unmeasured) {
        if (!matrix)
            s->view = whole_view(s->tensor);
        else if (!add_matrix(s, &in->options, mem, err))
            return false;
    }
    in->subject[in->subjects++] = *s;
    return true;
}

/* What is no weight, or experts that the target does not take apart. */
static bool add_tensor(struct q8_inspect *in, const struct q8_tensor *t, enum q8_kind kind,
                       struct q8_arena *mem, struct q8_err *err)
{
    struct q8_subject s = {.name = t->name,
                           .tensor = t,
                           .kind = kind,
                           .experts = !in->stored.count && q8_tensor_is_fused(t)};

    s.view.tensor = t;
    if (s.experts || t->rank == 2) {
        s.view.cols = t->dim[t->rank - 1];
        s.view.rows = s.view.cols ? q8_tensor_elements(t) / s.view.cols : 0;
    }
    return add_subject(in, &s, s.view.cols > 0, mem, err);
}

/* Whether the target makes int8 of a float weight when nobody asks for anything. */
static bool is_taken(const struct q8_keep *keep, const struct q8_weight *w)
{
    return q8_target_takes(keep->target, w->kind, w->view.tensor, w->view.cols) &&
           !q8_keep_reason(keep, w->module);
}

/* A weight, float or int8, or each slice of fused experts that the target makes int8. */
static bool add_weights(struct q8_inspect *in, const struct q8_keep *keep,
                        const struct q8_weight *const *w, uint64_t count, struct q8_arena *mem,
                        struct q8_err *err)
{
    for (uint64_t i = 0; i < count; i++) {
        struct q8_subject s = {.name = w[i]->module,
                               .tensor = w[i]->view.tensor,
                               .stored = w[i]->view.stored,
                               .kind = w[i]->kind,
                               .view = w[i]->view};

        if (in->stored.count && s.view.transpose) /* TODO(inspect): turn it here too */
            s.view = (struct q8_view){
                .tensor = s.tensor, .rows = s.tensor->dim[0], .cols = s.tensor->dim[1]};
        if (in->stored.count)
            s.int8 = s.stored != NULL;
        else
            s.int8 = is_taken(keep, w[i]);
        s.codes = s.stored ? q8_alloc(mem, 1, sizeof *s.codes, err) : NULL;
        if (err->code || !add_subject(in, &s, true, mem, err))
            return false;
    }
    return true;
}

/*
 * The weights, those of a float model as the target takes them, and what is no part of one.  A
 * target is nothing to a model that is int8 already.
 */
static bool list_subjects(struct q8_inspect *in, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_target *target = in->options.target;
    const struct q8_index *ix = &in->model->index;
    struct q8_weight_list list;
    struct q8_keep keep;
    uint64_t count;

    q8_keep_init(&keep, in->model, &in->arch, target, Q8_VISION_DEFAULT);
    if ((!in->stored.count && !q8_model_is_float(in->model, err)) ||
        !q8_stored_weights(&list, &in->stored, &in->arch, mem, err))
        return false;
    in->subject = q8_alloc(mem, list.count + ix->count, sizeof *in->subject, err);
    for (uint64_t i = 0; in->subject && i < ix->count; i++) {
        const struct q8_tensor *t = &ix->tensor[i];
        const struct q8_weight *const *w = q8_weights_of(&list, t, &count);
        const bool splits =
            !in->stored.count && count > 0 && w[0]->fused && q8_target_splits(target, t);
        const bool whole =
            count == 0 || (w[0]->fused && !splits) || (splits && !is_taken(&keep, w[0]));

        if (q8_stored_is_part(&in->stored, t))
            continue;
        if (!(whole ? add_tensor(in, t, splits ? Q8_KIND_EXPERT : Q8_KIND_OTHER, mem, err)
                    : add_weights(in, &keep, w, count, mem, err)))
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

static bool take_view(struct q8_subject *s, const struct q8_weight *w, struct q8_err *err)
{
    char name[384];

    s->reference = w->view;
    return (w->view.rows == s->stored->rows && w->view.cols == s->stored->cols) ||
           q8_fail(err, Q8_EINPUT,
                   "%s is [%" PRIu64 ", %" PRIu64 "], but [%" PRIu64 ", %" PRIu64
                   "] in the reference: is it another model?",
                   q8_text_escape(s->name, name, sizeof name), s->stored->rows, s->stored->cols,
                   w->view.rows, w->view.cols);
}

static bool find_reference(struct q8_inspect *in, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *reference = in->options.reference;
    struct q8_weight_list list;
    struct q8_arch arch;
    uint64_t found = 0;

    if (in->stored.count == 0)
        return q8_fail(err, Q8_EUSAGE, "%s is not an int8 model: --reference is for one",
                       in->model->path);
    q8_model_arch(&arch, reference);
    if (!q8_model_is_float(reference, err) || !q8_weights_find(&list, reference, &arch, mem, err))
        return false;
    for (uint64_t i = 0; i < in->subjects; i++) {
        struct q8_subject *s = &in->subject[i];
        const struct q8_weight *w = s->stored ? q8_weights_find_module(&list, s->name) : NULL;

        if (w && q8_dtype_is_float(w->view.tensor->dtype) && ++found && !take_view(s, w, err))
            return false;
    }
    return found > 0 || q8_fail(err, Q8_EINPUT,
                                "%s has none of the int8 weights of %s: is it the model "
                                "that it was made from?",
                                reference->path, in->model->path);
}

bool q8_inspect_list(struct q8_inspect *ret, const struct q8_model *model,
                     const struct q8_inspect_options *options, struct q8_arena *mem,
                     struct q8_err *err)
{
    *ret = (struct q8_inspect){.model = model, .options = *options};
    q8_model_arch(&ret->arch, model);
    if (!q8_stored_find(&ret->stored, model, mem, err) || !list_subjects(ret, mem, err) ||
        !q8_select_check(options->layers, ret->subjects, subject_name, ret, err) ||
        (options->reference && !find_reference(ret, mem, err)))
        return false;
    count_totals(ret);
    return true;
}
