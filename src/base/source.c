/* source.c - bytes to read from memory */
#include "src/base/source.h"

#include <string.h>

static bool memory_read(void *self, uint64_t off, void *buf, uint64_t n, struct q8_err *err)
{
    (void)err;
    memcpy(buf, (const unsigned char *)self + off, n);
    return true;
}

struct q8_source q8_source_memory(const void *bytes, uint64_t size)
{
    return (struct q8_source){size, memory_read, (void *)(uintptr_t)bytes};
}
