/*
 * format.h - a format is a pair of functions over bytes
 *
 * parse: bytes -> index.  print: index -> offsets and the bytes around the data.  A format opens
 * no file.  To add one: write formats/NAME.c with a `const struct q8_format q8_format_NAME`, and
 * add the word 'NAME' to formats/meson.build.
 */
#ifndef Q8_FORMATS_FORMAT_H
#define Q8_FORMATS_FORMAT_H

#include "src/base/arena.h"
#include "src/base/source.h"
#include "src/base/tensor.h"

/* Where bytes go. */
struct q8_sink {
    /* Takes n bytes for the place `off`; called in rising order without gaps.  False sets err. */
    bool (*write)(void *self, uint64_t off, const void *buf, uint64_t n, struct q8_err *err);
    void *self; /* what write gets */
};

/* One file format: a constant, the same for all threads. */
struct q8_format {
    const char *name;          /* "safetensors" */
    const char *suffix;        /* of its files: ".safetensors" */
    const char *const *others; /* what they may end in too, NULL behind the last; or NULL */
    /*
     * What loaders know the files of a directory by: STEM SUFFIX is the only one, STEM SUFFIX
     * ".index.json" says which tensors are in which of several.  NULL: they have any names.
     */
    const char *stem;
    /* [metas] what a file says of itself that is made of one of another format; may be NULL */
    const struct q8_meta *meta;
    uint64_t metas; /* how many */

    /*
     * Reads and checks everything but the data: on success `out` holds every tensor, sorted by
     * offset, with absolute offsets inside [0, source size) and strides where it is not packed, and
     * the metadata; room that `out` has for tensors is used again; on failure `out` is of no use.
     * Memory grows with the bytes that were read, never with a number that the file claims.  Call
     * it by q8_format_parse.  Errors: Q8_EINPUT with the tensor and the byte, Q8_ELIMIT, Q8_EIO.
     */
    bool (*parse)(struct q8_source *source, struct q8_index *out, struct q8_arena *mem,
                  struct q8_err *err);

    /*
     * Sorts ix->tensor into the order of the file, sets every offset and nbytes, and
     * *ret_size to the size of the whole file.  With a sink it also writes all bytes that are not
     * tensor data.  The same index gives the same bytes.  Errors: Q8_EINPUT when a size overflows,
     * Q8_ELIMIT when the header would be too large to read again, and those of the sink.  NULL for
     * a format that is read alone: no target's container.
     */
    bool (*print)(struct q8_index *ix, struct q8_sink *sink, uint64_t *ret_size,
                  struct q8_arena *mem, struct q8_err *err);
};

/* Every format of this build, NULL at the end. */
extern const struct q8_format *const q8_formats[];

/* The format of that name, a constant; NULL = none. */
const struct q8_format *q8_format_find(const char *name);

/* The suffixes of all formats into `text`, for a message: ".safetensors, .bin"; returns it. */
const char *q8_format_suffixes(char *text, size_t size);

/* The format one of whose suffixes the name of a file ends in, a constant; NULL = none. */
const struct q8_format *q8_format_of(const char *file);

/* The i-th suffix of a format, the main one first; NULL = no more. */
const char *q8_format_suffix(const struct q8_format *format, size_t i);

/*
 * Parses a file, and holds the format to its promise: that the data of each tensor is whole and in
 * the file (q8_tensor_check, with the tensor's name in front).
 */
bool q8_format_parse(const struct q8_format *format, struct q8_source *source, struct q8_index *out,
                     struct q8_arena *mem, struct q8_err *err);

#endif
