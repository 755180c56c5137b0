/* stored.h - weights that are int8 already: which tensors hold them, and how they become floats */
#ifndef Q8_SCHEME_STORED_H
#define Q8_SCHEME_STORED_H

#include "kernels/kernels.h"
#include "src/model/model.h"

/* Columns of an int8 weight, at most: its rows are held in memory as a whole (4 MiB of codes). */
#define Q8_STORED_COLS (UINT64_C(4) << 20)

/* One int8 weight of a checkpoint.  No dimension is 0. */
struct q8_stored {
    const char *module;             /* "model.layers.0.mlp.up_proj" */
    const struct q8_tensor *codes;  /* I8 [rows, cols], or I32 [rows, ceil(cols / 4)] when packed */
    const struct q8_tensor *scales; /* F16, BF16 or F32: one for each group of a row */
    const struct q8_tensor *detail; /* weight_shape, or weight_format where there is one; or NULL */
    bool packed;                    /* bytes are code ^ 0x80, rows padded to whole words */
    bool absmax;         /* a scale is the row's absmax (step = absmax / 127), not a step */
    bool shared;         /* there is one scale for all rows */
    uint64_t rows, cols; /* of the weight */
    uint64_t group;      /* columns that share a scale, a divisor of cols; cols: the whole row */
};

/* All int8 weights of a checkpoint.  Memory is the arena's. */
struct q8_stored_list {
    struct q8_stored *weight; /* [count], by module */
    uint64_t count;           /* 0: none */
    /*
     * "bitsandbytes", "int-quantized", "pack-quantized" or "mixed-precision", as config.json has
     * it, also where no weight is int8; without one as found, NULL when nothing is.
     */
    const char *layout;
};

/*
 * Finds them from quantization_config and the tensors (formats.md 2.1 and 2.2); where there is no
 * such config (a bare file), from the tensors alone: codes with scales beside them.  Reads the few
 * bytes of every weight_shape and weight_format.  A model without any is fine.  Q8_EINPUT names the
 * tensor when parts are missing or their types or shapes do not fit each other; Q8_EUNSUPPORTED a
 * quantization that q8 does not read: another quant_method, other than 8 bits, zero points, ...
 */
bool q8_stored_find(struct q8_stored_list *ret, const struct q8_model *model, struct q8_arena *mem,
                    struct q8_err *err);

/* The weight whose codes are that tensor of the model's index; NULL = none. */
const struct q8_stored *q8_stored_of(const struct q8_stored_list *list,
                                     const struct q8_tensor *codes);

/* The weight of that module; NULL = none. */
const struct q8_stored *q8_stored_find_module(const struct q8_stored_list *list,
                                              const char *module);

/* Whether a tensor of the model's index is a part of an int8 weight other than its codes. */
bool q8_stored_is_part(const struct q8_stored_list *list, const struct q8_tensor *t);

/*
 * stored_config.c: the layout that quantization_config names; NULL when there is none.
 * Q8_EUNSUPPORTED, naming what was found, when q8 does not read it.
 */
bool q8_stored_layout(const char **ret, const struct q8_model *model, struct q8_err *err);

/* Whether all of n codes are 0. */
bool q8_codes_zero(const int8_t *codes, uint64_t n);

/* One thread's buffers for reading rows of int8 weights. */
struct q8_decoder {
    uint64_t elements;                /* of a weight that are read at a time, or one row */
    unsigned char *codes;             /* [rows, cols] int8, once read */
    unsigned char *scales;            /* as they lie in the file */
    float *step;                      /* [rows, cols / group] what a code of 1 stands for */
    const struct q8_kernels *kernels; /* the caller's */
};

/* Rows of the weight that are read at a time: up to `elements` in all, one row at least. */
uint64_t q8_decoder_rows(const struct q8_stored *w, uint64_t elements);

/* Bytes of memory that q8_decoder_init takes. */
uint64_t q8_decoder_bytes(const struct q8_stored_list *list, uint64_t elements);

/*
 * Memory for q8_decoder_rows(w, elements) rows of each weight of the list; Q8_ELIMIT.  Needs no
 * closing: the memory is `mem`'s.
 */
bool q8_decoder_init(struct q8_decoder *d, const struct q8_stored_list *list, uint64_t elements,
                     const struct q8_kernels *kernels, struct q8_arena *mem, struct q8_err *err);

/*
 * Reads rows [row, row + n) of a weight: codes into d->codes [n, cols], steps into d->step
 * [n, cols / group], and, unless `ret` is NULL, the dequantized weights into ret [n, cols].  n is
 * at most q8_decoder_rows(w, d->elements).  Scales of any value pass (NaN, negative).  Q8_EIO.
 *
 * A weight is fl(code * step).  compressed-tensors rounds the same product to the type of the scale
 * (0.20.0, quantization/lifecycle/forward_helpers.py, _dequantize): for F32 that is the same value.
 * The step of an absmax is fl(absmax * fl(1/127)); bitsandbytes (0.50.2, backends/default/ops.py,
 * int8_vectorwise_dequant) rounds the product in another order, fl(fl(code * absmax) * fl(1/127)),
 * so the two differ by at most 4 * 2^-24 of the value; by 3 * 2^-24 when absmax is an fp16 number,
 * as all that bitsandbytes writes are.
 */
bool q8_decode_rows(struct q8_decoder *d, const struct q8_model *model, const struct q8_stored *w,
                    uint64_t row, uint64_t n, float *ret, struct q8_err *err);

#endif
