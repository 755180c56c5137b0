/* outlier_parts.h - what the parts of outlier.h share */
#ifndef Q8_INSPECT_OUTLIER_PARTS_H
#define Q8_INSPECT_OUTLIER_PARTS_H

#include "src/inspect/outlier.h"

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

/*
 * From the norm gains of the model, which are read here, one norm at a time.  A gain stands out
 * when |gain| >= Q8_GAIN_FACTOR times the median of its norm; in a norm whose median is 0, none
 * does.  Norms of more than 2^20 gains are passed over.  A model without norms gives an empty
 * list.  Q8_ELIMIT, Q8_EIO.
 */
bool q8_outlier_norms(struct q8_outlier_list *ret, const struct q8_model *model,
                      const struct q8_arch *arch, struct q8_arena *mem, struct q8_err *err);

/*
 * From activation statistics: features with absmax >= threshold; with a threshold of 0 none, as
 * LLM.int8() does.  Every name and length is checked against the weights that are multiplied:
 * Q8_EINPUT for an entry that no module of the model has (with the nearest names, or the prefix
 * that all names lack or have too many) or whose length is not the module's columns; Q8_ELIMIT.
 * Names of the list are those of `acts` and `weights`.
 */
bool q8_outlier_stats(struct q8_outlier_list *ret, const struct q8_statistics *acts,
                      const struct q8_weight_list *weights, double threshold, struct q8_arena *mem,
                      struct q8_err *err);

#endif
