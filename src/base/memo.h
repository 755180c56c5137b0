/* memo.h - a text that is printed into memory */
#ifndef Q8_BASE_MEMO_H
#define Q8_BASE_MEMO_H

#include "src/base/arena.h"

#include <stdio.h>

/*
 * A stream to print to, and what it has got.  That of open_memstream loses what has no room, and
 * does not tell; this one knows whether the text is whole.
 */
struct q8_memo {
    FILE *out;            /* NULL: not open */
    char *text;           /* [size], a NUL behind it; whole once it is closed */
    uint64_t size, room;  /* bytes in use, bytes there are */
    struct q8_arena *mem; /* where it lies */
    struct q8_err err;    /* why there is no room; internal */
};

/* Opens an empty one, at an address that stays; Q8_ELIMIT. */
bool q8_memo_open(struct q8_memo *m, struct q8_arena *mem, struct q8_err *err);

/* Ends the text; Q8_ELIMIT when some of it found no room.  Accepts one that is not open. */
bool q8_memo_close(struct q8_memo *m, struct q8_err *err);

#endif
