/* job.h - one job: read by the walk, encoded, and on to the streams */
#ifndef Q8_CONVERT_JOB_H
#define Q8_CONVERT_JOB_H

#include "src/flow/sameness.h"
#include "src/scheme/encode.h"
#include "src/convert/plan.h"
#include "src/flow/stream.h"
#include "src/flow/walk.h"

/* What a finished job leaves behind. */
struct q8_result {
    bool done;                       /* the rest is valid */
    struct q8_stats stats;           /* 0 for a copy */
    bool constant;                   /* a weight all of whose elements are the same */
    struct q8_digest source;         /* of the source bytes */
    struct q8_digest part[Q8_PARTS]; /* of each output tensor */
};

/* One thread's buffers. */
struct q8_worker {
    const struct q8_plan *plan; /* the caller's */
    struct q8_encoder encoder;  /* kernels, and room for the scales of a row */
    struct q8_arena mem;        /* holds all of it */
    struct q8_walk walk;        /* reads the rows of the weights */
    struct q8_xxh xxh;          /* of the source */
    struct q8_sameness same;    /* of its elements */
    int8_t *before; /* codes of the input, of the largest tile that gets others; NULL: none does */
    struct q8_stream part[Q8_PARTS]; /* the output tensors of a job; a copy takes the first */
};

/* Bytes of memory that one worker takes for this plan. */
uint64_t q8_worker_bytes(const struct q8_plan *plan);

/*
 * Memory for the largest tiles of the plan; `measure`: sum the errors of the weights.  Q8_ELIMIT;
 * close it in every case.
 */
bool q8_worker_open(struct q8_worker *w, const struct q8_plan *plan, enum q8_isa isa, bool measure,
                    struct q8_err *err);

/* Releases it; accepts a zeroed struct. */
void q8_worker_close(struct q8_worker *w);

/*
 * Runs one job into its output shard `out`; *ret is set on success only.  False without an error
 * when the pool is stopping.  Errors name the source file and the tensor, and the --skip that would
 * let the run pass.
 */
bool q8_job_run(struct q8_worker *w, const struct q8_job *job, const struct q8_file *out,
                struct q8_pool *pool, struct q8_result *ret, struct q8_err *err);

/* The digest of the source bytes of a job, as q8_job_run takes it.  As that on failure. */
bool q8_job_source(struct q8_worker *w, const struct q8_job *job, struct q8_pool *pool,
                   struct q8_digest *ret, struct q8_err *err);

#endif
