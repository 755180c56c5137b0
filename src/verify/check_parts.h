/* check_parts.h - one thread's verification of int8 weights: levels 1 to 3 in one pass over each */
#ifndef Q8_VERIFY_CHECK_PARTS_H
#define Q8_VERIFY_CHECK_PARTS_H

#include "src/flow/sameness.h"
#include "src/scheme/carry.h"
#include "src/scheme/expected.h"
#include "src/verify/result.h"
#include "src/flow/walk.h"

/* What the rows of a weight have shown by themselves so far: level 1. */
struct q8_scale_faults {
    struct q8_sameness same; /* of the reference's elements */
    /* scales that are not finite, negative, 0 with codes other than 0; rows with a code that the
     * format has not */
    uint64_t count[4];
    uint64_t row[4];            /* the first row with each */
    uint64_t bad_rows, bad_row; /* rows of the reference with a NaN or an infinity; the first */
};

/* Running sums for the KL divergence of one token's logits, whose rows come tile by tile. */
struct q8_kl {
    double most, sum;           /* of the reference's y: the largest; sum of exp(y - most) */
    double gap;                 /* sum of exp(y - most) * (y - y') */
    double int8_most, int8_sum; /* of y' */
};

/* Everything that verifying needs besides the rows; one per thread. */
struct q8_checker {
    struct q8_verify *v;                      /* the caller's: options, pairs; findings are added */
    const struct q8_activations *activations; /* activations; NULL below level 3 */
    struct q8_kernels kernels;                /* of options.isa */
    struct q8_arena mem;                      /* holds all that follows */
    struct q8_walk walk, reference; /* read the int8 weights, and the rows of the other model */
    struct q8_expected expect;      /* what should have been stored */
    uint64_t tile, scales;          /* elements and scales of the largest tile */
    uint64_t cols, groups;          /* of the widest weight; of the row of most groups */
    struct q8_engine_room room;     /* what level 3 needs */
    struct q8_engine engine;        /* multiplies */
    float *x;                       /* [room.elements] activations */
    struct q8_kl *kl;               /* [room.tokens] */
    float *wanted;                  /* [tile] rows of the reference */
    uint64_t values;                /* elements of the largest tile that holds no int8 weight */
    float *have;                    /* [values] its rows */
    int8_t *codes;                  /* [tile] that a rule gives */
    float *found, *expected;        /* [scales] */
    float *difference;              /* [cols] of a row */
    uint32_t *most;                 /* [groups] largest difference in each, as bits */
    struct q8_xxh digest[4]; /* of the reference, the codes stored, expected, the library's */

    /* of the weight at hand */
    struct q8_layer *layer;         /* where the numbers go */
    const struct q8_stored *stored; /* its int8 side; NULL: it is quantized otherwise */
    struct q8_view view;            /* the rows of its reference */
    enum q8_float type;             /* of their elements */
    struct q8_carry carry;          /* how its reference's codes would be carried over */
    bool carries;                   /* they could be */
    struct q8_scale_faults faults;  /* level 1 */
    struct q8_diff diff;            /* level 2 */
    bool again;                     /* the second turn, of a weight that is off */
    uint64_t library_off;           /* codes that the library's own rule does not give */
    struct q8_multiply job;         /* of level 3 */
    bool multiply;                  /* it is on */
    struct q8_products products;    /* so far */
};

/* Rows of both sides, [n, cols] each. */
struct q8_rows_pair {
    const float *wanted, *have;
    const float *step; /* [n, groups] of an int8 weight; NULL: it is none */
};

/* The rows of a side of a layer: also of one that is compared element by element. */
struct q8_view q8_layer_view(const struct q8_side *side);

/* check.c: what rows [row, row + n) lost. */
void q8_check_errors(struct q8_checker *w, const struct q8_rows_pair *pair, uint64_t row,
                     uint64_t n);

/* check.c: the sums over all rows as the numbers of the layer. */
void q8_check_weights_end(struct q8_checker *w);

/* check_carried.c: whether the weight at hand may hold the very codes of a quantized reference. */
void q8_check_carried_begin(struct q8_checker *w);

/*
 * Whether rows [row, row + n) do, the scales too: nothing of them was rounded, so that no rule has
 * a say.  Uses w->codes and w->expected.
 */
bool q8_check_carried(struct q8_checker *w, const float *found, const int8_t *codes, uint64_t row,
                      uint64_t n);

/* check_values.c: levels 2 and 3 of a weight that is quantized otherwise than in int8. */
bool q8_check_values(struct q8_checker *w, struct q8_pool *pool, struct q8_err *err);

/* Raises what q8_checker_open must set aside to what that layer needs; `tokens`: of level 3. */
void q8_checker_fit(struct q8_checker *w, const struct q8_layer *layer, uint64_t tokens);

/*
 * A zeroed struct whose `v` and `activations` are set and that was fitted.  Q8_ELIMIT; close
 * always.
 */
bool q8_checker_open(struct q8_checker *w, struct q8_err *err);

/* What multiplies in level 3, on the device of the options; Q8_ELIMIT, Q8_EUNSUPPORTED. */
bool q8_checker_engine(struct q8_checker *w, struct q8_err *err);

/* Releases that alone; accepts none. */
void q8_checker_leave_engine(struct q8_checker *w);

/* Releases it; accepts a zeroed struct. */
void q8_checker_close(struct q8_checker *w);

/*
 * Verifies one layer: its numbers, its digests, and findings of level 1.  Codes and scales that are
 * off are counted, for q8_diagnose.  False without an error when the pool is stopping.
 */
bool q8_checker_run(struct q8_checker *w, struct q8_layer *layer, struct q8_pool *pool,
                    struct q8_err *err);

/* check_scales.c: level 1 of rows [row, row + n), which the walk has just read. */
void q8_check_scales(struct q8_checker *w, uint64_t row, uint64_t n);

/* check_scales.c: what follows the last of them: findings. */
bool q8_check_scales_end(struct q8_checker *w, struct q8_err *err);

/* check_products.c: what the largest tile of a layer takes in level 3. */
void q8_check_products_fit(struct q8_checker *w, const struct q8_layer *layer, uint64_t tokens);

/* check_products.c: activations and mode of the layer at hand; sets w->multiply. */
bool q8_check_products_begin(struct q8_checker *w, struct q8_err *err);

/* check_products.c: n rows, of which the reference's are in w->wanted, the others in `rows`. */
bool q8_check_products(struct q8_checker *w, const float *rows, uint64_t n, struct q8_err *err);

/* check_products.c: what follows the last of them. */
bool q8_check_products_end(struct q8_checker *w, struct q8_err *err);

#endif
