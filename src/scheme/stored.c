/* stored.c - weights that are int8 already: which tensors hold them */
#include "src/scheme/stored_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the search has so far. */
struct search {
    const struct q8_model *model;
    enum q8_layout layout; /* of the config; Q8_LAYOUT_NONE: there is none */
    struct q8_stored_list list;
    uint64_t room;
    struct q8_arena *mem;
};

/* Of an int8 weight: it lacks that part. */
static bool fail_missing(const struct search *s, const struct q8_stored *w, size_t length,
                         const struct q8_part *part, struct q8_err *err)
{
    const struct q8_layout_row *found = &q8_layouts[w->scheme->layout];
    char module[256], name[256];

    (void)snprintf(module, sizeof module, "%.*s", (int)q8_min(length, sizeof module),
                   w->codes->name);
    q8_fail(err, Q8_EINPUT, "there is no '%s%s' beside it, which int8 weights in %s have",
            q8_text_escape(module, name, sizeof name), part->suffix,
            s->layout ? q8_layouts[s->layout].name : found->method);
    return q8_model_fail(s->model, w->codes, err);
}

/* What makes a code more than a code times a step. */
static bool check_simple(const struct search *s, const struct q8_tensor *t, size_t length,
                         struct q8_err *err)
{
    static const char *const more[] = {".weight_zero_point", ".weight_g_idx"};

    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (q8_index_beside(&s->model->index, t->name, length, more[i])) {
            q8_fail(err, Q8_EUNSUPPORTED,
                    "there is a '%s' beside it: q8 reads symmetric codes in the order of their "
                    "columns",
                    more[i] + 1);
            return q8_model_fail(s->model, t, err);
        }
    return true;
}

/* Whether weights of that row may be in the file. */
static bool may_have(const struct search *s, const struct q8_scheme *row)
{
    return !s->layout || q8_layout_same_method(row->layout, s->layout);
}

/* The length of the module in the name of a tensor that may be the codes of that row; 0: none. */
static size_t codes_of(const struct q8_scheme *row, const struct q8_tensor *t)
{
    const struct q8_part *codes = &row->part[Q8_CODES_AT];

    return t->dtype == codes->dtype ? q8_text_stem(t->name, codes->suffix) : 0;
}

/*
 * Finds the row of a tensor of codes and its scales beside it; returns the length of the module, 0
 * for what is no codes.  Without scales, w->scales is NULL and the row the first that may be.
 */
static size_t find_scales(const struct search *s, struct q8_stored *w)
{
    size_t ret = 0;

    for (int i = 0; !w->scales && i < Q8_SCHEMES; i++) {
        const struct q8_scheme *row = &q8_schemes[i];
        const size_t length = may_have(s, row) ? codes_of(row, w->codes) : 0;

        if (!length)
            continue;
        w->scales = q8_index_beside(&s->model->index, w->codes->name, length,
                                    row->part[Q8_SCALES_AT].suffix);
        if (!w->scheme || w->scales)
            w->scheme = row;
        ret = length;
    }
    return ret;
}

/* Finds the third part, and what must not be there. */
static bool find_detail(const struct search *s, struct q8_stored *w, size_t length,
                        struct q8_err *err)
{
    const struct q8_part *last = &w->scheme->part[Q8_SCALES_AT + 1];

    if (q8_scheme_part(w->scheme, Q8_PART_SCALE) && !check_simple(s, w->codes, length, err))
        return false;
    if (last->kind != Q8_PART_NONE)
        w->detail = q8_index_beside(&s->model->index, w->codes->name, length, last->suffix);
    return w->detail || last->kind != Q8_PART_SHAPE || fail_missing(s, w, length, last, err);
}

/* Adds the weight whose codes these are, unless they are just numbers. */
static bool add_weight(struct search *s, const struct q8_tensor *t, struct q8_err *err)
{
    struct q8_stored w = {.codes = t}, *list;
    const size_t length = find_scales(s, &w);

    if (!length || (!w.scales && !s->layout))
        return true;
    if (!w.scales)
        return fail_missing(s, &w, length, &w.scheme->part[Q8_SCALES_AT], err);
    if (!find_detail(s, &w, length, err))
        return false;
    list = q8_grow(s->mem, s->list.weight, s->list.count, &s->room, sizeof *list, err);
    if (!list)
        return false;
    s->list.weight = list;
    w.module = q8_strndup(s->mem, t->name, length, err);
    if (!w.module || !q8_stored_check(s->model, &w, err))
        return false;
    list[s->list.count++] = w;
    return true;
}

/* Scales without codes: a weight that the config calls int8 and the file does not have so. */
static bool check_scales(const struct search *s, const struct q8_tensor *t, struct q8_err *err)
{
    const struct q8_part *wanted = NULL;
    const struct q8_tensor *other = NULL;
    char found[64] = "none";

    for (int i = 0; s->layout && i < Q8_SCHEMES; i++) {
        const struct q8_scheme *row = &q8_schemes[i];
        const struct q8_part *part = &row->part[Q8_CODES_AT];
        const size_t length =
            may_have(s, row) ? q8_text_stem(t->name, row->part[Q8_SCALES_AT].suffix) : 0;
        const struct q8_tensor *codes =
            length ? q8_index_beside(&s->model->index, t->name, length, part->suffix) : NULL;

        if (codes && codes->dtype == part->dtype)
            return true;
        if (length && !wanted) {
            wanted = part;
            other = codes;
        }
    }
    if (!wanted)
        return true;
    if (other)
        (void)snprintf(found, sizeof found, "one of type %s", q8_dtypes[other->dtype].name);
    q8_fail(err, Q8_EINPUT, "expected a '%s' of type %s beside it, found %s", wanted->suffix + 1,
            q8_dtypes[wanted->dtype].name, found);
    return q8_model_fail(s->model, t, err);
}

static int compare_modules(const void *a, const void *b)
{
    return strcmp(((const struct q8_stored *)a)->module, ((const struct q8_stored *)b)->module);
}

/* Two weights of one module: the tensor of the later row is the one too many. */
static bool fail_twice(const struct search *s, const struct q8_stored *a, const struct q8_stored *b,
                       struct q8_err *err)
{
    const struct q8_stored *first = a->scheme < b->scheme ? a : b, *second = first == a ? b : a;

    q8_fail(err, Q8_EINPUT, "its module has codes in '%s' too",
            first->scheme->part[Q8_CODES_AT].suffix + 1);
    return q8_model_fail(s->model, second->codes, err);
}

/* Sorts the list and, where no config does, names its layout. */
static bool finish(struct search *s, struct q8_err *err)
{
    struct q8_stored_list *list = &s->list;

    if (list->count)
        qsort(list->weight, list->count, sizeof *list->weight, compare_modules);
    list->layout = s->layout;
    for (uint64_t i = 0; i < list->count; i++) {
        const struct q8_stored *w = &list->weight[i];
        const enum q8_layout found = w->scheme->layout;

        if (i > 0 && strcmp(w[-1].module, w->module) == 0)
            return fail_twice(s, &w[-1], w, err);
        if (!s->layout)
            list->layout = i == 0 || list->layout == found ? found : Q8_LAYOUT_MIXED;
    }
    return true;
}

bool q8_stored_find(struct q8_stored_list *ret, const struct q8_model *model, struct q8_arena *mem,
                    struct q8_err *err)
{
    struct search s = {.model = model, .list.model = model, .mem = mem};

    if (!q8_stored_layout(&s.layout, model, err))
        return false;
    for (uint64_t i = 0; i < model->index.count; i++)
        if (!add_weight(&s, &model->index.tensor[i], err) ||
            !check_scales(&s, &model->index.tensor[i], err))
            return false;
    if (!finish(&s, err))
        return false;
    *ret = s.list;
    return true;
}

/* The weight of the module of that length. */
static const struct q8_stored *find(const struct q8_stored_list *list, const char *module,
                                    size_t length)
{
    uint64_t low = 0, high = list->count;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const char *name = list->weight[middle].module;
        int order = strncmp(name, module, length);

        if (order == 0)
            order = name[length] != 0;
        if (order == 0)
            return &list->weight[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct q8_stored *q8_stored_of(const struct q8_stored_list *list,
                                     const struct q8_tensor *codes)
{
    for (int i = 0; i < Q8_SCHEMES; i++) {
        const size_t length = codes_of(&q8_schemes[i], codes);
        const struct q8_stored *w = length ? find(list, codes->name, length) : NULL;

        if (w && w->codes == codes)
            return w;
    }
    return NULL;
}

const struct q8_stored *q8_stored_find_module(const struct q8_stored_list *list, const char *module)
{
    return find(list, module, strlen(module));
}

bool q8_stored_is_part(const struct q8_stored_list *list, const struct q8_tensor *t)
{
    for (int i = 0; i < Q8_SCHEMES; i++)
        for (int p = Q8_SCALES_AT; p < Q8_PARTS && q8_schemes[i].part[p].suffix; p++) {
            const size_t length = q8_text_stem(t->name, q8_schemes[i].part[p].suffix);
            const struct q8_stored *w = length ? find(list, t->name, length) : NULL;

            if (w && (w->scales == t || w->detail == t))
                return true;
        }
    return false;
}

bool q8_stored_weights(struct q8_weight_list *ret, const struct q8_stored_list *list,
                       const struct q8_arch *arch, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_weight *more = q8_alloc(mem, list->count, sizeof *more, err);

    if (!more || !q8_weights_find(ret, list->model, arch, mem, err))
        return false;
    for (uint64_t i = 0; i < list->count; i++) {
        const struct q8_stored *w = &list->weight[i];
        const enum q8_kind kind = q8_arch_kind(arch, w->codes->name, w->codes->rank);

        more[i] = (struct q8_weight){.module = w->module,
                                     .kind = kind == Q8_KIND_OTHER ? Q8_KIND_LINEAR : kind};
        more[i].view =
            (struct q8_view){.tensor = w->codes, .stored = w, .rows = w->rows, .cols = w->cols};
    }
    return q8_weights_add(ret, more, list->count, mem, err);
}
