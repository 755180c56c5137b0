/* pickle_call.c - the names in a pickle, and the calls that it would make of them */
#include "formats/pickle_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <stdio.h>
#include <string.h>

#define NAME_MOST 4096 /* bytes of a module or a name; no line of a checkpoint is so long */

/* A part of a name, where it stands in the pickle. */
struct word {
    const char *text;
    uint64_t length;
};

static bool is_word(struct word word, const char *text)
{
    return strlen(text) == word.length && memcmp(text, word.text, word.length) == 0;
}

/* Puts the name on the stack, if it may be there. */
static bool push_global(struct q8_pickle_machine *m, struct word module, struct word name)
{
    const struct q8_pickle_global *global = m->p->global;
    char text[300], shown[400];
    uint64_t i = 0;
    uint32_t node;

    while (i < m->p->globals &&
           !(is_word(name, global[i].name) && is_word(module, global[i].module)))
        i++;
    if (i < m->p->globals && !global[i].why)
        return q8_pickle_add(
                   m, (struct q8_pickle_node){.kind = Q8_PICKLE_GLOBAL, .number = (int64_t)i},
                   &node) &&
               q8_pickle_push(m, node);
    (void)snprintf(text, sizeof text, "%.*s %.*s", (int)q8_min(module.length, 140), module.text,
                   (int)q8_min(name.length, 140), name.text);
    return q8_fail(m->err, Q8_EUNSUPPORTED, "GLOBAL %s: %s",
                   q8_text_escape(text, shown, sizeof shown),
                   i < m->p->globals ? global[i].why
                                     : "not among the names that tensors are saved with, and q8 "
                                       "runs nothing that a file names");
}

/* A line of the pickle, without its end. */
static bool get_line(struct q8_pickle_machine *m, struct word *ret)
{
    const char *from = (const char *)m->p->bytes + m->at;
    const uint64_t left = m->p->size - m->at;
    const char *end = memchr(from, '\n', q8_min(left, NAME_MOST));

    if (!end) {
        m->p->cut = left < NAME_MOST;
        return q8_fail(m->err, Q8_EINPUT, "a name without an end");
    }
    *ret = (struct word){from, (uint64_t)(end - from)};
    m->at += ret->length + 1;
    return true;
}

bool q8_pickle_op_global(struct q8_pickle_machine *m)
{
    struct word module, name;

    return get_line(m, &module) && get_line(m, &name) && push_global(m, module, name);
}

bool q8_pickle_op_stack_global(struct q8_pickle_machine *m)
{
    struct word word[2];

    if (!q8_pickle_need(m, 2))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        const struct q8_pickle_node *node = &m->p->node[m->stack[m->depth - 2 + i]];

        if (node->kind != Q8_PICKLE_TEXT)
            return q8_fail(m->err, Q8_EINPUT, "a name that is no text");
        word[i] = (struct word){(const char *)m->p->bytes + node->at, node->count};
    }
    m->depth -= 2;
    return push_global(m, word[0], word[1]);
}

/* ---- calls ---- */

/* Adds the pairs of a list to a dict: what Python 2 wrote of an OrderedDict. */
static bool add_pairs(struct q8_pickle_machine *m, uint32_t dict, struct q8_pickle_node list)
{
    struct q8_pickle *p = m->p;
    uint32_t cell = list.first;

    for (uint32_t i = 0; i < list.count; i++, cell = p->cell[cell].next) {
        const struct q8_pickle_node pair = p->node[p->cell[cell].node];

        if ((pair.kind != Q8_PICKLE_LIST && pair.kind != Q8_PICKLE_TUPLE) || pair.count != 2)
            return q8_fail(m->err, Q8_EINPUT, "a dict of what are no pairs");
        if (!q8_pickle_append(m, dict, p->cell[pair.first].node) ||
            !q8_pickle_append(m, dict, p->cell[p->cell[pair.first].next].node))
            return false;
    }
    return true;
}

static bool make_dict(struct q8_pickle_machine *m, const struct q8_pickle_node *args, uint32_t *ret)
{
    struct q8_pickle_node list = {.count = 0};

    if (args->count > 0)
        list = *q8_pickle_item(m->p, args, 0);
    if (args->count > 1 || (args->count == 1 && list.kind != Q8_PICKLE_LIST))
        return q8_fail(m->err, Q8_EINPUT, "a dict of what is no list of pairs");
    return q8_pickle_add(m, (struct q8_pickle_node){.kind = Q8_PICKLE_DICT}, ret) &&
           add_pairs(m, *ret, list);
}

static bool make_call(struct q8_pickle_machine *m, uint32_t function, uint32_t args, uint32_t *ret)
{
    return q8_pickle_add(m, (struct q8_pickle_node){.kind = Q8_PICKLE_CALL}, ret) &&
           q8_pickle_append(m, *ret, function) && q8_pickle_append(m, *ret, args);
}

bool q8_pickle_op_reduce(struct q8_pickle_machine *m)
{
    const struct q8_pickle *p = m->p;
    uint32_t function, args, ret = Q8_PICKLE_AT_OTHER;
    const struct q8_pickle_global *global;
    bool ok = true;

    if (!q8_pickle_need(m, 2))
        return false;
    function = m->stack[m->depth - 2];
    args = m->stack[m->depth - 1];
    if (p->node[function].kind != Q8_PICKLE_GLOBAL || p->node[args].kind != Q8_PICKLE_TUPLE)
        return q8_fail(m->err, Q8_EINPUT, "a call of what is no name, or without a tuple");
    global = &p->global[p->node[function].number];
    switch (global->does) {
    case Q8_PICKLE_CONSTANT:
        return q8_fail(m->err, Q8_EUNSUPPORTED, "a call of %s.%s", global->module, global->name);
    case Q8_PICKLE_FUNCTION: ok = make_call(m, function, args, &ret); break;
    case Q8_PICKLE_MAKES_DICT: ok = make_dict(m, &p->node[args], &ret); break;
    case Q8_PICKLE_MAKES_OTHER: break;
    }
    m->depth -= 2;
    return ok && q8_pickle_push(m, ret);
}

/* The attributes of a dict (_metadata) are of no interest. */
bool q8_pickle_op_build(struct q8_pickle_machine *m)
{
    uint32_t to;

    if (!q8_pickle_need(m, 2))
        return false;
    to = m->stack[m->depth - 2];
    if (m->p->node[to].kind != Q8_PICKLE_DICT)
        return q8_fail(m->err, Q8_EUNSUPPORTED, "a state for what is no dict");
    m->depth--;
    return true;
}

bool q8_pickle_op_binpersid(struct q8_pickle_machine *m)
{
    uint32_t id;

    if (!q8_pickle_need(m, 1) ||
        !q8_pickle_add(m, (struct q8_pickle_node){.kind = Q8_PICKLE_ID}, &id) ||
        !q8_pickle_append(m, id, m->stack[m->depth - 1]))
        return false;
    m->stack[m->depth - 1] = id;
    return true;
}
