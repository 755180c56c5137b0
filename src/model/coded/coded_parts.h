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

/* What quantization_config says, as far as rows ask. */
struct q8_coded_config {
    const struct cJSON *json;        /* the object; NULL: none */
    const char *method;              /* quant_method; NULL: none */
    enum q8_dtype dtype;             /* of the model */
    uint64_t block_rows, block_cols; /* weight_block_size, block_structure; 0: not said */
};

/* A tensor beside the codes: its name has this in the place of the row's `codes`. */
struct q8_coding_part {
    const char *suffix; /* NULL: no more parts */
    uint64_t types;     /* that it may have */
    enum {
        Q8_CODED_NEEDED,  /* without it the codes are none of this row */
        Q8_CODED_MAYBE,   /* part[i] is NULL without it */
        Q8_CODED_DROPPED, /* it has no part in the weight: a scale of activations */
    } use;
};

struct q8_coding {
    const char *title;  /* "FP8 in blocks" */
    const char *source; /* whose arithmetic it is: project, version, place */
    const char *codes;  /* the end of the name of the codes */
    const char *name;   /* what stands there in the name of the float weight */
    uint64_t types;     /* of the codes */
    bool int8;          /* q8_stored_find reads it: codes that are times a step */
    const char *method; /* the only quant_method that has it; NULL: any, or none */
    struct q8_coding_part part[Q8_CODED_PARTS]; /* [0] is the codes themselves: { "" } */
    /*
     * Checks the parts against each other and sets rows, cols, height, blocks and, of the tensor
     * *t, rank and dims as the model has it; c->dtype is set by the scale and may be changed.
     * Q8_EINPUT, Q8_EUNSUPPORTED; the caller names the weight.
     */
    bool (*fit)(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                struct q8_err *err);
    /* Elements [first, first + count), row by row, as c->dtype. */
    bool (*read)(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                 struct q8_err *err);
    /* ---- of rows whose read is q8_coded_read_rows ---- */
    unsigned unit;  /* codes that fill whole bytes: 1, 2 for nibbles, ... */
    unsigned bytes; /* that those are */
    /* Codes of columns of one row, in groups of c->block_cols, to floats: fl(code * scale). */
    void (*decode)(const struct q8_coded *c, float *ret, const unsigned char *codes, uint64_t n,
                   const float *scale);
};

/* table.c: all rows, NULL at the end; the first whose parts are there is meant. */
extern const struct q8_coding *const q8_codings[];

/* ---- config.c ---- */

/* Reads it; points into m->config_root. */
bool q8_coded_config_read(struct q8_coded_config *ret, const struct q8_model *m,
                          struct q8_err *err);

/* ---- rows.c ---- */

/* The `read` of rows whose codes lie row by row, with scales [grid rows, grid cols] in part[1]. */
bool q8_coded_read_rows(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                        struct q8_err *err);

/* Floats to c->dtype, each to the nearest, ties to even. */
void q8_coded_narrow(const struct q8_coded *c, void *ret, const float *x, uint64_t n);

/* ---- fit.c ---- */

/* Sets rows, cols, height and *t from codes of rank 2 or 3, `unit` in each last element. */
bool q8_coded_fit_matrix(struct q8_coded *c, struct q8_tensor *t, unsigned unit,
                         struct q8_err *err);

/* Takes the scales in part[1] for blocks of that size, each matrix for itself: whether they fit. */
bool q8_coded_takes_blocks(struct q8_coded *c, uint64_t block_rows, uint64_t block_cols);

/* Fails: the shape of a part, and what was expected. */
bool q8_coded_fail_shape(const struct q8_coded *c, unsigned part, const char *expected,
                         struct q8_err *err);

#endif
