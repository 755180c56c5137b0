/* gguf_meta.c - the keys of a GGUF file, and the numbers and texts that its header is made of */
#include "formats/gguf.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Types of values: ggml, include/gguf.h, enum gguf_type. */
enum { U8, I8, U16, I16, U32, I32, F32, BOOL, TEXT, ARRAY, U64, I64, F64, TYPES };

static const struct {
    const char *name;
    unsigned bytes; /* that one has in the file; of a text at least */
    enum q8_meta_type meta;
} types[TYPES] = {
    [U8] = {"u8", 1, Q8_META_U64},        [I8] = {"i8", 1, Q8_META_I64},
    [U16] = {"u16", 2, Q8_META_U64},      [I16] = {"i16", 2, Q8_META_I64},
    [U32] = {"u32", 4, Q8_META_U64},      [I32] = {"i32", 4, Q8_META_I64},
    [F32] = {"f32", 4, Q8_META_F64},      [BOOL] = {"bool", 1, Q8_META_BOOL},
    [TEXT] = {"string", 8, Q8_META_TEXT}, [ARRAY] = {"array", 12, Q8_META_ARRAY},
    [U64] = {"u64", 8, Q8_META_U64},      [I64] = {"i64", 8, Q8_META_I64},
    [F64] = {"f64", 8, Q8_META_F64},
};

/* ---- numbers and texts ---- */

/* Copies n bytes from where reading is. */
static bool take(struct q8_gguf *g, void *to, uint64_t n)
{
    unsigned char *out = to;

    if (g->err->code)
        return false;
    if (!q8_within(g->at, n, g->source->size))
        return q8_fail(g->err, Q8_EINPUT,
                       "the header goes beyond the end of the file (%" PRIu64
                       " bytes): it is cut short",
                       g->source->size);
    while (n > 0) {
        uint64_t have;

        if (g->at < g->first || g->at >= g->first + g->loaded) {
            g->first = g->at;
            g->loaded = q8_min(sizeof g->piece, g->source->size - g->at);
            if (!g->source->read(g->source->self, g->first, g->piece, g->loaded, g->err)) {
                g->loaded = 0;
                return false;
            }
        }
        have = q8_min(n, g->first + g->loaded - g->at);
        memcpy(out, g->piece + (g->at - g->first), have);
        out += have;
        g->at += have;
        n -= have;
    }
    return true;
}

uint64_t q8_gguf_number(struct q8_gguf *g, unsigned bytes)
{
    unsigned char raw[8];
    uint64_t ret = 0;

    if (!take(g, raw, bytes))
        return 0;
    for (unsigned i = 0; i < bytes; i++)
        ret = ret << 8 | raw[g->swapped ? i : bytes - 1 - i];
    return ret;
}

/* How many bytes the text that comes next has; false sets err. */
static bool get_length(struct q8_gguf *g, const char *what, uint64_t *ret)
{
    const uint64_t at = g->at;

    *ret = q8_gguf_number(g, 8);
    if (!g->err->code && !q8_within(g->at, *ret, g->source->size))
        q8_fail(g->err, Q8_EINPUT,
                "%s at byte %" PRIu64 " claims %" PRIu64 " bytes, and the file ends %" PRIu64
                " bytes behind it",
                what, at, *ret, g->source->size - g->at);
    return !g->err->code;
}

const char *q8_gguf_text(struct q8_gguf *g, const char *what)
{
    const uint64_t at = g->at;
    uint64_t length;
    char *text;

    if (!get_length(g, what, &length))
        return NULL;
    if (length > Q8_GGUF_TEXT_LIMIT) {
        q8_fail(g->err, Q8_ELIMIT,
                "%s at byte %" PRIu64 " has %" PRIu64 " bytes (at most %" PRIu64 ")", what, at,
                length, Q8_GGUF_TEXT_LIMIT);
        return NULL;
    }
    text = q8_alloc(g->mem, length + 1, 1, g->err);
    if (!text || !take(g, text, length))
        return NULL;
    if (strlen(text) != length) {
        q8_fail(g->err, Q8_EINPUT, "%s at byte %" PRIu64 " holds a NUL", what, at);
        return NULL;
    }
    for (const char *p = text; *p;)
        if (q8_text_next(&p) == Q8_TEXT_BAD) {
            q8_fail(g->err, Q8_EINPUT, "%s at byte %" PRIu64 " is not UTF-8", what, at);
            return NULL;
        }
    return text;
}

/* ---- values ---- */

/* A signed number of that many bytes out of its bits. */
static int64_t widen(uint64_t bits, unsigned bytes)
{
    const uint64_t sign = UINT64_C(1) << (8 * bytes - 1);

    return (int64_t)((bits ^ sign) - sign);
}

/* A number, a flag or a text. */
static bool get_plain(struct q8_gguf *g, unsigned type, struct q8_value *ret)
{
    const unsigned bytes = types[type].bytes;
    uint64_t bits = 0;
    uint32_t half;
    float single;

    *ret = (struct q8_value){.type = types[type].meta};
    if (type == TEXT) {
        ret->text = q8_gguf_text(g, "a text");
        return ret->text != NULL;
    }
    bits = q8_gguf_number(g, bytes);
    ret->bytes = type == BOOL ? 0 : bytes;
    switch (ret->type) {
    case Q8_META_BOOL: ret->flag = bits != 0; break;
    case Q8_META_I64: ret->i64 = widen(bits, bytes); break;
    case Q8_META_F64:
        half = (uint32_t)bits;
        memcpy(&single, &half, sizeof single);
        memcpy(&ret->f64, &bits, sizeof ret->f64);
        if (type == F32)
            ret->f64 = (double)single;
        break;
    default: ret->u64 = bits;
    }
    return !g->err->code;
}

/* Goes past the items of an array that is not kept. */
static bool skip_items(struct q8_gguf *g, unsigned type, uint64_t count)
{
    uint64_t length;

    if (type != TEXT) {
        g->at += count * types[type].bytes; /* known to fit */
        return true;
    }
    if (count > Q8_GGUF_WORDS_LIMIT - g->words)
        return q8_fail(g->err, Q8_ELIMIT, "more than %" PRIu64 " texts in arrays",
                       Q8_GGUF_WORDS_LIMIT);
    g->words += count;
    for (uint64_t i = 0; i < count; i++) {
        if (!get_length(g, "a text of an array", &length))
            return false;
        g->at += length;
    }
    return true;
}

static bool get_array(struct q8_gguf *g, struct q8_value *ret)
{
    const uint64_t type = q8_gguf_number(g, 4), count = q8_gguf_number(g, 8);
    uint64_t bytes;
    struct q8_value *item;

    if (g->err->code)
        return false;
    if (type >= TYPES)
        return q8_fail(g->err, Q8_EINPUT, "an array of a type %" PRIu64 ", which GGUF has not",
                       type);
    if (type == ARRAY)
        return q8_fail(g->err, Q8_EUNSUPPORTED,
                       "an array of arrays, which no reader of GGUF takes");
    if (!q8_mul(count, types[type].bytes, &bytes) || !q8_within(g->at, bytes, g->source->size))
        return q8_fail(g->err, Q8_EINPUT,
                       "an array of %" PRIu64 " %s values, and the file ends %" PRIu64
                       " bytes behind it",
                       count, types[type].name, g->source->size - g->at);
    *ret = (struct q8_value){.type = Q8_META_ARRAY, .array.count = count};
    if (count > Q8_GGUF_ITEM_LIMIT || g->items + count > Q8_GGUF_ITEMS_LIMIT)
        return skip_items(g, (unsigned)type, count);
    g->items += count;
    item = q8_alloc(g->mem, count, sizeof *item, g->err);
    for (uint64_t i = 0; item && i < count; i++)
        if (!get_plain(g, (unsigned)type, &item[i]))
            return false;
    ret->array.item = item;
    return item != NULL;
}

/* ---- keys ---- */

static bool set_alignment(struct q8_gguf *g, unsigned type, const struct q8_value *v)
{
    if (type != U32)
        return q8_fail(g->err, Q8_EINPUT, "is of type %s, and must be u32", types[type].name);
    if (v->u64 == 0 || (v->u64 & (v->u64 - 1)))
        return q8_fail(g->err, Q8_EINPUT, "is %" PRIu64 ", which is no power of two", v->u64);
    g->alignment = v->u64;
    return true;
}

static bool get_value(struct q8_gguf *g, struct q8_meta *meta)
{
    const uint64_t type = q8_gguf_number(g, 4);

    if (g->err->code)
        return false;
    if (type >= TYPES)
        return q8_fail(g->err, Q8_EINPUT, "a value of type %" PRIu64 ", which GGUF has not", type);
    if (type == ARRAY ? !get_array(g, &meta->value) : !get_plain(g, (unsigned)type, &meta->value))
        return false;
    return strcmp(meta->key, "general.alignment") != 0 ||
           set_alignment(g, (unsigned)type, &meta->value);
}

/* Puts "key 'name': " in front of a failure. */
static bool fail_key(const char *key, struct q8_err *err)
{
    char shown[200], place[220];

    (void)snprintf(place, sizeof place, "key '%s'", q8_text_escape(key, shown, sizeof shown));
    return q8_fail_in(err, place);
}

bool q8_gguf_meta(struct q8_gguf *g, uint64_t keys, struct q8_index *out)
{
    out->have_meta = true;
    for (uint64_t i = 0; i < keys; i++) {
        struct q8_meta *list =
            q8_grow(g->mem, out->meta, out->metas, &out->meta_room, sizeof *list, g->err);

        if (!list)
            return false;
        out->meta = list;
        list[i].key = q8_gguf_text(g, "a key");
        if (!list[i].key)
            return false;
        if (!*list[i].key)
            return q8_fail(g->err, Q8_EINPUT, "key %" PRIu64 " is empty", i);
        if (!get_value(g, &list[i]))
            return fail_key(list[i].key, g->err);
        out->metas++;
    }
    q8_index_sort_meta(out);
    for (uint64_t i = 1; i < out->metas; i++)
        if (strcmp(out->meta[i - 1].key, out->meta[i].key) == 0)
            return q8_fail(g->err, Q8_EINPUT, "occurs twice") || fail_key(out->meta[i].key, g->err);
    return true;
}
