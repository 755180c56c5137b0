/* encode.h - rows of a tile through the kernels: codes, scales, sums */
#ifndef Q8_SCHEME_ENCODE_H
#define Q8_SCHEME_ENCODE_H

#include "kernels/kernels.h"
#include "src/base/arena.h"
#include "src/scheme/scheme.h"

/* What was seen on the way; add up in order for a whole weight.  Start with a zeroed struct. */
struct q8_stats {
    double err2;        /* sum of (w - w')^2, in units of the weight squared */
    double val2;        /* sum of w^2 */
    uint64_t zero_rows; /* rows without a number other than 0 */
    uint64_t moved;     /* int8 codes that are others than those that the input had */
};

/*
 * Everything that encoding needs besides the rows; one per thread.  `scheme` and `measure` are the
 * caller's to set, the scheme again for each weight, to none of smaller groups than at first.
 */
struct q8_encoder {
    const struct q8_scheme *scheme; /* how */
    bool measure;                   /* whether errors are summed; else sums of stats stay 0 */
    struct q8_kernels fast, ref;    /* for all rows; for those with a group below 2^-100 */
    uint32_t *absmax;               /* [groups of the widest row] bits, as absmax returns them */
    float *factor;                  /* same shape: f of each group */
    double *step;                   /* same shape: what a code of 1 stands for */
    struct q8_sums *sums;           /* same shape: errors in units of step squared */
};

/*
 * The step that llm-compressor stores for a group with that absmax: absmax / 127.5 rounded to
 * `dtype` (F16, BF16, else F32), and that type's epsilon for one that rounds to 0.  Its bits go to
 * *ret_bits, which has the size of the type.
 */
float q8_llmc_step(float absmax, enum q8_dtype dtype, void *ret_bits);

/* Bytes of memory that q8_encoder_init takes for rows of `cols` columns. */
uint64_t q8_encoder_bytes(const struct q8_scheme *scheme, uint64_t cols);

/*
 * Memory for rows of up to `cols` columns in e->scheme or one of larger groups (0, the whole row,
 * being the largest), and the kernels of `isa`; Q8_ELIMIT.  Needs no closing: the memory is
 * `mem`'s.
 */
bool q8_encoder_init(struct q8_encoder *e, enum q8_isa isa, uint64_t cols, struct q8_arena *mem,
                     struct q8_err *err);

/* Rows on their way to codes; memory is the caller's. */
struct q8_tile {
    const void *x;             /* [rows, cols] of `type` */
    enum q8_float type;        /* of x */
    uint64_t rows, cols;       /* of x */
    uint64_t first_row;        /* the number of its first row in the weight, for messages */
    int8_t *codes;             /* [rows, cols] to fill */
    void *scales;              /* to fill: absmax as float [rows], or steps [rows, groups] */
    enum q8_dtype scale_dtype; /* of the scales */
};

/*
 * Encodes the rows of a tile.  Sums are added to *stats row by row.  NaN, Inf and an fp16 overflow
 * are Q8_EINPUT naming the row.  Denormals must be flushed in this thread (q8_denormals_flush).
 * The formulas are those of the scheme's rule (kernels.h).
 */
bool q8_encode_rows(struct q8_encoder *e, const struct q8_tile *tile, struct q8_stats *stats,
                    struct q8_err *err);

/*
 * Codes [rows, cols] to compressed-tensors' words in place: code ^ 0x80, rows padded with 0 to
 * `width` bytes (formats.md 2.2.3).
 */
void q8_pack_rows(unsigned char *codes, uint64_t rows, uint64_t cols, uint64_t width);

#endif
