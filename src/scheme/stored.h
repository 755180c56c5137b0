/* stored.h - weights that are int8 already: which tensors hold them, and how they become floats */
#ifndef Q8_SCHEME_STORED_H
#define Q8_SCHEME_STORED_H

#include "src/model/weights.h"
#include "src/scheme/scheme.h"

/* Columns of an int8 weight, at most: its rows are held in memory as a whole (4 MiB of codes). */
#define Q8_STORED_COLS (UINT64_C(4) << 20)

/* One int8 weight of a checkpoint.  No dimension is 0. */
struct q8_stored {
    const char *module; /* "model.layers.0.mlp.up_proj" */
    /*
     * Its row of q8_schemes, which says what the tensors are and what a code is worth.  Files may
     * have groups of any size: where no row has them, the row for whole rows, and `group` tells.
     */
    const struct q8_scheme *scheme;
    const struct q8_tensor *codes;  /* the part at Q8_CODES_AT */
    const struct q8_tensor *scales; /* that at Q8_SCALES_AT: F16, BF16 or F32 */
    const struct q8_tensor *detail; /* the third, where there is one; or NULL */
    uint64_t rows, cols;            /* of the weight */
    uint64_t group; /* columns that share a scale, a divisor of cols; cols: the whole row */
};

/* All int8 weights of a checkpoint.  Memory is the arena's. */
struct q8_stored_list {
    const struct q8_model *model; /* the checkpoint */
    struct q8_stored *weight;     /* [count], by module */
    uint64_t count;               /* 0: none */
    /* As config.json has it, also where no weight is int8; without one as found. */
    enum q8_layout layout;
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

/*
 * All weights of the model by module: those that q8_weights_find lists, and the int8 ones among
 * them, with view.stored, which points into `list`.  An int8 weight of no known kind is Linear.
 * `arch` is the model's, the caller's.  Q8_ELIMIT.
 */
bool q8_stored_weights(struct q8_weight_list *ret, const struct q8_stored_list *list,
                       const struct q8_arch *arch, struct q8_arena *mem, struct q8_err *err);

/* Whether a tensor of the model's index is a part of an int8 weight other than its codes. */
bool q8_stored_is_part(const struct q8_stored_list *list, const struct q8_tensor *t);

#endif
