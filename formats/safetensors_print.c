/* safetensors_print.c - the other half of safetensors.c: index -> offsets and header */
#include "formats/safetensors.h"

#include "src/base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Widest type first, so that every tensor is aligned; then by name (tensor.rs, `prepare`). */
static int compare_layout(const void *a, const void *b)
{
    const struct q8_tensor *x = a, *y = b;

    if (x->dtype != y->dtype)
        return x->dtype > y->dtype ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Text on its way to the sink, or only counted. */
struct printer {
    struct q8_sink *sink; /* NULL: count */
    uint64_t at;          /* bytes so far */
    unsigned used;
    char buffer[16384];
    struct q8_err *err;
};

static void flush(struct printer *p)
{
    if (p->sink && p->used && !p->err->code)
        (void)p->sink->write(p->sink->self, p->at - p->used, p->buffer, p->used, p->err);
    p->used = 0;
}

static void put(struct printer *p, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p->used == sizeof p->buffer)
            flush(p);
        p->buffer[p->used++] = text[i];
        p->at++;
    }
}

static void put_text(struct printer *p, const char *text)
{
    put(p, text, strlen(text));
}

static void put_number(struct printer *p, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put_text(p, text);
}

/* A JSON string, escaped as serde_json does. */
static void put_string(struct printer *p, const char *text)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    char escape[8];

    put(p, "\"", 1);
    for (; *text; text++) {
        const char *known = strchr(from, *text);

        if (known) {
            put(p, "\\", 1);
            put(p, &to[known - from], 1);
        } else if ((unsigned char)*text < 0x20) {
            (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)*text);
            put_text(p, escape);
        } else {
            put(p, text, 1);
        }
    }
    put(p, "\"", 1);
}

static void put_entry(struct printer *p, const struct q8_tensor *t, uint64_t start)
{
    put_string(p, t->name);
    put_text(p, ":{\"dtype\":\"");
    put_text(p, q8_dtypes[t->dtype].name);
    put_text(p, "\",\"shape\":[");
    for (uint32_t d = 0; d < t->rank; d++) {
        put_text(p, d ? "," : "");
        put_number(p, t->dim[d]);
    }
    put_text(p, "],\"data_offsets\":[");
    put_number(p, t->offset - start);
    put_text(p, ",");
    put_number(p, t->offset - start + t->nbytes);
    put_text(p, "]}");
}

/* The header with offsets relative to `start`; padded to a multiple of 8. */
static void put_header(struct printer *p, const struct q8_index *ix, uint64_t start)
{
    const char *comma = "";

    put_text(p, "{");
    if (ix->have_meta) {
        put_text(p, "\"__metadata__\":{");
        for (uint64_t i = 0; i < ix->metas; i++) {
            if (ix->meta[i].value.type != Q8_META_TEXT) /* it has no others */
                continue;
            put_text(p, comma);
            put_string(p, ix->meta[i].key);
            put_text(p, ":");
            put_string(p, ix->meta[i].value.text);
            comma = ",";
        }
        put_text(p, "}");
        comma = ",";
    }
    for (uint64_t i = 0; i < ix->count; i++) {
        put_text(p, comma);
        put_entry(p, &ix->tensor[i], start);
        comma = ",";
    }
    put_text(p, "}");
    while (p->at % 8)
        put(p, " ", 1);
}

bool q8_safetensors_print(struct q8_index *ix, struct q8_sink *sink, uint64_t *ret_size,
                          struct q8_arena *mem, struct q8_err *err)
{
    struct printer p = {.err = err};
    uint64_t at = 0, start;

    (void)mem;
    if (ix->count)
        qsort(ix->tensor, ix->count, sizeof *ix->tensor, compare_layout);
    q8_index_sort_meta(ix);
    for (uint64_t i = 0; i < ix->count; i++) {
        struct q8_tensor *t = &ix->tensor[i];

        t->offset = at;
        if (t->dtype >= Q8_SAFETENSORS_DTYPES)
            return q8_fail(err, Q8_EUNSUPPORTED, "safetensors has no type for %s of GGUF",
                           q8_dtypes[t->dtype].name);
        if (!q8_tensor_bytes(t, &t->nbytes, err) || !q8_add(at, t->nbytes, &at))
            return q8_fail(err, Q8_EINPUT, "more than 2^64 bytes of tensors");
    }
    put_header(&p, ix, 0); /* counts: the offsets inside do not depend on it */
    if (p.at > Q8_SAFETENSORS_HEADER_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "a header of %" PRIu64 " bytes (at most %d)", p.at,
                       Q8_SAFETENSORS_HEADER_LIMIT);
    start = 8 + p.at;
    for (uint64_t i = 0; i < ix->count; i++)
        ix->tensor[i].offset += start;
    if (!q8_add(start, at, ret_size))
        return q8_fail(err, Q8_EINPUT, "more than 2^64 bytes of tensors");
    if (sink) {
        p = (struct printer){.err = err, .sink = sink};
        for (uint64_t n = start - 8, i = 0; i < 8; i++, n >>= 8)
            put(&p, (char[]){(char)(n & 255)}, 1);
        put_header(&p, ix, start);
        flush(&p);
    }
    return !err->code;
}
