/* pytorch_storage.c - the storages that a pickle of torch.save names */
#include "formats/pytorch.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Places where a file names a storage: as many as it has tensors, and the largest has 200,000. */
#define IDS_MOST (1u << 18)

#define KEY_MOST 100 /* bytes of a key: digits, an address in the legacy format */

/* A count in a pickle: not negative. */
static bool get_count(const struct q8_pickle_node *node, uint64_t *ret)
{
    if (node->kind != Q8_PICKLE_INT || node->number < 0)
        return false;
    *ret = (uint64_t)node->number;
    return true;
}

/* (view_key, offset, view_size): a part of a storage. */
static bool get_view(struct q8_torch *f, const struct q8_pickle_node *view, struct q8_torch_id *ret)
{
    const struct q8_pickle *p = &f->pickle;

    if (view->kind == Q8_PICKLE_NONE)
        return true;
    if (view->kind != Q8_PICKLE_TUPLE || view->count != 3 ||
        !get_count(q8_pickle_item(p, view, 1), &ret->view_offset) ||
        !get_count(q8_pickle_item(p, view, 2), &ret->view_count) ||
        !q8_within(ret->view_offset, ret->view_count, ret->count))
        return q8_fail(f->err, Q8_EINPUT, "a part of a storage that does not lie in it");
    return true;
}

/* torch/serialization.py, persistent_id: ("storage", class, key, location, count[, view]). */
bool q8_torch_id(struct q8_torch *f, const struct q8_pickle_node *node, struct q8_torch_id *ret)
{
    const struct q8_pickle *p = &f->pickle;
    const struct q8_pickle_node *id = q8_pickle_item(p, node, 0), *class;

    if (id->kind == Q8_PICKLE_TUPLE && id->count > 0 &&
        q8_pickle_is(p, q8_pickle_item(p, id, 0), "module"))
        return q8_fail(f->err, Q8_EUNSUPPORTED,
                       "a whole module with its code: save the state_dict() of the model instead");
    if (id->kind != Q8_PICKLE_TUPLE || id->count != (f->legacy ? 6 : 5) ||
        !q8_pickle_is(p, q8_pickle_item(p, id, 0), "storage"))
        return q8_fail(f->err, Q8_EINPUT, "a persistent id that is not of a storage");
    class = q8_pickle_item(p, id, 1);
    ret->key = q8_pickle_item(p, id, 2);
    if (class->kind != Q8_PICKLE_GLOBAL || p->global[class->number].what != Q8_TORCH_STORAGE ||
        ret->key->kind != Q8_PICKLE_TEXT || q8_pickle_item(p, id, 3)->kind != Q8_PICKLE_TEXT ||
        !get_count(q8_pickle_item(p, id, 4), &ret->count))
        return q8_fail(f->err, Q8_EINPUT,
                       "a storage without a class of storages, a key, a device or a count");
    if (ret->key->count > KEY_MOST) /* a file can name one text as often as it likes */
        return q8_fail(f->err, Q8_ELIMIT, "the key of a storage has %" PRIu32 " bytes (at most %d)",
                       ret->key->count, KEY_MOST);
    ret->dtype = (enum q8_dtype)p->global[class->number].detail;
    ret->view_offset = 0;
    ret->view_count = ret->count;
    return id->count < 6 || get_view(f, q8_pickle_item(p, id, 5), ret);
}

static int compare_keys(const void *a, const void *b)
{
    const struct q8_torch_storage *x = a, *y = b;

    return strcmp(x->key, y->key);
}

struct q8_torch_storage *q8_torch_storage_find(const struct q8_torch *f, const char *key)
{
    const struct q8_torch_storage wanted = {.key = key};

    return f->storages ? bsearch(&wanted, f->storage, f->storages, sizeof wanted, compare_keys)
                       : NULL;
}

static bool fail_storage(struct q8_torch *f, const char *key, const char *what)
{
    char shown[100];

    return q8_fail(f->err, Q8_EINPUT, "storage '%s': %s", q8_text_escape(key, shown, sizeof shown),
                   what);
}

static bool add_storage(struct q8_torch *f, const struct q8_pickle_node *node, uint64_t *room)
{
    struct q8_torch_storage s = {0}, *list;
    struct q8_torch_id id;

    if (!q8_torch_id(f, node, &id))
        return false;
    if (f->storages >= IDS_MOST)
        return q8_fail(f->err, Q8_ELIMIT, "more than %u storages", IDS_MOST);
    s.key = q8_strndup(&f->own, (const char *)f->pickle.bytes + id.key->at, id.key->count, f->err);
    list = s.key ? q8_grow(&f->own, f->storage, f->storages, room, sizeof s, f->err) : NULL;
    if (!list)
        return false;
    if (strlen(s.key) != id.key->count)
        return fail_storage(f, s.key, "its key has a NUL in it");
    s.dtype = id.dtype;
    s.count = id.count;
    if (!q8_mul(s.count, q8_dtype_size(s.dtype), &s.bytes))
        return fail_storage(f, s.key, "it claims more than 2^64 bytes");
    f->storage = list;
    list[f->storages++] = s;
    return true;
}

bool q8_torch_storages(struct q8_torch *f)
{
    uint64_t room = 0, kept = 0;

    for (uint64_t i = 0; i < f->pickle.nodes; i++)
        if (f->pickle.node[i].kind == Q8_PICKLE_ID && !add_storage(f, &f->pickle.node[i], &room))
            return false;
    if (f->storages)
        qsort(f->storage, f->storages, sizeof *f->storage, compare_keys);
    for (uint64_t i = 0; i < f->storages; i++) {
        struct q8_torch_storage *s = &f->storage[i], *last = kept ? &f->storage[kept - 1] : NULL;

        if (!last || strcmp(last->key, s->key) != 0)
            f->storage[kept++] = *s;
        else if (last->dtype != s->dtype || last->count != s->count)
            return fail_storage(f, s->key, "two places give it another type or size");
    }
    f->storages = kept;
    return true;
}
