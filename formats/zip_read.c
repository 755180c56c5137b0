/*
 * zip_read.c - the bytes of one member of a zip file, inflated and checked
 *
 * Specification: PKWARE APPNOTE.TXT 6.3.10, section 4.3.7; RFC 1951 through zlib.
 */
#include "formats/zip.h"

#include "src/base/num.h"

#define ZLIB_CONST
#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#define LOCAL_BYTES 30          /* of a local header, without name and extra */
#define CHUNK (64u << 10)       /* packed bytes read at a time */
#define MOST_PER_BYTE 1032      /* what deflate makes of one byte at most: zlib's technical notes */
#define INFLATE_MOST 0xfffffffe /* zlib counts in 32 bits, and one is to spare */

enum { STORED = 0, DEFLATED = 8 };

/* Where zlib's own memory comes from. */
struct memory {
    struct q8_arena *mem;
    struct q8_err *err;
};

static voidpf take(voidpf opaque, uInt items, uInt size)
{
    struct memory *memory = opaque;

    return q8_alloc(memory->mem, items, size, memory->err);
}

static void give(voidpf opaque, voidpf address)
{
    (void)opaque; /* the arena's owner releases it */
    (void)address;
}

/* Name and extra field have lengths of their own here.  Sizes may be 0, and are not compared. */
bool q8_zip_data(const struct q8_source *source, const struct q8_zip_member *m, uint64_t *ret_at,
                 struct q8_arena *mem, struct q8_err *err)
{
    uint64_t length = strlen(m->name), behind;
    unsigned char head[LOCAL_BYTES];
    char *name;

    if (!source->read(source->self, m->header, head, sizeof head, err))
        return false;
    if (memcmp(head, "PK\3\4", 4) != 0 || q8_zip_number(head + 8, 2) != m->method ||
        q8_zip_number(head + 26, 2) != length)
        return q8_fail(err, Q8_EINPUT,
                       "at byte %" PRIu64 " is not the header that the directory promises",
                       m->header);
    behind = LOCAL_BYTES + length + q8_zip_number(head + 28, 2);
    if (!q8_add(behind, m->packed, &behind) || !q8_within(m->header, behind, m->end))
        return q8_fail(err, Q8_EINPUT,
                       "its %" PRIu64 " bytes reach into what begins at byte %" PRIu64, m->packed,
                       m->end);
    *ret_at = m->header + behind - m->packed;
    name = q8_alloc(mem, length, 1, err);
    if (!name || !source->read(source->self, m->header + LOCAL_BYTES, name, length, err))
        return false;
    return memcmp(name, m->name, length) == 0 ||
           q8_fail(err, Q8_EINPUT, "the header at byte %" PRIu64 " has another name", m->header);
}

/* Inflates into z->next_out, which has room for one byte more than the member may have. */
static bool inflate_all(z_stream *z, const struct q8_source *source, uint64_t at, uint64_t left,
                        unsigned char *chunk, struct q8_err *err)
{
    int rc = Z_OK;

    while (rc == Z_OK && z->avail_out > 0) {
        if (!z->avail_in) {
            uint64_t n = q8_min(left, CHUNK);

            if (!n)
                return q8_fail(err, Q8_EINPUT, "its deflated bytes end too early");
            if (!source->read(source->self, at, chunk, n, err))
                return false;
            z->next_in = chunk;
            z->avail_in = (uInt)n;
            at += n;
            left -= n;
        }
        rc = inflate(z, Z_NO_FLUSH);
    }
    if (rc == Z_MEM_ERROR)
        return q8_fail(err, Q8_ELIMIT, "out of memory while inflating");
    if (rc != Z_OK && rc != Z_STREAM_END)
        return q8_fail(err, Q8_EINPUT, "its deflated bytes are damaged (%s)",
                       z->msg ? z->msg : "a dictionary is wanted");
    if (rc == Z_STREAM_END && (left || z->avail_in))
        return q8_fail(err, Q8_EINPUT, "%" PRIu64 " bytes behind the end of its deflated ones",
                       left + z->avail_in);
    return true;
}

/* The buffer has one byte more than the member, to see that it does not inflate to more. */
static bool read_deflated(const struct q8_source *source, const struct q8_zip_member *m,
                          uint64_t at, unsigned char *bytes, struct q8_arena *mem,
                          struct q8_err *err)
{
    struct memory memory = {mem, err};
    z_stream z = {.zalloc = take, .zfree = give, .opaque = &memory};
    unsigned char *chunk = q8_alloc(mem, q8_min(m->packed, CHUNK), 1, err);
    uint64_t spare;
    bool ok;

    if (!chunk)
        return false;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return q8_fail(err, Q8_ELIMIT, "out of memory while inflating");
    z.next_out = bytes;
    z.avail_out = (uInt)(m->size + 1);
    ok = inflate_all(&z, source, at, m->packed, chunk, err);
    spare = z.avail_out;
    (void)inflateEnd(&z);
    if (ok && spare != 1)
        return q8_fail(err, Q8_EINPUT, "inflates to %s than the %" PRIu64 " bytes that it claims",
                       spare ? "less" : "more", m->size);
    return ok;
}

static bool check_member(const struct q8_zip_member *m, struct q8_err *err)
{
    if (m->flags & 1)
        return q8_fail(err, Q8_EUNSUPPORTED, "is encrypted");
    if (m->method != STORED && m->method != DEFLATED)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "is packed by method %u; q8 reads stored and deflated members", m->method);
    if (m->method == STORED && m->size != m->packed)
        return q8_fail(err, Q8_EINPUT,
                       "is stored, but has %" PRIu64 " bytes of which %" PRIu64 " are in the file",
                       m->size, m->packed);
    if (m->method == DEFLATED && (m->size / MOST_PER_BYTE > m->packed || m->size > INFLATE_MOST))
        return q8_fail(err, Q8_EINPUT,
                       "claims %" PRIu64 " bytes, more than deflate can make of %" PRIu64, m->size,
                       m->packed);
    return true;
}

unsigned char *q8_zip_read(const struct q8_source *source, const struct q8_zip_member *m,
                           struct q8_arena *mem, struct q8_err *err)
{
    unsigned char *bytes;
    uint64_t at = 0;

    if (!check_member(m, err) || !q8_zip_data(source, m, &at, mem, err))
        return NULL;
    bytes = q8_alloc(mem, m->size + 1, 1, err);
    if (!bytes)
        return NULL;
    if (m->method == STORED ? !source->read(source->self, at, bytes, m->size, err)
                            : !read_deflated(source, m, at, bytes, mem, err))
        return NULL;
    if (crc32_z(crc32_z(0, NULL, 0), bytes, m->size) != m->crc) {
        q8_fail(err, Q8_EINPUT, "its CRC-32 is not that of the directory: the file is damaged");
        return NULL;
    }
    return bytes;
}
