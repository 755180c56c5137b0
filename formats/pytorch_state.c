/* pytorch_state.c - the tensors of the state dict that a pickle of torch.save holds */
#include "formats/pytorch.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRAPPED_MOST 8 /* a parameter of a tensor with a class of ...: real ones have 2 */
#define FOLDED_MOST 4  /* {"model": {"state_dict": ...}}: real ones have 2 */

/*
 * Tensors that a pickle may have: FREE of them, and one for each so many of its bytes.  A tensor
 * takes 64 at least, but its name is all that a further one of the same object takes.
 */
#define FREE 1024
#define PICKLED 64

/* Bytes that a tensor of few repeated bytes may become beyond those of the file. */
#define EXPANDED_MOST (UINT64_C(64) << 20)
#define SHARED_MOST 8 /* times the bytes of the file that all tensors may have beyond those */

/* A function and its arguments. */
struct call {
    const struct q8_pickle_global *function;
    const struct q8_pickle_node *args; /* a tuple */
};

static const struct q8_pickle_node *argument(const struct q8_torch *f, const struct call *call,
                                             uint32_t i)
{
    return q8_pickle_item(&f->pickle, call->args, i);
}

/* Whether a value is what rebuilds a tensor, and which function that is. */
static bool get_call(const struct q8_torch *f, const struct q8_pickle_node *node, struct call *ret)
{
    const struct q8_pickle *p = &f->pickle;

    if (node->kind != Q8_PICKLE_CALL)
        return false;
    ret->function = &p->global[q8_pickle_item(p, node, 0)->number];
    ret->args = q8_pickle_item(p, node, 1);
    return true;
}

/* (function, class, its arguments, state): the state is of no interest. */
static bool take_type(struct q8_torch *f, struct call *call)
{
    const struct q8_pickle *p = &f->pickle;
    const struct q8_pickle_node *function, *args;

    if (call->args->count != 4)
        return q8_fail(f->err, Q8_EINPUT, "a class of tensors without arguments");
    function = argument(f, call, 0);
    args = argument(f, call, 2);
    if (function->kind != Q8_PICKLE_GLOBAL || p->global[function->number].what < Q8_TORCH_REBUILD ||
        args->kind != Q8_PICKLE_TUPLE)
        return q8_fail(f->err, Q8_EINPUT, "a class of tensors that is made of no tensor");
    *call = (struct call){&p->global[function->number], args};
    return true;
}

/* Follows parameters and classes to the call of _rebuild_tensor in them. */
static bool find_rebuild(struct q8_torch *f, const struct q8_pickle_node *node, struct call *ret)
{
    bool is_call = get_call(f, node, ret);

    for (unsigned i = 0; is_call && i < WRAPPED_MOST; i++)
        switch (ret->function->what) {
        case Q8_TORCH_REBUILD: return true;
        case Q8_TORCH_FROM_TYPE:
            if (!take_type(f, ret))
                return false;
            break;
        default: /* (tensor, requires_grad, hooks) */
            is_call = ret->args->count > 0 &&
                      (ret->args->count == 1 || argument(f, ret, 1)->kind == Q8_PICKLE_BOOL) &&
                      get_call(f, argument(f, ret, 0), ret);
        }
    return q8_fail(f->err, Q8_EINPUT, "no tensor is in what should hold one");
}

/* The fields of _rebuild_tensor*, by version (torch/_utils.py). */
static bool check_rebuild(struct q8_torch *f, const struct call *call, enum q8_dtype *ret_dtype)
{
    static const struct {
        uint32_t least, most, dtype, flags; /* arguments; places of two that may be there */
    } versions[] = {{0}, {4, 4, 9, 9}, {6, 7, 9, 6}, {7, 8, 6, 7}};
    const struct q8_pickle *p = &f->pickle;
    const int version = call->function->detail;
    const uint32_t count = call->args->count;

    if (count < versions[version].least || count > versions[version].most ||
        argument(f, call, 0)->kind != Q8_PICKLE_ID ||
        (version > 1 && argument(f, call, 4)->kind != Q8_PICKLE_BOOL)) /* requires_grad */
        return q8_fail(f->err, Q8_EINPUT, "%s with %" PRIu32 " arguments, or others than it takes",
                       call->function->name, count);
    if (versions[version].dtype < count) {
        const struct q8_pickle_node *dtype = argument(f, call, versions[version].dtype);

        if (dtype->kind != Q8_PICKLE_GLOBAL || p->global[dtype->number].what != Q8_TORCH_DTYPE)
            return q8_fail(f->err, Q8_EINPUT, "%s without a dtype", call->function->name);
        *ret_dtype = (enum q8_dtype)p->global[dtype->number].detail;
    }
    if (versions[version].flags < count) { /* {"conj": True, "neg": True} */
        const struct q8_pickle_node *flags = argument(f, call, versions[version].flags);

        if (flags->kind != Q8_PICKLE_NONE && (flags->kind != Q8_PICKLE_DICT || flags->count > 0))
            return q8_fail(f->err, Q8_EUNSUPPORTED,
                           "a tensor that is conjugated or negated as it is read: save its "
                           "resolve_conj().resolve_neg()");
    }
    return true;
}

/* Numbers of a tuple (or a list, as Python 2 has them) into to [Q8_MAX_RANK]. */
static bool get_numbers(struct q8_torch *f, const struct q8_pickle_node *tuple, uint64_t *to)
{
    const struct q8_pickle *p = &f->pickle;
    uint32_t cell = tuple->first;

    for (uint32_t i = 0; i < tuple->count; i++, cell = p->cell[cell].next) {
        const struct q8_pickle_node *item = &p->node[p->cell[cell].node];

        if (item->kind != Q8_PICKLE_INT || item->number < 0)
            return q8_fail(f->err, Q8_EINPUT, "a size or a stride that is no count");
        to[i] = (uint64_t)item->number;
    }
    return true;
}

/* Sizes and strides; a tensor whose elements lie as packed is not strided. */
static bool get_shape(struct q8_torch *f, const struct call *call, struct q8_tensor *t)
{
    const struct q8_pickle_node *size = argument(f, call, 2), *stride = argument(f, call, 3);
    uint64_t step = 1;

    if (size->kind != Q8_PICKLE_TUPLE || stride->kind != Q8_PICKLE_TUPLE ||
        size->count != stride->count)
        return q8_fail(f->err, Q8_EINPUT, "its sizes and strides are not as many");
    if (size->count > Q8_MAX_RANK)
        return q8_fail(f->err, Q8_EINPUT, "a shape of more than %d dimensions", Q8_MAX_RANK);
    t->rank = size->count;
    if (!get_numbers(f, size, t->dim) || !get_numbers(f, stride, t->stride) ||
        !q8_tensor_bytes(t, &t->nbytes, f->err))
        return false;
    for (uint32_t d = t->rank; t->nbytes && d-- > 0; step *= t->dim[d]) /* its bytes fit */
        t->strided |= t->dim[d] > 1 && t->stride[d] != step;
    if (!t->strided)
        memset(t->stride, 0, sizeof t->stride);
    return true;
}

/* Bytes from its first element to the end of its last. */
static bool find_extent(const struct q8_tensor *t, uint64_t *ret)
{
    uint64_t last = 0, away;

    *ret = t->nbytes;
    if (!t->strided)
        return true;
    for (uint32_t d = 0; d < t->rank; d++)
        if (!q8_mul(t->dim[d] - 1, t->stride[d], &away) || !q8_add(last, away, &last))
            return false;
    return q8_add(last, 1, &last) && q8_mul(last, q8_dtype_size(t->dtype), ret);
}

/* Its place: elements from the begin of a storage, or of a part of one, in which it must lie. */
static bool place(struct q8_torch *f, const struct q8_torch_id *id,
                  const struct q8_torch_storage *storage, const struct q8_pickle_node *offset,
                  struct q8_tensor *t)
{
    const uint64_t unit = q8_dtype_size(storage->dtype);
    uint64_t from, extent;

    if (offset->kind != Q8_PICKLE_INT || offset->number < 0)
        return q8_fail(f->err, Q8_EINPUT, "an offset that is no count");
    if (!q8_mul((uint64_t)offset->number, q8_dtype_size(t->dtype), &from) ||
        !find_extent(t, &extent) || (extent && !q8_within(from, extent, id->view_count * unit)))
        return q8_fail(f->err, Q8_EINPUT, "it reaches beyond the %" PRIu64 " bytes of its storage",
                       id->view_count * unit);
    t->offset = storage->offset + id->view_offset * unit + (extent ? from : 0);
    if (t->nbytes > extent && t->nbytes - extent > EXPANDED_MOST &&
        t->nbytes - EXPANDED_MOST > f->source->size)
        return q8_fail(f->err, Q8_ELIMIT,
                       "%" PRIu64 " bytes are repeated to %" PRIu64 ", more than the whole file",
                       extent, t->nbytes);
    return true;
}

static bool get_tensor(struct q8_torch *f, const struct q8_pickle_node *node, struct q8_tensor *t)
{
    const struct q8_torch_storage *storage;
    struct call call = {0};
    struct q8_torch_id id;
    const char *key;

    if (!find_rebuild(f, node, &call) || !check_rebuild(f, &call, &t->dtype) ||
        !q8_torch_id(f, argument(f, &call, 0), &id))
        return false;
    key = q8_strndup(&f->own, (const char *)f->pickle.bytes + id.key->at, id.key->count, f->err);
    storage = key ? q8_torch_storage_find(f, key) : NULL;
    if (!storage) /* all ids are listed */
        return q8_fail(f->err, Q8_EINPUT, "its storage is not there");
    if (t->dtype == Q8_DTYPES)
        t->dtype = storage->dtype;
    t->swapped = f->swapped && q8_dtype_size(t->dtype) > 1;
    return get_shape(f, &call, t) && place(f, &id, storage, argument(f, &call, 1), t);
}

/* A name: UTF-8 without a NUL.  All of them, each once, are no longer than the pickle. */
static bool get_name(struct q8_torch *f, const struct q8_pickle_node *key, const char **ret)
{
    const char *at;

    if (key->kind != Q8_PICKLE_TEXT)
        return q8_fail(f->err, Q8_EINPUT, "a tensor whose name is no text");
    f->named += key->count;
    if (f->named > f->pickle.size)
        return q8_fail(f->err, Q8_EINPUT, "tensors have the same name");
    *ret = at = q8_strndup(f->mem, (const char *)f->pickle.bytes + key->at, key->count, f->err);
    if (!at)
        return false;
    while (*at)
        if (q8_text_next(&at) == Q8_TEXT_BAD)
            return q8_fail(f->err, Q8_EINPUT, "a tensor whose name is not UTF-8");
    return (uint64_t)(at - *ret) == key->count ||
           q8_fail(f->err, Q8_EINPUT, "a tensor with a NUL in its name");
}

/* ---- the dict ---- */

static const char *note(struct q8_torch *f, const char *text)
{
    return text && f->notes < sizeof f->note / sizeof *f->note ? f->note[f->notes++] = text : text;
}

/* The value of a key, be it the last of several; NULL: none. */
static const struct q8_pickle_node *find(const struct q8_torch *f,
                                         const struct q8_pickle_node *dict, const char *key)
{
    const struct q8_pickle *p = &f->pickle;
    const struct q8_pickle_node *ret = NULL;
    uint32_t cell = dict->first;

    for (uint32_t i = 0; i < dict->count; i += 2) {
        const uint32_t value = p->cell[cell].next;

        if (q8_pickle_is(p, &p->node[p->cell[cell].node], key))
            ret = &p->node[p->cell[value].node];
        cell = p->cell[value].next;
    }
    return ret;
}

/* Follows the keys under which training code keeps the state dict of the model. */
static const struct q8_pickle_node *find_state(struct q8_torch *f)
{
    static const char *const keys[] = {"state_dict", "model_state_dict", "model", "module"};
    const struct q8_pickle_node *at = &f->pickle.node[f->pickle.root], *next = at;
    char text[300] = "";

    for (unsigned depth = 0; next && depth < FOLDED_MOST; depth++) {
        at = next;
        next = NULL;
        for (size_t i = 0; at->kind == Q8_PICKLE_DICT && !next && i < sizeof keys / sizeof *keys;
             i++) {
            next = find(f, at, keys[i]);
            if (next && next->kind != Q8_PICKLE_DICT)
                next = NULL;
            if (next) {
                const size_t n = strlen(text);

                (void)snprintf(text + n, sizeof text - n, "['%s']", keys[i]);
            }
        }
    }
    if (at->kind != Q8_PICKLE_DICT) {
        q8_fail(f->err, Q8_EUNSUPPORTED,
                "it holds no dict: q8 reads the state_dict() of a model, as torch.save writes it");
        return NULL;
    }
    if (at->count > 0 && find(f, at, "param_groups") && find(f, at, "state")) {
        q8_fail(f->err, Q8_EUNSUPPORTED,
                "it is the state of an optimizer and no model: name the file of the weights");
        return NULL;
    }
    if (*text && !note(f, q8_sprintf(f->mem, f->err, "its tensors are those under %s", text)))
        return NULL;
    return at;
}

static int compare_places(const void *a, const void *b)
{
    const struct q8_tensor *x = a, *y = b;

    return x->offset != y->offset ? (x->offset < y->offset ? -1 : 1) : strcmp(x->name, y->name);
}

/* Each name is there once. */
static bool check_names(struct q8_index *out, struct q8_err *err)
{
    const char *twice;

    q8_index_sort(out);
    twice = q8_index_twice(out);
    if (twice)
        return q8_fail(err, Q8_EINPUT, "is there twice") || q8_tensor_fail(twice, err);
    if (out->count)
        qsort(out->tensor, out->count, sizeof *out->tensor, compare_places);
    return true;
}

/* Tensors may share numbers: written apart, they are not many times the file. */
static bool check_sum(const struct q8_torch *f, const struct q8_index *sorted)
{
    const struct q8_tensor *last = NULL;
    uint64_t sum = 0, most;

    if (!q8_mul(f->source->size, SHARED_MOST, &most) || !q8_add(most, EXPANDED_MOST, &most))
        return true;
    for (uint64_t i = 0; i < sorted->count; i++) {
        const struct q8_tensor *t = &sorted->tensor[i];
        const bool same = last && last->offset == t->offset && last->nbytes == t->nbytes;

        if (!same && (!q8_add(sum, t->nbytes, &sum) || sum > most))
            return q8_fail(f->err, Q8_ELIMIT,
                           "its tensors share their numbers: each by itself, they have more than "
                           "%d times the %" PRIu64 " bytes of the file",
                           SHARED_MOST, f->source->size);
        last = t;
    }
    return true;
}

bool q8_torch_tensors(struct q8_torch *f, struct q8_index *out)
{
    const struct q8_pickle *p = &f->pickle;
    const struct q8_pickle_node *state = find_state(f);
    uint64_t others = 0;

    if (!state)
        return false;
    for (uint32_t i = 0, cell = state->first; i < state->count; i += 2) {
        const struct q8_pickle_node *key = &p->node[p->cell[cell].node];
        const uint32_t value = p->cell[cell].next;
        const struct q8_pickle_node *node = &p->node[p->cell[value].node];
        struct q8_tensor t = {.dtype = Q8_DTYPES};

        cell = p->cell[value].next;
        if (node->kind != Q8_PICKLE_CALL) {
            others++;
            continue;
        }
        if (out->count >= FREE + p->end / PICKLED)
            return q8_fail(f->err, Q8_ELIMIT,
                           "more than %" PRIu64 " tensors in a pickle of %" PRIu64 " bytes",
                           out->count, p->end);
        if (!get_name(f, key, &t.name))
            return false;
        if (!get_tensor(f, node, &t))
            return q8_tensor_fail(t.name, f->err);
        if (!q8_index_add(out, &t, f->mem, f->err))
            return false;
    }
    if (!out->count)
        return q8_fail(f->err, Q8_EUNSUPPORTED,
                       "it holds no tensors by name; q8 looks for them in its dict, and there "
                       "under state_dict, model_state_dict, model and module");
    if (others && !note(f, q8_sprintf(f->mem, f->err,
                                      "%" PRIu64 " entries beside its tensors are none, and are "
                                      "passed over",
                                      others)))
        return false;
    return check_names(out, f->err) && check_sum(f, out);
}
