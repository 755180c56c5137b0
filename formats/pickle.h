/*
 * pickle.h - what a pickle says, as a graph of values: nothing that it names is run
 *
 * Protocols 2 to 5.  Source: CPython 3.14, Lib/pickletools.py and Lib/pickle.py; which opcodes a
 * checkpoint needs: torch 2.15, torch/_weights_only_unpickler.py.
 */
#ifndef Q8_FORMATS_PICKLE_H
#define Q8_FORMATS_PICKLE_H

#include "src/base/arena.h"

/*
 * Bytes of a pickle that is read; those of 100,000 tensors have 15 MB.  The values, their places in
 * containers, the stack and the memo of one have limits that fit that: pickle.c.
 */
#define Q8_PICKLE_LIMIT (UINT64_C(64) << 20)

/* What a value is. */
enum q8_pickle_kind {
    Q8_PICKLE_NONE,
    Q8_PICKLE_BOOL,   /* number: 0 or 1 */
    Q8_PICKLE_INT,    /* number */
    Q8_PICKLE_LONG,   /* an integer beyond 64 bits: `count` bytes at bytes + at */
    Q8_PICKLE_TEXT,   /* `count` bytes at bytes + at, as they are: maybe no UTF-8, maybe NULs */
    Q8_PICKLE_TUPLE,  /* `count` items */
    Q8_PICKLE_LIST,   /* the same */
    Q8_PICKLE_DICT,   /* 2 * entries items: key, value, ...; keys may come twice */
    Q8_PICKLE_GLOBAL, /* number: which row of the allowed names */
    Q8_PICKLE_CALL,   /* 2 items: the GLOBAL, the TUPLE of arguments; nobody has called it */
    Q8_PICKLE_ID,     /* 1 item: what stands for something outside the pickle */
    Q8_PICKLE_OTHER,  /* a float, bytes, a set, a device: of no interest */
};

/* A value.  Containers may hold themselves: walk them with a bound. */
struct q8_pickle_node {
    uint32_t kind;  /* enum q8_pickle_kind */
    uint32_t count; /* items, or bytes */
    union {
        int64_t number; /* of a BOOL, an INT, a GLOBAL */
        uint64_t at;    /* of a TEXT or LONG: where its bytes are in the pickle */
        struct {
            uint32_t first, last; /* cells of a container, when count > 0 */
        };
    };
};

/* A place in a container. */
struct q8_pickle_cell {
    uint32_t node; /* what is there */
    uint32_t next; /* the cell behind it; no meaning in the last */
};

/* A name that a pickle may have. */
struct q8_pickle_global {
    const char *module, *name; /* "collections", "OrderedDict" */
    enum {
        Q8_PICKLE_CONSTANT,    /* a class or a dtype that is an argument, and not to be called */
        Q8_PICKLE_FUNCTION,    /* gives a CALL */
        Q8_PICKLE_MAKES_DICT,  /* gives a DICT: of nothing, or of a list of pairs */
        Q8_PICKLE_MAKES_OTHER, /* gives an OTHER */
    } does;
    int what, detail; /* the caller's */
    const char *why;  /* a clause: why this name is refused, and what to do; NULL: it is not */
};

/* A pickle; zeroed but for what the caller sets. */
struct q8_pickle {
    const unsigned char *bytes; /* set by the caller: [size] and a NUL; it may end before */
    uint64_t size;
    const struct q8_pickle_global *global; /* set by the caller: [globals] what may be named */
    uint64_t globals;

    struct q8_pickle_node *node; /* [nodes] */
    uint64_t nodes, node_room;
    struct q8_pickle_cell *cell; /* [cells] */
    uint64_t cells, cell_room;
    uint32_t root; /* node of the result */
    uint64_t end;  /* bytes up to and with its STOP */
    bool cut;      /* on failure: it went on where the bytes end */
};

/*
 * Reads one pickle at the start of the bytes.  Memory grows with the bytes, up to limits.  Errors
 * begin with the byte: Q8_EINPUT for what is malformed, Q8_EUNSUPPORTED for an opcode or a name
 * that is not allowed ("GLOBAL posix system"), Q8_ELIMIT.
 */
bool q8_pickle_read(struct q8_pickle *p, struct q8_arena *mem, struct q8_err *err);

/* Item i of a container of more than i; it takes i steps. */
static inline const struct q8_pickle_node *
q8_pickle_item(const struct q8_pickle *p, const struct q8_pickle_node *of, uint32_t i)
{
    uint32_t cell = of->first;

    while (i-- > 0)
        cell = p->cell[cell].next;
    return &p->node[p->cell[cell].node];
}

/* Whether it is that text. */
bool q8_pickle_is(const struct q8_pickle *p, const struct q8_pickle_node *node, const char *text);

#endif
