/* zip.h - the members of a zip file, and their bytes */
#ifndef Q8_FORMATS_ZIP_H
#define Q8_FORMATS_ZIP_H

#include "formats/format.h"

/* One member, as the central directory tells of it. */
struct q8_zip_member {
    const char *name; /* UTF-8 without a NUL, not empty; memory of the arena */
    uint16_t method;  /* 0: stored, 8: deflated; others cannot be read */
    uint16_t flags;   /* general purpose bit flag; bit 0: encrypted */
    uint32_t crc;     /* CRC-32 of the contents */
    uint64_t packed;  /* bytes in the file */
    uint64_t size;    /* bytes of the contents */
    uint64_t header;  /* where its local header begins */
    uint64_t end;     /* where what follows it in the file begins: it ends there or before */
};

/* The members of a file.  Memory is the arena's. */
struct q8_zip {
    struct q8_zip_member *member; /* [count], by name */
    uint64_t count;               /* may be 0 */
};

/*
 * Reads the central directory: one disk, ZIP64 or not, which must end where the end record begins.
 * Names are unique.  Memory grows with the bytes of the directory.  Q8_EINPUT, Q8_ELIMIT, those of
 * the source.
 */
bool q8_zip_open(struct q8_zip *ret, const struct q8_source *source, struct q8_arena *mem,
                 struct q8_err *err);

/*
 * The contents of a member, m->size bytes in `mem`; NULL on failure.  Q8_EUNSUPPORTED for another
 * method or an encrypted one; Q8_EINPUT when it overlaps its neighbour, does not inflate to exactly
 * what the directory says, or has another CRC-32; Q8_ELIMIT.  How large m->size may be is for the
 * caller to say, before; here it is held against what deflate can do with m->packed bytes.
 */
unsigned char *q8_zip_read(const struct q8_source *source, const struct q8_zip_member *m,
                           struct q8_arena *mem, struct q8_err *err);

/* The member of that name; NULL: none. */
const struct q8_zip_member *q8_zip_find(const struct q8_zip *zip, const char *name);

/*
 * Where the m->packed bytes of a member begin, as its local header says; the name there is compared
 * with memory of `mem`.  Q8_EINPUT when they reach into what follows, or the header is another's.
 */
bool q8_zip_data(const struct q8_source *source, const struct q8_zip_member *m, uint64_t *ret_at,
                 struct q8_arena *mem, struct q8_err *err);

/* The little-endian number in the first n bytes at p, n <= 8. */
static inline uint64_t q8_zip_number(const unsigned char *p, unsigned n)
{
    uint64_t value = 0;

    while (n-- > 0)
        value = value << 8 | p[n];
    return value;
}

#endif
