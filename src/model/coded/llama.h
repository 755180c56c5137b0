/* llama.h - weights of llama.cpp that are not in the file as the model has them */
#ifndef Q8_MODEL_CODED_LLAMA_H
#define Q8_MODEL_CODED_LLAMA_H

#include "src/model/coded/coded.h"

/* What is known of all weights of a model. */
struct q8_llama {
    const struct q8_model *model;     /* whose files hold them */
    const struct q8_kernels *kernels; /* of the isa; the arena's */
    struct q8_arena *mem;             /* outlives the model */
};

/* What is done to a tensor of a file. */
struct q8_llama_change {
    enum q8_dtype dtype;   /* F16, BF16 or F32: of what is one of these, or Q8_0 */
    struct q8_order order; /* of its rows; zeroed: as they are */
    bool less_one;         /* 1 is subtracted: norms of Gemma, which are F32 */
};

/*
 * Makes a computed tensor of *t, which lies in a file: its values as floats, those of Q8_0 as
 * gguf.dequantize has them, to the nearest of the type.  Where there is nothing to do, *t stays as
 * it is.  Q8_EINPUT for rows that the order does not divide, Q8_EUNSUPPORTED for a norm of another
 * type than F32.
 */
bool q8_llama_make(const struct q8_llama *llama, struct q8_tensor *t,
                   const struct q8_llama_change *change, struct q8_err *err);

#endif
