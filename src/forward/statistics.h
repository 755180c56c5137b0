/* statistics.h - files of activations, and of statistics about them: one vector per module */
#ifndef Q8_FORWARD_STATISTICS_H
#define Q8_FORWARD_STATISTICS_H

#include "formats/npz.h"
#include "src/model/weights.h"

/* The largest file of activation statistics: those of a 400 billion model have 50 MB. */
#define Q8_STATISTICS_LIMIT (UINT64_C(1) << 30)

/* Statistics of activations: one vector per module.  Memory is the arena's. */
struct q8_statistics {
    const char *path; /* of the file */
    struct q8_statistic {
        const char *module;  /* without ".weight" */
        uint64_t features;   /* elements of absmax */
        const float *absmax; /* largest magnitude of each input feature, finite, >= 0 */
    } * entry;               /* [count], by module */
    uint64_t count;
    bool rms; /* of an imatrix: root mean squares, which are below the largest magnitudes */
};

/*
 * Reads an imatrix of llama.cpp (q8_imatrix_read), or a .safetensors, PyTorch, .npz or .npy file of
 * 1-D tensors of F16, BF16, F32 or F64 (SmoothQuant's act_scales), at least one.  The path is not
 * copied.  Q8_EUNSUPPORTED for another kind of file; Q8_EINPUT, with the tensor, for what is no
 * such vector (another rank or type, NaN, an infinity, a negative number); Q8_ELIMIT beyond
 * Q8_STATISTICS_LIMIT; Q8_EIO.
 */
bool q8_statistics_read(struct q8_statistics *ret, const char *path, struct q8_arena *mem,
                        struct q8_err *err);

/* Sorts entries by module. */
void q8_statistics_sort(struct q8_statistic *entry, uint64_t count);

/*
 * Opens a file of activations or of statistics about them.  Q8_EUNSUPPORTED, with the way out, when
 * the path ends in none of .npz, .npy and the suffixes of formats, and for what stands in the place
 * of a file (a pointer of Git LFS); else as q8_file_open.
 */
bool q8_arrays_open(struct q8_file *ret, const char *path, struct q8_err *err);

/*
 * Hands out every array of such a file: those of .npz as q8_npz_read does, with their data, and so
 * the one of MODULE.npy; of other formats without (NULL), and array->offset says where they are in
 * the file.  Errors of the parsers and of the visitor, with the array's name in front.
 */
bool q8_arrays_each(struct q8_file *file, const struct q8_npz_visitor *visitor,
                    struct q8_arena *mem, struct q8_err *err);

/*
 * The elements of a vector of floats as *ret [dim[0]], from its packed data: Q8_EINPUT when one is
 * no largest magnitude (NaN, infinite as a float, negative).  Memory is `mem`'s: Q8_ELIMIT.
 */
bool q8_statistics_maxima(float **ret, const struct q8_tensor *t, const void *data,
                          struct q8_arena *mem, struct q8_err *err);

/*
 * Finds the weight of entry i as ret[i] (not the absmax of the entries).  Q8_EINPUT for an entry
 * that no weight of the list has (with the nearest names, or the prefix that all names lack or have
 * too many) or whose length is not the weight's columns.
 */
bool q8_statistics_match(const struct q8_weight **ret, const struct q8_statistics *acts,
                         const struct q8_weight_list *weights, struct q8_arena *scratch,
                         struct q8_err *err);

#endif
