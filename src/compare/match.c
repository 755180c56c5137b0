/* match.c - which tensors of two checkpoints meet, and what their headers tell */
#include "src/compare/match.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/scheme/scheme.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A tensor of one model under the name that it is compared by. */
struct unit {
    const char *name;
    struct q8_side side;
};

/* One of the two models. */
struct party {
    const struct q8_model *model;
    const struct q8_stored_list *stored;
    struct q8_arch arch;
    struct unit *unit; /* [units], by name */
    uint64_t units, room;
};

static bool add_unit(struct party *p, const char *name, const struct q8_side *side,
                     struct q8_arena *mem, struct q8_err *err)
{
    struct unit *list = q8_grow(mem, p->unit, p->units, &p->room, sizeof *list, err);

    if (!list || !name)
        return false;
    p->unit = list;
    list[p->units++] = (struct unit){name, *side};
    return true;
}

/* Name of the weight of one expert, as q8-convert splits them (src/convert/plan.c, plan_slice). */
static char *expert_name(const struct q8_tensor *t, uint64_t expert, const char *part,
                         struct q8_arena *mem, struct q8_err *err)
{
    const int stem = (int)(strrchr(t->name, '.') - t->name);

    return q8_sprintf(mem, err, "%.*s.%" PRIu64 ".%s" Q8_WEIGHT_SUFFIX, stem, t->name, expert,
                      part);
}

/*
 * How a fused tensor of experts is to be cut: the layout is known, and the other side holds its
 * first expert alone; NULL: not at all.
 */
static const struct q8_arch_experts *find_cut(const struct party *p, const struct party *other,
                                              const struct q8_tensor *t, struct q8_arena *mem,
                                              struct q8_err *err)
{
    const struct q8_arch_experts *layout = NULL;
    char *name;

    if (t->rank == 3 && t->nbytes > 0 && q8_dtype_is_float(t->dtype) &&
        !q8_index_find(&other->model->index, t->name))
        layout = q8_arch_experts(&p->arch, t->name);
    if (!layout || (layout->part[1] && t->dim[1] % 2))
        return NULL;
    name = expert_name(t, 0, layout->part[0], mem, err);
    if (!name || q8_index_find(&other->model->index, name))
        return layout;
    name[q8_weight_stem(name)] = 0;
    return q8_stored_find_module(other->stored, name) ? layout : NULL;
}

/* One unit for each expert, or for its upper and lower half. */
static bool add_experts(struct party *p, const struct q8_tensor *t,
                        const struct q8_arch_experts *layout, struct q8_arena *mem,
                        struct q8_err *err)
{
    const unsigned parts = layout->part[1] ? 2 : 1;
    struct q8_side side = {
        .tensor = t, .slice = true, .rows = t->dim[1] / parts, .cols = t->dim[2]};

    for (uint64_t e = 0; e < t->dim[0]; e++)
        for (unsigned i = 0; i < parts; i++) {
            side.first = (e * parts + i) * side.rows * side.cols;
            if (!add_unit(p, expert_name(t, e, layout->part[i], mem, err), &side, mem, err))
                return false;
        }
    return true;
}

static int compare_units(const void *a, const void *b)
{
    return strcmp(((const struct unit *)a)->name, ((const struct unit *)b)->name);
}

static bool list_units(struct party *p, const struct party *other, struct q8_arena *mem,
                       struct q8_err *err)
{
    for (uint64_t i = 0; i < p->model->index.count; i++) {
        const struct q8_tensor *t = &p->model->index.tensor[i];
        const struct q8_stored *w = q8_stored_of(p->stored, t);
        const struct q8_arch_experts *cut;
        struct q8_side side = {.tensor = t, .stored = w};
        const char *name = t->name;

        if (q8_stored_is_part(p->stored, t))
            continue;
        cut = find_cut(p, other, t, mem, err);
        if (err->code || (cut && !add_experts(p, t, cut, mem, err)))
            return false;
        if (w) {
            side.rows = w->rows;
            side.cols = w->cols;
            name = q8_weight_name(w->module, mem, err);
        }
        if (!cut && !add_unit(p, name, &side, mem, err))
            return false;
    }
    if (p->units)
        qsort(p->unit, p->units, sizeof *p->unit, compare_units);
    return true;
}

/* Gives a plain tensor the rows and columns that its int8 or sliced partner is compared by. */
static void fit_matrix(const struct party *p, const char *name, struct q8_side *side,
                       const struct q8_side *partner)
{
    const struct q8_tensor *t = side->tensor;

    if (side->stored || side->slice || !(partner->stored || partner->slice) || t->rank != 2)
        return;
    side->transpose = partner->stored && partner->stored->scheme->layout == Q8_LAYOUT_BNB &&
                      q8_dtype_is_float(t->dtype) &&
                      q8_arch_kind(&p->arch, name, t->rank) == Q8_KIND_CONV1D;
    side->rows = t->dim[side->transpose];
    side->cols = t->dim[!side->transpose];
}

static bool same_shape(const struct q8_side *a, const struct q8_side *b)
{
    if (a->stored || a->slice || b->stored || b->slice)
        return a->rows == b->rows && a->cols == b->cols;
    return a->tensor->rank == b->tensor->rank &&
           memcmp(a->tensor->dim, b->tensor->dim, a->tensor->rank * sizeof *a->tensor->dim) == 0;
}

/* Whether elements or codes are stored in the same way. */
static bool same_type(const struct q8_side *a, const struct q8_side *b)
{
    if (!a->stored || !b->stored)
        return !a->stored && !b->stored && a->tensor->dtype == b->tensor->dtype;
    return a->stored->scheme->layout == b->stored->scheme->layout &&
           a->stored->scheme->shared == b->stored->scheme->shared &&
           a->stored->group == b->stored->group &&
           a->stored->scales->dtype == b->stored->scales->dtype;
}

static bool is_float(const struct q8_side *s)
{
    return s->stored || q8_dtype_is_float(s->tensor->dtype);
}

static uint64_t count_elements(const struct q8_side *s)
{
    if (s->stored || s->slice)
        return s->rows * s->cols;
    return q8_dtype_size(s->tensor->dtype) ? q8_tensor_elements(s->tensor) : s->tensor->nbytes;
}

/* What both headers tell. */
static void judge(struct q8_compared *c)
{
    c->verdict = Q8_SAME_BYTES;
    if (!c->a.tensor || !c->b.tensor) {
        const struct q8_tensor *t = c->a.tensor ? c->a.tensor : c->b.tensor;

        c->verdict = c->a.tensor ? Q8_ONLY_A : Q8_ONLY_B;
        if (q8_tensor_is_fused(t))
            c->note = "fused experts";
        return;
    }
    c->type_changed = !same_type(&c->a, &c->b);
    if (!same_shape(&c->a, &c->b)) {
        c->verdict = Q8_OTHER_SHAPE;
        return;
    }
    c->have_numbers = is_float(&c->a) && is_float(&c->b);
    if (c->type_changed && !c->have_numbers) {
        c->verdict = Q8_OTHER_TYPE;
        return;
    }
    c->elements = count_elements(&c->a);
    if (c->a.transpose || c->b.transpose)
        c->note = "Conv1D, turned";
}

/* Whether --layers, if there is one, names it: the module or the tensor; false on failure too. */
static bool is_wanted(struct q8_select *layers, const char *name, struct q8_arena *mem,
                      struct q8_err *err)
{
    const size_t length = q8_weight_stem(name);
    struct q8_choice whole, module = {0};

    if (!layers)
        return true;
    if (!q8_select_ask(layers, name, &whole, err))
        return false;
    if (length) {
        const char *stem = q8_strndup(mem, name, length, err);

        if (!stem || !q8_select_ask(layers, stem, &module, err))
            return false;
    }
    if (whole.skip || module.skip)
        return false;
    return !layers->have_only || whole.only || module.only;
}

/* Steps through both lists, which are sorted by name. */
static bool merge(struct q8_compare *r, struct party p[2], struct q8_arena *mem, struct q8_err *err)
{
    uint64_t i = 0, j = 0;

    r->item = q8_alloc(mem, p[0].units + p[1].units, sizeof *r->item, err);
    if (!r->item)
        return false;
    while (i < p[0].units || j < p[1].units) {
        const int order = i == p[0].units   ? 1
                          : j == p[1].units ? -1
                                            : strcmp(p[0].unit[i].name, p[1].unit[j].name);
        struct q8_compared *c = &r->item[r->items];

        *c = (struct q8_compared){.name = order <= 0 ? p[0].unit[i].name : p[1].unit[j].name};
        if (order <= 0)
            c->a = p[0].unit[i++].side;
        if (order >= 0)
            c->b = p[1].unit[j++].side;
        if (order == 0) {
            fit_matrix(&p[0], c->name, &c->a, &c->b);
            fit_matrix(&p[1], c->name, &c->b, &c->a);
        }
        judge(c);
        r->items += is_wanted(r->options.layers, c->name, mem, err);
        if (err->code)
            return false;
    }
    return true;
}

/* For messages about patterns: those of A, and those of B that A has not (NULL for the others). */
static const char *unit_name(void *self, uint64_t i)
{
    const struct party *p = self;
    const struct unit *u;

    if (i < p[0].units)
        return p[0].unit[i].name;
    u = &p[1].unit[i - p[0].units];
    if (p[0].units && bsearch(u, p[0].unit, p[0].units, sizeof *u, compare_units))
        return NULL;
    return u->name;
}

bool q8_compare_pair(struct q8_compare *r, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *a = r->options.a, *b = r->options.b;
    struct party p[2] = {{.model = a, .stored = &r->stored_a},
                         {.model = b, .stored = &r->stored_b}};

    if (!q8_stored_find(&r->stored_a, a, mem, err) || !q8_stored_find(&r->stored_b, b, mem, err))
        return false;
    q8_model_arch(&p[0].arch, a->config_root ? a : b); /* a bare file: the same class */
    q8_model_arch(&p[1].arch, b->config_root ? b : a);
    return list_units(&p[0], &p[1], mem, err) && list_units(&p[1], &p[0], mem, err) &&
           merge(r, p, mem, err) &&
           (!r->options.layers ||
            q8_select_check(r->options.layers, p[0].units + p[1].units, unit_name, p, err));
}
