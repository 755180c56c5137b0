/* explain.h - what people name instead of a model: what it is, and what to do */
#ifndef Q8_MODEL_FOLDER_EXPLAIN_H
#define Q8_MODEL_FOLDER_EXPLAIN_H

#include "src/base/err.h"

/*
 * Q8_EUNSUPPORTED for a directory that is no model: an adapter, a pipeline of diffusers, one of
 * sentence-transformers; it says what to name or do.  Else no error, unless `what` is said to be
 * missing ("neither A nor B is there"): then the error says what the directory has instead.
 */
void q8_explain_folder(const char *folder, const char *what, struct q8_err *err);

/*
 * For a file that was refused as malformed (Q8_EINPUT): when its first bytes say that it is another
 * kind of file, or none, the error says that instead; `is_json`: JSON was expected of it.  False.
 */
bool q8_explain_file(const char *path, bool is_json, struct q8_err *err);

/* For a file that is named as a model, and is no weight file by its name: what it is; false. */
bool q8_explain_named(const char *path, struct q8_err *err);

/*
 * For a path at which nothing is: a name of the hub or an address, a link to nowhere, or Q8_EIO;
 * false.
 */
bool q8_explain_absent(const char *path, struct q8_err *err);

#endif
