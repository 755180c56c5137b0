/* tensor_read.c - the data of a tensor out of its file, packed, however it lies there */
#include "src/base/tensor_read.h"

#include "src/base/num.h"

#include <assert.h>
#include <string.h>

#define PIECE 16384 /* bytes of stack for elements that are not to lie as they do in the file */

/* Elements that are evenly spaced in the file and in memory. */
struct run {
    uint64_t offset;     /* byte of the file where the first is */
    uint64_t stride;     /* from one to the next in the file, in elements */
    uint64_t step, size; /* from one to the next in memory; of one; in bytes */
    uint64_t count;
    unsigned char *to; /* where the first goes */
};

/* Reads from the first to the last of as many as fit in a piece, and picks them out. */
static bool read_run(const struct q8_source *s, const struct run *r, struct q8_err *err)
{
    unsigned char piece[PIECE];

    if (r->stride == 1 && r->step == r->size)
        return s->read(s->self, r->offset, r->to, r->count * r->size, err);
    for (uint64_t i = 0, n; i < r->count; i += n) {
        n = r->stride ? q8_min(r->count - i, (PIECE / r->size - 1) / r->stride + 1) : r->count;
        if (!s->read(s->self, r->offset + i * r->stride * r->size, piece,
                     ((n - 1) * r->stride + 1) * r->size, err))
            return false;
        for (uint64_t k = 0; k < n; k++)
            memcpy(r->to + (i + k) * r->step, piece + k * r->stride * r->size, r->size);
    }
    return true;
}

/* The dimension along which elements lie closest in the file; of two, the inner one. */
static uint32_t find_nearest(const struct q8_tensor *t)
{
    uint32_t best = t->rank - 1;

    for (uint32_t d = t->rank; d-- > 0;)
        if (t->dim[d] > 1 && t->stride[d] > 0 &&
            (t->dim[best] <= 1 || t->stride[best] == 0 || t->stride[d] < t->stride[best]))
            best = d;
    return best;
}

/*
 * Elements [first, first + count) of a strided tensor.  Its inner dimensions from the nearest one
 * on are a block [dim, inner]: for each of `inner`, those of the range are a run along `dim`.
 */
static bool gather(const struct q8_source *s, const struct q8_tensor *t, uint64_t first,
                   uint64_t count, unsigned char *to, struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(t->dtype), stop = first + count;
    const uint32_t nearest = find_nearest(t);
    uint64_t inner = 1, block;

    for (uint32_t d = nearest + 1; d < t->rank; d++)
        inner *= t->dim[d];
    block = inner * t->dim[nearest];
    for (uint64_t at = first, next; at < stop; at = next) {
        const uint64_t start = at - at % block, low = at - start;
        const uint64_t high = q8_min(block, stop - start);

        next = start + high;
        for (uint64_t j = 0; j < inner && j < high; j++) {
            const uint64_t begin = low > j ? q8_div_up(low - j, inner) : 0;
            const uint64_t end = q8_div_up(high - j, inner), place = begin * inner + j;
            const struct run run = {
                .offset = t->offset + q8_tensor_place(t, start + place) * size,
                .stride = t->stride[nearest],
                .step = inner * size,
                .size = size,
                .count = end - begin,
                .to = to + (start + place - first) * size,
            };

            if (begin < end && !read_run(s, &run, err))
                return false;
        }
    }
    return true;
}

/* Turns the bytes of each of `count` numbers of `size` bytes around. */
static void swap(unsigned char *bytes, uint64_t count, uint64_t size)
{
    for (uint64_t i = 0; i < count; i++, bytes += size)
        for (uint64_t low = 0, high = size - 1; low < high; low++, high--) {
            const unsigned char byte = bytes[low];

            bytes[low] = bytes[high];
            bytes[high] = byte;
        }
}

/* Whole elements [first, first + count), packed and in the order of this machine. */
static bool read_elements(const struct q8_source *s, const struct q8_tensor *t, uint64_t first,
                          uint64_t count, unsigned char *to, struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(t->dtype), parts = t->dtype == Q8_C64 ? 2 : 1;

    if (!(t->strided && t->rank > 0
              ? gather(s, t, first, count, to, err)
              : s->read(s->self, t->offset + first * size, to, count * size, err)))
        return false;
    if (t->swapped)
        swap(to, count * parts, size / parts);
    return true;
}

bool q8_tensor_read(const struct q8_source *s, const struct q8_tensor *t, uint64_t off, void *buf,
                    uint64_t n, struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(t->dtype);
    unsigned char *to = buf, one[sizeof(double)];

    if (!size || (!t->swapped && (!t->strided || t->rank == 0)))
        return s->read(s->self, t->offset + off, buf, n, err);
    assert(size <= sizeof one);
    for (uint64_t done; n > 0; to += done, off += done, n -= done) {
        const uint64_t skip = off % size;

        done = skip || n < size ? q8_min(size - skip, n) : n - n % size;
        if (!read_elements(s, t, off / size, q8_div_up(skip + done, size), done < size ? one : to,
                           err))
            return false;
        if (done < size) /* a part of an element */
            memcpy(to, one + skip, done);
    }
    return true;
}
