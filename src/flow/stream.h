/* stream.h - the bytes of one output tensor in order: digested, and written in large pieces */
#ifndef Q8_FLOW_STREAM_H
#define Q8_FLOW_STREAM_H

#include "src/base/arena.h"
#include "src/base/digest.h"
#include "src/base/file.h"

/*
 * Pieces end at multiples of this in the file, whatever the offset of the tensor: a file system
 * then keeps them in large folios.  Pieces of the same size at odd offsets take 1.2 times as long.
 */
#define Q8_STREAM_PIECE (512u << 10)

/* One tensor on its way out; one thread's. */
struct q8_stream {
    const struct q8_file *file; /* what the pieces are written to; the caller's */
    uint64_t at;                /* where in the file bytes[0] goes */
    unsigned char *bytes;       /* [a piece + most] what is not written yet; memory of the arena */
    uint64_t used;              /* bytes of that; less than a piece between calls */
    struct q8_xxh xxh;          /* of all bytes of the tensor so far */
};

/* Bytes of memory that q8_stream_open takes from its arena. */
uint64_t q8_stream_bytes(uint64_t most);

/*
 * Memory for a stream to which at most `most` bytes are added at a time; Q8_ELIMIT.  Close it in
 * every case.
 */
bool q8_stream_open(struct q8_stream *s, uint64_t most, struct q8_arena *mem, struct q8_err *err);

/* Releases the state of the checksum; writes nothing.  Accepts a zeroed struct. */
void q8_stream_close(struct q8_stream *s);

/* Starts a tensor at `offset` of the file.  Forgets bytes of another that was not ended. */
void q8_stream_begin(struct q8_stream *s, const struct q8_file *file, uint64_t offset);

/* Where the next bytes are to be put, `most` at most. */
unsigned char *q8_stream_tail(const struct q8_stream *s);

/* How many more bytes fill the piece up; at least 1. */
uint64_t q8_stream_gap(const struct q8_stream *s);

/*
 * The n bytes at the tail belong to the tensor now.  Writes the pieces that are full (Q8_EIO), and
 * the tail moves.
 */
bool q8_stream_add(struct q8_stream *s, uint64_t n, struct q8_err *err);

/* Writes the rest (Q8_EIO); *ret is the digest of the tensor, also on failure. */
bool q8_stream_end(struct q8_stream *s, struct q8_digest *ret, struct q8_err *err);

struct q8_pool; /* pool.h */

/*
 * The digest of n bytes of a file from `from` on, counted in the pool as they are read.  As
 * q8_file_read, Q8_ELIMIT, and false without an error when the pool is stopping; *ret is set on
 * success.
 */
bool q8_range_digest(const struct q8_file *file, uint64_t from, uint64_t n, struct q8_pool *pool,
                     struct q8_digest *ret, struct q8_err *err);

#endif
