/* carry.h - int8 codes of one file that are codes of another: nothing is rounded */
#ifndef Q8_SCHEME_CARRY_H
#define Q8_SCHEME_CARRY_H

#include "src/model/coded/codes.h"
#include "src/scheme/encode.h"

/* A weight of codes times steps on its way to another scheme. */
struct q8_carry {
    const struct q8_coded *coded; /* where they come from */
    struct q8_codes codes;        /* what those are */
    bool absmax;                  /* its scales are to be 127 times a step */
    uint64_t cols;                /* of the weight */
    uint64_t group, groups;       /* columns that are to share a step; how many such a row has */
};

/*
 * Whether a scheme with that group (cols: whole rows) can hold the codes of a tensor, and the
 * steps, as they are: compressed-tensors those of groups as large as its own or larger, where a
 * step stands several times; bitsandbytes its own.  Of an absmax of bitsandbytes compressed-tensors
 * gets the step, fl(absmax * fl(1 / 127)) in F32.  The scales have the type codes.dtype.
 */
bool q8_carry_init(struct q8_carry *ret, const struct q8_tensor *t, const struct q8_scheme *scheme,
                   uint64_t group);

/* Rows on their way; memory is the caller's. */
struct q8_carried {
    uint64_t row, rows; /* of the weight */
    int8_t *codes;      /* [rows, cols] to fill */
    void *steps;        /* [rows, groups] to fill: what is stored */
    bool measure;       /* sum the squares of the weights */
};

/*
 * Fills it.  Sums are added to *stats row by row; the errors are 0.  Q8_EINPUT names the row of a
 * step that is no number; errors as q8_file_read.
 */
bool q8_carry_rows(const struct q8_carry *carry, const struct q8_carried *to,
                   struct q8_stats *stats, struct q8_err *err);

#endif
