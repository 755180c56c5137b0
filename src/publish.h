/* publish.h - OUTPUT.partial: made, locked, and renamed to OUTPUT when complete */
#ifndef Q8_PUBLISH_H
#define Q8_PUBLISH_H

#include "src/base/arena.h"

/* What an output of q8-convert has, and one that grows. */
#define Q8_MANIFEST "q8-manifest.json"
#define Q8_JOURNAL "q8-journal"

/* The directory that an output grows in. */
struct q8_publish {
    const char *output;  /* final name, without trailing slashes */
    const char *partial; /* OUTPUT.partial */
    const char *journal; /* OUTPUT.partial/q8-journal: the mark of what q8-convert may remove */
    const char *sealed; /* OUTPUT.q8-journal: where that is while a complete directory is renamed */
    int lock;           /* the partial directory, flocked; -1 = none */
    bool replace;       /* an output of q8's is there and may be replaced */
    bool resumed;       /* the partial directory was there already */
};

/*
 * Makes and locks OUTPUT.partial, with an empty q8-journal in it.  Q8_EBUSY when another run holds
 * it.  Q8_EUSAGE when OUTPUT is there and not `force`; when a partial directory is there and
 * neither `resume` (keep what is in it) nor `force` (start over) is given; when either is nothing
 * that q8 wrote, which no option makes it touch.
 */
bool q8_publish_open(struct q8_publish *ret, const char *output, bool resume, bool force,
                     struct q8_arena *mem, struct q8_err *err);

/* The partial directory is complete: moves the journal out of it. */
bool q8_publish_seal(const struct q8_publish *p, struct q8_err *err);

/* Renames the partial directory to OUTPUT, atomically, and flushes the parent when `sync`. */
bool q8_publish_finish(struct q8_publish *p, bool sync, struct q8_arena *mem, struct q8_err *err);

/* Gives the lock back; removes the partial directory unless `keep`.  Accepts a lock of -1. */
void q8_publish_close(struct q8_publish *p, bool keep, struct q8_arena *mem);

/* Checks, before any work, what q8_publish_open would refuse, without making anything. */
bool q8_publish_check(const char *output, bool resume, bool force, struct q8_arena *mem,
                      struct q8_err *err);

/* Q8_EUSAGE when `input` lies in `output` or its partial directory, which may be replaced. */
bool q8_publish_apart(const char *output, const char *input, struct q8_arena *mem,
                      struct q8_err *err);

/* Bytes free for this user on the file system that will hold `output`. */
bool q8_publish_free(const char *output, uint64_t *ret_bytes, struct q8_arena *mem,
                     struct q8_err *err);

#endif
