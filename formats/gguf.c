/*
 * gguf.c - parse GGUF files, version 2 and 3 (the same layout), little- and big-endian
 *
 *     "GGUF" | u32 version | u64 tensors | u64 keys
 *     keys    x { text key | u32 type | value }
 *     tensors x { text name | u32 rank | u64 dims, innermost first | u32 type | u64 offset }
 *     zeros up to the alignment | data, to which the offsets are relative
 *
 * A text is u64 length and bytes.  Which end numbers begin with shows in the version.  Every key
 * is kept with its value, but of long arrays (vocabularies) only how long they are (gguf.h).  A
 * tensor must begin at a multiple of the alignment and overlap no other; holes are taken, as
 * gguf-py takes them.  Read alone: no target writes GGUF yet.
 *
 * Specification: ggml, docs/gguf.md and src/gguf.cpp (d99724f2); gguf-py 0.19.0, gguf_reader.py.
 */
#include "formats/gguf.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 32 /* where general.alignment is not given */

/* By number of the type, plus one so that 0 is none: gguf 0.19.0, GGMLQuantizationType. */
static const enum q8_dtype dtypes[] = {
    [0] = Q8_F32 + 1,          [1] = Q8_F16 + 1,           [2] = Q8_GGUF_Q4_0 + 1,
    [3] = Q8_GGUF_Q4_1 + 1,    [6] = Q8_GGUF_Q5_0 + 1,     [7] = Q8_GGUF_Q5_1 + 1,
    [8] = Q8_GGUF_Q8_0 + 1,    [9] = Q8_GGUF_Q8_1 + 1,     [10] = Q8_GGUF_Q2_K + 1,
    [11] = Q8_GGUF_Q3_K + 1,   [12] = Q8_GGUF_Q4_K + 1,    [13] = Q8_GGUF_Q5_K + 1,
    [14] = Q8_GGUF_Q6_K + 1,   [15] = Q8_GGUF_Q8_K + 1,    [16] = Q8_GGUF_IQ2_XXS + 1,
    [17] = Q8_GGUF_IQ2_XS + 1, [18] = Q8_GGUF_IQ3_XXS + 1, [19] = Q8_GGUF_IQ1_S + 1,
    [20] = Q8_GGUF_IQ4_NL + 1, [21] = Q8_GGUF_IQ3_S + 1,   [22] = Q8_GGUF_IQ2_S + 1,
    [23] = Q8_GGUF_IQ4_XS + 1, [24] = Q8_I8 + 1,           [25] = Q8_I16 + 1,
    [26] = Q8_I32 + 1,         [27] = Q8_I64 + 1,          [28] = Q8_F64 + 1,
    [29] = Q8_GGUF_IQ1_M + 1,  [30] = Q8_BF16 + 1,         [34] = Q8_GGUF_TQ1_0 + 1,
    [35] = Q8_GGUF_TQ2_0 + 1,  [39] = Q8_GGUF_MXFP4 + 1,   [40] = Q8_GGUF_NVFP4 + 1,
    [41] = Q8_GGUF_Q1_0 + 1,
};

/* Puts "tensor 'name': " in front of a failure. */
static bool get_shape(struct q8_gguf *g, struct q8_tensor *t)
{
    const uint64_t rank = q8_gguf_number(g, 4);

    if (rank > Q8_MAX_RANK)
        return q8_fail(g->err, Q8_EINPUT, "a shape of %" PRIu64 " dimensions (at most %d)", rank,
                       Q8_MAX_RANK);
    t->rank = (uint32_t)rank;
    for (uint32_t d = t->rank; d-- > 0;)
        t->dim[d] = q8_gguf_number(g, 8);
    return !g->err->code;
}

static bool get_dtype(struct q8_gguf *g, struct q8_tensor *t)
{
    const uint64_t type = q8_gguf_number(g, 4);
    const struct q8_dtype_row *block;

    if (g->err->code)
        return false;
    if (type >= sizeof dtypes / sizeof *dtypes || !dtypes[type])
        return q8_fail(g->err, Q8_EUNSUPPORTED,
                       "its type is number %" PRIu64 ", which q8 does not know: an old one that "
                       "ggml has removed, or one that is newer than gguf 0.19; convert the file "
                       "with llama.cpp first (llama-quantize --allow-requantize IN OUT f16)",
                       type);
    t->dtype = (enum q8_dtype)(dtypes[type] - 1);
    block = &q8_dtypes[t->dtype];
    if (block->elements > 1 && (t->rank == 0 || t->dim[t->rank - 1] % block->elements))
        return q8_fail(g->err, Q8_EINPUT,
                       "rows of %" PRIu64 " elements are no whole blocks of %s (%" PRIu32 " each)",
                       t->rank ? t->dim[t->rank - 1] : 1, block->name, block->elements);
    return q8_tensor_bytes(t, &t->nbytes, g->err);
}

static bool get_tensor(struct q8_gguf *g, struct q8_index *out)
{
    struct q8_tensor t = {.name = q8_gguf_text(g, "the name of a tensor")};

    if (!t.name)
        return false;
    if (!*t.name)
        return q8_fail(g->err, Q8_EINPUT, "tensor %" PRIu64 " is without a name", out->count);
    if (!get_shape(g, &t) || !get_dtype(g, &t))
        return q8_tensor_fail(t.name, g->err);
    t.offset = q8_gguf_number(g, 8);
    t.swapped = g->swapped && q8_dtypes[t.dtype].bytes > 1;
    if (t.offset % g->alignment)
        return q8_fail(g->err, Q8_EINPUT,
                       "its data begins at %" PRIu64 ", no multiple of the alignment of %" PRIu64,
                       t.offset, g->alignment) ||
               q8_tensor_fail(t.name, g->err);
    return !g->err->code && q8_index_add(out, &t, g->mem, g->err);
}

/* Sorts the tensors by offset, which becomes absolute; none overlaps another or the end. */
static bool place_tensors(struct q8_gguf *g, struct q8_index *out)
{
    const uint64_t pad = (g->alignment - g->at % g->alignment) % g->alignment;
    uint64_t start, end = 0;
    const char *twice;
    char shown[200];

    q8_index_sort(out);
    twice = q8_index_twice(out);
    if (twice)
        return q8_fail(g->err, Q8_EINPUT, "duplicate name") || q8_tensor_fail(twice, g->err);
    q8_index_sort_offsets(out);
    for (uint64_t i = 0; i < out->count; i++) {
        struct q8_tensor *t = &out->tensor[i];

        if (t->nbytes && t->offset < end)
            return q8_fail(g->err, Q8_EINPUT,
                           "its data begins at %" PRIu64 ", inside that of '%s', which ends at "
                           "%" PRIu64,
                           t->offset, q8_text_escape(out->tensor[i - 1].name, shown, sizeof shown),
                           end) ||
                   q8_tensor_fail(t->name, g->err);
        if (!q8_add(g->at, pad, &start) || !q8_add(start, t->offset, &start) ||
            !q8_within(start, t->nbytes, g->source->size))
            return q8_fail(g->err, Q8_EINPUT,
                           "its %" PRIu64 " bytes at %" PRIu64 " of the data are beyond the end "
                           "of the file (%" PRIu64 " bytes): it is cut short",
                           t->nbytes, t->offset, g->source->size) ||
                   q8_tensor_fail(t->name, g->err);
        end = q8_max(end, t->offset + t->nbytes);
        t->offset = start;
    }
    return true;
}

/* Counts that the bytes of the file cannot hold are refused before anything is read by them. */
static bool check_counts(const struct q8_gguf *g, uint64_t tensors, uint64_t keys)
{
    uint64_t least, all;

    if (!q8_mul(tensors, 24, &least) || !q8_mul(keys, 14, &all) || !q8_add(all, least, &all) ||
        all > g->source->size)
        return q8_fail(g->err, Q8_EINPUT,
                       "%" PRIu64 " tensors and %" PRIu64 " keys do not fit into the %" PRIu64
                       " bytes of the file",
                       tensors, keys, g->source->size);
    if (tensors > Q8_GGUF_TENSOR_LIMIT)
        return q8_fail(g->err, Q8_ELIMIT, "%" PRIu64 " tensors (at most %d)", tensors,
                       Q8_GGUF_TENSOR_LIMIT);
    return keys <= Q8_GGUF_KEY_LIMIT ||
           q8_fail(g->err, Q8_ELIMIT, "%" PRIu64 " keys (at most %d)", keys, Q8_GGUF_KEY_LIMIT);
}

/* Magic and version, from which the order of bytes follows. */
static bool get_start(struct q8_gguf *g)
{
    uint64_t magic, version;

    if (g->source->size < 24)
        return q8_fail(g->err, Q8_EINPUT, "%" PRIu64 " bytes; a GGUF file has 24 at least",
                       g->source->size);
    magic = q8_gguf_number(g, 4);
    version = q8_gguf_number(g, 4);
    if (g->err->code)
        return false;
    if (magic != 0x46554747)
        return q8_fail(g->err, Q8_EINPUT, "does not begin with GGUF: this is no GGUF file");
    if ((version & 0xffff) == 0) {
        g->swapped = true;
        version = version >> 24 | (version >> 8 & 0xff00);
    }
    if (version == 2 || version == 3)
        return true;
    return q8_fail(g->err, Q8_EUNSUPPORTED,
                   "GGUF version %" PRIu64 "; q8 reads 2 and 3, as llama.cpp does: convert the "
                   "model again",
                   version);
}

static bool parse(struct q8_source *source, struct q8_index *out, struct q8_arena *mem,
                  struct q8_err *err)
{
    struct q8_index found = {.tensor = out->tensor, .room = out->room};
    struct q8_gguf g = {.source = source, .alignment = ALIGNMENT, .mem = mem, .err = err};
    uint64_t tensors, keys;

    if (!get_start(&g))
        return false;
    tensors = q8_gguf_number(&g, 8);
    keys = q8_gguf_number(&g, 8);
    if (err->code || !check_counts(&g, tensors, keys) || !q8_gguf_meta(&g, keys, &found))
        return false;
    for (uint64_t i = 0; i < tensors; i++)
        if (!get_tensor(&g, &found))
            return false;
    if (!place_tensors(&g, &found))
        return false;
    *out = found;
    return true;
}

const struct q8_format q8_format_gguf = {
    .name = "gguf",
    .suffix = ".gguf",
    .parse = parse,
};
