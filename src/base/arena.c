/* arena.c - the one way to get memory */
#include "src/base/arena.h"

#include "src/base/num.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * In sanitizer builds every object gets its own block, or overruns inside a block would go unseen.
 */
#if defined(__SANITIZE_ADDRESS__)
#define BLOCK_BYTES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLOCK_BYTES 0
#endif
#endif
#ifndef BLOCK_BYTES
#define BLOCK_BYTES (64u << 10)
#endif

struct q8_block {
    struct q8_block *next;
    uint64_t size, used; /* of data */
    _Alignas(64) unsigned char data[];
};

void q8_arena_init(struct q8_arena *mem, uint64_t limit)
{
    *mem = (struct q8_arena){.limit = limit};
}

void q8_arena_clear(struct q8_arena *mem)
{
    struct q8_block *block = mem->head;

    while (block) {
        struct q8_block *next = block->next;

        free(block);
        block = next;
    }
    mem->head = NULL;
    mem->used = 0;
}

static struct q8_block *add_block(struct q8_arena *mem, uint64_t bytes, struct q8_err *err)
{
    uint64_t size = bytes > BLOCK_BYTES / 4 ? bytes : BLOCK_BYTES, total;
    struct q8_block *block = NULL;

    if (!q8_add(size, sizeof *block + 63, &total) || !q8_within(mem->used, total, mem->limit)) {
        q8_fail(err, Q8_ELIMIT, "needs more than the %" PRIu64 " MiB of memory set aside for it",
                mem->limit >> 20);
        return NULL;
    }
    block = aligned_alloc(64, total & ~UINT64_C(63));
    if (!block) {
        q8_fail(err, Q8_ELIMIT, "out of memory (%" PRIu64 " bytes wanted)", total);
        return NULL;
    }
    block->size = size;
    block->used = 0;
    if (mem->head && bytes > BLOCK_BYTES / 4) { /* a large object: keep filling the current block */
        block->next = mem->head->next;
        mem->head->next = block;
    } else {
        block->next = mem->head;
        mem->head = block;
    }
    mem->used += total;
    return block;
}

void *q8_alloc(struct q8_arena *mem, uint64_t count, uint64_t size, struct q8_err *err)
{
    struct q8_block *block = mem->head;
    uint64_t bytes;
    void *result;

    if (!q8_mul(count, size, &bytes) || !q8_add(bytes, 15, &bytes)) {
        q8_fail(err, Q8_ELIMIT, "%" PRIu64 " elements of %" PRIu64 " bytes do not fit in memory",
                count, size);
        return NULL;
    }
    bytes &= ~UINT64_C(15);
    if (!block || bytes > block->size - block->used) {
        block = add_block(mem, bytes, err);
        if (!block)
            return NULL;
    }
    result = block->data + block->used;
    block->used += bytes;
    memset(result, 0, bytes);
    return result;
}

char *q8_strndup(struct q8_arena *mem, const char *text, uint64_t len, struct q8_err *err)
{
    char *copy = q8_alloc(mem, len + 1, 1, err);

    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

char *q8_sprintf(struct q8_arena *mem, struct q8_err *err, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = q8_alloc(mem, (uint64_t)len + 1, 1, err);
    if (!text)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

/* Gives an object back to the system if it fills a block of its own. */
static void release_alone(struct q8_arena *mem, const void *object)
{
    for (struct q8_block **link = &mem->head; object && *link; link = &(*link)->next) {
        struct q8_block *block = *link;

        if (block->data == object && block->size > BLOCK_BYTES) {
            *link = block->next;
            mem->used -= block->size + sizeof *block + 63;
            free(block);
            return;
        }
    }
}

void *q8_grow(struct q8_arena *mem, void *old, uint64_t count, uint64_t *capacity, uint64_t size,
              struct q8_err *err)
{
    uint64_t room = *capacity ? *capacity * 2 : 16;
    void *fresh;

    if (count < *capacity)
        return old;
    fresh = q8_alloc(mem, room, size, err);
    if (!fresh)
        return NULL;
    if (count)
        memcpy(fresh, old, count * size);
    release_alone(mem, old);
    *capacity = room;
    return fresh;
}
