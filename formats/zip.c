/*
 * zip.c - the central directory of a zip file
 *
 *     members, each a local header and its bytes | central directory | [ZIP64 end, locator] | end
 *
 * Specification: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.  What writers do with it:
 * Python's zipfile, which numpy uses.
 */
#include "formats/zip.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define END_BYTES 22       /* of the end record, without its comment */
#define LOCATOR_BYTES 20   /* of the ZIP64 locator, right before the end record */
#define END64_BYTES 56     /* of the ZIP64 end record, version 1 */
#define ENTRY_BYTES 46     /* of an entry of the directory, without name, extra and comment */
#define LOCAL_BYTES 30     /* of a local header, the same */
#define COMMENT_MOST 65535 /* its length is a 16-bit number */

#define MEMBERS_MOST (1u << 20) /* the largest models have some ten thousand modules */

/* The directory, as the end of the file gives it. */
struct directory {
    uint64_t offset, size, entries;
};

static bool has_sign(const unsigned char *p, const char *sign)
{
    return memcmp(p, sign, 4) == 0;
}

/* Where the end record begins: the last place whose comment reaches the end of the file. */
static bool find_end(const struct q8_source *source, unsigned char end[END_BYTES], uint64_t *ret_at,
                     struct q8_arena *mem, struct q8_err *err)
{
    uint64_t n = q8_min(source->size, END_BYTES + COMMENT_MOST), start = source->size - n;
    unsigned char *tail;

    if (n < END_BYTES)
        return q8_fail(err, Q8_EINPUT, "%" PRIu64 " bytes are too few for a zip file", n);
    /* nearly every file has no comment: the last bytes are it */
    if (!source->read(source->self, source->size - END_BYTES, end, END_BYTES, err))
        return false;
    *ret_at = source->size - END_BYTES;
    if (has_sign(end, "PK\5\6") && q8_zip_number(end + 20, 2) == 0)
        return true;
    tail = q8_alloc(mem, n, 1, err);
    if (!tail || !source->read(source->self, start, tail, n, err))
        return false;
    for (uint64_t i = n - END_BYTES + 1; i-- > 0;)
        if (has_sign(tail + i, "PK\5\6") && q8_zip_number(tail + i + 20, 2) == n - i - END_BYTES) {
            memcpy(end, tail + i, END_BYTES);
            *ret_at = start + i;
            return true;
        }
    return q8_fail(err, Q8_EINPUT, "no end record: this is not a zip file, or it is cut short");
}

/* The ZIP64 end record, if its locator stands before the end record at `at`. */
static bool get_end64(const struct q8_source *source, struct directory *d, uint64_t *at,
                      struct q8_err *err)
{
    unsigned char locator[LOCATOR_BYTES], end[END64_BYTES];
    uint64_t where;

    if (*at < LOCATOR_BYTES)
        return true;
    if (!source->read(source->self, *at - LOCATOR_BYTES, locator, sizeof locator, err))
        return false;
    if (!has_sign(locator, "PK\6\7"))
        return true;
    where = q8_zip_number(locator + 8, 8);
    if (!q8_within(where, END64_BYTES, *at - LOCATOR_BYTES))
        return q8_fail(err, Q8_EINPUT, "its ZIP64 end record lies beyond its locator");
    if (!source->read(source->self, where, end, sizeof end, err))
        return false;
    if (!has_sign(end, "PK\6\6") || q8_zip_number(end + 16, 4) || q8_zip_number(end + 20, 4) ||
        q8_zip_number(end + 24, 8) != q8_zip_number(end + 32, 8))
        return q8_fail(err, Q8_EINPUT, "its ZIP64 end record is not one, or is of several disks");
    d->entries = q8_zip_number(end + 32, 8);
    d->size = q8_zip_number(end + 40, 8);
    d->offset = q8_zip_number(end + 48, 8);
    *at = where;
    return true;
}

static bool find_directory(const struct q8_source *source, struct directory *d,
                           struct q8_arena *mem, struct q8_err *err)
{
    unsigned char end[END_BYTES];
    uint64_t at = 0, stop;

    if (!find_end(source, end, &at, mem, err))
        return false;
    d->entries = q8_zip_number(end + 10, 2);
    d->size = q8_zip_number(end + 12, 4);
    d->offset = q8_zip_number(end + 16, 4);
    if (q8_zip_number(end + 8, 2) != d->entries || q8_zip_number(end + 4, 2) != 0 ||
        q8_zip_number(end + 6, 2) != 0)
        return q8_fail(err, Q8_EINPUT, "a zip file of several disks");
    if (!get_end64(source, d, &at, err))
        return false;
    if (!q8_add(d->offset, d->size, &stop) || stop != at)
        return q8_fail(err, Q8_EINPUT,
                       "its directory of %" PRIu64 " bytes at %" PRIu64
                       " does not end where the end record begins, at %" PRIu64,
                       d->size, d->offset, at);
    if (d->entries > MEMBERS_MOST)
        return q8_fail(err, Q8_ELIMIT, "%" PRIu64 " members (at most %u)", d->entries,
                       MEMBERS_MOST);
    if (d->entries > d->size / ENTRY_BYTES)
        return q8_fail(err, Q8_EINPUT,
                       "%" PRIu64 " members do not fit in a directory of %" PRIu64 " bytes",
                       d->entries, d->size);
    return true;
}

/* Takes the 64-bit numbers of an extra field for those that are all ones in the entry. */
static bool get_extra(struct q8_zip_member *m, const unsigned char *p, uint64_t n,
                      struct q8_err *err)
{
    uint64_t *const wide[] = {&m->size, &m->packed, &m->header};
    bool found = false;

    while (n >= 4) {
        uint64_t length = q8_zip_number(p + 2, 2), at = 4;

        if (length > n - 4)
            break;
        for (unsigned i = 0; q8_zip_number(p, 2) == 1 && !found && i < 3; i++)
            if (*wide[i] == UINT32_MAX) {
                if (4 + length - at < 8)
                    return q8_fail(err, Q8_EINPUT, "its ZIP64 field is too short");
                *wide[i] = q8_zip_number(p + at, 8);
                at += 8;
            }
        found = found || q8_zip_number(p, 2) == 1;
        p += 4 + length;
        n -= 4 + length;
    }
    return n == 0 || q8_fail(err, Q8_EINPUT, "its extra fields do not fit in their place");
}

static bool check_name(const char *name, uint64_t length, struct q8_err *err)
{
    if (!length)
        return q8_fail(err, Q8_EINPUT, "a member without a name");
    if (strlen(name) != length)
        return q8_fail(err, Q8_EINPUT, "a member with a NUL in its name");
    while (*name)
        if (q8_text_next(&name) == Q8_TEXT_BAD)
            return q8_fail(err, Q8_EINPUT, "a member whose name is not UTF-8");
    return true;
}

/* One entry of the directory at *at, which ends at `stop`. */
static bool get_entry(const struct q8_source *source, uint64_t *at, uint64_t stop,
                      struct q8_zip_member *m, struct q8_arena *mem, struct q8_err *err)
{
    unsigned char head[ENTRY_BYTES], *extra;
    uint64_t name, more, comment;
    char *text;

    if (!q8_within(*at, ENTRY_BYTES, stop))
        return q8_fail(err, Q8_EINPUT, "its directory ends inside an entry");
    if (!source->read(source->self, *at, head, sizeof head, err))
        return false;
    if (!has_sign(head, "PK\1\2"))
        return q8_fail(err, Q8_EINPUT, "no entry of the directory at byte %" PRIu64, *at);
    *at += ENTRY_BYTES;
    name = q8_zip_number(head + 28, 2);
    more = q8_zip_number(head + 30, 2);
    comment = q8_zip_number(head + 32, 2);
    if (!q8_within(*at, name + more + comment, stop))
        return q8_fail(err, Q8_EINPUT, "its directory ends inside an entry");
    text = q8_alloc(mem, name + 1, 1, err);
    extra = q8_alloc(mem, more, 1, err);
    if (!text || !extra || !source->read(source->self, *at, text, name, err) ||
        !check_name(text, name, err) || !source->read(source->self, *at + name, extra, more, err))
        return false;
    *at += name + more + comment;
    m->name = text;
    m->flags = (uint16_t)q8_zip_number(head + 8, 2);
    m->method = (uint16_t)q8_zip_number(head + 10, 2);
    m->crc = (uint32_t)q8_zip_number(head + 16, 4);
    m->packed = q8_zip_number(head + 20, 4);
    m->size = q8_zip_number(head + 24, 4);
    m->header = q8_zip_number(head + 42, 4);
    return get_extra(m, extra, more, err);
}

static int compare_places(const void *a, const void *b)
{
    const struct q8_zip_member *x = a, *y = b;

    return x->header < y->header ? -1 : x->header > y->header;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct q8_zip_member *)a)->name, ((const struct q8_zip_member *)b)->name);
}

/* Sets the end of each, and refuses members that share bytes: many could claim the same ones. */
static bool set_ends(struct q8_zip *zip, uint64_t directory, struct q8_err *err)
{
    char shown[200];

    if (zip->count)
        qsort(zip->member, zip->count, sizeof *zip->member, compare_places);
    for (uint64_t i = 0; i < zip->count; i++) {
        struct q8_zip_member *m = &zip->member[i];
        uint64_t least;

        m->end = i + 1 < zip->count ? m[1].header : directory;
        if (!q8_add(m->packed, LOCAL_BYTES, &least) || !q8_within(m->header, least, m->end))
            return q8_fail(err, Q8_EINPUT,
                           "member '%s': its %" PRIu64 " bytes at %" PRIu64
                           " reach into what begins at %" PRIu64,
                           q8_text_escape(m->name, shown, sizeof shown), m->packed, m->header,
                           m->end);
    }
    if (zip->count)
        qsort(zip->member, zip->count, sizeof *zip->member, compare_names);
    for (uint64_t i = 1; i < zip->count; i++)
        if (strcmp(zip->member[i - 1].name, zip->member[i].name) == 0)
            return q8_fail(err, Q8_EINPUT, "member '%s' is there twice",
                           q8_text_escape(zip->member[i].name, shown, sizeof shown));
    return true;
}

bool q8_zip_open(struct q8_zip *ret, const struct q8_source *source, struct q8_arena *mem,
                 struct q8_err *err)
{
    struct q8_zip zip = {0};
    struct directory d;
    uint64_t at, stop;

    if (!find_directory(source, &d, mem, err))
        return false;
    at = d.offset;
    stop = d.offset + d.size; /* checked by find_directory */
    zip.member = q8_alloc(mem, d.entries, sizeof *zip.member, err);
    if (!zip.member)
        return false;
    for (; zip.count < d.entries; zip.count++)
        if (!get_entry(source, &at, stop, &zip.member[zip.count], mem, err))
            return false;
    if (at != stop)
        return q8_fail(err, Q8_EINPUT,
                       "its directory goes on behind the %" PRIu64 " members that it counts",
                       d.entries);
    if (!set_ends(&zip, d.offset, err))
        return false;
    *ret = zip;
    return true;
}

const struct q8_zip_member *q8_zip_find(const struct q8_zip *zip, const char *name)
{
    const struct q8_zip_member wanted = {.name = name};

    return zip->count ? bsearch(&wanted, zip->member, zip->count, sizeof wanted, compare_names)
                      : NULL;
}
