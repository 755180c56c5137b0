/* scheme.h - how a weight becomes codes and scales: rows of data */
#ifndef Q8_SCHEME_SCHEME_H
#define Q8_SCHEME_SCHEME_H

#include "kernels/kernels.h"
#include "src/base/tensor.h"
#include "src/scheme/layout.h"

#define Q8_PARTS 3 /* tensors that one weight turns into, at most */

/* What one of them holds, in the order in which they are read: each needs those before it. */
enum q8_part_kind {
    Q8_PART_NONE,
    Q8_PART_SHAPE, /* I64 [2] = rows, cols */
    Q8_PART_CODES, /* int8 [rows, cols] */
    /* code ^ 0x80, each row padded with 0 to whole 32-bit words: I32 [rows, ceil(cols / 4)] */
    Q8_PART_PACKED,
    Q8_PART_ZERO,   /* a scalar 0; readers do without it */
    Q8_PART_ABSMAX, /* absmax of each row [rows] */
    Q8_PART_SCALE,  /* step of each group [rows, ceil(cols / group)], or of all [1] */
    Q8_PART_KINDS
};

/* One tensor of a quantized weight. */
struct q8_part {
    enum q8_part_kind kind; /* Q8_PART_NONE: this one and those behind it are not there */
    const char *suffix;     /* behind the module name: ".weight" */
    enum q8_dtype dtype;    /* Q8_DTYPES: the type of the source weight (F32 for F64) */
};

/* What the runtime of a scheme multiplies. */
enum q8_product {
    Q8_PRODUCT_FLOAT,    /* the dequantized weights by activations as they are */
    Q8_PRODUCT_INT8,     /* codes by codes that are made of each row of activations as it comes */
    Q8_PRODUCT_OUTLIERS, /* the same, but columns with large activations apart in 16 bit */
};

/* Which parts have the codes and the scales of a weight. */
enum { Q8_CODES_AT, Q8_SCALES_AT };

/* One way to quantize: a constant.  Writer, reader and judge go by it. */
struct q8_scheme {
    const char *name;        /* "w8a16-g128" */
    const char *source;      /* who defined it: project, version, file */
    enum q8_layout layout;   /* how config.json tells of it */
    enum q8_product product; /* what is multiplied */
    enum q8_rule rule;       /* how a weight becomes a code (kernels.h) */
    int least;               /* the smallest code of that rule; the largest is 127 */
    uint32_t group;          /* columns that share a scale; 0 = the whole row */
    bool shared;             /* there is one scale for the whole weight; group is 0 */
    /* what it is stored as: codes, scales, then others; unused ones at the end */
    struct q8_part part[Q8_PARTS];
};

/* Q8_SCHEME_W8A8, ...: the rows of q8_schemes.  Those that can be written are the targets'. */
enum q8_scheme_row {
#define Q8_SCHEME(word, ...) Q8_SCHEME_##word,
#include "src/scheme/scheme_table.inc"
#undef Q8_SCHEME
    Q8_SCHEMES
};

/* All of them.  Where a file without a config fits two, the first is meant. */
extern const struct q8_scheme q8_schemes[Q8_SCHEMES];

/* The part of that kind; NULL = none. */
const struct q8_part *q8_scheme_part(const struct q8_scheme *scheme, enum q8_part_kind kind);

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
