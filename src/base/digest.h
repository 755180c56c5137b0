/* digest.h - checksums: XXH3-128 of everything, SHA-256 when asked for */
#ifndef Q8_BASE_DIGEST_H
#define Q8_BASE_DIGEST_H

#include "src/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Hex digits of each, with the NUL. */
#define Q8_DIGEST_TEXT 33
#define Q8_SHA_TEXT 65

/* An XXH3-128, its bytes in the order in which "xxhsum -H2" prints them. */
struct q8_digest {
    unsigned char byte[16]; /* most significant first; all 0 is a digest like any other */
};

/* Its 32 lower-case hex digits; returns text. */
char *q8_digest_text(const struct q8_digest *d, char text[Q8_DIGEST_TEXT]);

/* Back from 32 such digits; false, and *ret as it was, when `text` is anything else. */
bool q8_digest_parse(const char *text, struct q8_digest *ret);

/* Takes one and the space behind it off the front of a line; false, *at as it was, if none is. */
bool q8_digest_take(const char **at, struct q8_digest *ret);

/* Whether all 16 bytes agree. */
bool q8_digest_same(const struct q8_digest *a, const struct q8_digest *b);

/* A running XXH3-128 (libxxhash).  One thread's. */
struct q8_xxh {
    void *state; /* library state, 64-byte aligned; NULL = none */
};

/* Takes memory for the state, which has seen no bytes; Q8_ELIMIT. */
bool q8_xxh_open(struct q8_xxh *x, struct q8_err *err);

/* Gives the state back; accepts a zeroed struct. */
void q8_xxh_close(struct q8_xxh *x);

/* Back to no bytes seen. */
void q8_xxh_reset(struct q8_xxh *x);

/* Takes the next n bytes.  With n = 0 `bytes` may be NULL.  Cannot fail. */
void q8_xxh_add(struct q8_xxh *x, const void *bytes, uint64_t n);

/* The digest of all bytes since the reset; more may be added after it. */
struct q8_digest q8_xxh_sum(const struct q8_xxh *x);

/* The digest of one piece of memory. */
struct q8_digest q8_xxh_once(const void *bytes, uint64_t n);

/* A running SHA-256 (libcrypto).  One thread's. */
struct q8_sha {
    uint64_t state[14]; /* the library's */
    bool started;       /* it is a sum, and not yet ended */
};

/* Begins a sum of no bytes. */
void q8_sha_start(struct q8_sha *s);

/* Takes the next n bytes. */
void q8_sha_add(struct q8_sha *s, const void *bytes, uint64_t n);

/* Ends the sum: 64 lower-case hex digits of all bytes, with a NUL. */
void q8_sha_text(struct q8_sha *s, char ret[Q8_SHA_TEXT]);

#endif
