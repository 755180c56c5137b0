/* measure_parts.h - one thread's measuring of one tensor after another: rows in, numbers out */
#ifndef Q8_INSPECT_MEASURE_PARTS_H
#define Q8_INSPECT_MEASURE_PARTS_H

#include "src/inspect/list.h"

#define Q8_MEASURE_GROUP 32u /* the smallest group of any scheme: absmax is kept for each */
#define Q8_SCALES_KEPT (UINT64_C(1) << 18) /* scales that their median is taken of, at most */

/* Sums over the elements so far. */
struct q8_central {
    double n, mean, m2, m3, m4; /* count; sums of powers of the deviations from the mean */
};

/* Everything that measuring needs besides the rows; one per thread. */
struct q8_measure {
    const struct q8_inspect *in;    /* the caller's: options, int8 weights, reference */
    struct q8_kernels kernels;      /* of options->isa */
    struct q8_arena mem;            /* holds all that follows */
    struct q8_walk walk, reference; /* read the rows, and those of --reference */
    uint64_t tile, wants;           /* elements of the largest tile of each */
    uint64_t cols, rows;            /* of the largest matrices */
    float *floats;                  /* [tile] rows as floats */
    float *spare;                   /* [cols] a row without what is not finite, or scaled */
    uint32_t *absmax;               /* [groups of 32] bits, of a row */
    float *factor, *step;           /* [groups of 32] of a scheme */
    struct q8_columns columns;      /* [cols] sums over the rows */
    uint32_t *hits;                 /* [cols] rows whose absmax is in the column */
    double *row_absmax, *row_crest; /* [rows] */
    double *row_err2[Q8_COSTS];     /* [rows] */
    double *ranks;                  /* [rows or cols] scratch for order statistics */
    double *scale;                  /* [Q8_SCALES_KEPT] of an int8 weight */
    float *wanted;                  /* [tile] rows of the reference */

    /* of the tensor at hand */
    struct q8_subject *subject;    /* where the numbers go */
    enum q8_float type;            /* of its elements */
    struct q8_central central;     /* of the finite elements */
    struct q8_histogram histogram; /* of the finite elements */
    uint64_t usable, live;         /* rows in row_absmax, in row_crest */
    uint64_t tally[256];           /* codes, as bytes */
    uint64_t scales, stride;       /* seen so far; every stride-th goes to `scale` */
    uint64_t kept;                 /* in `scale` */
    struct q8_diff diff;           /* against the reference */
    struct {
        double err2, most; /* over the rows */
    } cost[Q8_COSTS];
};

/* Raises what q8_measure_open must set aside to what that subject needs. */
void q8_measure_fit(struct q8_measure *g, const struct q8_subject *s);

/*
 * A zeroed struct whose `in` is set and that was fitted.  Q8_ELIMIT; close it in every case.
 */
bool q8_measure_open(struct q8_measure *g, struct q8_err *err);

/* Releases it; accepts a zeroed struct. */
void q8_measure_close(struct q8_measure *g);

/*
 * Measures one subject; sets numbers, matrix and codes but for the histogram, which is left in
 * g->histogram.  False without an error when the pool is stopping.
 */
bool q8_measure_run(struct q8_measure *g, struct q8_subject *s, struct q8_pool *pool,
                    struct q8_err *err);

/* ---- pieces, each in its own file ---- */

/*
 * measure_cost.c: adds the errors of every scheme on a finite row, the (g->usable - 1)-th of them,
 * whose group absmax are in g->absmax; `most` is the largest.
 */
void q8_measure_costs(struct q8_measure *g, const float *x, uint64_t row, uint32_t most);

/* measure_cost.c: a row with a NaN or an Inf, which no scheme takes. */
void q8_measure_refuse(struct q8_measure *g, uint64_t row);

/* measure_end.c: what follows the last row. */
void q8_measure_end(struct q8_measure *g);

/*
 * measure_codes.c: codes and scales of rows [row, row + n) of an int8 weight, which the walk has
 * just
 * read and dequantized to x [n, cols]; and their errors against the reference, if it has them.
 */
bool q8_measure_codes(struct q8_measure *g, const float *x, uint64_t row, uint64_t n,
                      struct q8_err *err);

/* measure_codes.c: and what follows the last of them. */
void q8_measure_codes_end(struct q8_measure *g);

#endif
