/* engine_cuda_parts.h - what the files of the CUDA engine share */
#ifndef Q8_FORWARD_ENGINE_CUDA_PARTS_H
#define Q8_FORWARD_ENGINE_CUDA_PARTS_H

#include "kernels/cuda/cuda.h"
#include "src/forward/act_codes.h"
#include "src/forward/engine_parts.h"

/*
 * Room for some rows of W on their way to one product, with a stream of its own: while the device
 * works on one slot, the host fills the other.
 */
struct q8_cuda_slot {
    char *staging;             /* [staging_bytes] pinned memory of the host */
    uint64_t staged;           /* bytes of it that are in use */
    float *floats;             /* [capacity] */
    void *typed;               /* [capacity] of 16 bits */
    int8_t *codes;             /* [capacity] */
    struct q8_cuda_line *line; /* [lines] */
    void *workspace;           /* [Q8_CUDA_WORKSPACE] */
};

/* An engine on a GPU.  Pointers are to memory of the device where not said otherwise. */
struct q8_cuda_engine {
    struct q8_cuda gpu;
    struct q8_multiply job; /* the weight at hand */
    uint64_t limit, taken;  /* bytes of the device: that may be, that are taken */

    uint64_t capacity, least; /* elements of a slot; those without which no row is multiplied */
    uint64_t lines;           /* rows of a slot */
    uint64_t staging_bytes;   /* of a slot */
    struct q8_cuda_slot slot[Q8_CUDA_STREAMS]; /* by stream */
    unsigned turn;                             /* the slot that was filled last */

    void *x;                               /* [tokens, pitch] of job.type */
    int8_t *x_codes;                       /* [tokens, codes_pitch] */
    struct q8_cuda_line *x_line;           /* [tokens] */
    uint8_t *stands_out;                   /* [cols] */
    uint32_t *column;                      /* [outliers] */
    int32_t *sums;                         /* [tokens, stride] */
    float *reference, *int8;               /* [tokens, stride] products */
    struct q8_cuda_difference *difference; /* [tokens] */

    uint64_t pitch, codes_pitch; /* of the weight's columns; of those that have codes */
    uint64_t outliers, keeps;    /* columns that are apart; that have codes */

    /* of the host, in the arena */
    struct q8_kernels kernels;
    struct q8_act_codes tokens;             /* the paper's modes */
    struct q8_affine *affine;               /* [lines] of W in those */
    int64_t *sum;                           /* [lines] of W in those */
    int8_t *codes;                          /* [tile] of W in those */
    uint8_t *mask;                          /* [cols] stands_out */
    uint32_t *list;                         /* [cols] column */
    struct q8_cuda_difference *differences; /* [tokens] difference */
    float *y[2];                            /* [tokens, rows] products */
};

/* engine_cuda_begin.c, engine_cuda_tile.c: the functions of struct q8_engine. */
bool q8_engine_cuda_begin(void *self, const struct q8_multiply *job, float *x,
                          uint64_t *ret_outliers, struct q8_err *err);
bool q8_engine_cuda_tile(void *self, const struct q8_operands *w, struct q8_products *products,
                         float **y_reference, float **y_int8, struct q8_err *err);

/* engine_cuda_slot.c: the slot whose turn it is, once the device is done with it. */
int q8_cuda_next_slot(struct q8_cuda_engine *e, struct q8_cuda_slot **ret);

/* Pinned memory of the slot, until its next turn; all of it is of staging_bytes. */
void *q8_cuda_stage(struct q8_cuda_slot *s, uint64_t bytes);

/* Rows on their way to the device; bytes. */
struct q8_cuda_rows {
    void *device;     /* [count, pitch] */
    uint64_t pitch;   /* of a row there */
    const void *host; /* [count, width] */
    uint64_t width;   /* of a row, at most pitch */
    uint64_t count;   /* how many */
};

/* Queues rows, with zeros behind each. */
int q8_cuda_put_rows(struct q8_cuda_engine *e, struct q8_cuda_slot *s, struct q8_cuda_rows rows);

/* Rows of `pitch` elements that a slot takes at a time. */
uint64_t q8_cuda_rows_at_once(const struct q8_cuda_engine *e, uint64_t pitch);

/* Both streams have done everything. */
int q8_cuda_wait_all(struct q8_cuda_engine *e);

/* engine_cuda_try.c: 0 when an int8 and an fp16 product are right there; an enum q8_cuda_code. */
int q8_cuda_try(struct q8_cuda *gpu);

/* engine_cuda.c: the failure of a call; `rows` 0: of activations alone. */
bool q8_engine_cuda_fail(const struct q8_cuda_engine *e, enum q8_cuda_code code, uint64_t rows,
                         struct q8_err *err);

#endif
