/* plan.h - what happens to each tensor and why, and the exact size of every output file */
#ifndef Q8_CONVERT_PLAN_H
#define Q8_CONVERT_PLAN_H

#include "src/model/arch.h"
#include "src/model/select.h"
#include "src/scheme/keep.h"
#include "src/flow/walk.h"

#include <stdio.h>

struct q8_carry; /* src/scheme/carry.h */
struct q8_magic; /* src/model/folder/magic.h */

#define Q8_NAME_BYTES 4096 /* of the name of an output tensor, with its NUL */

/*
 * What becomes of a tensor, or of a row range of it: int8, or a copy when there is a reason.  Where
 * the model computes it, the copy is of what comes out (src/model/coded/).
 */
struct q8_job {
    const struct q8_tensor *tensor; /* source */
    const char *module; /* whose weight it is; the parts are named after it; NULL: no matrix */
    const char *reason; /* why it is copied; NULL: int8 */
    /* the target whose scheme the int8 weight has; NULL in a copy */
    const struct q8_target *as;
    bool carry;                /* the codes are those of the input: q8_job_carry */
    enum q8_dtype step;        /* carried: the type of the scales */
    enum q8_kind kind;         /* of the module */
    bool transpose;            /* the source is [cols, rows] */
    bool by_pattern;           /* the reason is a pattern of the user's */
    uint64_t first_row;        /* of the source seen as a matrix of `cols` columns */
    uint64_t rows, cols;       /* of the weight as it is multiplied; 0 where module is NULL */
    uint32_t shard;            /* output file that its parts are in: of plan->shard */
    uint64_t offset[Q8_PARTS]; /* of each part in that file; copy: [0] */
};

/* One output file. */
struct q8_out {
    const char *name;               /* path below OUTPUT */
    uint64_t bytes;                 /* exact size */
    struct timespec changed;        /* of a file that comes along: the last write to its source */
    const struct q8_magic *stub;    /* of such a file: what it is in place of itself; NULL */
    struct timespec status;         /* and the last change of anything about it */
    const struct q8_format *format; /* of a weight file: the target's; else NULL */
    const struct q8_shard *source;  /* of a weight file: whose metadata it carries on */
};

/* A file of the input directory that stays behind. */
struct q8_left {
    const char *name;   /* path below INPUT */
    const char *reason; /* a clause: "weights in another format" */
    bool expected;      /* nothing is missed without it: a copy of the weights, a tool's notes */
};

/* The int8 modules that have one scheme. */
struct q8_group {
    const struct q8_target *target; /* whose scheme */
    const char **module;            /* their names, sorted */
    const char **name;              /* by which its readers find them, sorted; not of the first */
    uint64_t names;                 /* how many */
    uint64_t modules, parameters;   /* how many, and the elements of their weights */
};

/* Options that decide what is written. */
struct q8_plan_options {
    const struct q8_target *target; /* --to */
    struct q8_select *select;       /* patterns; their matches are counted */
    enum q8_vision vision;          /* --vision */
    double min_coverage;            /* percent of the Linear parameters; 0 = no gate */
    bool sha256;                    /* SHA256SUMS is one of the output files */
};

/* Sums over a plan. */
struct q8_totals {
    uint64_t parameters;   /* elements of all tensors */
    uint64_t linear;       /* of those, of Linear modules */
    uint64_t int8;         /* of all, becoming int8 */
    uint64_t covered;      /* of the Linear ones, becoming int8 */
    uint64_t modules;      /* int8 modules */
    uint64_t drafts;       /* tensors of draft (MTP) layers */
    uint64_t carried;      /* int8 modules whose codes are those of the input */
    uint64_t int8_carried; /* their elements */
    uint64_t twice;        /* others whose weights are quantized already */
    uint64_t int8_twice;   /* their elements */
    uint64_t output_bytes; /* of all output files */
    uint64_t disk_bytes;   /* that those take on a disk, in whole blocks */
};

/* Everything that is decided before the first byte is written.  All memory is the arena's. */
struct q8_plan {
    const struct q8_model *model;   /* the input */
    struct q8_plan_options options; /* a copy */
    struct q8_arch arch;            /* the class that config.json names */
    struct q8_keep keep;            /* what its readers build float */
    struct q8_weight_list weights;  /* of the input, by module */
    struct q8_job *job;             /* by source tensor name, then row */
    uint64_t jobs, job_room;        /* in use, allocated */
    /* every output file: shards, side files, config.json, index, manifest, SHA256SUMS */
    struct q8_out *file;
    uint64_t files;                  /* how many */
    uint64_t hashed;                 /* of them, in the manifest: all but itself and SHA256SUMS */
    struct q8_out *shard;            /* = file: the weight files; one for each input shard */
    uint32_t shards;                 /* how many */
    const char *index_name;          /* of the file that says what is in which; NULL without one */
    struct q8_out *side;             /* files carried along as they are, by name */
    uint64_t sides, side_room;       /* in use, allocated */
    struct q8_left *left;            /* input files that stay behind, by name */
    uint64_t lefts, left_room;       /* in use, allocated */
    struct q8_group *group;          /* schemes in use: the main one first, then those of --use */
    uint64_t groups;                 /* how many; 1 without --use, 0 where nothing becomes int8 */
    const char **ignore;             /* names of float modules, as the config lists them, sorted */
    uint64_t ignores;                /* how many */
    bool ignore_default;             /* its reader makes the same list when there is none */
    const char **warning;            /* sentences for the user */
    uint64_t warnings, warning_room; /* in use, allocated */
    const char *schemes;      /* by which the input is quantized: "MXFP4, FP8 in blocks"; or NULL */
    const char *quantization; /* JSON text of quantization_config; NULL: nothing becomes int8 */
    const char *config;       /* new text of config.json; NULL without one */
    struct q8_totals total;   /* sums for reports and gates */
    uint64_t header_memory;   /* bytes that the largest header of an output shard takes */
};

/*
 * Only what happens to each tensor and why: the jobs and the totals.  Patterns that match nothing
 * are no error here.
 */
bool q8_plan_list(struct q8_plan *ret, const struct q8_model *model,
                  const struct q8_plan_options *options, struct q8_arena *mem, struct q8_err *err);

/* `rows` rows of an int8 weight, of a type that its scales have where the scheme says none. */
struct q8_weight_shape q8_job_shape(const struct q8_job *job, uint64_t rows);

/* Whether the input of an int8 job has int8 codes too, and the output gets others. */
bool q8_job_recodes(const struct q8_job *job);

/* Whether the codes of the input can be those of the output, in an int8 job; and how. */
bool q8_job_carry(const struct q8_job *job, struct q8_carry *ret);

/* The rows of a job that becomes int8. */
struct q8_view q8_job_view(const struct q8_job *job);

#endif
