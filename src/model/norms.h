/* norms.h - what is known of norms: how they are called, how they use a gain, what reads them */
#ifndef Q8_MODEL_NORMS_H
#define Q8_MODEL_NORMS_H

#include "src/model/weights.h"

/*
 * Whether the tensor is the gain of a norm: rank 1, floats, "MODULE.weight" (or .gamma, .scale)
 * where the leaf of MODULE names a norm.  *ret_length is that of MODULE.
 */
bool q8_norms_is_gain(const struct q8_tensor *t, uint64_t *ret_length);

/* Whether that norm multiplies by 1 + w instead of w. */
bool q8_norms_adds_one(const struct q8_model *model, const struct q8_arch *arch,
                       const char *module);

/*
 * Leaf names of the modules of the file that read the output of norm `module` directly, "q_proj,
 * k_proj, v_proj", into *ret; NULL when it is not known.  False: Q8_ELIMIT.
 */
bool q8_norms_feeds(const char **ret, const struct q8_index *ix, const char *module,
                    struct q8_arena *mem, struct q8_err *err);

/*
 * The other way round: sets ret[i] [list->count] to t, the gain of norm `norm`, for each weight i
 * that reads the norm's output directly, has as many columns as t has gains, and whose ret[i] is
 * NULL.  Of experts, those weights that come first.
 */
void q8_norms_mark(const struct q8_tensor **ret, const struct q8_weight_list *list,
                   const char *norm, const struct q8_tensor *t);

#endif
