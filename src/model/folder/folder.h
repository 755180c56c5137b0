/* folder.h - the names of the files that a model directory holds: the one list of them */
#ifndef Q8_MODEL_FOLDER_FOLDER_H
#define Q8_MODEL_FOLDER_FOLDER_H

#include "src/base/file.h"

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

/* What does not come along with the weights of a model. */
struct q8_folder_rule {
    const char *pattern; /* of the last part of the path */
    enum {
        Q8_AT_ROOT, /* of files beside the weights: elsewhere they are another model's */
        Q8_ANYWHERE,
        Q8_FOLDERS /* of folders alone, wherever they are */
    } where;
    bool expected;      /* nothing is missed: copies of the weights, and notes of tools */
    const char *reason; /* a clause: "weights in another format" */
};

/*
 * The rule for a file or folder at that path below the model, a constant; NULL: it comes along.
 * Whether the model names a weight file is not asked here.
 */
const struct q8_folder_rule *q8_folder_left(const char *path, bool is_folder);

/* Whether weight files beside the model's that are called so are copies of it: shards, variants. */
bool q8_folder_is_variant(const char *leaf);

/*
 * The JSON object in a file of a folder, at most `limit` bytes long; free it with q8_json_free.
 * NULL without an error when there is no such file.
 */
struct cJSON *q8_folder_json(const char *folder, const char *name, uint64_t limit,
                             struct q8_err *err);

/* Whether a file of that name is in the folder; as q8_file_there. */
enum q8_there q8_folder_has(const char *folder, const char *name, struct q8_err *err);

/* Whether a folder is an output of q8-convert, whole or half-done; false too when err is set. */
bool q8_folder_is_output(const char *path, struct q8_err *err);

#endif
