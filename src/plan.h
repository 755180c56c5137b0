/* plan.h - what happens to each tensor and why, and the exact size of every output file */
#ifndef Q8_PLAN_H
#define Q8_PLAN_H

#include "src/arch.h"
#include "src/model.h"
#include "src/select.h"
#include "src/target.h"

#include <stdio.h>

#define Q8_NAME_BYTES 4096      /* of the name of an output tensor, with its NUL */
#define Q8_ROW_LIMIT (4u << 20) /* bytes of one row of a weight that becomes int8 */

/* What becomes of a tensor, or of a row range of it. */
struct q8_job {
    const struct q8_tensor *tensor; /* source */
    const char *module;             /* int8: module that the parts are named after; copy: NULL */
    const char *reason;             /* copy: why it is not int8 */
    enum q8_kind kind;
    bool transpose;            /* the source is [cols, rows] */
    bool by_pattern;           /* the reason is a pattern of the user's */
    uint64_t first_row;        /* of the source seen as a matrix of `cols` columns */
    uint64_t rows, cols;       /* of the int8 weight; copy: 0 */
    uint64_t offset[Q8_PARTS]; /* of each part in the output shard; copy: [0] */
};

/* One output file. */
struct q8_out {
    const char *name; /* path below OUTPUT */
    uint64_t bytes;
    struct timespec changed; /* of a file that comes along: the last write to its source */
};

/* A file of the input directory that stays behind. */
struct q8_left {
    const char *name, *reason;
};

/* Options that decide what is written. */
struct q8_plan_options {
    const struct q8_target *target;
    struct q8_select *select;
    double min_coverage; /* percent of the Linear parameters; 0 = no gate */
    bool sha256;
};

struct q8_totals {
    uint64_t parameters;   /* elements of all tensors */
    uint64_t linear;       /* of those, of Linear modules */
    uint64_t int8;         /* of those, becoming int8 */
    uint64_t modules;      /* int8 modules */
    uint64_t output_bytes; /* of all output files */
};

struct q8_plan {
    const struct q8_model *model;
    struct q8_plan_options options;
    struct q8_arch arch;
    struct q8_job *job; /* by source tensor name, then row */
    uint64_t jobs, job_room;
    struct q8_out *file; /* every output file: shards, side files, config.json, index,
                                        q8-manifest.json, SHA256SUMS */
    uint64_t files;
    uint64_t hashed;      /* how many the manifest names: all but itself and SHA256SUMS */
    struct q8_out *shard; /* = file: one per input shard, same names */
    struct q8_out *side;  /* files carried along as they are */
    uint64_t sides, side_room;
    struct q8_left *left;
    uint64_t lefts, left_room;
    const char **ignore; /* modules that the config lists as float, sorted */
    uint64_t ignores, ignore_room;
    const char **warning;
    uint64_t warnings, warning_room;
    const char *quantization; /* JSON text of quantization_config */
    const char *config;       /* new text of config.json; NULL without one */
    struct q8_totals total;
    uint64_t header_memory; /* bytes that the largest header of an output shard takes */
};

/*
 * Decides everything before the first byte is written.  Q8_EUSAGE when a pattern matches nothing,
 * Q8_EUNSUPPORTED when nothing would become int8 or no runtime would load it, Q8_EGATE under
 * the minimum coverage.
 */
bool q8_plan_make(struct q8_plan *ret, const struct q8_model *model,
                  const struct q8_plan_options *options, struct q8_arena *mem, struct q8_err *err);

/* Bytes of disk that the output takes, in whole blocks. */
uint64_t q8_plan_disk(const struct q8_plan *plan);

/* Writes everything of output shard `number` but its tensor data (sink NULL: only lays it out). */
bool q8_plan_header(struct q8_plan *plan, uint32_t number, struct q8_err *err,
                    bool (*write)(void *self, uint64_t off, const void *buf, uint64_t n,
                                  struct q8_err *err),
                    void *self);

/* The name of that output tensor of a job in `text`; the source's own name for a copy. */
const char *q8_job_part(const struct q8_plan *plan, const struct q8_job *job, unsigned part,
                        struct q8_tensor *ret, char *text, size_t size, struct q8_err *err);

/* How many tensors output shard `number` holds. */
uint64_t q8_plan_parts(const struct q8_plan *plan, uint32_t number);

/* How many tensors the job writes. */
unsigned q8_job_parts(const struct q8_plan *plan, const struct q8_job *job);

/* ---- pieces of the plan, each in its own file ---- */

/*
 * plan_check.c: the warnings, and the reasons not to start: nothing to become int8, too little,
 * a result that no known runtime loads.
 */
bool q8_plan_check(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* plan_layout.c: sizes and offsets of the output shards, and the list of all output files. */
bool q8_plan_layout(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* plan_index.c: prints the index file (self: the plan).  Format: formats.md 1.1.6. */
bool q8_plan_index(void *self, FILE *out, struct q8_err *err);

/* plan_config.c: ignore list, quantization_config and config.json. */
bool q8_plan_config(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* plan_side.c: which other files of the input directory come along. */
bool q8_plan_side(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

#endif
