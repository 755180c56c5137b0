/* tensor.c - what a file contains: names, types, shapes, offsets */
#include "src/base/tensor.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 4096 /* of a name that is put together; longer ones are not looked for */

/* Names and widths: safetensors 0.8.0, safetensors/src/tensor.rs. */
const struct q8_dtype_row q8_dtypes[Q8_DTYPES] = {
    [Q8_BOOL] = {"BOOL", 1, 1},
    [Q8_F4] = {"F4", 2, 1},
    [Q8_F6_E2M3] = {"F6_E2M3", 4, 3},
    [Q8_F6_E3M2] = {"F6_E3M2", 4, 3},
    [Q8_U8] = {"U8", 1, 1},
    [Q8_I8] = {"I8", 1, 1},
    [Q8_F8_E5M2] = {"F8_E5M2", 1, 1},
    [Q8_F8_E4M3] = {"F8_E4M3", 1, 1},
    [Q8_F8_E8M0] = {"F8_E8M0", 1, 1},
    [Q8_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 1, 1},
    [Q8_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 1, 1},
    [Q8_I16] = {"I16", 1, 2},
    [Q8_U16] = {"U16", 1, 2},
    [Q8_F16] = {"F16", 1, 2},
    [Q8_BF16] = {"BF16", 1, 2},
    [Q8_I32] = {"I32", 1, 4},
    [Q8_U32] = {"U32", 1, 4},
    [Q8_F32] = {"F32", 1, 4},
    [Q8_C64] = {"C64", 1, 8},
    [Q8_F64] = {"F64", 1, 8},
    [Q8_I64] = {"I64", 1, 8},
    [Q8_U64] = {"U64", 1, 8},
    /* gguf 0.19.0, constants.py, GGML_QUANT_SIZES */
    [Q8_GGUF_Q4_0] = {"Q4_0", 32, 18},
    [Q8_GGUF_Q4_1] = {"Q4_1", 32, 20},
    [Q8_GGUF_Q5_0] = {"Q5_0", 32, 22},
    [Q8_GGUF_Q5_1] = {"Q5_1", 32, 24},
    [Q8_GGUF_Q8_0] = {"Q8_0", 32, 34},
    [Q8_GGUF_Q8_1] = {"Q8_1", 32, 40},
    [Q8_GGUF_Q2_K] = {"Q2_K", 256, 84},
    [Q8_GGUF_Q3_K] = {"Q3_K", 256, 110},
    [Q8_GGUF_Q4_K] = {"Q4_K", 256, 144},
    [Q8_GGUF_Q5_K] = {"Q5_K", 256, 176},
    [Q8_GGUF_Q6_K] = {"Q6_K", 256, 210},
    [Q8_GGUF_Q8_K] = {"Q8_K", 256, 292},
    [Q8_GGUF_IQ2_XXS] = {"IQ2_XXS", 256, 66},
    [Q8_GGUF_IQ2_XS] = {"IQ2_XS", 256, 74},
    [Q8_GGUF_IQ3_XXS] = {"IQ3_XXS", 256, 98},
    [Q8_GGUF_IQ1_S] = {"IQ1_S", 256, 50},
    [Q8_GGUF_IQ4_NL] = {"IQ4_NL", 32, 18},
    [Q8_GGUF_IQ3_S] = {"IQ3_S", 256, 110},
    [Q8_GGUF_IQ2_S] = {"IQ2_S", 256, 82},
    [Q8_GGUF_IQ4_XS] = {"IQ4_XS", 256, 136},
    [Q8_GGUF_IQ1_M] = {"IQ1_M", 256, 56},
    [Q8_GGUF_TQ1_0] = {"TQ1_0", 256, 54},
    [Q8_GGUF_TQ2_0] = {"TQ2_0", 256, 66},
    [Q8_GGUF_MXFP4] = {"MXFP4", 32, 17},
    [Q8_GGUF_NVFP4] = {"NVFP4", 64, 36},
    [Q8_GGUF_Q1_0] = {"Q1_0", 128, 18},
};

enum q8_dtype q8_dtype_find(const char *name, uint64_t len)
{
    for (int d = 0; d < Q8_SAFETENSORS_DTYPES; d++)
        if (strlen(q8_dtypes[d].name) == len && memcmp(q8_dtypes[d].name, name, len) == 0)
            return (enum q8_dtype)d;
    return Q8_DTYPES;
}

uint64_t q8_dtype_size(enum q8_dtype dtype)
{
    return q8_dtypes[dtype].elements == 1 ? q8_dtypes[dtype].bytes : 0;
}

bool q8_tensor_bytes(const struct q8_tensor *t, uint64_t *ret_bytes, struct q8_err *err)
{
    const struct q8_dtype_row *block = &q8_dtypes[t->dtype];
    uint64_t bits = block->bytes * 8; /* of as many blocks as there are elements */

    bool empty = false;

    for (uint32_t d = 0; d < t->rank; d++) {
        empty |= !t->dim[d];
        if (t->dim[d] && !q8_mul(bits, t->dim[d], &bits))
            return q8_fail(err, Q8_EINPUT, "its shape needs more than 2^64 bits");
    }
    if (empty)
        bits = 0;
    if (bits / 8 / block->bytes % block->elements)
        return q8_fail(err, Q8_EINPUT, "its shape needs %" PRIu64 " bits, not whole bytes",
                       bits / block->elements);
    *ret_bytes = bits / 8 / block->elements;
    return true;
}

uint64_t q8_tensor_elements(const struct q8_tensor *t)
{
    const struct q8_dtype_row *block = &q8_dtypes[t->dtype];

    return t->nbytes / block->bytes * block->elements;
}

/* Bytes from the first element of a strided tensor to the end of the last; false on overflow. */
static bool find_extent(const struct q8_tensor *t, uint64_t *ret_bytes)
{
    uint64_t last = 0, away;

    for (uint32_t d = 0; d < t->rank; d++)
        if (!q8_mul(t->dim[d] - 1, t->stride[d], &away) || !q8_add(last, away, &last))
            return false;
    return q8_add(last, 1, &last) && q8_mul(last, q8_dtype_size(t->dtype), ret_bytes);
}

bool q8_tensor_check(const struct q8_tensor *t, uint64_t size, struct q8_err *err)
{
    uint64_t bytes;

    if (t->strided && !q8_dtype_size(t->dtype))
        return q8_fail(err, Q8_EUNSUPPORTED, "its %s elements share bytes and are not packed",
                       q8_dtypes[t->dtype].name);
    if (!q8_tensor_bytes(t, &bytes, err))
        return false;
    if (bytes != t->nbytes)
        return q8_fail(err, Q8_EINPUT, "its shape needs %" PRIu64 " bytes, its data has %" PRIu64,
                       bytes, t->nbytes);
    if ((t->strided && bytes && !find_extent(t, &bytes)) || !q8_within(t->offset, bytes, size))
        return q8_fail(err, Q8_EINPUT,
                       "its data at byte %" PRIu64 " reaches beyond the %" PRIu64
                       " bytes of the file",
                       t->offset, size);
    return true;
}

uint64_t q8_tensor_place(const struct q8_tensor *t, uint64_t index)
{
    uint64_t place = 0;

    if (!t->strided)
        return index;
    for (uint32_t d = t->rank; d-- > 0; index /= t->dim[d])
        place += index % t->dim[d] * t->stride[d];
    return place;
}

struct q8_tensor q8_tensor_turn(const struct q8_tensor *t, uint64_t first)
{
    const uint64_t size = q8_dtype_size(t->dtype);
    const uint64_t rows = t->dim[t->rank - 2], cols = t->dim[t->rank - 1];
    const uint64_t *stride = t->stride + t->rank - 2;
    struct q8_tensor ret = {.name = t->name,
                            .dtype = t->dtype,
                            .rank = 2,
                            .dim = {cols, rows},
                            .offset = t->offset + q8_tensor_place(t, first) * size,
                            .swapped = t->swapped,
                            .coded = t->coded,
                            .nbytes = rows * cols * size,
                            .shard = t->shard,
                            .strided = true,
                            .stride = {1, cols}};

    if (t->strided) {
        ret.stride[0] = stride[1];
        ret.stride[1] = stride[0];
        ret.strided = stride[1] != rows || stride[0] != 1;
    }
    return ret;
}

void q8_tensor_shape(const struct q8_tensor *t, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "[");

    for (uint32_t d = 0; d < t->rank && used < size; d++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64, d ? ", " : "", t->dim[d]);
    if (used < size)
        (void)snprintf(text + used, size - used, "]");
}

bool q8_index_add(struct q8_index *ix, const struct q8_tensor *t, struct q8_arena *mem,
                  struct q8_err *err)
{
    struct q8_tensor *list;
    char shown[100];

    if (strlen(t->name) > Q8_NAME_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "the name of a tensor has %zu bytes (at most %d): '%s'",
                       strlen(t->name), Q8_NAME_LIMIT,
                       q8_text_escape(t->name, shown, sizeof shown));
    if (ix->count >= Q8_TENSOR_LIMIT)
        return q8_fail(err, Q8_ELIMIT, "more than %d tensors", Q8_TENSOR_LIMIT);
    list = q8_grow(mem, ix->tensor, ix->count, &ix->room, sizeof *ix->tensor, err);
    if (!list)
        return false;
    ix->tensor = list;
    ix->tensor[ix->count++] = *t;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct q8_tensor *)a)->name, ((const struct q8_tensor *)b)->name);
}

void q8_index_sort(struct q8_index *ix)
{
    if (ix->count)
        qsort(ix->tensor, ix->count, sizeof *ix->tensor, compare_names);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct q8_meta *)a)->key, ((const struct q8_meta *)b)->key);
}

void q8_index_sort_meta(struct q8_index *ix)
{
    if (ix->metas)
        qsort(ix->meta, ix->metas, sizeof *ix->meta, compare_keys);
}

struct q8_tensor *q8_index_find(const struct q8_index *ix, const char *name)
{
    struct q8_tensor key = {.name = name};

    if (!ix->count)
        return NULL;
    return bsearch(&key, ix->tensor, ix->count, sizeof key, compare_names);
}

struct q8_tensor *q8_index_beside(const struct q8_index *ix, const char *name, size_t stem,
                                  const char *suffix)
{
    char other[NAME_BYTES];

    if ((size_t)snprintf(other, sizeof other, "%.*s%s", (int)q8_min(stem, sizeof other), name,
                         suffix) >= sizeof other)
        return NULL;
    return q8_index_find(ix, other);
}

const char *q8_index_twice(const struct q8_index *ix)
{
    for (uint64_t i = 1; i < ix->count; i++)
        if (strcmp(ix->tensor[i - 1].name, ix->tensor[i].name) == 0)
            return ix->tensor[i].name;
    return NULL;
}

static int compare_offsets(const void *a, const void *b)
{
    const struct q8_tensor *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (x->nbytes != y->nbytes) /* empty ones first: they share their begin */
        return x->nbytes < y->nbytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

void q8_index_sort_offsets(struct q8_index *ix)
{
    if (ix->count)
        qsort(ix->tensor, ix->count, sizeof *ix->tensor, compare_offsets);
}

bool q8_tensor_fail(const char *name, struct q8_err *err)
{
    char shown[300], place[320];

    (void)snprintf(place, sizeof place, "tensor '%s'", q8_text_escape(name, shown, sizeof shown));
    return q8_fail_in(err, place);
}
