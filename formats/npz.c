/*
 * npz.c - the arrays of a numpy .npz file: a zip file whose members are .npy files
 *
 * Specification: numpy 2.4, numpy/lib/_npyio_impl.py, savez.
 */
#include "formats/npz.h"

#include "formats/zip.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char suffix[] = ".npy";

/* Puts "array 'name': " in front of a failure. */
static bool fail_array(const char *name, struct q8_err *err)
{
    char shown[300], place[320];

    (void)snprintf(place, sizeof place, "array '%s'", q8_text_escape(name, shown, sizeof shown));
    return q8_fail_in(err, place);
}

/* Every member is an array, and all of them together have at most what a file of `size` may. */
static bool check_members(const struct q8_zip *zip, uint64_t size, struct q8_err *err)
{
    const uint64_t most =
        q8_min(Q8_NPZ_LIMIT, Q8_NPZ_LEAST + q8_min(size, Q8_NPZ_LIMIT) * Q8_NPZ_RATIO);
    uint64_t total = 0;
    char shown[200];

    for (uint64_t i = 0; i < zip->count; i++) {
        const struct q8_zip_member *m = &zip->member[i];
        size_t n = strlen(m->name), cut = sizeof suffix - 1;

        q8_text_escape(m->name, shown, sizeof shown);
        if (n <= cut || strcmp(m->name + n - cut, suffix) != 0)
            return q8_fail(err, Q8_EUNSUPPORTED,
                           "member '%s' is not a .npy array, so this is not an .npz file "
                           "(torch.save writes zip files too); write the vectors with numpy.savez",
                           shown);
        if (!q8_add(total, m->size, &total) || total > most)
            return q8_fail(err, Q8_ELIMIT,
                           "member '%s' claims %" PRIu64 " bytes: with those before it, more than "
                           "the %" PRIu64 " MiB that q8 reads from a .npz file of %" PRIu64
                           " bytes",
                           shown, m->size, most >> 20, size);
    }
    return true;
}

/* Hands out the array in the bytes of a .npy file. */
static bool show_array(const unsigned char *bytes, uint64_t size, const char *name,
                       const struct q8_npz_visitor *visitor, struct q8_err *err)
{
    struct q8_tensor t = {0};
    const unsigned char *data;

    if (!q8_npy_parse(&t, bytes, size, err))
        return fail_array(name, err);
    data = bytes + t.offset;
    t.name = name;
    t.offset = 0;
    return visitor->visit(visitor->self, &t, data, err) || fail_array(name, err);
}

static bool read_array(const struct q8_source *source, const struct q8_zip_member *m,
                       const struct q8_npz_visitor *visitor, struct q8_arena *scratch,
                       struct q8_err *err)
{
    const char *name = q8_strndup(scratch, m->name, strlen(m->name) - (sizeof suffix - 1), err);
    const unsigned char *bytes;

    if (!name)
        return false;
    bytes = q8_zip_read(source, m, scratch, err);
    return bytes ? show_array(bytes, m->size, name, visitor, err) : fail_array(name, err);
}

bool q8_npy_read(const struct q8_source *source, const char *name,
                 const struct q8_npz_visitor *visitor, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_arena scratch;
    unsigned char *bytes;
    bool ok;

    if (source->size > Q8_NPZ_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "%" PRIu64 " bytes (at most %" PRIu64 ")", source->size,
                       Q8_NPZ_LIMIT);
    q8_arena_init(&scratch, mem->limit);
    bytes = q8_alloc(&scratch, source->size + 1, 1, err);
    ok = bytes && source->read(source->self, 0, bytes, source->size, err) &&
         show_array(bytes, source->size, name, visitor, err);
    q8_arena_clear(&scratch);
    return ok;
}

bool q8_npz_read(const struct q8_source *source, const struct q8_npz_visitor *visitor,
                 struct q8_arena *mem, struct q8_err *err)
{
    struct q8_arena scratch;
    struct q8_zip zip;
    bool ok = q8_zip_open(&zip, source, mem, err) && check_members(&zip, source->size, err);

    q8_arena_init(&scratch, mem->limit);
    for (uint64_t i = 0; ok && i < zip.count; i++) {
        ok = read_array(source, &zip.member[i], visitor, &scratch, err);
        q8_arena_clear(&scratch);
    }
    return ok;
}
