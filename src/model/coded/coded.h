/* coded.h - weights that a file holds quantized, as the floats that their library makes of them */
#ifndef Q8_MODEL_CODED_CODED_H
#define Q8_MODEL_CODED_CODED_H

#include "kernels/kernels.h"
#include "src/model/model.h"

#define Q8_CODED_PARTS 6 /* tensors that one weight is made of, at most */

/* How a scheme stores weights and what they are worth: a row of table.c, a constant. */
struct q8_coding;

/*
 * Rows in another order: the model has groups [outer][inner][run] of rows where the file has
 * [inner][outer][run]; outer 0: they are as they are.
 */
struct q8_order {
    uint64_t outer, inner, run;
};

/* One weight that is computed: a tensor of the model's index points to it.  No dimension is 0. */
struct q8_coded {
    const char *name;               /* of the float tensor */
    const struct q8_coding *coding; /* its row */
    const struct q8_tensor
        *part[Q8_CODED_PARTS];        /* of model->raw, as the row lists them; or NULL */
    const struct q8_model *model;     /* whose files hold those */
    const struct q8_kernels *kernels; /* of the isa; the arena's */
    enum q8_dtype dtype;              /* what it becomes: F16, BF16 or F32 */
    enum q8_dtype via;                /* to which it is rounded before; F32: to none */
    bool asked; /* somebody wants that type: a finite number beyond it is an error, no infinity */
    uint64_t rows, cols;             /* of all its matrices, one below the other */
    uint64_t height;                 /* rows of one matrix; rows, where there is one */
    uint64_t block_rows, block_cols; /* elements that share a scale; those at the edges are cut */
    uint64_t grid_cols;              /* scales beside each other */
    unsigned bits;                   /* of a code, 1 to 8 */
    uint64_t width;                  /* bytes of a row of codes, where they lie row by row */
    /* codes of 0: of the same grid, or packed as codes are, down the rows; or NULL: 0 throughout */
    const struct q8_tensor *zero;
    float zero_add;                /* what those are to have added */
    float factor;                  /* of all scales, as the row has it */
    const struct q8_tensor *order; /* [cols] I32: the group of each column; NULL: in their order */
    struct q8_order row_order;     /* of llama.c: where the rows are in the file */
    bool less_one;                 /* of llama.c: 1 is subtracted */
};

/*
 * Bytes [off, off + n) of its packed floats, whole ones (self: struct q8_coded); for struct
 * q8_source, under q8_tensor_read.  Needs 128 KiB of stack and no memory.  NaN comes out as NaN.
 * Errors as q8_file_read; Q8_EINPUT for a finite number that is beyond a type that was asked for,
 * with its row.
 */
bool q8_coded_read(void *self, uint64_t off, void *buf, uint64_t n, struct q8_err *err);

#endif
