/* expected.h - what an int8 weight should be: the scales and codes that its rule makes of rows */
#ifndef Q8_SCHEME_EXPECTED_H
#define Q8_SCHEME_EXPECTED_H

#include "kernels/kernels.h"
#include "src/scheme/decode.h"

/*
 * One thread's buffers, and the weight at hand.  Rows of the reference are [rows, cols] elements of
 * `type`, as the walk gives them; scales are [rows, cols / group] floats, the numbers that a stored
 * scale stands for (a bitsandbytes absmax, a compressed-tensors step), also where one is shared by
 * all rows.
 */
struct q8_expected {
    const struct q8_stored *stored; /* the weight */
    enum q8_float type;             /* of the reference's elements; F32 for F64 */
    uint64_t groups;                /* of a row */
    uint32_t most;             /* largest absmax seen, as bits of the type; of a shared scale */
    struct q8_kernels kernels; /* of the isa */
    uint32_t *absmax;          /* [groups] of a row */
    float *factor;             /* [groups] f of each, as kernels.h has it; 0: none */
};

/* Bytes of memory that q8_expected_init takes. */
uint64_t q8_expected_bytes(uint64_t groups);

/*
 * Memory for weights of up to that many groups a row, and the kernels of `isa`; Q8_ELIMIT.  Needs
 * no closing: the memory is `mem`'s.
 */
bool q8_expected_init(struct q8_expected *e, enum q8_isa isa, uint64_t groups, struct q8_arena *mem,
                      struct q8_err *err);

/* Turns to a weight whose reference has elements of `type` (q8_dtype_float knows it, or F64). */
void q8_expected_begin(struct q8_expected *e, const struct q8_stored *stored, enum q8_dtype type);

/* Shows it rows before all else.  Needed for all rows of a weight alone whose scale is shared. */
void q8_expected_see(struct q8_expected *e, const void *x, uint64_t rows);

/*
 * The scales that would be stored.  bitsandbytes: the row's absmax rounded to fp16; 0 for a row
 * that rounds to 0.  compressed-tensors: q8_llmc_step of the group, which is an epsilon for a
 * group of zeros.  Both as the type of the stored scales holds them.  NaN for a group with a NaN or
 * an infinity, or beyond fp16 in bitsandbytes.  Sources: formats.md 2.1.2, 2.2.2.
 */
void q8_expected_scales(struct q8_expected *e, const void *x, uint64_t rows, float *ret);

/* The scale that would be stored for a group of zeros. */
float q8_expected_zero(const struct q8_expected *e);

/* The scales of the `rows` rows that the decoder has just read. */
void q8_expected_stored(const struct q8_expected *e, const struct q8_decoder *d, uint64_t rows,
                        float *ret);

/*
 * The codes [rows, cols] that the rule makes of the rows with those scales, any scales: codes that
 * would lie beyond the scheme's least and 127 end there.  All 0 for a group that
 * q8_expected_scales gives NaN, and where the scale is 0, NaN or infinite.
 */
void q8_expected_codes(struct q8_expected *e, const void *x, uint64_t rows, const float *scales,
                       int8_t *ret);

/*
 * Whether llm-compressor's own rule would give other codes: its quotient w / scale is rounded to
 * the type of both when that is BF16 or F16, before it is clamped and rounded (formats.md 2.2.2).
 */
bool q8_expected_has_library(const struct q8_expected *e);

/* As q8_expected_codes, by that rule, or by the same one where there is no other. */
void q8_expected_library_codes(struct q8_expected *e, const void *x, uint64_t rows,
                               const float *scales, int8_t *ret);

/* Whether there are ties whose other side is as good: q8_expected_tie. */
bool q8_expected_has_ties(const struct q8_expected *e);

/*
 * Whether a code that is not the rule's for the element at `x` is the other side of a tie: within
 * 0.5 + 2^-15 of the number that was to be rounded.  Only bitsandbytes has such: on CUDA it divides
 * approximately, by up to 2 ulp of 127 (formats.md 2.1.2).
 */
bool q8_expected_tie(const struct q8_expected *e, const void *x, float scale, int code);

#endif
