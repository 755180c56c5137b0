/*
 * fuzz_parse.c - every registered format, and npz, over arbitrary bytes
 *
 * What a format accepts, it must be able to print, and to parse again.
 */
#include "formats/format.h"
#include "formats/npz.h"
#include "src/base/tensor_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_READ 512   /* bytes of a tensor */
#define MOST_TENSORS 64 /* that are read */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Stops the run: the fuzzer keeps the input. */
static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

/* Memory that print writes to. */
struct buffer {
    unsigned char *bytes;
    uint64_t size, at;
};

static bool buffer_write(void *self, uint64_t off, const void *bytes, uint64_t n,
                         struct q8_err *err)
{
    struct buffer *b = self;

    (void)err;
    check(off == b->at && n <= b->size - off, "print leaves its bounds");
    memcpy(b->bytes + off, bytes, n);
    b->at += n;
    return true;
}

/* Reads the first bytes of a tensor as it lies, and the last, so that a sanitizer sees them. */
static void read_ends(const struct q8_source *source, const struct q8_tensor *t)
{
    const uint64_t n = t->nbytes < MOST_READ ? t->nbytes : MOST_READ;
    unsigned char bytes[MOST_READ];
    struct q8_err err = {0};

    check(q8_tensor_read(source, t, 0, bytes, n, &err), err.text);
    check(q8_tensor_read(source, t, t->nbytes - n, bytes, n, &err), err.text);
}

/* The index is within the file, and says the same once printed and parsed again. */
static void check_accepted(const struct q8_format *format, struct q8_index *ix,
                           const struct q8_source *in, struct q8_arena *mem)
{
    struct q8_index again = {0};
    struct q8_err err = {0};
    struct buffer out = {0};
    struct q8_sink sink = {buffer_write, &out};
    struct q8_source source;

    for (uint64_t i = 0; i < ix->count; i++)
        check(q8_tensor_check(&ix->tensor[i], in->size, &err), err.text);
    for (uint64_t i = 0; i < ix->count && i < MOST_TENSORS; i++)
        read_ends(in, &ix->tensor[i]);
    if (!format->print)
        return;
    check(format->print(ix, NULL, &out.size, mem, &err), err.text);
    out.bytes = calloc(out.size ? out.size : 1, 1);
    check(out.bytes != NULL, "out of memory");
    check(format->print(ix, &sink, &out.size, mem, &err), err.text);
    source = q8_source_memory(out.bytes, out.size);
    check(format->parse(&source, &again, mem, &err), err.text);
    check(again.count == ix->count && again.metas == ix->metas, "a tensor was lost");
    for (uint64_t i = 0; i < ix->count; i++)
        check(again.tensor[i].nbytes == ix->tensor[i].nbytes, "a tensor has changed its size");
    free(out.bytes);
}

/* Reads every byte of an array, so that a sanitizer sees where they lie. */
static bool sum_array(void *self, const struct q8_tensor *array, const void *data,
                      struct q8_err *err)
{
    const unsigned char *byte = data;
    unsigned *sum = self;

    (void)err;
    check(array->name && array->rank <= Q8_MAX_RANK && array->dtype < Q8_DTYPES, "no array");
    for (uint64_t i = 0; i < array->nbytes; i++)
        *sum += byte[i];
    return true;
}

static void read_npz(const uint8_t *bytes, size_t size)
{
    struct q8_source source = q8_source_memory(bytes, size);
    volatile unsigned kept;
    unsigned sum = 0;
    struct q8_npz_visitor visitor = {sum_array, &sum};
    struct q8_err err = {0};
    struct q8_arena mem;

    q8_arena_init(&mem, UINT64_C(64) << 20);
    check(q8_npz_read(&source, &visitor, &mem, &err) || (err.code && err.text[0]),
          "refused without a reason");
    kept = sum; /* or the compiler leaves the reading out */
    (void)kept;
    q8_arena_clear(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    read_npz(bytes, size);
    for (size_t i = 0; q8_formats[i]; i++) {
        struct q8_source source = q8_source_memory(bytes, size);
        struct q8_index ix = {0};
        struct q8_err err = {0};
        struct q8_arena mem;

        q8_arena_init(&mem, UINT64_C(64) << 20);
        if (q8_formats[i]->parse(&source, &ix, &mem, &err))
            check_accepted(q8_formats[i], &ix, &source, &mem);
        else
            check(err.code && err.text[0], "refused without a reason");
        q8_arena_clear(&mem);
    }
    return 0;
}
