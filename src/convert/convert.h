/* convert.h - carries a plan out: data, side files, re-reading, manifest, publishing */
#ifndef Q8_CONVERT_CONVERT_H
#define Q8_CONVERT_CONVERT_H

#include "src/convert/manifest.h"
#include "src/flow/pool.h"
#include "src/convert/publish.h"

/* How to carry a plan out; of these, only sha256 changes what is written. */
struct q8_convert_options {
    const char *output;           /* OUTPUT, as the user gave it */
    unsigned threads;             /* 1 to Q8_THREADS_MAX */
    enum q8_isa isa;              /* best instruction set to use */
    bool resume;                  /* continue what OUTPUT.partial holds */
    bool force;                   /* replace an output of q8-convert, start over */
    bool sync;                    /* wait for the disk before OUTPUT gets its name */
    bool sha256;                  /* write SHA256SUMS */
    bool measure;                 /* sum the errors of the weights: SQNR */
    const struct q8_watch *watch; /* NULL: nobody watches */
};

/* A conversion under way or done. */
struct q8_convert {
    struct q8_plan *plan;              /* the caller's */
    struct q8_convert_options options; /* a copy */
    struct q8_publish publish;         /* the directory that the output grows in */
    struct q8_result *result;          /* one per job */
    struct q8_written *written;        /* one per hashed file of the plan */
    struct q8_file *shard;             /* output shards */
    struct q8_sized *order;            /* jobs left to do, largest first */
    uint64_t todo;                     /* how many those are */
    struct q8_worker *worker;          /* one per thread */
    int journal;                       /* file, -1 = none */
    uint64_t kept;                     /* jobs taken over from an interrupted run */
    struct q8_arena *mem;              /* the caller's; holds all of the above */
    double seconds;                    /* that the work took */
};

/* Peak memory of a run with that many threads, in bytes, once the plan (in `mem`) is made. */
uint64_t q8_convert_memory(const struct q8_plan *plan, const struct q8_arena *mem,
                           unsigned threads);

/*
 * Carries the plan out.  On success OUTPUT is there, complete, re-read and synced.  On failure
 * OUTPUT is as it was; OUTPUT.partial stays where --resume can use it (signals, and I/O errors that
 * the input is not to blame for), and err says so.
 */
bool q8_convert_run(struct q8_convert *ret, struct q8_plan *plan,
                    const struct q8_convert_options *options, struct q8_arena *mem,
                    struct q8_err *err);

/* ---- pieces, each in its own file ---- */

/*
 * journal.c: q8-journal in the partial directory, one line per finished job.  q8_journal_open
 * starts it, or reads the one of an interrupted run and touches nothing else: Q8_EUSAGE when that
 * had another source or other options.  q8_journal_recheck then compares what the finished jobs of
 * that run wrote with their digests, and starts it anew with those that hold.
 */
bool q8_journal_open(struct q8_convert *c, struct q8_err *err);
bool q8_journal_recheck(struct q8_convert *c, struct q8_err *err);

/* Adds the line of a finished job; from any thread.  Q8_EIO. */
bool q8_journal_add(struct q8_convert *c, uint64_t job, struct q8_err *err);

/* Writes it anew with all that is done, after it was removed too early. */
bool q8_journal_restore(struct q8_convert *c, struct q8_err *err);

/* Closes the file, which stays; none is fine. */
void q8_journal_close(struct q8_convert *c);

/* copy.c: the files that come along as they are, config.json and the index file. */
bool q8_copy_files(struct q8_convert *c, struct q8_err *err);

/* Whether it is certain that config.json or a file that comes along is not what was planned. */
bool q8_copy_changed(const struct q8_convert *c);

/* A small file of the output: what `print` prints (see struct q8_printer). */
bool q8_copy_text(struct q8_convert *c, const char *name,
                  bool (*print)(void *self, FILE *out, struct q8_err *err), void *self,
                  struct q8_err *err);

/* reread.c: what follows the files: re-reading, manifest, checksums, syncing. */
bool q8_reread(struct q8_convert *c, struct q8_err *err);

/* Bytes of memory that re-reading one output shard takes. */
uint64_t q8_reread_bytes(const struct q8_plan *plan);

#endif
