/* explain_parts.h - the pieces of q8_explain_folder */
#ifndef Q8_MODEL_FOLDER_EXPLAIN_PARTS_H
#define Q8_MODEL_FOLDER_EXPLAIN_PARTS_H

#include "src/model/folder/explain.h"

/* explain_json.c: directories that say what they are in a JSON file; no error: none of these. */
void q8_explain_json(const char *folder, struct q8_err *err);

/* explain_contents.c: Q8_EUNSUPPORTED with what it has, Q8_EINPUT for an empty one. */
void q8_explain_contents(const char *folder, const char *what, struct q8_err *err);

#endif
