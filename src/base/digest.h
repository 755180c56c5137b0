/* digest.h - checksums: XXH3-128 of everything, SHA-256 when asked for */
#ifndef Q8_BASE_DIGEST_H
#define Q8_BASE_DIGEST_H

#include "src/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Hex digits of each, with the NUL. */
#define Q8_XXH_TEXT 33
#define Q8_SHA_TEXT 65

/* A running XXH3-128 (libxxhash); "xxhsum -H2" prints the same 32 digits. */
struct q8_xxh {
    void *state; /* library state, 64-byte aligned; NULL = none */
};

/* Takes memory for the state; Q8_ELIMIT. */
bool q8_xxh_open(struct q8_xxh *x, struct q8_err *err);
void q8_xxh_close(struct q8_xxh *x); /* accepts a zeroed struct */
void q8_xxh_reset(struct q8_xxh *x); /* back to no bytes seen */
void q8_xxh_add(struct q8_xxh *x, const void *bytes, uint64_t n);
/* The digest of all bytes since the reset, as 32 lower-case hex digits. */
void q8_xxh_text(const struct q8_xxh *x, char ret[Q8_XXH_TEXT]);
/* The digest of one piece of memory. */
void q8_xxh_once(const void *bytes, uint64_t n, char ret[Q8_XXH_TEXT]);

/* A running SHA-256 (libcrypto), same calls. */
struct q8_sha {
    void *state;
};
bool q8_sha_open(struct q8_sha *s, struct q8_err *err);
void q8_sha_close(struct q8_sha *s);
bool q8_sha_add(struct q8_sha *s, const void *bytes, uint64_t n, struct q8_err *err);
bool q8_sha_text(struct q8_sha *s, char ret[Q8_SHA_TEXT], struct q8_err *err);

#endif
