/* tensor_read.c - the data of a tensor out of its file, packed, however it lies there */
#include "src/base/tensor_read.h"

#include "src/base/num.h"

#include <assert.h>
#include <string.h>

#define PIECE 32768 /* bytes of stack for elements that are not to lie as they do in the file */
#define LONGER 16   /* pieces of tensors that are gathered */
#define LINE 64     /* bytes that a row in memory should get of a piece: a cache line */

/* Elements that are evenly spaced in the file. */
struct run {
    uint64_t offset;   /* byte of the file where the first is */
    uint64_t stride;   /* from one to the next, in elements */
    uint64_t size;     /* of one, in bytes */
    uint64_t count;    /* of them; may be 0 */
    unsigned char *to; /* where they go, packed */
};

/* Reads from the first to the last of as many as fit in a piece, and picks them out. */
static bool read_run(const struct q8_source *s, const struct run *r, struct q8_err *err)
{
    unsigned char piece[PIECE];

    if (r->stride == 1)
        return s->read(s->self, r->offset, r->to, r->count * r->size, err);
    for (uint64_t i = 0, n; i < r->count; i += n) {
        n = r->stride ? q8_min(r->count - i, (PIECE / r->size - 1) / r->stride + 1) : r->count;
        if (!s->read(s->self, r->offset + i * r->stride * r->size, piece,
                     ((n - 1) * r->stride + 1) * r->size, err))
            return false;
        for (uint64_t k = 0; k < n; k++)
            memcpy(r->to + (i + k) * r->size, piece + k * r->stride * r->size, r->size);
    }
    return true;
}

/*
 * The inner dimensions of a strided tensor from the nearest one on, as a matrix: a column lies
 * along that one, where elements are closest in the file.
 */
struct block {
    const struct q8_tensor *tensor;
    uint64_t size;      /* of an element, in bytes */
    uint64_t stride;    /* from a row to the next in the file, in elements */
    uint64_t cols;      /* of the matrix */
    uint64_t start;     /* its first element */
    uint64_t low, high; /* of its own elements those that are wanted, [low, high) */
};

/* A part of that matrix, which is read to [cols, rows] elements and turned. */
struct area {
    uint64_t row, rows, col, cols;
    unsigned char *piece;
};

/* The first row where an element of this column is not before element `at` of the block. */
static uint64_t find_row(const struct block *b, uint64_t at, uint64_t col)
{
    return at > col ? q8_div_up(at - col, b->cols) : 0;
}

/* What is wanted of a column of the area: all of it but near the ends of the range. */
static struct run find_run(const struct block *b, const struct area *a, uint64_t col)
{
    const uint64_t stop = q8_min(find_row(b, b->high, col), a->row + a->rows);
    const uint64_t row = q8_max(find_row(b, b->low, col), a->row);
    const uint64_t place = q8_tensor_place(b->tensor, b->start + row * b->cols + col);

    return (struct run){b->tensor->offset + place * b->size, b->stride, b->size,
                        row < stop ? stop - row : 0,
                        a->piece + ((col - a->col) * a->rows + row - a->row) * b->size};
}

/* Columns that follow each other in the file as they do in the piece are read at once. */
static bool read_columns(const struct q8_source *s, const struct block *b, const struct area *a,
                         struct q8_err *err)
{
    const uint64_t stop = a->col + a->cols;
    struct run run = find_run(b, a, a->col);

    for (uint64_t col = a->col + 1; col <= stop; col++) {
        const struct run next = col < stop ? find_run(b, a, col) : (struct run){0};
        const uint64_t bytes = run.count * run.size;

        if (b->stride == 1 && next.offset == run.offset + bytes && next.to == run.to + bytes) {
            run.count += next.count;
            continue;
        }
        if (run.count > 0 && !read_run(s, &run, err))
            return false;
        run = next;
    }
    return true;
}

static inline __attribute__((always_inline)) void
turn_sized(const struct block *b, const struct area *a, unsigned char *to, uint64_t size)
{
    for (uint64_t r = 0; r < a->rows; r++) {
        const uint64_t first = (a->row + r) * b->cols + a->col; /* element of the block */
        const uint64_t begin = b->low - q8_min(first, b->low);
        const uint64_t end = q8_min(b->high - q8_min(first, b->high), a->cols);

        for (uint64_t c = begin; c < end; c++)
            memcpy(to + (first + c - b->low) * size, a->piece + (c * a->rows + r) * size, size);
    }
}

/* What is wanted of the area to its place; element `low` of the block goes to `to`. */
static void turn(const struct block *b, const struct area *a, unsigned char *to)
{
    switch (b->size) {
    case 1: turn_sized(b, a, to, 1); break;
    case 2: turn_sized(b, a, to, 2); break;
    case 4: turn_sized(b, a, to, 4); break;
    default: turn_sized(b, a, to, b->size);
    }
}

/*
 * Elements [low, high) of a block, in pieces of whole lines of the result and, so that as few reads
 * as can be do it, of long runs in the file.
 */
static bool read_block(const struct q8_source *s, const struct block *b, unsigned char *to,
                       struct q8_err *err)
{
    const uint64_t row = b->low / b->cols, stop = q8_div_up(b->high, b->cols);
    const uint64_t most = PIECE / b->size;
    const uint64_t cols = q8_min(b->cols, q8_max(LINE / b->size, most / (stop - row)));
    const uint64_t rows = most / cols;
    unsigned char piece[PIECE];

    if (b->cols == 1) { /* nothing to turn */
        const struct area all = {row, stop - row, 0, 1, to};

        return read_columns(s, b, &all, err);
    }
    for (uint64_t r = row; r < stop; r += rows)
        for (uint64_t c = 0; c < b->cols; c += cols) {
            const struct area area = {r, q8_min(rows, stop - r), c, q8_min(cols, b->cols - c),
                                      piece};

            if (!read_columns(s, b, &area, err))
                return false;
            turn(b, &area, to);
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

/* Elements [first, first + count) of a strided tensor. */
static bool gather(const struct q8_source *s, const struct q8_tensor *t, uint64_t first,
                   uint64_t count, unsigned char *to, struct q8_err *err)
{
    const uint64_t stop = first + count;
    const uint32_t nearest = find_nearest(t);
    struct block b = {t, q8_dtype_size(t->dtype), t->stride[nearest], 1, 0, 0, 0};
    uint64_t all;

    for (uint32_t d = nearest + 1; d < t->rank; d++)
        b.cols *= t->dim[d];
    all = b.cols * t->dim[nearest];
    for (uint64_t at = first; at < stop; at = b.start + b.high) {
        b.start = at - at % all;
        b.low = at - b.start;
        b.high = q8_min(all, stop - b.start);
        if (!read_block(s, &b, to + (at - first) * b.size, err))
            return false;
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

    if (!size || (!t->coded && !t->swapped && (!t->strided || t->rank == 0)))
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

uint64_t q8_tensor_piece(const struct q8_tensor *t, uint64_t bytes)
{
    return t->strided || t->apart ? bytes * LONGER : bytes;
}
