/* imatrix.h - llama.cpp's importance matrices as statistics of activations */
#ifndef Q8_FORWARD_IMATRIX_H
#define Q8_FORWARD_IMATRIX_H

#include "src/forward/statistics.h"

/* Whether the name is that of an imatrix: .gguf, or .dat of before 2025. */
bool q8_imatrix_is(const char *path);

/*
 * Reads one: an entry for each weight, by GGUF's name without ".weight", with the root mean square
 * of each input feature; those of experts lie behind each other, NaN where nothing was counted.
 * llama.cpp, tools/imatrix/imatrix.cpp.  The path is not copied.  Q8_EINPUT for what is no imatrix,
 * Q8_ELIMIT, Q8_EIO.
 */
bool q8_imatrix_read(struct q8_statistics *ret, const char *path, struct q8_arena *mem,
                     struct q8_err *err);

/*
 * *ret are the statistics under the names of the model's modules, an entry for each expert that was
 * run; entries of what is no module of the list are left out.  Those of other files stay as they
 * are.  Q8_EINPUT when nothing is left, or a length is not that of the module's inputs.
 */
bool q8_imatrix_fit(struct q8_statistics *ret, const struct q8_statistics *acts,
                    const struct q8_weight_list *weights, struct q8_arena *mem, struct q8_err *err);

#endif
