/* verify_parts.h - the pieces of a run, in their order */
#ifndef Q8_VERIFY_VERIFY_PARTS_H
#define Q8_VERIFY_VERIFY_PARTS_H

#include "src/verify/result.h"

/*
 * list.c: everything that is known before data are read: the pairs, the class, the modules that are
 * multiplied, the layers, and the findings of level 1 that need no data.  Wants the options.
 * Q8_EUSAGE when QUANTIZED is no int8 model or REFERENCE is one; errors as q8_verify_run.
 */
bool q8_verify_list(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err);

/* list.c: whether the second weight of the pair is quantized otherwise than in int8. */
bool q8_verify_is_decoded(const struct q8_compared *c);

/*
 * run.c: all that reads data: carried tensors, files of the manifest, the layers to the level of
 * the options; then what happened to the layers that are not as they should be.
 */
bool q8_verify_data(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err);

#endif
