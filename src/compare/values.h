/* values.h - the data of two tensors that meet */
#ifndef Q8_COMPARE_VALUES_H
#define Q8_COMPARE_VALUES_H

#include "src/compare/result.h"

/* The rows of a side that is a matrix, as they are compared. */
struct q8_view q8_side_view(const struct q8_side *side);

/* Whether it has data that can be compared. */
bool q8_compared_has_data(const struct q8_compared *c);

/* Bytes of data of both sides together. */
uint64_t q8_compared_bytes(const struct q8_compared *c);

/* One thread's buffers. */
struct q8_comparer {
    const struct q8_compare *result; /* the caller's */
    struct q8_kernels kernels;       /* of the options' isa */
    struct q8_walk walk[2];          /* of A and B */
    float *values[2];                /* a tile of each as floats */
    struct q8_arena mem;             /* holds all of it */
};

/* Memory for the largest tiles of all items; Q8_ELIMIT.  Close it in every case. */
bool q8_comparer_open(struct q8_comparer *d, const struct q8_compare *result, struct q8_err *err);

/* Releases it; accepts a zeroed struct. */
void q8_comparer_close(struct q8_comparer *d);

/*
 * Compares the data of one item and sets verdict and numbers.  False without an error when the pool
 * is stopping.
 */
bool q8_comparer_run(struct q8_comparer *d, struct q8_compared *c, struct q8_pool *pool,
                     struct q8_err *err);

#endif
