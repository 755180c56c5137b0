/* explain.h - what people name instead of a model: what it is, and what to do */
#ifndef Q8_MODEL_FOLDER_EXPLAIN_H
#define Q8_MODEL_FOLDER_EXPLAIN_H

#include "src/base/err.h"

/*
 * What a directory is that holds no model that q8 opens: an adapter, a pipeline of diffusers, a
 * directory of sentence-transformers.  Then Q8_EUNSUPPORTED, which says what to name or do; no
 * error: none of these.
 */
void q8_folder_explain(const char *folder, struct q8_err *err);

#endif
