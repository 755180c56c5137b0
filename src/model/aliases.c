/*
 * aliases.c - tensors that are the same bytes of a file: tied weights, written once
 *
 * Formats of PyTorch save a storage once and name it often.  In safetensors a name has bytes of its
 * own, so of such names one is kept, as safetensors' save_model keeps it, which notes the others in
 * the metadata (safetensors 0.8, safetensors/torch.py); model classes tie them when they load.
 */
#include "src/model/model_parts.h"

#include "formats/format.h"
#include "src/base/text.h"
#include "src/model/weights.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADS_MOST 64 /* whose ties are looked at, each in all tensors; classes have one or two */

/* A tensor, and where it is. */
struct alias {
    const struct q8_tensor *tensor;
    unsigned dots; /* in its name */
    bool is_head;  /* a class makes it the embedding: that one is to stay */
};

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* 0: the same elements in the same order. */
static int compare_places(const struct q8_tensor *a, const struct q8_tensor *b)
{
    int order = compare(a->shard, b->shard);

    order = order ? order : compare(a->offset, b->offset);
    order = order ? order : compare(a->dtype, b->dtype);
    order = order ? order : compare(a->rank, b->rank);
    order = order ? order : compare(a->strided, b->strided);
    for (uint32_t d = 0; !order && d < a->rank; d++) {
        order = compare(a->dim[d], b->dim[d]);
        order = !order && a->strided ? compare(a->stride[d], b->stride[d]) : order;
    }
    return order;
}

/* By place; of one place, the one to keep first: no head, the shortest path, the first name. */
static int compare_aliases(const void *a, const void *b)
{
    const struct alias *x = a, *y = b;
    int order = compare_places(x->tensor, y->tensor);

    order = order ? order : compare(x->is_head, y->is_head);
    order = order ? order : compare(x->dots, y->dots);
    return order ? order : strcmp(x->tensor->name, y->tensor->name);
}

/* Whether the weight is of a head that the class has. */
static bool is_head(const struct q8_arch *arch, const char *name)
{
    const size_t stem = q8_weight_stem(name);
    const char *head;

    for (size_t i = 0; stem && (head = q8_arch_head(arch, i)); i++) {
        const size_t n = strlen(head);

        if (stem >= n && strncmp(name + stem - n, head, n) == 0 &&
            (stem == n || name[stem - n - 1] == '.'))
            return true;
    }
    return false;
}

static unsigned count_dots(const char *name)
{
    unsigned dots = 0;

    while ((name = strchr(name, '.'))) {
        name++;
        dots++;
    }
    return dots;
}

/* The search at work. */
struct search {
    struct q8_model *m;
    struct q8_arch arch;
    unsigned char *gone; /* [tensors of the index] those that are left out */
    unsigned heads;      /* that were looked at */
    uint64_t left;       /* how many were left out, and the first: */
    const char *name, *kept;
    struct q8_arena *mem; /* of the model */
    struct q8_arena own;
    struct q8_err *err;
};

/*
 * Whether a loader of the model makes that tensor the other again.  A config that says no to a head
 * means it, whatever the file shares.
 */
static bool comes_back(struct search *s, const struct alias *a)
{
    const char *module;

    if (s->m->bare || !a->is_head)
        return true;
    if (s->heads++ >= HEADS_MOST)
        return false;
    module = q8_strndup(&s->own, a->tensor->name, q8_weight_stem(a->tensor->name), s->err);
    return module && q8_weight_is_tied(s->m, &s->arch, module);
}

/* Leaves a tensor out; the metadata of its shard says what stands for the name. */
static bool leave_out(struct search *s, const struct q8_tensor *t, const char *kept)
{
    struct q8_shard *shard = &s->m->shard[t->shard];
    struct q8_meta *list =
        q8_grow(s->mem, shard->alias, shard->aliases, &shard->alias_room, sizeof *list, s->err);

    if (!list)
        return false;
    shard->alias = list;
    list[shard->aliases++] =
        (struct q8_meta){.key = t->name, .value = {.type = Q8_META_TEXT, .text = kept}};
    s->gone[t - s->m->index.tensor] = 1;
    if (s->left++ == 0) {
        s->name = t->name;
        s->kept = kept;
    }
    return true;
}

/* Every group of the list, which is in the order of places: the first of each stays. */
static bool leave_groups(struct search *s, const struct alias *list, uint64_t count)
{
    const struct alias *kept = list;

    for (uint64_t i = 1; i < count; i++) {
        if (compare_places(kept->tensor, list[i].tensor) != 0)
            kept = &list[i];
        else if (comes_back(s, &list[i]) && !leave_out(s, list[i].tensor, kept->tensor->name))
            return false;
    }
    return !s->err->code;
}

static bool find_groups(struct search *s)
{
    const struct q8_index *index = &s->m->index;
    struct alias *list = q8_alloc(&s->own, index->count, sizeof *list, s->err);
    uint64_t count = 0;

    s->gone = q8_alloc(&s->own, index->count, 1, s->err);
    if (!list || !s->gone)
        return false;
    for (uint64_t i = 0; i < index->count; i++) {
        const struct q8_tensor *t = &index->tensor[i];

        if (t->nbytes > 0)
            list[count++] = (struct alias){t, count_dots(t->name), is_head(&s->arch, t->name)};
    }
    if (count)
        qsort(list, count, sizeof *list, compare_aliases);
    return leave_groups(s, list, count);
}

/* Takes what was left out from the index, and says so. */
static bool finish(struct search *s)
{
    struct q8_index *index = &s->m->index;
    char name[200], kept[200];
    uint64_t stay = 0;

    if (!s->left)
        return true;
    for (uint64_t i = 0; i < index->count; i++)
        if (!s->gone[i])
            index->tensor[stay++] = index->tensor[i];
    index->count = stay;
    return q8_model_note(s->m, s->mem, s->err,
                         "%" PRIu64 " tensor%s the same numbers of the file as another, '%s' as "
                         "'%s' for one: tied, and taken once",
                         s->left, s->left == 1 ? " is" : "s are",
                         q8_text_escape(s->name, name, sizeof name),
                         q8_text_escape(s->kept, kept, sizeof kept));
}

bool q8_model_aliases(struct q8_model *m, struct q8_arena *mem, struct q8_err *err)
{
    struct search s = {.m = m, .mem = mem, .err = err};
    bool ok = true;

    q8_arena_init(&s.own, mem->limit);
    q8_model_arch(&s.arch, m);
    if (!m->shard[0].format->print) /* what can be written has no such tensors */
        ok = find_groups(&s) && finish(&s);
    q8_arena_clear(&s.own);
    return ok;
}
