/* pickle_parts.h - the machine of pickle.c, for its pieces */
#ifndef Q8_FORMATS_PICKLE_PARTS_H
#define Q8_FORMATS_PICKLE_PARTS_H

#include "formats/pickle.h"

#define Q8_PICKLE_MARKS 4096 /* nested containers in the making */

/* Values that are there once; node i is number i. */
enum {
    Q8_PICKLE_AT_NONE,
    Q8_PICKLE_AT_FALSE,
    Q8_PICKLE_AT_TRUE,
    Q8_PICKLE_AT_EMPTY, /* tuple */
    Q8_PICKLE_AT_OTHER,
    Q8_PICKLE_FIXED /* how many */
};

/* A machine at work. */
struct q8_pickle_machine {
    struct q8_pickle *p;
    uint64_t at;                    /* of the next byte */
    uint64_t number;                /* argument of the opcode, unsigned; of a text the length */
    uint64_t text;                  /* where its text begins */
    uint32_t *stack;                /* [depth] nodes */
    uint64_t depth, stack_room;     /* in use, allocated */
    uint32_t *memo;                 /* [memos] nodes, UINT32_MAX where nothing was put */
    uint64_t memos, memo_room;      /* in use, allocated */
    uint64_t memoized;              /* how many places of the memo have something */
    uint64_t mark[Q8_PICKLE_MARKS]; /* [marks] depths of the stack */
    unsigned marks;                 /* at most Q8_PICKLE_MARKS */
    bool stopped;                   /* it is at its end */
    struct q8_arena *mem;           /* for all of it */
    struct q8_err *err;             /* where failures go */
};

/* What an opcode is, and does. */
struct q8_pickle_op {
    const char *name; /* "BINGET"; NULL: there is none with that byte */
    enum {
        Q8_PICKLE_PLAIN, /* nothing behind it */
        Q8_PICKLE_U8,    /* a number of 1 byte */
        Q8_PICKLE_U16,
        Q8_PICKLE_U32,
        Q8_PICKLE_U64,
        Q8_PICKLE_TEXT8, /* a text behind its length in 1 byte */
        Q8_PICKLE_TEXT32,
        Q8_PICKLE_TEXT64,
    } takes;
    bool (*run)(struct q8_pickle_machine *m); /* NULL: it is refused; false sets err */
};

/* Every opcode, by its byte. */
extern const struct q8_pickle_op q8_pickle_ops[256];

/* ---- pickle.c ---- */

/* Adds a value; *ret is its number.  Q8_ELIMIT. */
bool q8_pickle_add(struct q8_pickle_machine *m, struct q8_pickle_node node, uint32_t *ret);

/* Puts a value on the stack.  Q8_ELIMIT. */
bool q8_pickle_push(struct q8_pickle_machine *m, uint32_t node);

/* Puts a value behind the others in container `to`.  Q8_ELIMIT. */
bool q8_pickle_append(struct q8_pickle_machine *m, uint32_t to, uint32_t node);

/* Whether there are so many values above the last mark; else Q8_EINPUT. */
bool q8_pickle_need(struct q8_pickle_machine *m, uint64_t count);

/* ---- pickle_call.c: names, and what is done with them ---- */

/* The opcodes of those names, as `run`. */
bool q8_pickle_op_global(struct q8_pickle_machine *m);
bool q8_pickle_op_stack_global(struct q8_pickle_machine *m);
bool q8_pickle_op_reduce(struct q8_pickle_machine *m);
bool q8_pickle_op_build(struct q8_pickle_machine *m);
bool q8_pickle_op_binpersid(struct q8_pickle_machine *m);

#endif
