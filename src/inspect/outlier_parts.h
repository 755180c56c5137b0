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

#endif
