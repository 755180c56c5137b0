/* unfinished.h - what a training run leaves that is no model yet: adapters, parts, heads */
#ifndef Q8_MODEL_UNFINISHED_H
#define Q8_MODEL_UNFINISHED_H

#include "src/model/arch.h"
#include "src/model/model.h"

/*
 * Whether the tensors are whole weights of a model.  Q8_EUNSUPPORTED for adapters that are not
 * merged into it, or that are all there is, with the way to do so; Q8_EINPUT names a weight of one
 * dimension that has two in other layers, or none of its elements: a part of it alone was saved.
 */
bool q8_model_is_finished(const struct q8_model *model, struct q8_err *err);

/* Whether a tensor of that name is of an adapter: LoRA and its like, as PEFT and others name it. */
bool q8_unfinished_adapter(const char *name);

/*
 * Why a module stays float that a training run put beside the model, and that the class of a
 * language model does not have: a clause, a constant; NULL: it is none.
 */
const char *q8_unfinished_head(const struct q8_arch *arch, const char *module);

#endif
