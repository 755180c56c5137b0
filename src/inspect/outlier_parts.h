/* outlier_parts.h - what the parts of outlier.h share */
#ifndef Q8_INSPECT_OUTLIER_PARTS_H
#define Q8_INSPECT_OUTLIER_PARTS_H

#include "formats/npz.h"
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
 * Opens a file of activations or of statistics about them.  Q8_EUNSUPPORTED, with the way out, when
 * the path ends in neither .npz nor the suffix of a format; else as q8_file_open.
 */
bool q8_arrays_open(struct q8_file *ret, const char *path, struct q8_err *err);

/*
 * Hands out every array of such a file: those of .npz as q8_npz_read does, with their data; of
 * other formats without (NULL), and array->offset says where they are in the file.  Errors of the
 * parsers and of the visitor, with the array's name in front.
 */
bool q8_arrays_each(struct q8_file *file, const struct q8_npz_visitor *visitor,
                    struct q8_arena *mem, struct q8_err *err);

/*
 * The elements of a vector of floats as *ret [dim[0]], from its packed data: Q8_EINPUT when one is
 * no largest magnitude (NaN, infinite as a float, negative).  Memory is `mem`'s: Q8_ELIMIT.
 */
bool q8_statistics_maxima(float **ret, const struct q8_tensor *t, const void *data,
                          struct q8_arena *mem, struct q8_err *err);

/* Puts "tensor 'name': " in front of a failure.  Returns false. */
bool q8_arrays_fail(const char *name, struct q8_err *err);

/*
 * Finds the module [count], sorted by name, of entry i as ret[i] (not the absmax of the entries);
 * Q8_EINPUT as q8_outlier_stats has it.
 */
bool q8_outlier_match(const struct q8_outlier_module **ret, const struct q8_statistics *acts,
                      const struct q8_outlier_module *module, uint64_t count,
                      struct q8_arena *scratch, struct q8_err *err);

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
 * The other way round: sets ret[i] to t, the gain of norm `norm`, for each module i [count], sorted
 * by name, that reads the norm's output directly, has as many columns as t has gains, and whose
 * ret[i] is NULL.  Of experts, those weights that come first.
 */
void q8_norms_mark(const struct q8_tensor **ret, const struct q8_index *ix, const char *norm,
                   const struct q8_tensor *t, const struct q8_outlier_module *module,
                   uint64_t count);

#endif
