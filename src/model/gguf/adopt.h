/* adopt.h - a GGUF model with the names, shapes and config.json that it has in transformers */
#ifndef Q8_MODEL_GGUF_ADOPT_H
#define Q8_MODEL_GGUF_ADOPT_H

#include "src/model/coded/coded.h"

/* Whether the open model is one of GGUF files. */
bool q8_model_is_gguf(const struct q8_model *m);

/*
 * Gives the tensors of a GGUF model the names, shapes and order of rows that they have in
 * transformers, experts apart, and makes what config.json says of the file's keys where there is no
 * such file; what the files have goes to m->raw.  All floats become `dtype`; Q8_DTYPES: F16 or BF16
 * where the matrices are that, but for some of F32 (routers), else F32, which holds Q8_0 exactly.
 * llama.cpp widens norms to F32, so 16 bits hold what the model had.  Where the architecture is not
 * in q8's table, or something of the model is not, all tensors keep their names and m->unknown says
 * why.  Q8_EINPUT, Q8_ELIMIT, Q8_EIO.
 */
bool q8_gguf_adopt(struct q8_model *m, const struct q8_kernels *kernels, enum q8_dtype dtype,
                   struct q8_arena *mem, struct q8_err *err);

#endif
