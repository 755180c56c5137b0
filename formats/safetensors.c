/*
 * safetensors.c - parse safetensors files
 *
 *     u64 N, little-endian | N bytes of JSON | data, offsets relative to byte 8 + N
 *
 * Specification: huggingface/safetensors, README.md and safetensors/src/tensor.rs (0.8.0).
 */
#include "formats/safetensors.h"

#include "src/base/num.h"
#include "src/base/json_scan.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool get_shape(struct q8_scan *s, struct q8_tensor *t)
{
    if (!q8_scan_open(s, '['))
        return false;
    while (q8_scan_more(s)) {
        if (t->rank == Q8_MAX_RANK)
            return q8_fail(s->err, Q8_EINPUT, "a shape of more than %d dimensions", Q8_MAX_RANK);
        if (!q8_scan_u64(s, &t->dim[t->rank++]))
            return false;
    }
    return !s->err->code;
}

static bool get_offsets(struct q8_scan *s, uint64_t *ret_begin, uint64_t *ret_end)
{
    if (!q8_scan_open(s, '[') || !q8_scan_more(s) || !q8_scan_u64(s, ret_begin) ||
        !q8_scan_more(s) || !q8_scan_u64(s, ret_end) || q8_scan_more(s) || s->err->code)
        return q8_fail(s->err, Q8_EINPUT, "data_offsets wants two whole numbers");
    return true;
}

static bool get_dtype(struct q8_scan *s, struct q8_tensor *t)
{
    char shown[64];

    if (!q8_scan_string(s))
        return false;
    t->dtype = q8_dtype_find(s->text, s->length);
    return t->dtype != Q8_DTYPES || q8_fail(s->err, Q8_EINPUT, "unknown dtype '%s'",
                                            q8_text_escape(s->text, shown, sizeof shown));
}

/* Reads {"dtype": ..., "shape": ..., "data_offsets": ...}; t->offset is relative to the data. */
static bool get_entry(struct q8_scan *s, struct q8_tensor *t, uint64_t *ret_end)
{
    enum { DTYPE, SHAPE, OFFSETS, KEYS };
    static const char *const keys[KEYS] = {"dtype", "shape", "data_offsets"};
    bool seen[KEYS] = {false}, ok;

    if (!q8_scan_open(s, '{'))
        return false;
    while (q8_scan_key(s)) {
        int key = 0;

        while (key < KEYS && strcmp(s->text, keys[key]) != 0)
            key++;
        if (key < KEYS && seen[key])
            return q8_fail(s->err, Q8_EINPUT, "duplicate key '%s'", s->text);
        switch (key) {
        case DTYPE: ok = get_dtype(s, t); break;
        case SHAPE: ok = get_shape(s, t); break;
        case OFFSETS: ok = get_offsets(s, &t->offset, ret_end); break;
        default: ok = q8_scan_skip(s);
        }
        if (!ok)
            return false;
        if (key < KEYS)
            seen[key] = true;
    }
    for (int key = 0; !s->err->code && key < KEYS; key++)
        if (!seen[key])
            return q8_fail(s->err, Q8_EINPUT, "missing key '%s'", keys[key]);
    return !s->err->code;
}

/* One tensor whose name is in s->text. */
static bool get_tensor(struct q8_scan *s, struct q8_index *out, struct q8_arena *mem,
                       struct q8_err *err)
{
    struct q8_tensor t = {0};
    uint64_t end = 0;

    t.name = q8_strndup(mem, s->text, s->length, err);
    if (!t.name)
        return false;
    if (!get_entry(s, &t, &end) || !q8_tensor_bytes(&t, &t.nbytes, err))
        return q8_tensor_fail(t.name, err);
    if (end < t.offset || end - t.offset != t.nbytes) {
        char shape[200];

        q8_tensor_shape(&t, shape, sizeof shape);
        q8_fail(err, Q8_EINPUT,
                "%s of shape %s needs %" PRIu64 " bytes, data_offsets give [%" PRIu64 ", %" PRIu64
                "]",
                q8_dtypes[t.dtype].name, shape, t.nbytes, t.offset, end);
        return q8_tensor_fail(t.name, err);
    }
    return q8_index_add(out, &t, mem, err);
}

static bool get_metadata(struct q8_scan *s, struct q8_index *out, struct q8_arena *mem,
                         struct q8_err *err)
{
    if (q8_scan_peek(s) == 'n')
        return q8_scan_skip(s);
    out->have_meta = true;
    if (!q8_scan_open(s, '{'))
        return false;
    while (q8_scan_key(s)) {
        struct q8_meta *list =
            q8_grow(mem, out->meta, out->metas, &out->meta_room, sizeof *list, err);

        if (!list)
            return false;
        out->meta = list;
        list[out->metas].key = q8_strndup(mem, s->text, s->length, err);
        if (!list[out->metas].key || !q8_scan_string(s))
            return false;
        list[out->metas].value = (struct q8_value){
            .type = Q8_META_TEXT, .text = q8_strndup(mem, s->text, s->length, err)};
        if (!list[out->metas++].value.text)
            return false;
    }
    return !err->code;
}

static bool check_names(struct q8_index *out, struct q8_err *err)
{
    const char *twice;

    q8_index_sort(out);
    twice = q8_index_twice(out);
    if (twice)
        return q8_fail(err, Q8_EINPUT, "duplicate name") || q8_tensor_fail(twice, err);
    q8_index_sort_meta(out);
    for (uint64_t i = 1; i < out->metas; i++)
        if (strcmp(out->meta[i - 1].key, out->meta[i].key) == 0)
            return q8_fail(err, Q8_EINPUT, "duplicate key in __metadata__");
    return true;
}

/* The data is covered without holes and overlaps; offsets become absolute. */
static bool check_cover(struct q8_index *out, uint64_t start, uint64_t size, struct q8_err *err)
{
    uint64_t at = 0;

    q8_index_sort_offsets(out);
    for (uint64_t i = 0; i < out->count; i++) {
        struct q8_tensor *t = &out->tensor[i];

        if (t->offset != at) {
            q8_fail(err, Q8_EINPUT, "its data begins at %" PRIu64 ", expected at %" PRIu64 " (%s)",
                    t->offset, at, t->offset > at ? "a hole" : "an overlap");
            return q8_tensor_fail(t->name, err);
        }
        if (!q8_within(t->offset, t->nbytes, size - start)) {
            q8_fail(err, Q8_EINPUT,
                    "its data ends at %" PRIu64 " but the file has %" PRIu64
                    " bytes of data: the file is cut short",
                    t->offset + t->nbytes, size - start);
            return q8_tensor_fail(t->name, err);
        }
        at += t->nbytes;
        t->offset += start;
    }
    if (at != size - start)
        return q8_fail(err, Q8_EINPUT,
                       "the tensors end at %" PRIu64 " but the file has %" PRIu64 " bytes of data",
                       at, size - start);
    return true;
}

static bool parse_header(struct q8_source *source, uint64_t length, struct q8_index *out,
                         struct q8_arena *mem, struct q8_err *err)
{
    bool seen_meta = false, meta;
    const struct q8_source header = {8 + length, source->read, source->self};
    struct q8_scan s;

    if (!q8_scan_init(&s, &header, 8, mem, err) || !q8_scan_open(&s, '{'))
        return false;
    while (q8_scan_key(&s)) {
        meta = strcmp(s.text, "__metadata__") == 0;
        if (meta && seen_meta) /* the first may have been null */
            return q8_fail(err, Q8_EINPUT, "duplicate key '__metadata__'");
        seen_meta |= meta;
        if (meta ? !get_metadata(&s, out, mem, err) : !get_tensor(&s, out, mem, err))
            return false;
    }
    return !err->code && q8_scan_done(&s);
}

static bool parse(struct q8_source *source, struct q8_index *out, struct q8_arena *mem,
                  struct q8_err *err)
{
    struct q8_index found = {.tensor = out->tensor, .room = out->room};
    unsigned char head[8];
    uint64_t length = 0;

    if (source->size < sizeof head)
        return q8_fail(err, Q8_EINPUT,
                       "header too small: %" PRIu64 " bytes, a safetensors file has 8 at least",
                       source->size);
    if (!source->read(source->self, 0, head, sizeof head, err))
        return false;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | head[i];
    if (length > Q8_SAFETENSORS_HEADER_LIMIT)
        return q8_fail(err, Q8_EINPUT,
                       "header too large: %" PRIu64 " bytes (at most %d); this is not a "
                       "safetensors file",
                       length, Q8_SAFETENSORS_HEADER_LIMIT);
    if (!q8_within(8, length, source->size))
        return q8_fail(err, Q8_EINPUT,
                       "header length %" PRIu64 " is beyond the end of the file (%" PRIu64
                       " bytes)",
                       length, source->size);
    if (!parse_header(source, length, &found, mem, err) || !check_names(&found, err) ||
        !check_cover(&found, 8 + length, source->size, err))
        return false;
    *out = found;
    return true;
}

/* transformers refuses a file that names another framework, and older ones a file without. */
static const struct q8_meta made[] = {{"format", {Q8_META_TEXT, .text = "pt"}}};

const struct q8_format q8_format_safetensors = {
    .name = "safetensors",
    .suffix = ".safetensors",
    .stem = "model",
    .meta = made,
    .metas = 1,
    .parse = parse,
    .print = q8_safetensors_print,
};
