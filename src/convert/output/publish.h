/* publish.h - OUTPUT.partial: made, locked, and renamed to OUTPUT when complete */
#ifndef Q8_CONVERT_OUTPUT_PUBLISH_H
#define Q8_CONVERT_OUTPUT_PUBLISH_H

#include "src/convert/output/claim.h"

#define Q8_PUBLISH_WARNINGS 2

/* What is called OUTPUT before the work. */
enum q8_occupant {
    Q8_OUTPUT_FREE,
    Q8_OUTPUT_EMPTY, /* an empty directory, which is taken */
    Q8_OUTPUT_OURS,  /* an output of q8-convert, which may be replaced */
};

/* What a run wants. */
struct q8_publish_wish {
    const char *output; /* as the user gave it */
    bool resume, force; /* keep what a partial directory holds; replace an output, or start over */
    /* *ret: whether an output is what this run would make; asked with `resume` and not `force` */
    bool (*finished)(void *self, const struct q8_dir *output, bool *ret, struct q8_err *err);
    void *self; /* what it gets */
};

/* The directory that an output grows in. */
struct q8_publish {
    const char *output, *partial, *aside; /* OUTPUT, OUTPUT.partial, OUTPUT.old: for messages */
    const char *leaf[3];    /* what those are called in `parent`, in that order: enum q8_leaf */
    int parent;             /* the directory that holds them; -1 = none */
    struct q8_dir dir;      /* the partial directory, locked; its fd is -1 without one */
    struct q8_claim claim;  /* the files in it that this run or the one before it made */
    enum q8_occupant place; /* what OUTPUT is */
    struct stat was;        /* which directory, where it is one */
    bool swaps;             /* the file system exchanges two directories, as far as is known */
    bool made;              /* this run made the partial directory */
    bool resumed;           /* there is something in it to be continued */
    bool done;              /* the directory has its final name */
    bool finished;          /* OUTPUT is there and whole: nothing is to be done, and none is made */
    const char *warning[Q8_PUBLISH_WARNINGS]; /* sentences for the user, before the work */
    unsigned warnings;
};

/* Names of q8_publish.leaf. */
enum q8_leaf { Q8_LEAF_OUTPUT, Q8_LEAF_PARTIAL, Q8_LEAF_ASIDE };

/*
 * Makes and locks OUTPUT.partial.  Q8_EBUSY when another run holds it.  Q8_EUSAGE when OUTPUT is
 * there, not empty, and not `force`; when a partial directory has something in it and neither
 * `resume` (keep it) nor `force` (start over) is given; when in either is anything that q8 did not
 * write, which no option makes it touch.  With one of the two, what a killed run has moved aside
 * is put back.  After a failure it holds nothing.
 */
bool q8_publish_open(struct q8_publish *ret, const struct q8_publish_wish *wish,
                     struct q8_arena *mem, struct q8_err *err);

/*
 * Removes the journal and renames the partial directory to OUTPUT, atomically; flushes both and the
 * parent when `sync`.  An old output is judged once more: Q8_EIO when anything in it is not q8's,
 * and all is as it was.  After a failure p->done says whether OUTPUT is there all the same.
 */
bool q8_publish_finish(struct q8_publish *p, bool sync, struct q8_arena *mem, struct q8_err *err);

/* Gives the lock back; removes what was made unless `keep`.  Accepts a zeroed struct after -1s. */
void q8_publish_close(struct q8_publish *p, bool keep);

/* Adds to a failure what is in the way of the next run, where something is: OUTPUT.partial. */
void q8_publish_say_left(const struct q8_publish *p, struct q8_err *err);

/* Checks, before any work, what q8_publish_open would refuse, without making anything. */
bool q8_publish_check(const struct q8_publish_wish *wish, struct q8_arena *mem, struct q8_err *err);

/* Q8_EUSAGE when the file `path`, links resolved, lies in `output` or its partial directory. */
bool q8_publish_apart(const char *output, const char *path, struct q8_arena *mem,
                      struct q8_err *err);

/* Whether `path` is `folder` or below it, links resolved; what is not there is below nothing. */
bool q8_publish_below(const char *path, const char *folder);

#define Q8_FREE_UNKNOWN UINT64_MAX /* bytes: the file system does not say */

/* Bytes free for this user on the file system that will hold `output`; Q8_FREE_UNKNOWN. */
bool q8_publish_free(const char *output, uint64_t *ret_bytes, struct q8_arena *mem,
                     struct q8_err *err);

#endif
