/* manifest.h - q8-manifest.json: what was written from what */
#ifndef Q8_MANIFEST_H
#define Q8_MANIFEST_H

#include "src/tile.h"

#include <stdio.h>

/* One output file as it was re-read. */
struct q8_written {
    struct q8_digest xxh;
    char sha[Q8_SHA_TEXT]; /* empty unless asked for */
};

/* What a manifest tells of; before the work only its size can be known. */
struct q8_manifest {
    const struct q8_plan *plan;
    const struct q8_result *result;   /* one per job; NULL: not known yet */
    const struct q8_written *written; /* one per hashed file; NULL: not known yet */
};

/* Prints the manifest (self: struct q8_manifest): no time, no host, no path. */
bool q8_manifest_print(void *self, FILE *out, struct q8_err *err);

#endif
