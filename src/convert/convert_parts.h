/* convert_parts.h - a conversion under way, and the pieces that carry it out */
#ifndef Q8_CONVERT_CONVERT_PARTS_H
#define Q8_CONVERT_CONVERT_PARTS_H

#include "src/convert/manifest.h"
#include "src/convert/options.h"
#include "src/convert/output/publish.h"

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
    bool doubted;                      /* the source may not be what the finished jobs read */
    uint64_t kept;                     /* jobs taken over from an interrupted run */
    struct q8_arena *mem;              /* the caller's; holds all of the above */
    double seconds;                    /* that the work took */
    bool finished;                     /* the output was there already; errors are not known */
};

/* ---- copy.c ---- */

/* The files that come along as they are, config.json and the index file. */
bool q8_copy_files(struct q8_convert *c, struct q8_err *err);

/*
 * Whether it is certain that config.json or a file that comes along is not what was planned;
 * `touched`: or that anything about it has changed, such as its mode.
 */
bool q8_copy_changed(const struct q8_convert *c, bool touched);

/* A small file of the output: what `print` prints (see struct q8_printer). */
bool q8_copy_text(struct q8_convert *c, const char *name,
                  bool (*print)(void *self, FILE *out, struct q8_err *err), void *self,
                  struct q8_err *err);

/* ---- source.c ---- */

/* Memory for each thread, c->worker; close it in every case. */
bool q8_workers_open(struct q8_convert *c, struct q8_err *err);
void q8_workers_close(struct q8_convert *c);

/* *ret: whether the bytes of all sources have the digests in c->result. */
bool q8_source_same(struct q8_convert *c, bool *ret, struct q8_err *err);

/* The input is still what the plan was made of and the jobs have read; Q8_EIO. */
bool q8_source_check(struct q8_convert *c, struct q8_err *err);

/* ---- finished.c ---- */

/*
 * For q8_publish_wish (self: struct q8_convert).  *ret: the output is whole, and what this run
 * would make of the input as it is, by digests of all bytes of both.  Sets c->result, c->written.
 */
bool q8_finished(void *self, const struct q8_dir *output, bool *ret, struct q8_err *err);

/* ---- reread.c ---- */

/* What follows the files: re-reading, manifest, checksums, syncing. */
bool q8_reread(struct q8_convert *c, struct q8_err *err);

/* Bytes of memory that re-reading one output shard takes. */
uint64_t q8_reread_bytes(const struct q8_plan *plan);

#endif
