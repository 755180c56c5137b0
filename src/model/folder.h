/* folder.h - the names of the files that a model directory holds: the one list of them */
#ifndef Q8_MODEL_FOLDER_H
#define Q8_MODEL_FOLDER_H

#include <stdbool.h>

/* What describes the model, in every directory. */
#define Q8_CONFIG "config.json"

/* What an output of q8-convert has, what it may have, and what one has that grows. */
#define Q8_MANIFEST "q8-manifest.json"
#define Q8_SUMS "SHA256SUMS"
#define Q8_JOURNAL "q8-journal"

/* How a container's weight files are called in a model directory: a row of data, constant. */
struct q8_folder {
    const char *format; /* name of the q8_format, a word of formats/meson.build: "safetensors" */
    const char *single; /* of the only weight file */
    const char *index;  /* of the file that says which tensor lies in which of several */
};

/* One for each container, the one that is looked for first in front; NULL format at the end. */
extern const struct q8_folder q8_folders[];

/*
 * Why a file of that name (its last part) does not come along with the weights of a model: a
 * clause, a constant; NULL: it comes along.
 */
const char *q8_folder_left(const char *leaf);

/* Whether a folder is an output of q8-convert, whole or half-done. */
bool q8_folder_is_output(const char *path);

#endif
