/* coded_parts.h - what the rows of the table are made of */
#ifndef Q8_MODEL_CODED_CODED_PARTS_H
#define Q8_MODEL_CODED_CODED_PARTS_H

#include "src/model/coded/decode.h"

struct cJSON; /* src/base/json.h */

/* Types of tensors, as bits. */
#define Q8_IS(dtype) (UINT64_C(1) << (dtype))
#define Q8_IS_F8 (Q8_IS(Q8_F8_E4M3) | Q8_IS(Q8_F8_E5M2))
#define Q8_IS_FLOAT (Q8_IS(Q8_F16) | Q8_IS(Q8_BF16) | Q8_IS(Q8_F32))
#define Q8_IS_E8M0 (Q8_IS(Q8_F8_E8M0) | Q8_IS(Q8_U8))

#define Q8_CODED_GROUPS                                                                            \
    1024 /* scales of one row, where columns have them in an order of their own */

/* What quantization_config says, as far as rows ask. */
struct q8_coded_config {
    const struct cJSON *json;        /* the object; NULL: none */
    const char *method;              /* quant_method; NULL: none */
    enum q8_dtype dtype;             /* of the model */
    uint64_t block_rows, block_cols; /* weight_block_size, block_structure; 0: not said */
    uint32_t bits; /* 1 << b for each number of bits b that whole numbers have; 0: not said */
};

/* Codes of one row, and the scales for them. */
struct q8_coded_run {
    const unsigned char *codes;
    uint64_t n, group;         /* codes; how many share a scale, the last group may be shorter */
    const float *scale, *zero; /* [ceil(n / group)] each; zero: NULL where all are 0 */
};

/* A tensor beside the codes: its name has this in the place of the row's `codes`. */
struct q8_coding_part {
    const char *suffix; /* NULL: no more parts */
    uint64_t types;     /* that it may have */
    enum {
        Q8_CODED_NEEDED,  /* without it the codes are none of this row */
        Q8_CODED_MAYBE,   /* part[i] is NULL without it; of another type, it is an error */
        Q8_CODED_DROPPED, /* it has no part in the weight: a scale of activations */
    } use;
};

struct q8_coding {
    const char *title;  /* "FP8 in blocks" */
    const char *source; /* whose arithmetic it is: project, version, place */
    const char *codes;  /* the end of the name of the codes */
    const char *name;   /* what stands there in the name of the float weight */
    uint64_t types;     /* of the codes */
    const char *method; /* the only quant_method that has it; NULL: any, or none */
    bool straight;      /* its library rounds to the type that is asked for, whatever the scales' */
    struct q8_coding_part part[Q8_CODED_PARTS]; /* [0] is the codes themselves: { "" } */
    /*
     * Checks the parts against each other and sets rows, cols, height, blocks and, of the tensor
     * *t, rank and dims as the model has it; c->dtype is set by the scale and may be changed;
     * c->via, where the library has one of its own.
     * Q8_EINPUT, Q8_EUNSUPPORTED; the caller names the weight.
     */
    bool (*fit)(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                struct q8_err *err);
    /* Elements [first, first + count), row by row, as c->dtype. */
    bool (*read)(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                 struct q8_err *err);
    enum {
        Q8_CODES_OTHER,  /* its numbers are no int8 codes times a step */
        Q8_CODES_STEPS,  /* they are, where there are no zeros; part[1] has the steps */
        Q8_CODES_ABSMAX, /* they are, of a step that is part[1] times fl(1 / 127) */
        Q8_CODES_E2M1,   /* they are, twice an E2M1 each, of a step that is half of part[1], E8M0 */
        Q8_CODES_BLOCKS  /* they are, in blocks of 32 behind an F16: q8_llama_read_row */
    } codes_are;
    /* Whether it is q8_stored_find's: int8 codes that are times a step.  NULL: it never is. */
    bool (*is_int8)(const struct q8_coded *c, const struct q8_coded_config *config);
    /* ---- of rows whose read is q8_coded_read_rows ---- */
    unsigned bits; /* of a code; 0: fit sets c->bits */
    /* n codes, a byte each, from the start of a byte on; NULL: `decode` takes them as they lie */
    void (*unpack)(const struct q8_coded *c, unsigned char *ret, const unsigned char *codes,
                   uint64_t n);
    /* Scales as floats; NULL: they are what their type says. */
    void (*scales)(const struct q8_coded *c, float *ret, const unsigned char *raw, uint64_t n);
    /* To floats: fl((code - zero) * scale). */
    void (*decode)(const struct q8_coded *c, float *ret, const struct q8_coded_run *run);
};

/* table.c: all rows, NULL at the end; the first whose parts are there is meant. */
extern const struct q8_coding *const q8_codings[];

/* Rows that their own files compare with. */
extern const struct q8_coding q8_coding_nf4, q8_coding_awq;

/* ---- config.c ---- */

/* Reads it; points into m->config_root. */
bool q8_coded_config_read(struct q8_coded_config *ret, const struct q8_model *m,
                          struct q8_err *err);

/* ---- rows.c ---- */

/* The `read` of rows whose codes lie row by row, with scales [grid rows, grid cols] in part[1]. */
bool q8_coded_read_rows(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                        struct q8_err *err);

/* ---- line.c ---- */

/* Floats to c->dtype, by way of c->via, each to the nearest, ties to even. */
void q8_coded_narrow(const struct q8_coded *c, void *ret, const float *x, uint64_t n);

/* Codes of one row and their scales, as they were read. */
struct q8_coded_line {
    const unsigned char *codes;
    unsigned bits;      /* that each takes there: c->bits, or 8 where they are unpacked */
    uint64_t col, cols; /* of the row: the first code, how many */
    /* of the row, from the group of `col` on, or with c->order from 0 on; zero may be NULL */
    const float *scale, *zero;
};

/* To floats, by the row's decode.  Errors of reading c->order. */
bool q8_coded_decode_line(const struct q8_coded *c, float *ret, const struct q8_coded_line *line,
                          struct q8_err *err);

/* Scales [at, at + n) of the grid, n <= Q8_CODED_GROUPS, as floats. */
bool q8_coded_read_scales(const struct q8_coded *c, uint64_t at, uint64_t n, float *ret,
                          struct q8_err *err);

/* The same of zeros, where c->zero is there. */
bool q8_coded_read_zeros(const struct q8_coded *c, uint64_t at, uint64_t n, float *ret,
                         struct q8_err *err);

/* ---- bits.c ---- */

/* An `unpack`: c->bits each, the lowest first, less half of their range. */
void q8_coded_unpack_bits(const struct q8_coded *c, unsigned char *ret, const unsigned char *codes,
                          uint64_t n);

/* ---- cast.c ---- */

/* Of a plain tensor that has another type than the one asked for; no row of the table. */
extern const struct q8_coding q8_coding_cast;

/* Whether that is for this tensor, if it is not empty; Q8_DTYPES: no type is asked for. */
bool q8_coded_casts(const struct q8_tensor *t, enum q8_dtype dtype);

/* ---- llama.c ---- */

/* Codes [cols] and steps F16 [cols / 32] of a row of Q8_0 of the model; NULL: not wanted. */
bool q8_llama_read_row(const struct q8_coded *c, uint64_t row, int8_t *codes, unsigned char *steps,
                       struct q8_err *err);

/* ---- wants.c ---- */

/* "I8 or I32": the names of types, as bits, into `text`; returns it. */
const char *q8_coded_types(uint64_t types, char *text, size_t size);

/* ---- coded.c ---- */

/* Fails: that element is beyond the type asked for. */
bool q8_coded_fail_range(const struct q8_coded *c, uint64_t element, double value,
                         struct q8_err *err);

/* A `decode`: fl((code - zero) * scale), codes of one signed byte; the difference is exact. */
void q8_coded_decode_ints(const struct q8_coded *c, float *ret, const struct q8_coded_run *run);

/* ---- fit.c ---- */

/* Sets rows, cols, height, width and *t from codes of rank 2 or 3, `unit` in each last element. */
bool q8_coded_fit_matrix(struct q8_coded *c, struct q8_tensor *t, unsigned unit,
                         struct q8_err *err);

/* Takes the scales in part[1] for blocks of that size, each matrix for itself: whether they fit. */
bool q8_coded_takes_blocks(struct q8_coded *c, uint64_t block_rows, uint64_t block_cols);

/* Takes them for one of all, one for each row or matrix, or blocks of the config's size. */
bool q8_coded_takes_scales(struct q8_coded *c, uint64_t block_rows, uint64_t block_cols);

/* Whether a part has the shape of another. */
bool q8_coded_same_shape(const struct q8_coded *c, unsigned part, unsigned other);

/* Takes a part [cols] I32 for c->order, unless it says what holds without. */
bool q8_coded_fit_order(struct q8_coded *c, unsigned part, struct q8_err *err);

/* Fails: the shape of a part, and what was expected. */
bool q8_coded_fail_shape(const struct q8_coded *c, unsigned part, const char *expected,
                         struct q8_err *err);

#endif
