/* stream.c - the bytes of one output tensor in order: digested, and written in large pieces */
#include "src/flow/stream.h"

#include "src/flow/pool.h"

#include <string.h>

uint64_t q8_stream_bytes(uint64_t most)
{
    return Q8_STREAM_PIECE + most;
}

bool q8_stream_open(struct q8_stream *s, uint64_t most, struct q8_arena *mem, struct q8_err *err)
{
    *s = (struct q8_stream){.bytes = q8_alloc(mem, q8_stream_bytes(most), 1, err)};
    return s->bytes && q8_xxh_open(&s->xxh, err);
}

void q8_stream_close(struct q8_stream *s)
{
    q8_xxh_close(&s->xxh);
}

void q8_stream_begin(struct q8_stream *s, const struct q8_file *file, uint64_t offset)
{
    s->file = file;
    s->at = offset;
    s->used = 0;
    q8_xxh_reset(&s->xxh);
}

unsigned char *q8_stream_tail(const struct q8_stream *s)
{
    return s->bytes + s->used;
}

uint64_t q8_stream_gap(const struct q8_stream *s)
{
    return Q8_STREAM_PIECE - (s->at + s->used) % Q8_STREAM_PIECE;
}

/* Writes the first n bytes; the rest moves to the front. */
static bool put(struct q8_stream *s, uint64_t n, struct q8_err *err)
{
    if (n == 0)
        return true;
    if (!q8_file_write(s->file, s->at, s->bytes, n, err))
        return false;
    s->at += n;
    s->used -= n;
    memmove(s->bytes, s->bytes + n, s->used);
    return true;
}

bool q8_stream_add(struct q8_stream *s, uint64_t n, struct q8_err *err)
{
    uint64_t beyond;

    q8_xxh_add(&s->xxh, q8_stream_tail(s), n);
    s->used += n;
    beyond = (s->at + s->used) % Q8_STREAM_PIECE;
    return beyond >= s->used || put(s, s->used - beyond, err);
}

bool q8_stream_end(struct q8_stream *s, struct q8_digest *ret, struct q8_err *err)
{
    *ret = q8_xxh_sum(&s->xxh);
    return put(s, s->used, err);
}

/* A range of a file under way. */
struct range {
    struct q8_xxh xxh;
    struct q8_pool *pool;
};

static bool take_bytes(void *self, const void *bytes, uint64_t n, struct q8_err *err)
{
    struct range *r = self;

    (void)err;
    q8_xxh_add(&r->xxh, bytes, n);
    return q8_pool_advance(r->pool, n);
}

bool q8_range_digest(const struct q8_file *file, uint64_t from, uint64_t n, struct q8_pool *pool,
                     struct q8_digest *ret, struct q8_err *err)
{
    struct range r = {.pool = pool};
    bool ok = q8_xxh_open(&r.xxh, err) && q8_file_show(file, from, n, take_bytes, &r, err);

    if (ok)
        *ret = q8_xxh_sum(&r.xxh);
    q8_xxh_close(&r.xxh);
    return ok;
}
