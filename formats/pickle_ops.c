/* pickle_ops.c - what the opcodes of pickle do, but for those of pickle_call.c */
#include "formats/pickle_parts.h"

#include "src/base/text.h"

#include <inttypes.h>

#define MEMO_MOST (UINT64_C(1) << 20) /* real: about 9 for a tensor */
#define NOTHING UINT32_MAX            /* no node: a free place of the memo */

/* The value that is `down` below the top, which must be there. */
static uint32_t peek(const struct q8_pickle_machine *m, unsigned down)
{
    return m->stack[m->depth - 1 - down];
}

static struct q8_pickle_node *node_of(const struct q8_pickle_machine *m, uint32_t number)
{
    return &m->p->node[number];
}

/* Takes the last mark away; *ret_at: where in the stack what is above it begins. */
static bool take_mark(struct q8_pickle_machine *m, uint64_t *ret_at)
{
    if (!m->marks)
        return q8_fail(m->err, Q8_EINPUT, "there is no mark on the stack");
    *ret_at = m->mark[--m->marks];
    return true;
}

/* ---- values ---- */

static bool push_new(struct q8_pickle_machine *m, struct q8_pickle_node node)
{
    uint32_t number;

    return q8_pickle_add(m, node, &number) && q8_pickle_push(m, number);
}

static bool op_none(struct q8_pickle_machine *m)
{
    return q8_pickle_push(m, Q8_PICKLE_AT_NONE);
}

static bool op_true(struct q8_pickle_machine *m)
{
    return q8_pickle_push(m, Q8_PICKLE_AT_TRUE);
}

static bool op_false(struct q8_pickle_machine *m)
{
    return q8_pickle_push(m, Q8_PICKLE_AT_FALSE);
}

static bool op_other(struct q8_pickle_machine *m)
{
    return q8_pickle_push(m, Q8_PICKLE_AT_OTHER);
}

static bool op_empty_tuple(struct q8_pickle_machine *m)
{
    return q8_pickle_push(m, Q8_PICKLE_AT_EMPTY);
}

static bool op_empty_list(struct q8_pickle_machine *m)
{
    return push_new(m, (struct q8_pickle_node){.kind = Q8_PICKLE_LIST});
}

static bool op_empty_dict(struct q8_pickle_machine *m)
{
    return push_new(m, (struct q8_pickle_node){.kind = Q8_PICKLE_DICT});
}

static bool push_int(struct q8_pickle_machine *m, int64_t number)
{
    return push_new(m, (struct q8_pickle_node){.kind = Q8_PICKLE_INT, .number = number});
}

static bool op_int(struct q8_pickle_machine *m)
{
    return push_int(m, (int64_t)m->number); /* of at most two bytes */
}

static bool op_signed(struct q8_pickle_machine *m)
{
    return push_int(m, (int32_t)(uint32_t)m->number);
}

static bool push_bytes(struct q8_pickle_machine *m, enum q8_pickle_kind kind)
{
    return push_new(
        m, (struct q8_pickle_node){.kind = kind, .count = (uint32_t)m->number, .at = m->text});
}

/* Little-endian, two's complement. */
static bool op_long(struct q8_pickle_machine *m)
{
    const unsigned char *byte = m->p->bytes + m->text;
    uint64_t value = 0;

    if (m->number > sizeof value)
        return push_bytes(m, Q8_PICKLE_LONG);
    if (m->number && byte[m->number - 1] >> 7)
        value = UINT64_MAX;
    for (uint64_t i = m->number; i-- > 0;)
        value = value << 8 | byte[i];
    return push_int(m, (int64_t)value);
}

static bool op_string(struct q8_pickle_machine *m)
{
    return push_bytes(m, Q8_PICKLE_TEXT);
}

static bool op_text(struct q8_pickle_machine *m)
{
    const char *at = (const char *)m->p->bytes + m->text, *end = at + m->number;

    while (at < end)
        if (!*at)
            at++;
        else if (q8_text_next(&at) == Q8_TEXT_BAD || at > end)
            return q8_fail(m->err, Q8_EINPUT, "a text that is not UTF-8");
    return push_bytes(m, Q8_PICKLE_TEXT);
}

static bool op_mark(struct q8_pickle_machine *m)
{
    if (m->marks >= Q8_PICKLE_MARKS)
        return q8_fail(m->err, Q8_ELIMIT, "more than %d containers in each other", Q8_PICKLE_MARKS);
    m->mark[m->marks++] = m->depth;
    return true;
}

/* A tuple of all from `from` on takes their place. */
static bool make_tuple(struct q8_pickle_machine *m, uint64_t from)
{
    uint32_t tuple;

    if (!q8_pickle_add(m, (struct q8_pickle_node){.kind = Q8_PICKLE_TUPLE}, &tuple))
        return false;
    for (uint64_t i = from; i < m->depth; i++)
        if (!q8_pickle_append(m, tuple, m->stack[i]))
            return false;
    m->depth = from;
    return q8_pickle_push(m, tuple);
}

static bool op_tuple(struct q8_pickle_machine *m)
{
    uint64_t from = 0;

    return take_mark(m, &from) && make_tuple(m, from);
}

static bool make_small(struct q8_pickle_machine *m, unsigned count)
{
    return q8_pickle_need(m, count) && make_tuple(m, m->depth - count);
}

static bool op_tuple1(struct q8_pickle_machine *m)
{
    return make_small(m, 1);
}

static bool op_tuple2(struct q8_pickle_machine *m)
{
    return make_small(m, 2);
}

static bool op_tuple3(struct q8_pickle_machine *m)
{
    return make_small(m, 3);
}

/* What is above `from` goes into the container below it. */
static bool fill(struct q8_pickle_machine *m, uint64_t from, enum q8_pickle_kind kind)
{
    const uint64_t floor = m->marks ? m->mark[m->marks - 1] : 0;
    uint32_t to;

    if (from <= floor)
        return q8_fail(m->err, Q8_EINPUT, "there is nothing below what it adds");
    to = m->stack[from - 1];
    if (to != Q8_PICKLE_AT_OTHER && node_of(m, to)->kind != kind)
        return q8_fail(m->err, Q8_EINPUT, "it adds to what is no %s",
                       kind == Q8_PICKLE_DICT ? "dict" : "list");
    if (kind == Q8_PICKLE_DICT && (m->depth - from) % 2)
        return q8_fail(m->err, Q8_EINPUT, "a key without a value");
    for (uint64_t i = from; to != Q8_PICKLE_AT_OTHER && i < m->depth; i++) {
        const uint32_t of = node_of(m, m->stack[i])->kind;

        if (kind == Q8_PICKLE_DICT && (i - from) % 2 == 0 &&
            (of == Q8_PICKLE_DICT || of == Q8_PICKLE_LIST))
            return q8_fail(m->err, Q8_EINPUT, "a key that is a container");
        if (!q8_pickle_append(m, to, m->stack[i]))
            return false;
    }
    m->depth = from;
    return true;
}

static bool op_append(struct q8_pickle_machine *m)
{
    return q8_pickle_need(m, 2) && fill(m, m->depth - 1, Q8_PICKLE_LIST);
}

static bool op_appends(struct q8_pickle_machine *m)
{
    uint64_t from = 0;

    return take_mark(m, &from) && fill(m, from, Q8_PICKLE_LIST);
}

static bool op_setitem(struct q8_pickle_machine *m)
{
    return q8_pickle_need(m, 3) && fill(m, m->depth - 2, Q8_PICKLE_DICT);
}

static bool op_setitems(struct q8_pickle_machine *m)
{
    uint64_t from = 0;

    return take_mark(m, &from) && fill(m, from, Q8_PICKLE_DICT);
}

/* A set: what is in one is of no interest. */
static bool op_additems(struct q8_pickle_machine *m)
{
    uint64_t from = 0;

    if (!take_mark(m, &from))
        return false;
    m->depth = from;
    return q8_pickle_need(m, 1) && (peek(m, 0) == Q8_PICKLE_AT_OTHER ||
                                    q8_fail(m->err, Q8_EINPUT, "it adds to what is no set"));
}

static bool op_frozenset(struct q8_pickle_machine *m)
{
    uint64_t from = 0;

    if (!take_mark(m, &from))
        return false;
    m->depth = from;
    return q8_pickle_push(m, Q8_PICKLE_AT_OTHER);
}

/* ---- memo ---- */

static bool put(struct q8_pickle_machine *m, uint64_t place)
{
    uint32_t *list;

    if (place >= MEMO_MOST)
        return q8_fail(m->err, Q8_ELIMIT, "place %" PRIu64 " of the memo (below %" PRIu64 ")",
                       place, MEMO_MOST);
    if (place > m->p->size) /* picklers count up */
        return q8_fail(m->err, Q8_EINPUT, "place %" PRIu64 " of the memo in so few bytes", place);
    if (!q8_pickle_need(m, 1))
        return false;
    while (m->memos <= place) {
        list = q8_grow(m->mem, m->memo, m->memos, &m->memo_room, sizeof *list, m->err);
        if (!list)
            return false;
        m->memo = list;
        list[m->memos++] = NOTHING;
    }
    m->memoized += m->memo[place] == NOTHING;
    m->memo[place] = peek(m, 0);
    return true;
}

static bool op_put(struct q8_pickle_machine *m)
{
    return put(m, m->number);
}

static bool op_memoize(struct q8_pickle_machine *m)
{
    return put(m, m->memoized);
}

static bool op_get(struct q8_pickle_machine *m)
{
    if (m->number >= m->memos || m->memo[m->number] == NOTHING)
        return q8_fail(m->err, Q8_EINPUT, "nothing was put at place %" PRIu64 " of the memo",
                       m->number);
    return q8_pickle_push(m, m->memo[m->number]);
}

/* ---- begin and end ---- */

static bool op_proto(struct q8_pickle_machine *m)
{
    return (m->number >= 2 && m->number <= 5) ||
           q8_fail(m->err, Q8_EUNSUPPORTED, "protocol %" PRIu64 "; q8 reads 2 to 5", m->number);
}

/* A frame is a hint for reading ahead. */
static bool op_frame(struct q8_pickle_machine *m)
{
    (void)m;
    return true;
}

static bool op_stop(struct q8_pickle_machine *m)
{
    if (m->marks || m->depth != 1)
        return q8_fail(m->err, Q8_EINPUT, "%" PRIu64 " values are on the stack at the end, not one",
                       m->depth);
    m->p->root = m->stack[0];
    m->stopped = true;
    return true;
}

/* Names: CPython, Lib/pickletools.py.  Those without a function are of no checkpoint. */
const struct q8_pickle_op q8_pickle_ops[256] = {
    ['('] = {"MARK", Q8_PICKLE_PLAIN, op_mark},
    [')'] = {"EMPTY_TUPLE", Q8_PICKLE_PLAIN, op_empty_tuple},
    ['.'] = {"STOP", Q8_PICKLE_PLAIN, op_stop},
    ['B'] = {"BINBYTES", Q8_PICKLE_TEXT32, op_other},
    ['C'] = {"SHORT_BINBYTES", Q8_PICKLE_TEXT8, op_other},
    ['G'] = {"BINFLOAT", Q8_PICKLE_U64, op_other},
    ['J'] = {"BININT", Q8_PICKLE_U32, op_signed},
    ['K'] = {"BININT1", Q8_PICKLE_U8, op_int},
    ['M'] = {"BININT2", Q8_PICKLE_U16, op_int},
    ['N'] = {"NONE", Q8_PICKLE_PLAIN, op_none},
    ['Q'] = {"BINPERSID", Q8_PICKLE_PLAIN, q8_pickle_op_binpersid},
    ['R'] = {"REDUCE", Q8_PICKLE_PLAIN, q8_pickle_op_reduce},
    ['T'] = {"BINSTRING", Q8_PICKLE_TEXT32, op_string},
    ['U'] = {"SHORT_BINSTRING", Q8_PICKLE_TEXT8, op_string},
    ['X'] = {"BINUNICODE", Q8_PICKLE_TEXT32, op_text},
    [']'] = {"EMPTY_LIST", Q8_PICKLE_PLAIN, op_empty_list},
    ['a'] = {"APPEND", Q8_PICKLE_PLAIN, op_append},
    ['b'] = {"BUILD", Q8_PICKLE_PLAIN, q8_pickle_op_build},
    ['c'] = {"GLOBAL", Q8_PICKLE_PLAIN, q8_pickle_op_global},
    ['e'] = {"APPENDS", Q8_PICKLE_PLAIN, op_appends},
    ['h'] = {"BINGET", Q8_PICKLE_U8, op_get},
    ['j'] = {"LONG_BINGET", Q8_PICKLE_U32, op_get},
    ['q'] = {"BINPUT", Q8_PICKLE_U8, op_put},
    ['r'] = {"LONG_BINPUT", Q8_PICKLE_U32, op_put},
    ['s'] = {"SETITEM", Q8_PICKLE_PLAIN, op_setitem},
    ['t'] = {"TUPLE", Q8_PICKLE_PLAIN, op_tuple},
    ['u'] = {"SETITEMS", Q8_PICKLE_PLAIN, op_setitems},
    ['}'] = {"EMPTY_DICT", Q8_PICKLE_PLAIN, op_empty_dict},
    [0x80] = {"PROTO", Q8_PICKLE_U8, op_proto},
    [0x81] = {"NEWOBJ", Q8_PICKLE_PLAIN, q8_pickle_op_reduce},
    [0x85] = {"TUPLE1", Q8_PICKLE_PLAIN, op_tuple1},
    [0x86] = {"TUPLE2", Q8_PICKLE_PLAIN, op_tuple2},
    [0x87] = {"TUPLE3", Q8_PICKLE_PLAIN, op_tuple3},
    [0x88] = {"NEWTRUE", Q8_PICKLE_PLAIN, op_true},
    [0x89] = {"NEWFALSE", Q8_PICKLE_PLAIN, op_false},
    [0x8a] = {"LONG1", Q8_PICKLE_TEXT8, op_long},
    [0x8b] = {"LONG4", Q8_PICKLE_TEXT32, op_long},
    [0x8c] = {"SHORT_BINUNICODE", Q8_PICKLE_TEXT8, op_text},
    [0x8d] = {"BINUNICODE8", Q8_PICKLE_TEXT64, op_text},
    [0x8e] = {"BINBYTES8", Q8_PICKLE_TEXT64, op_other},
    [0x8f] = {"EMPTY_SET", Q8_PICKLE_PLAIN, op_other},
    [0x90] = {"ADDITEMS", Q8_PICKLE_PLAIN, op_additems},
    [0x91] = {"FROZENSET", Q8_PICKLE_PLAIN, op_frozenset},
    [0x93] = {"STACK_GLOBAL", Q8_PICKLE_PLAIN, q8_pickle_op_stack_global},
    [0x94] = {"MEMOIZE", Q8_PICKLE_PLAIN, op_memoize},
    [0x95] = {"FRAME", Q8_PICKLE_U64, op_frame},
    [0x96] = {"BYTEARRAY8", Q8_PICKLE_TEXT64, op_other},
    ['0'] = {.name = "POP"},
    ['1'] = {.name = "POP_MARK"},
    ['2'] = {.name = "DUP"},
    ['F'] = {.name = "FLOAT"},
    ['I'] = {.name = "INT"},
    ['L'] = {.name = "LONG"},
    ['P'] = {.name = "PERSID"},
    ['S'] = {.name = "STRING"},
    ['V'] = {.name = "UNICODE"},
    ['d'] = {.name = "DICT"},
    ['g'] = {.name = "GET"},
    ['i'] = {.name = "INST"},
    ['l'] = {.name = "LIST"},
    ['o'] = {.name = "OBJ"},
    ['p'] = {.name = "PUT"},
    [0x82] = {.name = "EXT1"},
    [0x83] = {.name = "EXT2"},
    [0x84] = {.name = "EXT4"},
    [0x92] = {.name = "NEWOBJ_EX"},
    [0x97] = {.name = "NEXT_BUFFER"},
    [0x98] = {.name = "READONLY_BUFFER"},
};
