/*
 * pytorch.c - files of torch.save
 *
 *     a zip file: TOP/data.pkl, a pickle; TOP/data/KEY, the bytes of a storage; TOP/byteorder, ...
 *
 * or, before torch 1.6, that of pytorch_legacy.c.  No pickle is run: pickle.c reads it.
 * Specification: torch 2.15, torch/serialization.py; caffe2/serialize/inline_container.cc.
 */
#include "formats/pytorch.h"

#include "formats/zip.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Memory for reading: the members of a zip file, and the pickle (see pickle.c). */
#define OWN_LIMIT (UINT64_C(1) << 30)

#define VERSION_MOST 10 /* caffe2/serialize/versions.h, kMaxSupportedFileFormatVersion */
#define SMALL 64        /* bytes of a member that holds one word */

/* A zip file of torch.save. */
struct archive {
    struct q8_zip zip;
    const char *top; /* the folder of all members */
    bool unchecked;  /* no member has a CRC-32 */
};

static bool fail_member(struct q8_torch *f, const char *name)
{
    char shown[300], place[320];

    (void)snprintf(place, sizeof place, "member '%s'", q8_text_escape(name, shown, sizeof shown));
    return q8_fail_in(f->err, place);
}

/* TOP/LEAF; NULL: none, or err is set. */
static const struct q8_zip_member *find(struct q8_torch *f, const struct archive *a,
                                        const char *leaf)
{
    const char *name = q8_sprintf(&f->own, f->err, "%s/%s", a->top, leaf);

    return name ? q8_zip_find(&a->zip, name) : NULL;
}

/* The folder that data.pkl is in: the only one. */
static bool find_top(struct q8_torch *f, struct archive *a)
{
    static const char leaf[] = "/data.pkl";

    a->unchecked = true;
    for (uint64_t i = 0; i < a->zip.count; i++) {
        const char *name = a->zip.member[i].name;
        const size_t n = q8_text_stem(name, leaf);

        a->unchecked = a->unchecked && a->zip.member[i].crc == 0;
        if (!n || memchr(name, '/', n))
            continue;
        if (a->top)
            return q8_fail(f->err, Q8_EINPUT, "it has two members that end in %s", leaf);
        a->top = q8_strndup(&f->own, name, n, f->err);
        if (!a->top)
            return false;
    }
    if (!a->top)
        return q8_fail(f->err, Q8_EINPUT,
                       "a zip file without data.pkl: torch.save did not write it");
    if (find(f, a, "constants.pkl"))
        return q8_fail(f->err, Q8_EUNSUPPORTED,
                       "a program of TorchScript: torch.save the state_dict() of what "
                       "torch.jit.load gives");
    return !f->err->code;
}

/* Members lie in the file as they are. */
static bool check_member(struct q8_torch *f, const struct q8_zip_member *m)
{
    if (m->flags & 1)
        return q8_fail(f->err, Q8_EUNSUPPORTED, "is encrypted") || fail_member(f, m->name);
    if (m->method != 0 || m->packed != m->size)
        return q8_fail(f->err, Q8_EUNSUPPORTED,
                       "is compressed, as torch.save never does: unpack the file and zip it with "
                       "`zip -0`, or torch.load and torch.save it") ||
               fail_member(f, m->name);
    return true;
}

/* The bytes of a member. */
static unsigned char *read_member(struct q8_torch *f, const struct archive *a,
                                  const struct q8_zip_member *m)
{
    unsigned char *bytes = NULL;
    uint64_t at = 0;

    if (!check_member(f, m))
        return NULL;
    if (!a->unchecked) {
        bytes = q8_zip_read(f->source, m, &f->own, f->err);
    } else if (q8_zip_data(f->source, m, &at, &f->own, f->err)) {
        bytes = q8_alloc(&f->own, m->size + 1, 1, f->err);
        if (bytes && !f->source->read(f->source->self, at, bytes, m->size, f->err))
            bytes = NULL;
    }
    if (!bytes)
        fail_member(f, m->name);
    return bytes;
}

/* The word that a small member holds, without white space behind it; "" when there is none. */
static const char *read_word(struct q8_torch *f, const struct archive *a, const char *leaf)
{
    const struct q8_zip_member *m = find(f, a, leaf);
    unsigned char *bytes;

    if (!m)
        return f->err->code ? NULL : "";
    if (m->size > SMALL) {
        q8_fail(f->err, Q8_EINPUT, "has %" PRIu64 " bytes", m->size);
        fail_member(f, m->name);
        return NULL;
    }
    bytes = read_member(f, a, m);
    if (bytes)
        bytes[strcspn((char *)bytes, " \r\n")] = 0;
    return (char *)bytes;
}

/* TOP/version and TOP/byteorder. */
static bool read_marks(struct q8_torch *f, const struct archive *a)
{
    const char *version = read_word(f, a, "version"), *order;
    char shown[SMALL * 4];

    if (!version)
        return false;
    if (*version && (strlen(version) > 2 || strspn(version, "0123456789") != strlen(version) ||
                     (strlen(version) == 2 && strcmp(version, "10") > 0)))
        return q8_fail(f->err, Q8_EUNSUPPORTED, "version '%s' of the format; q8 reads 1 to %d",
                       q8_text_escape(version, shown, sizeof shown), VERSION_MOST);
    order = read_word(f, a, "byteorder");
    if (!order)
        return false;
    f->swapped = strcmp(order, "big") == 0;
    return f->swapped || !*order || strcmp(order, "little") == 0 ||
           q8_fail(f->err, Q8_EINPUT, "byte order '%s', which is neither little nor big",
                   q8_text_escape(order, shown, sizeof shown));
}

/* Where the storages are in the file. */
static bool find_storages(struct q8_torch *f, const struct archive *a)
{
    for (uint64_t i = 0; i < f->storages; i++) {
        struct q8_torch_storage *s = &f->storage[i];
        const char *name = q8_sprintf(&f->own, f->err, "%s/data/%s", a->top, s->key);
        const struct q8_zip_member *m = name ? q8_zip_find(&a->zip, name) : NULL;
        char shown[300];

        if (!name)
            return false;
        if (!m)
            return q8_fail(f->err, Q8_EINPUT, "member '%s' is missing",
                           q8_text_escape(name, shown, sizeof shown));
        if (!check_member(f, m))
            return false;
        if (m->size != s->bytes)
            q8_fail(f->err, Q8_EINPUT, "%" PRIu64 " bytes, but its tensors say %" PRIu64, m->size,
                    s->bytes);
        else
            (void)q8_zip_data(f->source, m, &s->offset, &f->own, f->err);
        if (f->err->code)
            return fail_member(f, name);
        s->found = true;
    }
    return true;
}

static bool read_archive(struct q8_torch *f)
{
    struct archive a = {.top = NULL};
    const struct q8_zip_member *m;
    struct q8_pickle *p = &f->pickle;

    if (!q8_zip_open(&a.zip, f->source, &f->own, f->err) || !find_top(f, &a) || !read_marks(f, &a))
        return false;
    m = find(f, &a, "data.pkl");
    if (!m)
        return false;
    if (m->size > Q8_PICKLE_LIMIT)
        return q8_fail(f->err, Q8_ELIMIT, "%" PRIu64 " bytes (at most %" PRIu64 ")", m->size,
                       Q8_PICKLE_LIMIT) ||
               fail_member(f, m->name);
    *p = (struct q8_pickle){.bytes = read_member(f, &a, m),
                            .size = m->size,
                            .global = q8_torch_names,
                            .globals = q8_torch_name_count};
    if (!p->bytes)
        return false;
    if (!q8_pickle_read(p, &f->own, f->err) || !q8_torch_storages(f))
        return fail_member(f, m->name);
    if (a.unchecked)
        f->note[f->notes++] = "it was saved without checksums, so damage would not be seen";
    return find_storages(f, &a);
}

/* Older formats, by their first bytes. */
static bool fail_kind(struct q8_torch *f, const unsigned char *head, uint64_t size)
{
    if (size > 262 && memcmp(head + 257, "ustar", 5) == 0)
        return q8_fail(f->err, Q8_EUNSUPPORTED,
                       "a tar file of torch before 0.1.10: torch.load and torch.save it with a "
                       "newer torch");
    if (size > 8 && memcmp(head, "PYTORCH1", 8) == 0)
        return q8_fail(f->err, Q8_EUNSUPPORTED,
                       "the preview format of torch 1.0: load it there and save its state_dict()");
    return q8_fail(f->err, Q8_EINPUT, "not a file of torch.save, zip or legacy");
}

static bool read_file(struct q8_torch *f)
{
    unsigned char head[263] = {0};
    const uint64_t n = q8_min(f->source->size, sizeof head);

    if (!f->source->read(f->source->self, 0, head, n, f->err))
        return false;
    if (memcmp(head, "PK\3\4", 4) == 0)
        return read_archive(f);
    return head[0] == 0x80 ? q8_torch_legacy(f) : fail_kind(f, head, n);
}

/* The notes as one sentence. */
static bool join_notes(struct q8_torch *f, struct q8_index *out)
{
    for (unsigned i = 0; i < f->notes; i++) {
        out->note =
            out->note ? q8_sprintf(f->mem, f->err, "%s; %s", out->note, f->note[i]) : f->note[i];
        if (!out->note)
            return false;
    }
    return true;
}

static bool parse(struct q8_source *source, struct q8_index *out, struct q8_arena *mem,
                  struct q8_err *err)
{
    struct q8_index found = {.tensor = out->tensor, .room = out->room};
    struct q8_torch f = {.source = source, .mem = mem, .err = err};
    bool ok;

    q8_arena_init(&f.own, OWN_LIMIT);
    ok = read_file(&f) && q8_torch_tensors(&f, &found) && join_notes(&f, &found);
    q8_arena_clear(&f.own);
    if (ok)
        *out = found;
    return ok;
}

static const char *const suffixes[] = {".pth", ".pt", NULL};

const struct q8_format q8_format_pytorch = {
    .name = "pytorch",
    .suffix = ".bin",
    .others = suffixes,
    .stem = "pytorch_model",
    .parse = parse,
};
