/* convert_parts.h - a conversion under way, and the pieces that carry it out */
#ifndef Q8_CONVERT_CONVERT_PARTS_H
#define Q8_CONVERT_CONVERT_PARTS_H

#include "src/convert/manifest.h"
#include "src/convert/options.h"
#include "src/convert/publish.h"

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

/* ---- copy.c ---- */

/* The files that come along as they are, config.json and the index file. */
bool q8_copy_files(struct q8_convert *c, struct q8_err *err);

/* Whether it is certain that config.json or a file that comes along is not what was planned. */
bool q8_copy_changed(const struct q8_convert *c);

/* A small file of the output: what `print` prints (see struct q8_printer). */
bool q8_copy_text(struct q8_convert *c, const char *name,
                  bool (*print)(void *self, FILE *out, struct q8_err *err), void *self,
                  struct q8_err *err);

/* ---- reread.c ---- */

/* What follows the files: re-reading, manifest, checksums, syncing. */
bool q8_reread(struct q8_convert *c, struct q8_err *err);

/* Bytes of memory that re-reading one output shard takes. */
uint64_t q8_reread_bytes(const struct q8_plan *plan);

#endif
