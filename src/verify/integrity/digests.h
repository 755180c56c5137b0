/* digests.h - the digests of the files that q8-manifest.json tells of */
#ifndef Q8_VERIFY_INTEGRITY_DIGESTS_H
#define Q8_VERIFY_INTEGRITY_DIGESTS_H

#include "src/verify/result.h"

/*
 * Compares the digest of one file of the manifest, v->file[i], from a thread of the pool.  False
 * without an error when the pool is stopping; Q8_EIO.
 */
bool q8_integrity_file(struct q8_verify *v, uint64_t i, struct q8_pool *pool, struct q8_err *err);

/* Bytes that it reads, for the progress. */
uint64_t q8_integrity_file_bytes(const struct q8_verify *v, uint64_t i);

#endif
