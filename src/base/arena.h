/* arena.h - the one way to get memory */
#ifndef Q8_BASE_ARENA_H
#define Q8_BASE_ARENA_H

#include "src/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* A piece of memory from the system, which holds one or many objects; only arena.c looks inside. */
struct q8_block;

/*
 * Memory that is handed out piece by piece and released all at once.  Whoever
 * opened the arena owns everything in it; nothing inside is freed on its own.
 * Not shared between threads without a lock.
 */
struct q8_arena {
    struct q8_block *head; /* newest block first; NULL when empty */
    uint64_t used;         /* bytes taken from the system so far */
    uint64_t limit;        /* q8_alloc fails rather than let `used` pass this */
};

/* An empty arena that will take at most `limit` bytes from the system.  Allocates nothing. */
void q8_arena_init(struct q8_arena *mem, uint64_t limit);

/* Releases everything; the arena is empty and usable again. */
void q8_arena_clear(struct q8_arena *mem);

/*
 * `count` zeroed elements of `size` bytes, aligned to 16 bytes, 64 for an object that starts a
 * block; NULL with Q8_ELIMIT.  A count of 0 gives a pointer too.
 */
void *q8_alloc(struct q8_arena *mem, uint64_t count, uint64_t size, struct q8_err *err);

/* A copy of `len` bytes at `text` with a NUL behind them; NULL with Q8_ELIMIT. */
char *q8_strndup(struct q8_arena *mem, const char *text, uint64_t len, struct q8_err *err);

/* printf into the arena; NULL with Q8_ELIMIT. */
char *q8_sprintf(struct q8_arena *mem, struct q8_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * An array that grows by doubling.  Returns `old` while `count` < *capacity,
 * otherwise a copy of its first `count` elements with twice the room, zeros
 * behind them; `old` is gone then.  Elements have `size` bytes.  Start with NULL
 * and a capacity of 0.  NULL with Q8_ELIMIT: `old` and *capacity are as they were.
 */
void *q8_grow(struct q8_arena *mem, void *old, uint64_t count, uint64_t *capacity, uint64_t size,
              struct q8_err *err);

#endif
