/* outlier_parts.h - what the parts of outlier.h share */
#ifndef Q8_OUTLIER_PARTS_H
#define Q8_OUTLIER_PARTS_H

#include "src/outlier.h"

/* A list of outliers in the making.  Set mem, the rest to 0. */
struct q8_outlier_builder {
    struct q8_outlier_list list;    /* sources and hits so far */
    uint64_t source_room, hit_room; /* elements allocated */
    struct q8_arena *mem;           /* for all of it */
};

/* For qsort over anything that begins with a q8_feature_source: by layer, then name. */
int q8_outlier_compare(const void *a, const void *b);

/*
 * The lower median of the magnitudes of value [n], NaN left out; 0 when there are none.  Takes n
 * floats from `scratch`.  False: Q8_ELIMIT.
 */
bool q8_outlier_median(double *ret, const float *value, uint64_t n, struct q8_arena *scratch,
                       struct q8_err *err);

/*
 * Adds a copy of *source, which comes behind those before it in the order of q8_outlier_compare,
 * and a hit for each |value| [source->features] >= threshold; sets its `outliers`.  Q8_ELIMIT.
 */
bool q8_outlier_add(struct q8_outlier_builder *b, const struct q8_feature_source *source,
                    const float *value, double threshold, struct q8_err *err);

/* Follows the hits across the layers; *ret is the whole list.  Q8_ELIMIT. */
bool q8_outlier_finish(struct q8_outlier_list *ret, struct q8_outlier_builder *b,
                       struct q8_err *err);

/* Whether q8_outlier_floats knows the type: F16, BF16, F32, F64. */
bool q8_outlier_is_float(enum q8_dtype dtype);

/* Widens n elements of such a type, possibly unaligned; F64 is narrowed, beyond float to Inf. */
void q8_outlier_floats(float *ret, enum q8_dtype dtype, const void *bytes, uint64_t n);

/*
 * Whether the tensor is the gain of a norm: rank 1, floats, "MODULE.weight" (or .gamma, .scale)
 * where the leaf of MODULE names a norm.  *ret_length is that of MODULE.
 */
bool q8_norm_is_gain(const struct q8_tensor *t, uint64_t *ret_length);

/* Whether that norm multiplies by 1 + w instead of w. */
bool q8_norm_adds_one(const struct q8_model *model, const struct q8_arch *arch, const char *module);

/*
 * Leaf names of the modules of the file that read the output of norm `module` directly, "q_proj,
 * k_proj, v_proj", into *ret; NULL when it is not known.  False: Q8_ELIMIT.
 */
bool q8_norm_feeds(const char **ret, const struct q8_index *ix, const char *module,
                   struct q8_arena *mem, struct q8_err *err);

#endif
