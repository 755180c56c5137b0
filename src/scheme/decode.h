/* decode.h - rows of weights that are int8 already, as floats */
#ifndef Q8_SCHEME_DECODE_H
#define Q8_SCHEME_DECODE_H

#include "kernels/kernels.h"
#include "src/scheme/stored.h"

/* Whether all of n codes are 0. */
bool q8_codes_zero(const int8_t *codes, uint64_t n);

/* One thread's buffers for reading rows of int8 weights. */
struct q8_decoder {
    uint64_t elements;                /* of a weight that are read at a time, or one row */
    unsigned char *codes;             /* [rows, cols] int8, once read */
    unsigned char *scales;            /* as they lie in the file */
    float *step;                      /* [rows, cols / group] what a code of 1 stands for */
    const struct q8_kernels *kernels; /* the caller's */
    const struct q8_model *model;     /* of the list */
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
bool q8_decode_rows(struct q8_decoder *d, const struct q8_stored *w, uint64_t row, uint64_t n,
                    float *ret, struct q8_err *err);

#endif
