/* manifest.h - q8-manifest.json: what was written from what */
#ifndef Q8_CONVERT_MANIFEST_H
#define Q8_CONVERT_MANIFEST_H

#include "src/convert/job.h"

#include <stdio.h>

/* One output file as it was re-read. */
struct q8_written {
    struct q8_digest xxh;  /* of all its bytes */
    char sha[Q8_SHA_TEXT]; /* SHA-256 of the same in hex; empty unless asked for */
};

/* What a manifest tells of; before the work only its size can be known. */
struct q8_manifest {
    const struct q8_plan *plan;       /* names, sizes, target, patterns */
    const struct q8_result *result;   /* [plan->jobs]; NULL: not known yet */
    const struct q8_written *written; /* [plan->hashed]; NULL: not known yet */
};

/*
 * Prints the manifest (self: struct q8_manifest): no time, no host, no path.  It has as many bytes
 * before the work as after.  For q8_file_print, which looks for write errors.
 */
bool q8_manifest_print(void *self, FILE *out, struct q8_err *err);

#endif
