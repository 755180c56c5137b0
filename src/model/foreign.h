/* foreign.h - checkpoints that are no float ones: what another tool left in them */
#ifndef Q8_MODEL_FOREIGN_H
#define Q8_MODEL_FOREIGN_H

#include "src/model/model.h"

/*
 * Whether nothing tells that weights are quantized already or no whole weights: config.json, the
 * files beside the weights, their metadata, the names and types of tensors.  Else Q8_EUNSUPPORTED,
 * which says by whom, and where it is seen; for what a training run left (adapters that are not
 * merged) how to mend it.  Q8_EINPUT for a weight that is empty, or has one dimension where it has
 * two in other layers: a part of it alone was saved.  A quantization_config of null or {} is none.
 */
bool q8_model_is_float(const struct q8_model *model, struct q8_err *err);

/* Whether files of that name beside the weights tell how those are quantized. */
bool q8_foreign_tells(const char *name);

#endif
