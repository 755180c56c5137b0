/* weights.c - every weight of a checkpoint by module: a matrix, or a slice of fused experts */
#include "src/model/weights.h"

#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/tied_table.inc"

#define PROBE                                                                                      \
    UINT64_C(4096) /* bytes that are compared at three places of a head and an embedding */

/* A list in the making. */
struct search {
    struct q8_weight_list list;
    uint64_t room;
    struct q8_arena *mem;
};

void q8_model_arch(struct q8_arch *ret, const struct q8_model *model)
{
    const struct cJSON *root = model->config_root;
    const struct cJSON *class = q8_json_at(q8_json_get(root, "architectures"), 0);

    q8_arch_init(ret, q8_json_string(q8_json_get(root, "model_type")),
                 q8_json_key(class) ? NULL : q8_json_string(class));
}

enum q8_tied q8_model_tied(const struct q8_model *model)
{
    static const char word[] = "tie_word_embeddings";
    static const char *const parts[] = {"text_config", "decoder", "generator"};
    const struct cJSON *root = model->config_root;
    int value = q8_json_bool(q8_json_get(root, word));
    bool said = q8_json_get(root, word) != NULL;

    for (size_t i = 0; value != 1 && i < sizeof parts / sizeof *parts; i++) {
        value = q8_json_bool(q8_json_get(q8_json_get(root, parts[i]), word));
        said = said || value == 0;
    }
    return value == 1 ? Q8_TIED : said ? Q8_UNTIED : Q8_TIED_BLANK;
}

/* Whether the class's config ties when it says nothing. */
static bool is_tied_type(const char *model_type)
{
    for (size_t i = 0; model_type && i < sizeof tied_types / sizeof *tied_types; i++)
        if (strcmp(tied_types[i], model_type) == 0)
            return true;
    return false;
}

/* Whether two tensors of one type and shape begin, and go on in the middle, with the same bytes. */
static bool looks_same(const struct q8_model *m, const struct q8_tensor *a,
                       const struct q8_tensor *b)
{
    unsigned char x[PROBE], y[PROBE];
    const uint64_t n = q8_min(PROBE, a->nbytes), place[] = {0, (a->nbytes - n) / 2, a->nbytes - n};
    struct q8_err ignored = {0};

    for (size_t i = 0; i < sizeof place / sizeof *place; i++)
        if (!q8_model_read(m, a, place[i], x, n, &ignored) ||
            !q8_model_read(m, b, place[i], y, n, &ignored) || memcmp(x, y, n) != 0)
            return false;
    return true;
}

/* Whether the file has the weight of that module a second time, as an embedding. */
static bool is_embedding(const struct q8_model *m, const struct q8_arch *arch, const char *module)
{
    const struct q8_tensor *head = NULL;

    for (uint64_t i = 0; !head && i < m->index.count; i++)
        if (strncmp(m->index.tensor[i].name, module, strlen(module)) == 0 &&
            strcmp(m->index.tensor[i].name + strlen(module), Q8_WEIGHT_SUFFIX) == 0)
            head = &m->index.tensor[i];
    for (uint64_t i = 0; head && i < m->index.count; i++) {
        const struct q8_tensor *t = &m->index.tensor[i];

        if (t != head && t->dtype == head->dtype && t->rank == head->rank &&
            memcmp(t->dim, head->dim, t->rank * sizeof *t->dim) == 0 &&
            q8_arch_kind(arch, t->name, t->rank) == Q8_KIND_EMBEDDING && looks_same(m, t, head))
            return true;
    }
    return false;
}

bool q8_weight_is_tied(const struct q8_model *model, const struct q8_arch *arch, const char *module)
{
    const enum q8_tied tied = q8_model_tied(model);
    const size_t length = strlen(module);
    const char *head;

    for (size_t i = 0; (head = q8_arch_head(arch, i)); i++) {
        const size_t n = strlen(head);

        if (length < n || strcmp(module + length - n, head) != 0 ||
            (length > n && module[length - n - 1] != '.'))
            continue;
        return tied == Q8_TIED || (tied == Q8_TIED_BLANK && is_tied_type(arch->model_type) &&
                                   is_embedding(model, arch, module));
    }
    return false;
}

enum q8_kind q8_weight_kind(const struct q8_index *index, const struct q8_arch *arch,
                            const char *name, uint32_t rank)
{
    static const char leaf[] = "out_proj" Q8_WEIGHT_SUFFIX;
    const size_t length = strlen(name), stem = length - q8_min(length, sizeof leaf - 1);

    if (rank == 2 && strcmp(name + stem, leaf) == 0 && (stem == 0 || name[stem - 1] == '.') &&
        (q8_index_beside(index, name, stem, "in_proj_weight") ||
         q8_index_beside(index, name, stem, "q_proj_weight")))
        return Q8_KIND_BYPASSED;
    return q8_arch_kind(arch, name, rank);
}

bool q8_tensor_is_fused(const struct q8_tensor *t)
{
    return t->rank == 3 && strstr(t->name, ".experts.") != NULL;
}

size_t q8_weight_stem(const char *tensor)
{
    return q8_text_stem(tensor, Q8_WEIGHT_SUFFIX);
}

char *q8_weight_name(const char *module, struct q8_arena *mem, struct q8_err *err)
{
    return q8_sprintf(mem, err, "%s" Q8_WEIGHT_SUFFIX, module);
}

uint64_t q8_path_layer(const char *path, const char **ret_role)
{
    const char *part = path;

    *ret_role = path;
    while (*part) {
        size_t n = strcspn(part, "."), digits = strspn(part, "0123456789");
        uint64_t layer = 0;
        bool fits = n > 0 && digits == n;

        for (size_t i = 0; fits && i < n; i++)
            fits = q8_mul(layer, 10, &layer) && q8_add(layer, (uint64_t)(part[i] - '0'), &layer);
        part += n + (part[n] == '.');
        if (fits && layer != UINT64_MAX) {
            *ret_role = part;
            return layer;
        }
    }
    return UINT64_MAX;
}

static bool add_weight(struct search *s, const struct q8_weight *w, struct q8_err *err)
{
    const uint64_t most = Q8_WEIGHTS_LEAST + s->list.model->bytes / Q8_WEIGHT_BYTES;
    struct q8_weight *list;

    if (s->list.count >= most)
        return q8_fail(err, Q8_ELIMIT,
                       "%s: more than the %" PRIu64 " weights that a model of %" PRIu64
                       " bytes may have",
                       s->list.model->path, most, s->list.model->bytes);
    list = q8_grow(s->mem, s->list.weight, s->list.count, &s->room, sizeof *list, err);
    if (!list || !w->module)
        return false;
    s->list.weight = list;
    list[s->list.count++] = *w;
    return true;
}

/* "module.weight" of two dimensions; others are no weights. */
static bool add_matrix(struct search *s, const struct q8_tensor *t, struct q8_err *err)
{
    const size_t length = t->rank == 2 ? q8_weight_stem(t->name) : 0;
    struct q8_weight w = {.view.tensor = t};

    if (!length)
        return true;
    w.kind = q8_weight_kind(&s->list.model->index, s->list.arch, t->name, t->rank);
    w.view.transpose = w.kind == Q8_KIND_CONV1D;
    w.view.rows = t->dim[w.view.transpose];
    w.view.cols = t->dim[!w.view.transpose];
    w.module = q8_strndup(s->mem, t->name, length, err);
    return add_weight(s, &w, err);
}

/* The other tensor of a pair of fused ones: gate_up_proj for down_proj, and back. */
static const struct q8_tensor *find_other(const struct search *s, const struct q8_tensor *t,
                                          bool of_down, struct q8_err *err)
{
    static const char gate_up[] = "gate_up_proj", down[] = "down_proj";
    const size_t stem = strlen(t->name) - strlen(of_down ? down : gate_up);
    const char *name =
        q8_sprintf(s->mem, err, "%.*s%s", (int)stem, t->name, of_down ? gate_up : down);

    return name ? q8_index_find(&s->list.model->index, name) : NULL;
}

/* How a fused tensor is to be cut; NULL: not at all, or an error. */
static const struct q8_arch_experts *find_layout(const struct search *s, const struct q8_tensor *t,
                                                 struct q8_err *err)
{
    const struct q8_arch_experts *layout = NULL;
    const struct q8_tensor *other, *g, *d;

    if (t->rank == 3 && t->nbytes > 0 && q8_dtype_is_float(t->dtype))
        layout = q8_arch_experts(s->list.arch, t->name);
    if (!layout)
        return NULL;
    other = find_other(s, t, !layout->part[1], err);
    g = layout->part[1] ? t : other;
    d = layout->part[1] ? other : t;
    if (!other || other->rank != 3 || g->dim[0] != d->dim[0] || g->dim[2] != d->dim[1] ||
        d->dim[2] > UINT64_MAX / 2 || g->dim[1] != 2 * d->dim[2])
        return NULL;
    return layout;
}

/* One weight for each expert, or for its upper and lower half. */
static bool add_experts(struct search *s, const struct q8_tensor *t,
                        const struct q8_arch_experts *layout, struct q8_err *err)
{
    const unsigned parts = layout->part[1] ? 2 : 1;
    const int stem = (int)(strrchr(t->name, '.') - t->name);
    struct q8_weight w = {.kind = Q8_KIND_EXPERT, .fused = layout};

    w.view = (struct q8_view){.tensor = t, .rows = t->dim[1] / parts, .cols = t->dim[2]};
    for (uint64_t e = 0; e < t->dim[0]; e++)
        for (unsigned p = 0; p < parts; p++) {
            w.view.first = (e * parts + p) * w.view.rows * w.view.cols;
            w.module =
                q8_sprintf(s->mem, err, "%.*s.%" PRIu64 ".%s", stem, t->name, e, layout->part[p]);
            if (!add_weight(s, &w, err))
                return false;
        }
    return true;
}

static int compare_places(const struct q8_view *x, const struct q8_view *y)
{
    if (x->tensor != y->tensor)
        return x->tensor < y->tensor ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static int compare_modules(const void *a, const void *b)
{
    const struct q8_weight *x = a, *y = b;
    const int order = strcmp(x->module, y->module);

    return order ? order : compare_places(&x->view, &y->view);
}

static int compare_pointers(const void *a, const void *b)
{
    return compare_places(&(*(const struct q8_weight *const *)a)->view,
                          &(*(const struct q8_weight *const *)b)->view);
}

/* Two neighbours of the sorted list are of one module: nothing says which counts. */
static bool fail_twice(const struct q8_weight_list *list, const struct q8_weight *two,
                       struct q8_err *err)
{
    char module[300], one[200], other[200];

    q8_fail(err, Q8_EINPUT,
            "'%s' has two weights, one in '%s' and one in '%s': which of them counts is not said",
            q8_text_escape(two[0].module, module, sizeof module),
            q8_text_escape(two[0].view.tensor->name, one, sizeof one),
            q8_text_escape(two[1].view.tensor->name, other, sizeof other));
    return q8_fail_in(err, list->model->path);
}

/* Sorts the list both ways. */
static bool finish(struct search *s, struct q8_err *err)
{
    struct q8_weight_list *list = &s->list;

    list->by_tensor = q8_alloc(s->mem, list->count, sizeof *list->by_tensor, err);
    if (!list->by_tensor)
        return false;
    if (list->count)
        qsort(list->weight, list->count, sizeof *list->weight, compare_modules);
    for (uint64_t i = 0; i < list->count; i++)
        list->by_tensor[i] = &list->weight[i];
    if (list->count)
        qsort(list->by_tensor, list->count, sizeof *list->by_tensor, compare_pointers);
    return true;
}

bool q8_weights_find(struct q8_weight_list *ret, const struct q8_model *model,
                     const struct q8_arch *arch, struct q8_arena *mem, struct q8_err *err)
{
    struct search s = {.list = {.model = model, .arch = arch}, .mem = mem};

    for (uint64_t i = 0; i < model->index.count; i++) {
        const struct q8_tensor *t = &model->index.tensor[i];
        const struct q8_arch_experts *layout = find_layout(&s, t, err);

        if (err->code || !(layout ? add_experts(&s, t, layout, err) : add_matrix(&s, t, err)))
            return false;
        s.list.parameters += q8_tensor_elements(t);
        if (q8_tensor_is_fused(t) || Q8_LINEAR_KINDS & 1u << q8_arch_kind(arch, t->name, t->rank))
            s.list.linear += q8_tensor_elements(t);
    }
    if (!finish(&s, err))
        return false;
    for (uint64_t i = 1; i < s.list.count; i++)
        if (strcmp(s.list.weight[i - 1].module, s.list.weight[i].module) == 0)
            return fail_twice(&s.list, &s.list.weight[i - 1], err);
    *ret = s.list;
    return true;
}

bool q8_weights_add(struct q8_weight_list *list, const struct q8_weight *more, uint64_t count,
                    struct q8_arena *mem, struct q8_err *err)
{
    struct search s = {.list = *list, .room = list->count + count, .mem = mem};

    /* a new array: by_tensor points into the old one until all are in */
    s.list.weight = q8_alloc(mem, s.room, sizeof *s.list.weight, err);
    if (!s.list.weight)
        return false;
    if (list->count)
        memcpy(s.list.weight, list->weight, list->count * sizeof *list->weight);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t found;
        const struct q8_weight *const *old = q8_weights_of(list, more[i].view.tensor, &found);

        if (found)
            s.list.weight[*old - list->weight] = more[i];
        else if (!add_weight(&s, &more[i], err))
            return false;
    }
    if (!finish(&s, err))
        return false;
    *list = s.list;
    return true;
}

static int compare_name(const void *name, const void *weight)
{
    return strcmp(name, ((const struct q8_weight *)weight)->module);
}

const struct q8_weight *q8_weights_find_module(const struct q8_weight_list *list,
                                               const char *module)
{
    return list->count
               ? bsearch(module, list->weight, list->count, sizeof *list->weight, compare_name)
               : NULL;
}

const struct q8_weight *const *q8_weights_of(const struct q8_weight_list *list,
                                             const struct q8_tensor *t, uint64_t *ret_count)
{
    uint64_t low = 0, high = list->count, end;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;

        if (list->by_tensor[middle]->view.tensor < t)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < list->count && list->by_tensor[end]->view.tensor == t;)
        end++;
    *ret_count = end - low;
    return list->by_tensor + low;
}
