/* folder.h - the names of the files that a model directory holds: the one list of them */
#ifndef Q8_MODEL_FOLDER_H
#define Q8_MODEL_FOLDER_H

#include "src/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct cJSON; /* src/base/json.h */

/* What describes the model, in every directory. */
#define Q8_CONFIG "config.json"

/* Behind the name of an only weight file (STEM SUFFIX of its format): the index of several. */
#define Q8_INDEX ".index.json"

/* What an output of q8-convert has, what it may have, and what one has that grows. */
#define Q8_MANIFEST "q8-manifest.json"
#define Q8_SUMS "SHA256SUMS"
#define Q8_JOURNAL "q8-journal"

/*
 * Why a file of that name (its last part) does not come along with the weights of a model: a
 * clause, a constant; NULL: it comes along.
 */
const char *q8_folder_left(const char *leaf);

/*
 * The JSON object in a file of a folder, at most `limit` bytes long; free it with q8_json_free.
 * NULL without an error when there is no such file.
 */
struct cJSON *q8_folder_json(const char *folder, const char *name, uint64_t limit,
                             struct q8_err *err);

/* Whether a folder is an output of q8-convert, whole or half-done. */
bool q8_folder_is_output(const char *path);

#endif
