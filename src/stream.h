/* stream.h - the bytes of one output tensor in order: digested, and written in large pieces */
#ifndef Q8_STREAM_H
#define Q8_STREAM_H

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
    const struct q8_file *file;
    uint64_t at;          /* where bytes[0] goes */
    unsigned char *bytes; /* what is not written yet */
    uint64_t used;        /* of them; less than a piece between calls */
    struct q8_xxh xxh;    /* of all bytes so far */
};

/* Bytes of memory that q8_stream_open takes. */
uint64_t q8_stream_bytes(uint64_t most);

/* Memory for a stream to which at most `most` bytes are added at a time. */
bool q8_stream_open(struct q8_stream *s, uint64_t most, struct q8_arena *mem, struct q8_err *err);
void q8_stream_close(struct q8_stream *s); /* accepts a zeroed struct */

/* Starts a tensor at `offset` of the file. */
void q8_stream_begin(struct q8_stream *s, const struct q8_file *file, uint64_t offset);

/* Where the next bytes are to be put, `most` at most. */
unsigned char *q8_stream_tail(const struct q8_stream *s);

/* How many bytes fill the piece; at least 1. */
uint64_t q8_stream_gap(const struct q8_stream *s);

/* The n bytes at the tail belong to the tensor now.  Writes the pieces that are full. */
bool q8_stream_add(struct q8_stream *s, uint64_t n, struct q8_err *err);

/* Writes the rest; *ret is the digest of the tensor. */
bool q8_stream_end(struct q8_stream *s, struct q8_digest *ret, struct q8_err *err);

#endif
