/*
 * pytorch_legacy.c - what torch.save wrote before 1.6: pickles, then storages
 *
 *     pickles: a magic number, 1001, a dict, the object, the keys of its storages
 *     for each key: u64 elements | their bytes
 *
 * All of it is little-endian, whatever the dict says of the machine (torch 2.15,
 * torch/serialization.py, _legacy_save; torch/csrc/serialization.cpp, THPStorage_writeFileRaw).
 */
#include "formats/pytorch.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <string.h>

#define FIRST (UINT64_C(1) << 16) /* bytes that are read at first; then four times as many */
#define VERSION 1001              /* serialization.py, PROTOCOL_VERSION */

/* serialization.py, MAGIC_NUMBER, as pickle has it */
static const unsigned char magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

/* Reads the pickle at `at` of the file; `at` becomes its end. */
static bool read_pickle(struct q8_torch *f, struct q8_pickle *p, uint64_t *at, struct q8_arena *mem)
{
    const uint64_t left = f->source->size - *at;
    uint64_t n = FIRST;

    for (;; n *= 4) {
        struct q8_pickle next = {.global = q8_torch_names, .globals = q8_torch_name_count};
        struct q8_err err = {0};
        unsigned char *bytes;

        next.size = q8_min(q8_min(n, left), Q8_PICKLE_LIMIT);
        bytes = q8_alloc(mem, next.size + 1, 1, f->err);
        if (!bytes || !f->source->read(f->source->self, *at, bytes, next.size, f->err))
            return false;
        next.bytes = bytes;
        if (q8_pickle_read(&next, mem, &err)) {
            *at += next.end;
            *p = next;
            return true;
        }
        if (!next.cut || next.size == left || next.size == Q8_PICKLE_LIMIT)
            return q8_fail(f->err, err.code, "%s", err.text);
        q8_arena_clear(mem);
    }
}

/* The pickle at `at`, for `look`. */
static bool with_pickle(struct q8_torch *f, uint64_t *at, const char *place,
                        bool (*look)(struct q8_torch *f, const struct q8_pickle *p, uint64_t *at))
{
    struct q8_pickle p;
    struct q8_arena mem;
    bool ok;

    q8_arena_init(&mem, f->own.limit);
    ok = (read_pickle(f, &p, at, &mem) && look(f, &p, at)) || q8_fail_in(f->err, place);
    q8_arena_clear(&mem);
    return ok;
}

static bool check_magic(struct q8_torch *f, const struct q8_pickle *p, uint64_t *at)
{
    const struct q8_pickle_node *root = &p->node[p->root];

    (void)at;
    return (root->kind == Q8_PICKLE_LONG && root->count == sizeof magic &&
            memcmp(p->bytes + root->at, magic, sizeof magic) == 0) ||
           q8_fail(f->err, Q8_EINPUT, "not the number that a file of torch.save begins with");
}

static bool check_version(struct q8_torch *f, const struct q8_pickle *p, uint64_t *at)
{
    const struct q8_pickle_node *root = &p->node[p->root];

    (void)at;
    return (root->kind == Q8_PICKLE_INT && root->number == VERSION) ||
           q8_fail(f->err, Q8_EUNSUPPORTED, "not version %d of the format", VERSION);
}

static bool check_system(struct q8_torch *f, const struct q8_pickle *p, uint64_t *at)
{
    (void)at;
    return p->node[p->root].kind == Q8_PICKLE_DICT ||
           q8_fail(f->err, Q8_EINPUT, "not the dict that tells of the machine");
}

/* A storage at `at`: its elements, as many as the object says, and behind them the next. */
static bool find_storage(struct q8_torch *f, const char *key, uint64_t *at)
{
    struct q8_torch_storage *s = q8_torch_storage_find(f, key);
    unsigned char count[8];
    uint64_t number = 0;
    char shown[100];

    q8_text_escape(key, shown, sizeof shown);
    if (!s || s->found)
        return q8_fail(f->err, Q8_EINPUT, "storage '%s' is %s", shown,
                       s ? "listed twice" : "of no tensor, so its size is not known");
    if (!q8_within(*at, sizeof count, f->source->size))
        return q8_fail(f->err, Q8_EINPUT, "storage '%s' begins beyond the end of the file", shown);
    if (!f->source->read(f->source->self, *at, count, sizeof count, f->err))
        return false;
    for (unsigned i = sizeof count; i-- > 0;)
        number = number << 8 | count[i];
    *at += sizeof count;
    if (number != s->count)
        return q8_fail(f->err, Q8_EINPUT,
                       "storage '%s' has %" PRIu64 " elements at byte %" PRIu64
                       ", and its tensors say %" PRIu64,
                       shown, number, *at, s->count);
    if (!q8_within(*at, s->bytes, f->source->size))
        return q8_fail(f->err, Q8_EINPUT,
                       "storage '%s' has %" PRIu64 " bytes at %" PRIu64
                       ", and the file ends at %" PRIu64 ": it is cut short",
                       shown, s->bytes, *at, f->source->size);
    s->offset = *at;
    s->found = true;
    *at += s->bytes;
    return true;
}

static bool find_storages(struct q8_torch *f, const struct q8_pickle *p, uint64_t *at)
{
    const struct q8_pickle_node *root = &p->node[p->root];

    if (root->kind != Q8_PICKLE_LIST)
        return q8_fail(f->err, Q8_EINPUT, "not the list of storages");
    for (uint32_t i = 0, cell = root->first; i < root->count; i++, cell = p->cell[cell].next) {
        const struct q8_pickle_node *key = &p->node[p->cell[cell].node];
        const char *text;

        if (key->kind != Q8_PICKLE_TEXT)
            return q8_fail(f->err, Q8_EINPUT, "a storage whose key is no text");
        text = q8_strndup(&f->own, (const char *)p->bytes + key->at, key->count, f->err);
        if (!text || !find_storage(f, text, at))
            return false;
    }
    for (uint64_t i = 0; i < f->storages; i++) {
        char shown[100];

        if (!f->storage[i].found)
            return q8_fail(f->err, Q8_EINPUT, "storage '%s' is not in the file",
                           q8_text_escape(f->storage[i].key, shown, sizeof shown));
    }
    return true;
}

bool q8_torch_legacy(struct q8_torch *f)
{
    uint64_t at = 0;

    f->legacy = true;
    return with_pickle(f, &at, "its first pickle", check_magic) &&
           with_pickle(f, &at, "its second pickle", check_version) &&
           with_pickle(f, &at, "its third pickle", check_system) &&
           ((read_pickle(f, &f->pickle, &at, &f->own) && q8_torch_storages(f)) ||
            q8_fail_in(f->err, "its fourth pickle")) &&
           with_pickle(f, &at, "its list of storages", find_storages);
}
