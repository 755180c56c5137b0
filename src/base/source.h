/* source.h - bytes to read from, be it a file or memory */
#ifndef Q8_BASE_SOURCE_H
#define Q8_BASE_SOURCE_H

#include "src/base/err.h"

#include <stdint.h>

/* Bytes to read from: a file (q8_file_source), or memory. */
struct q8_source {
    uint64_t size; /* bytes in all */
    /* Copies exactly n bytes at `off` to buf; the caller keeps off + n <= size.  False sets err. */
    bool (*read)(void *self, uint64_t off, void *buf, uint64_t n, struct q8_err *err);
    void *self; /* what read gets: a struct q8_file, the memory */
};

/* A source over `size` bytes of memory that must outlive it. */
struct q8_source q8_source_memory(const void *bytes, uint64_t size);

#endif
