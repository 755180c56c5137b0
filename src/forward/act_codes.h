/* act_codes.h - activations as int8: the rows of X by the rule of each mode */
#ifndef Q8_FORWARD_ACT_CODES_H
#define Q8_FORWARD_ACT_CODES_H

#include "src/forward/engine.h"

/* The activations of one weight.  A zeroed struct filled by q8_act_codes_init is ready. */
struct q8_act_codes {
    struct q8_multiply job;           /* how, of the last q8_act_codes_take */
    const float *x;                   /* [tokens, cols] the caller's, of job.type */
    int8_t *codes;                    /* [tokens, keeps]; not in W8A16 */
    float *scale;                     /* [tokens] bitsandbytes: absmax; else what a code of 1 is */
    int32_t *zero;                    /* [tokens] x ~ (code + zero) * scale; 0 when symmetric */
    int64_t *sum;                     /* [tokens] of the codes; asymmetric modes only */
    uint32_t *outlier;                /* [outliers] columns that are multiplied apart, rising */
    uint64_t outliers;                /* how many */
    float *apart;                     /* [tokens, outliers] their values */
    uint32_t *kept;                   /* [keeps] the columns that codes are of, rising */
    uint64_t keeps;                   /* how many: all, but for the paper's decomposition */
    bool *stands_out;                 /* [cols] scratch: whether a column is an outlier */
    float *row;                       /* [cols] scratch */
    const struct q8_kernels *kernels; /* the caller's */
};

/* Memory for the weights of that room; Q8_ELIMIT.  Needs no closing: the memory is `mem`'s. */
bool q8_act_codes_init(struct q8_act_codes *t, const struct q8_engine_room *room,
                       const struct q8_kernels *kernels, struct q8_arena *mem, struct q8_err *err);

/*
 * Makes codes of x [tokens, cols], which must outlive them.
 *
 * bitsandbytes (0.50.2, backends/default/ops.py, int8_vectorwise_quant): h = half(x); elements with
 * |h| >= threshold are 0 and their columns outliers; scale = max |h| of the row, code = rne(h *
 * fl(fl(1 / scale) * 127)); then the codes of outlier columns are 0 in every row.  An infinity
 * that is no outlier makes the scale of its row infinite and its codes 0, so its products are NaN.
 *
 * W8A8: scale = absmax / 127.5 rounded to the type, its epsilon for 0; y = x / scale rounded to the
 * type; code = rne(clamp(y, -128, 127)).
 *
 * The paper's modes: columns with any |x| >= threshold > 0 are left out of what follows.
 * Symmetric: scale = absmax / 127, code = rne(x / scale).  Asymmetric, with least <= 0 <= most:
 * scale = (most - least) / 255, zero = rne(least / scale) + 128, code = rne(x / scale) - zero,
 * clamped.  Zeros alone, or with numbers so small that the scale is 0, get scale 1 and zero 0.  All
 * in float, one rounding each, of each row or of the whole.
 *
 * Where what is rounded is NaN the code is 0, in every mode; NaN is passed over when a range is
 * looked for, and a range that is infinite has an infinite scale, so its products are not finite.
 */
void q8_act_codes_take(struct q8_act_codes *t, const struct q8_multiply *job, const float *x);

/* How a row or a tensor is quantized in the paper's modes. */
struct q8_affine {
    float scale;  /* what a code of 1 stands for; > 0 */
    int32_t zero; /* value ~ (code + zero) * scale */
};

/* From the least and the largest value, as q8_act_codes_take says; 0 is added to the range. */
struct q8_affine q8_affine_make(bool asymmetric, float least, float most);

/* codes [n] of x [n]; returns their sum. */
int64_t q8_affine_codes(const struct q8_affine *a, int8_t *codes, const float *x, uint64_t n);

/* The least and the largest of x [n], added to *least and *most. */
void q8_affine_range(const float *x, uint64_t n, float *least, float *most);

/*
 * The paper's modes, after q8_act_codes_take: codes [rows, keeps] of the columns of W [rows, cols]
 * that have codes, how each row was quantized [rows], and the sums of its codes [rows].
 */
void q8_act_codes_encode(struct q8_act_codes *t, const float *reference, uint64_t rows,
                         int8_t *codes, struct q8_affine *affine, int64_t *sum);

#endif
