/* magic.h - what the first bytes of a file, or else its name, say that it is */
#ifndef Q8_MODEL_FOLDER_MAGIC_H
#define Q8_MODEL_FOLDER_MAGIC_H

#include "src/base/file.h"

#include <stddef.h>

/* How many bytes are looked at. */
#define Q8_MAGIC_BYTES 512

/* A kind of file. */
struct q8_magic {
    enum q8_magic_sort {
        Q8_MAGIC_POINTER, /* a few bytes that stand for a file which is elsewhere */
        Q8_MAGIC_PAGE,    /* what a server answered in the place of a file */
        Q8_MAGIC_OTHER,   /* of another program */
        Q8_MAGIC_JSON,
        Q8_MAGIC_WEIGHTS, /* that q8 reads */
        Q8_MAGIC_BROKEN   /* of no program: empty, or zeros */
    } sort;
    const char *what;   /* with its article: "a Git LFS pointer" */
    const char *todo;   /* a clause: what to do to get a model */
    const char *suffix; /* of WEIGHTS: what their names end in, mostly */
};

/* What the `count` first bytes of a file say, a constant; NULL: nothing that is known. */
const struct q8_magic *q8_magic_bytes(const unsigned char *bytes, size_t count);

/* What an open file is by its first bytes; NULL: not known, or err is set. */
const struct q8_magic *q8_magic_file(const struct q8_file *file, struct q8_err *err);

/* What the name of a file says, a constant; NULL: nothing. */
const struct q8_magic *q8_magic_name(const char *leaf);

/* Fails: Q8_EUNSUPPORTED, or Q8_EINPUT for what is broken, with the path, what it is and to do. */
bool q8_magic_fail(const struct q8_magic *magic, const char *path, struct q8_err *err);

#endif
