/* scheme.h - how a weight becomes codes and scales: rows of data */
#ifndef Q8_SCHEME_SCHEME_H
#define Q8_SCHEME_SCHEME_H

#include "kernels/kernels.h"
#include "src/base/tensor.h"

#define Q8_PARTS 3 /* tensors that one weight turns into, at most */

/* What one of them holds. */
enum q8_part_kind {
    Q8_PART_NONE,
    Q8_PART_CODES, /* int8 [rows, cols] */
    /* code ^ 0x80, each row padded with 0 to whole 32-bit words: I32 [rows, ceil(cols / 4)] */
    Q8_PART_PACKED,
    Q8_PART_ABSMAX, /* absmax of each row [rows] */
    Q8_PART_SCALE,  /* step of each group [rows, ceil(cols / group)] */
    Q8_PART_SHAPE,  /* I64 [2] = rows, cols */
    Q8_PART_ZERO,   /* a scalar 0 */
};

/* One tensor of a quantized weight. */
struct q8_part {
    enum q8_part_kind kind; /* Q8_PART_NONE: this one and those behind it are not there */
    const char *suffix;     /* behind the module name: ".weight" */
    enum q8_dtype dtype;    /* Q8_DTYPES: the type of the source weight (F32 for F64) */
};

/* One way to quantize: a constant. */
struct q8_scheme {
    const char *name;              /* "w8a16-g128" */
    const char *source;            /* who defined it: project, version, file */
    enum q8_rule rule;             /* how a weight becomes a code (kernels.h) */
    uint32_t group;                /* columns that share a scale; 0 = the whole row */
    struct q8_part part[Q8_PARTS]; /* what it is stored as; unused ones at the end */
};

/* The type that the part has for a weight of type `source`; never Q8_DTYPES. */
enum q8_dtype q8_part_dtype(const struct q8_part *part, enum q8_dtype source);

/* Why that scheme has no place for a weight of `cols` columns: a clause, or NULL. */
const char *q8_scheme_misfit(const struct q8_scheme *scheme, uint64_t cols);

/* A float weight, of which the schemes make parts. */
struct q8_weight_shape {
    enum q8_dtype dtype;
    uint64_t rows, cols;
};

/*
 * Fills dtype, rank, dims and nbytes of that part of a weight; no name, no offset.  Q8_EINPUT, and
 * *ret as it was, when the bytes overflow.
 */
bool q8_part_shape(const struct q8_scheme *scheme, const struct q8_part *part,
                   struct q8_weight_shape weight, struct q8_tensor *ret, struct q8_err *err);

#endif
