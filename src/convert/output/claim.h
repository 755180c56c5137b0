/* claim.h - which files of a directory are q8-convert's: of a plan, a journal or a manifest */
#ifndef Q8_CONVERT_OUTPUT_CLAIM_H
#define Q8_CONVERT_OUTPUT_CLAIM_H

#include "src/base/arena.h"
#include "src/base/dir.h"

#define Q8_MANIFEST_SCHEMA "q8-manifest/1" /* what a manifest says that it is */

/* Files that q8-convert made or is to make.  Nothing else is ever removed. */
struct q8_claim {
    const char **name; /* [names] paths below the directory; sorted once q8_claim_sort was called */
    uint64_t names, room; /* in use, allocated */
};

/* Adds a name, which must outlive the claim; Q8_ELIMIT. */
bool q8_claim_add(struct q8_claim *c, const char *name, struct q8_arena *mem, struct q8_err *err);

/* Sorts the names, each once: before the calls below. */
void q8_claim_sort(struct q8_claim *c);

/* Whether the file of that name is one of them. */
bool q8_claim_has(const struct q8_claim *c, const char *name);

/*
 * What the manifest in a directory names, itself, and checksums of just these files; sorted.  False
 * without an error when there is no manifest that q8-convert wrote.
 */
bool q8_claim_manifest(struct q8_claim *ret, const struct q8_dir *d, struct q8_arena *mem,
                       struct q8_err *err);

/* Bytes of a file's line in SHA256SUMS. */
uint64_t q8_claim_sum_bytes(const char *name);

/* Who looks at a directory, and what for. */
struct q8_claim_use {
    bool write; /* its files are to be written: none may have another name or owner */
    int code;   /* of the failure when there is something else */
};

/*
 * Whether there is nothing else in the directory: no other file or folder, no link, no pipe.  Else
 * a failure that names it.
 */
bool q8_claim_holds(const struct q8_claim *c, const struct q8_dir *d,
                    const struct q8_claim_use *use, struct q8_err *err);

/*
 * Removes the files and the folders that they leave empty, the file `last` after all others where
 * it is one of them; what else is there stays.
 */
bool q8_claim_remove(const struct q8_claim *c, const struct q8_dir *d, const char *last,
                     struct q8_err *err);

#endif
