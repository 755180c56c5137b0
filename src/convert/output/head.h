/* head.h - the first lines of q8-journal: what run it is of, and which files that makes */
#ifndef Q8_CONVERT_OUTPUT_HEAD_H
#define Q8_CONVERT_OUTPUT_HEAD_H

#include "src/base/memo.h"
#include "src/convert/output/claim.h"

/*
 * What is written before the first job:
 *
 *     q8-journal 2 <identity> <files>
 *     <name of a file of the partial directory>, so many
 *     <digest of all before> <stamp>
 */
struct q8_head {
    struct q8_digest identity; /* of everything that decides the output and the report */
    struct q8_digest stamp;    /* of what changes when a source is written anew */
};

/* What stands at the name of the journal. */
enum q8_head_state {
    Q8_HEAD_NONE,  /* nothing, or none of q8-convert's */
    Q8_HEAD_TORN,  /* one that was just begun: the only file */
    Q8_HEAD_WHOLE, /* one that names the files of its run */
};

/* Reads which files of a partial directory its journal names, itself among them; sorted. */
enum q8_head_state q8_head_claim(const struct q8_dir *d, struct q8_claim *ret, struct q8_arena *mem,
                                 struct q8_err *err);

/*
 * Whether there is no journal, but an empty file that comes before it: of a run that was killed.
 * False with an error where that cannot be found out.
 */
bool q8_head_unborn(const struct q8_dir *d, struct q8_err *err);

/* Opens the journal of a partial directory to read it; NULL on failure. */
FILE *q8_head_open(const struct q8_dir *d, struct q8_arena *mem, struct q8_err *err);

/*
 * Reads it up to the lines of jobs; the names are not sorted.  False without an error when it is
 * not whole.
 */
bool q8_head_read(FILE *in, struct q8_head *ret, struct q8_claim *names, struct q8_arena *mem,
                  struct q8_err *err);

/* The text of it; Q8_ELIMIT. */
bool q8_head_text(const struct q8_head *head, const struct q8_claim *names, struct q8_memo *ret,
                  struct q8_arena *mem, struct q8_err *err);

/* Adds the names that the journal has, or has for a moment, and sorts. */
bool q8_head_own(struct q8_claim *c, struct q8_arena *mem, struct q8_err *err);

#endif
