/*
 * pickle.c - a machine for pickles that builds values and calls nothing
 *
 * A pickle is a program for a stack machine.  Here every value is a node of a graph, and a call is
 * a node that holds the name of the function and its arguments.  One table says which opcodes there
 * are, and which are refused by name (pickle_ops.c).
 */
#include "formats/pickle_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Real files have about 14 values, 25 places and 9 entries of the memo per tensor, and a stack of
 * 2000: CPython's pickler appends in batches of 1000.  Together 56 MiB.
 */
#define NODES_MOST (UINT64_C(1) << 21)
#define CELLS_MOST (UINT64_C(1) << 21)
#define STACK_MOST (UINT64_C(1) << 19)

/* ---- values, places, stack ---- */

bool q8_pickle_add(struct q8_pickle_machine *m, struct q8_pickle_node node, uint32_t *ret)
{
    struct q8_pickle *p = m->p;
    struct q8_pickle_node *list;

    if (p->nodes >= NODES_MOST)
        return q8_fail(m->err, Q8_ELIMIT, "more than %" PRIu64 " values", NODES_MOST);
    list = q8_grow(m->mem, p->node, p->nodes, &p->node_room, sizeof *list, m->err);
    if (!list)
        return false;
    p->node = list;
    list[p->nodes] = node;
    *ret = (uint32_t)p->nodes++;
    return true;
}

bool q8_pickle_push(struct q8_pickle_machine *m, uint32_t node)
{
    uint32_t *list;

    if (m->depth >= STACK_MOST)
        return q8_fail(m->err, Q8_ELIMIT, "more than %" PRIu64 " values on the stack", STACK_MOST);
    list = q8_grow(m->mem, m->stack, m->depth, &m->stack_room, sizeof *list, m->err);
    if (!list)
        return false;
    m->stack = list;
    list[m->depth++] = node;
    return true;
}

/* Puts a value behind the others in a container. */
bool q8_pickle_append(struct q8_pickle_machine *m, uint32_t to, uint32_t node)
{
    struct q8_pickle *p = m->p;
    struct q8_pickle_node *of = &p->node[to];
    struct q8_pickle_cell *list;

    if (p->cells >= CELLS_MOST)
        return q8_fail(m->err, Q8_ELIMIT, "more than %" PRIu64 " values in containers", CELLS_MOST);
    list = q8_grow(m->mem, p->cell, p->cells, &p->cell_room, sizeof *list, m->err);
    if (!list)
        return false;
    p->cell = list;
    list[p->cells].node = node;
    if (of->count++)
        list[of->last].next = (uint32_t)p->cells;
    else
        of->first = (uint32_t)p->cells;
    of->last = (uint32_t)p->cells++;
    return true;
}

bool q8_pickle_need(struct q8_pickle_machine *m, uint64_t count)
{
    return m->depth - (m->marks ? m->mark[m->marks - 1] : 0) >= count ||
           q8_fail(m->err, Q8_EINPUT, "the stack has too few values for it");
}

bool q8_pickle_is(const struct q8_pickle *p, const struct q8_pickle_node *node, const char *text)
{
    return node->kind == Q8_PICKLE_TEXT && node->count == strlen(text) &&
           memcmp(p->bytes + node->at, text, node->count) == 0;
}

/* ---- the program ---- */

/* The next `count` bytes are there. */
static bool have(struct q8_pickle_machine *m, uint64_t count)
{
    if (q8_within(m->at, count, m->p->size))
        return true;
    m->p->cut = true;
    return q8_fail(m->err, Q8_EINPUT, "%" PRIu64 " bytes were expected there, and it has %" PRIu64,
                   count, m->p->size - m->at);
}

/* The little-endian number of that many bytes. */
static bool get_number(struct q8_pickle_machine *m, unsigned bytes)
{
    if (!have(m, bytes))
        return false;
    m->number = 0;
    for (unsigned i = bytes; i-- > 0;)
        m->number = m->number << 8 | m->p->bytes[m->at + i];
    m->at += bytes;
    return true;
}

/* Reads what stands behind an opcode. */
static bool get_argument(struct q8_pickle_machine *m, const struct q8_pickle_op *op)
{
    static const unsigned char bytes[] = {
        [Q8_PICKLE_U8] = 1,    [Q8_PICKLE_U16] = 2,    [Q8_PICKLE_U32] = 4,   [Q8_PICKLE_U64] = 8,
        [Q8_PICKLE_TEXT8] = 1, [Q8_PICKLE_TEXT32] = 4, [Q8_PICKLE_TEXT64] = 8};

    if (op->takes == Q8_PICKLE_PLAIN)
        return true;
    if (!get_number(m, bytes[op->takes]))
        return false;
    if (op->takes < Q8_PICKLE_TEXT8)
        return true;
    if (!have(m, m->number))
        return false;
    m->text = m->at;
    m->at += m->number;
    return true;
}

static bool step(struct q8_pickle_machine *m)
{
    const struct q8_pickle_op *op;
    unsigned char byte;

    if (!have(m, 1))
        return false;
    byte = m->p->bytes[m->at];
    op = &q8_pickle_ops[byte];
    if (!op->name)
        return q8_fail(m->err, Q8_EINPUT, "0x%02x is no opcode of pickle", byte);
    if (!op->run)
        return q8_fail(m->err, Q8_EUNSUPPORTED, "opcode %s, which no checkpoint needs", op->name);
    m->at++;
    return (get_argument(m, op) && op->run(m)) || q8_fail_in(m->err, op->name);
}

static bool run(struct q8_pickle_machine *m)
{
    static const struct q8_pickle_node fixed[Q8_PICKLE_FIXED] = {
        [Q8_PICKLE_AT_NONE] = {.kind = Q8_PICKLE_NONE},
        [Q8_PICKLE_AT_FALSE] = {.kind = Q8_PICKLE_BOOL, .number = 0},
        [Q8_PICKLE_AT_TRUE] = {.kind = Q8_PICKLE_BOOL, .number = 1},
        [Q8_PICKLE_AT_EMPTY] = {.kind = Q8_PICKLE_TUPLE},
        [Q8_PICKLE_AT_OTHER] = {.kind = Q8_PICKLE_OTHER},
    };
    uint64_t start = 0;
    uint32_t number;
    char place[40];

    for (unsigned i = 0; i < Q8_PICKLE_FIXED; i++)
        if (!q8_pickle_add(m, fixed[i], &number))
            return false;
    while (!m->stopped) {
        start = m->at;
        if (!step(m)) {
            (void)snprintf(place, sizeof place, "byte %" PRIu64, start);
            return q8_fail_in(m->err, place);
        }
    }
    m->p->end = m->at;
    return true;
}

bool q8_pickle_read(struct q8_pickle *p, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_pickle_machine m = {.p = p, .mem = mem, .err = err};

    if (p->size > Q8_PICKLE_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "a pickle of %" PRIu64 " bytes (at most %" PRIu64 ")",
                       p->size, Q8_PICKLE_LIMIT);
    return run(&m);
}
