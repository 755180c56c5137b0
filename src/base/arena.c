/* arena.c - the one way to get memory */
#include "src/base/arena.h"

#include "src/base/num.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Blocks come from the system itself: what is released is the system's again at once, whatever the
 * thread and its neighbours, and pages that nobody wrote to take no memory.  In sanitizer builds
 * every object gets a block of its own from malloc, or overruns inside a block would go unseen.
 */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#define BLOCK_BYTES UINT64_C(1)
#define PAGE 64
#else
#define BLOCK_BYTES (UINT64_C(64) << 10)
#define PAGE 4096
#endif
#define LARGEST_BLOCK (UINT64_C(4) << 20) /* of those that hold many objects */

struct q8_block {
    struct q8_block *next;
    uint64_t total;      /* bytes from the system */
    uint64_t size, used; /* of data */
    uint64_t objects;
    _Alignas(64) unsigned char data[];
};

/* Zeroed bytes, a multiple of PAGE; NULL when there are none. */
static void *take_pages(uint64_t bytes)
{
#ifdef SANITIZED
    void *pages = aligned_alloc(PAGE, bytes);

    return pages ? memset(pages, 0, bytes) : NULL;
#else
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return pages == MAP_FAILED ? NULL : pages;
#endif
}

static void give_pages(struct q8_block *block)
{
#ifdef SANITIZED
    free(block);
#else
    (void)munmap(block, block->total);
#endif
}

/* An object that gets a block of its own. */
static bool is_large(uint64_t bytes)
{
    return bytes > BLOCK_BYTES / 4;
}

void q8_arena_init(struct q8_arena *mem, uint64_t limit)
{
    *mem = (struct q8_arena){.limit = limit};
}

void q8_arena_clear(struct q8_arena *mem)
{
    struct q8_block *block = mem->head;

    while (block) {
        struct q8_block *next = block->next;

        give_pages(block);
        block = next;
    }
    mem->head = NULL;
    mem->used = 0;
}

/*
 * Bytes from the system for a block that is to hold an object of `bytes`.  Blocks grow with the
 * arena, so that a large one has few; 0 when the limit leaves no room for the object.
 */
static uint64_t block_bytes(const struct q8_arena *mem, uint64_t bytes)
{
    uint64_t least, total, more = mem->used / 8;

    if (!q8_add(bytes, sizeof(struct q8_block) + PAGE - 1, &least))
        return 0;
    least -= least % PAGE;
    if (!q8_within(mem->used, least, mem->limit))
        return 0;
    more = more < BLOCK_BYTES ? BLOCK_BYTES : q8_min(more, LARGEST_BLOCK);
    total = is_large(bytes) || least > more ? least : more - more % PAGE;
    return q8_within(mem->used, total, mem->limit) ? total : least;
}

static struct q8_block *add_block(struct q8_arena *mem, uint64_t bytes, struct q8_err *err)
{
    uint64_t total = block_bytes(mem, bytes);
    struct q8_block *block;

    if (!total) {
        q8_fail(err, Q8_ELIMIT, "needs more than the %" PRIu64 " MiB of memory set aside for it",
                mem->limit >> 20);
        return NULL;
    }
    block = take_pages(total);
    if (!block) {
        q8_fail(err, Q8_ELIMIT, "out of memory (%" PRIu64 " bytes wanted)", total);
        return NULL;
    }
    block->total = total;
    block->size = total - sizeof *block;
    if (mem->head && is_large(bytes)) { /* keep filling the current block */
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
    result = block->data + block->used; /* zeros: nothing in a block is used twice */
    block->used += bytes;
    block->objects++;
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

/* Gives an object back to the system if it has a block of its own. */
static void release_alone(struct q8_arena *mem, const void *object)
{
    for (struct q8_block **link = &mem->head; object && *link; link = &(*link)->next) {
        struct q8_block *block = *link;

        if (block->data == object && block->objects == 1) {
            *link = block->next;
            mem->used -= block->total;
            give_pages(block);
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
