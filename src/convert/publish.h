/* publish.h - OUTPUT.partial: made, locked, and renamed to OUTPUT when complete */
#ifndef Q8_CONVERT_PUBLISH_H
#define Q8_CONVERT_PUBLISH_H

#include "src/base/arena.h"

/* The directory that an output grows in. */
struct q8_publish {
    const char *output;  /* final name, without trailing slashes */
    const char *partial; /* OUTPUT.partial */
    const char *journal; /* OUTPUT.partial/q8-journal */
    int lock;            /* the partial directory, flocked; -1 = none */
    bool replace;        /* an output of q8's is there and may be replaced */
    bool done;           /* the directory has its final name */
    bool resumed;        /* the partial directory was there already */
};

/*
 * Makes and locks OUTPUT.partial.  Q8_EBUSY when another run holds it.  Q8_EUSAGE when OUTPUT is
 * there and not `force`; when a partial directory is there and neither `resume` (keep what is in
 * it) nor `force` (start over) is given; when either is nothing that q8 wrote, which no option
 * makes it touch.  After a failure it holds nothing.
 */
bool q8_publish_open(struct q8_publish *ret, const char *output, bool resume, bool force,
                     struct q8_arena *mem, struct q8_err *err);

/*
 * Removes the journal and renames the partial directory to OUTPUT, atomically; flushes both and the
 * parent when `sync`.  After a failure p->done says whether OUTPUT is there all the same.
 */
bool q8_publish_finish(struct q8_publish *p, bool sync, struct q8_arena *mem, struct q8_err *err);

/* Gives the lock back; removes the partial directory unless `keep`.  Accepts a lock of -1. */
void q8_publish_close(struct q8_publish *p, bool keep, struct q8_arena *mem);

/* Checks, before any work, what q8_publish_open would refuse, without making anything. */
bool q8_publish_check(const char *output, bool resume, bool force, struct q8_arena *mem,
                      struct q8_err *err);

/* Q8_EUSAGE when the file `path`, links resolved, lies in `output` or its partial directory. */
bool q8_publish_apart(const char *output, const char *path, struct q8_arena *mem,
                      struct q8_err *err);

/* Whether `path` is `folder` or below it, links resolved; what is not there is below nothing. */
bool q8_publish_below(const char *path, const char *folder);

/* Bytes free for this user on the file system that will hold `output`. */
bool q8_publish_free(const char *output, uint64_t *ret_bytes, struct q8_arena *mem,
                     struct q8_err *err);

#endif
