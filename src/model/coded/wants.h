/* wants.h - what a tensor that is a part of no weight would be a part of, for messages */
#ifndef Q8_MODEL_CODED_WANTS_H
#define Q8_MODEL_CODED_WANTS_H

#include "src/model/model.h"

/*
 * What q8 reads a tensor with, that it decoded as no part of a weight: "'.weight' F8_E4M3,
 * '.weight_scale_inv' F32", the ends of names and their types.  False: it is no such part.
 */
bool q8_coded_wants(const struct q8_model *m, const struct q8_tensor *t, char *text, size_t size);

/* The ends of the names of scales that codes of that name and type may have; false: none. */
bool q8_coded_scales(const struct q8_tensor *t, char *text, size_t size);

#endif
