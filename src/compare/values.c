/* values.c - the data of two tensors side by side, tile by tile */
#include "src/compare/values.h"

#include "src/base/num.h"
#include "src/base/tensor_read.h"
#include "src/flow/sameness.h"
#include "src/base/text.h"
#include "src/scheme/encode.h"
#include "src/scheme/scheme.h"
#include "src/scheme/error.h"
#include "src/model/floats.h"

#include <math.h>
#include <string.h>

#define TILE_BYTES (UINT64_C(256) << 10) /* of each source: both stay in the L2 cache */

#define INFINITY_BITS 0x7f800000u /* of a float: NaN is above, every number below */

/* One item on its way. */
struct work {
    struct q8_comparer *d;
    struct q8_compared *c;
    struct q8_pool *pool;
    uint64_t total, done, counted; /* bytes of both; of them read; of those counted in the pool */
    struct q8_sameness same;       /* of the elements of the first that were read */
};

/* Bytes of a tensor, from `first` on. */
struct piece {
    const struct q8_tensor *tensor;
    uint64_t first;
};

static const struct q8_side *side(const struct q8_compared *c, int which)
{
    return which ? &c->b : &c->a;
}

static const struct q8_model *model(const struct q8_comparer *d, int which)
{
    return which ? d->result->options.b : d->result->options.a;
}

bool q8_compared_has_data(const struct q8_compared *c)
{
    return c->verdict >= Q8_OTHER_VALUES && c->elements > 0;
}

/* Of a slice its own, of an int8 weight with its scales. */
static uint64_t side_bytes(const struct q8_side *s)
{
    if (s->slice)
        return s->rows * s->cols * q8_dtype_size(s->tensor->dtype);
    return s->tensor->nbytes + (s->stored ? s->stored->scales->nbytes : 0);
}

uint64_t q8_compared_bytes(const struct q8_compared *c)
{
    return side_bytes(&c->a) + side_bytes(&c->b);
}

struct q8_view q8_side_view(const struct q8_side *s)
{
    return (struct q8_view){s->tensor, s->stored, s->transpose, s->first, s->rows, s->cols};
}

/* The rows that both sides are read by: single elements where neither is a matrix by nature. */
static struct q8_view view_of(const struct q8_compared *c, int which)
{
    const struct q8_side *s = side(c, which);

    if (c->a.stored || c->b.stored)
        return q8_side_view(s);
    return (struct q8_view){s->tensor, NULL, false, s->first, c->elements, 1};
}

/* Rows of both that are read at a time; all items of one shape have the same. */
static uint64_t tile_rows(const struct q8_comparer *d, const struct q8_compared *c)
{
    const struct q8_view a = view_of(c, 0), b = view_of(c, 1);

    return q8_min(q8_walk_rows(&d->walk[0], &a), q8_walk_rows(&d->walk[1], &b));
}

/* How much of two tensors is compared at a time. */
static uint64_t piece_bytes(const struct q8_tensor *a, const struct q8_tensor *b)
{
    return q8_max(q8_tensor_piece(a, TILE_BYTES), q8_tensor_piece(b, TILE_BYTES));
}

bool q8_comparer_open(struct q8_comparer *d, const struct q8_compare *result, struct q8_err *err)
{
    const struct q8_stored_list *stored[2] = {&result->stored_a, &result->stored_b};
    uint64_t room = 1;

    *d = (struct q8_comparer){.result = result};
    q8_arena_init(&d->mem, UINT64_MAX);
    q8_kernels_init(&d->kernels, result->options.isa);
    for (int i = 0; i < 2; i++)
        d->walk[i] = (struct q8_walk){.tile_bytes = TILE_BYTES,
                                      .room = TILE_BYTES,
                                      .stored = stored[i],
                                      .kernels = &d->kernels};
    for (uint64_t k = 0; k < result->items; k++) {
        const struct q8_compared *c = &result->item[k];
        uint64_t elements;

        if (!q8_compared_has_data(c))
            continue;
        for (int i = 0; i < 2; i++)
            d->walk[i].room = q8_max(d->walk[i].room, piece_bytes(c->a.tensor, c->b.tensor));
        if (!c->have_numbers)
            continue;
        for (int i = 0; i < 2; i++) {
            const struct q8_view view = view_of(c, i);

            q8_walk_fit(&d->walk[i], &view);
        }
        elements = tile_rows(d, c) * view_of(c, 0).cols;
        room = elements > room ? elements : room;
    }
    for (int i = 0; i < 2; i++) {
        d->values[i] = q8_alloc(&d->mem, room, sizeof(float), err);
        if (!d->values[i] || !q8_walk_open(&d->walk[i], &d->mem, err))
            return false;
    }
    return true;
}

void q8_comparer_close(struct q8_comparer *d)
{
    q8_arena_clear(&d->mem);
}

/* Counts bytes of both sides once, though the first of them may be read twice. */
static bool advance(struct work *w, uint64_t bytes)
{
    const uint64_t before = w->counted;

    w->done += bytes;
    w->counted = w->done > before ? w->done : before;
    return q8_pool_advance(w->pool, w->counted - before);
}

/* How many elements of `size` bytes are not the same. */
static uint64_t count_unequal(const unsigned char *a, const unsigned char *b, uint64_t bytes,
                              uint64_t size)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < bytes; i += size)
        count += memcmp(a + i, b + i, size) != 0;
    return count;
}

/*
 * Reads `bytes` bytes of two tensors; *ret_same: all equal so far.  Stops at the first difference,
 * unless elements of `size` bytes are to be counted (0: not).
 */
static bool compare_bytes(struct work *w, const struct piece piece[2], uint64_t bytes,
                          uint64_t size, bool *ret_same, struct q8_err *err)
{
    const uint64_t most = q8_min(piece_bytes(piece[0].tensor, piece[1].tensor),
                                 q8_min(w->d->walk[0].room, w->d->walk[1].room));
    unsigned char *a = w->d->walk[0].rows, *b = w->d->walk[1].rows;

    for (uint64_t at = 0, n; at < bytes && (*ret_same || size); at += n) {
        n = q8_min(most, bytes - at);
        if (!q8_model_read(model(w->d, 0), piece[0].tensor, piece[0].first + at, a, n, err) ||
            !q8_model_read(model(w->d, 1), piece[1].tensor, piece[1].first + at, b, n, err) ||
            !advance(w, 2 * n))
            return false;
        q8_sameness_see(&w->same, a, n);
        if (memcmp(a, b, n) != 0) {
            *ret_same = false;
            w->c->unequal += size ? count_unequal(a, b, n, size) : 0;
        }
    }
    return true;
}

/* Whether the bytes of both are the same, codes and scales of int8 weights. */
static bool same_bytes(struct work *w, bool *ret_same, struct q8_err *err)
{
    const struct q8_compared *c = w->c;
    const uint64_t step = q8_dtype_size(c->a.tensor->dtype); /* 0: of whole tensors only */
    const uint64_t size = c->have_numbers ? 0 : q8_max(step, 1);
    const struct piece data[2] = {{c->a.tensor, c->a.first * step},
                                  {c->b.tensor, c->b.first * step}};
    struct piece scales[2] = {{0}};

    *ret_same = !c->type_changed && !c->a.transpose && !c->b.transpose;
    if (!*ret_same)
        return true;
    if (!c->a.stored)
        return compare_bytes(w, data, side_bytes(&c->a), size, ret_same, err);
    scales[0].tensor = c->a.stored->scales;
    scales[1].tensor = c->b.stored->scales;
    return compare_bytes(w, scales, scales[0].tensor->nbytes, 0, ret_same, err) &&
           compare_bytes(w, data, c->a.tensor->nbytes, 0, ret_same, err);
}

/* Rows of one side as floats, into d->values. */
static bool read_values(struct q8_comparer *d, const struct q8_compared *c, int which, uint64_t row,
                        uint64_t n, struct q8_err *err)
{
    const struct q8_side *s = side(c, which);
    const struct q8_view view = view_of(c, which);
    char place[1024], name[256];
    const void *rows = q8_walk_read(&d->walk[which], model(d, which), &view, row, n, err);

    if (rows) {
        d->kernels.widen[s->stored ? Q8_FLOAT_F32 : q8_dtype_float(s->tensor->dtype)](
            d->values[which], rows, n * view.cols);
        return true;
    }
    if (err->code != Q8_EINPUT)
        return false;
    (void)snprintf(place, sizeof place, "%s: tensor '%s'", model(d, which)->path,
                   q8_text_escape(s->tensor->name, name, sizeof name));
    return q8_fail_in(err, place);
}

/*
 * What is not finite: the same in both counts as 0, so that it is equal; else the difference is NaN
 * or infinite, and the sums pass over it.
 */
static void settle(float *a, float *b, uint64_t n, struct q8_compared *c)
{
    for (uint64_t i = 0; i < n; i++) {
        if (isfinite(a[i]) && isfinite(b[i]))
            continue;
        if (isnan(a[i]) != isnan(b[i])) {
            c->most = NAN;
            c->unequal++;
        } else if (!isnan(a[i]) && a[i] != b[i]) {
            c->most = isnan(c->most) ? NAN : INFINITY;
            c->unequal++;
        }
        a[i] = b[i] = 0;
    }
}

static uint64_t count_different(const float *a, const float *b, uint64_t n)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < n; i++)
        count += a[i] != b[i];
    return count;
}

/* Adds a tile of n elements to the numbers of the item; the finite part of `most` to *most. */
static void add_tile(struct work *w, uint64_t n, struct q8_stats *stats, double *most)
{
    float *a = w->d->values[0], *b = w->d->values[1];
    const q8_absmax_fn absmax = w->d->kernels.absmax[Q8_FLOAT_F32];
    struct q8_diff sums;
    uint32_t bits_a, bits_b;

    absmax(&bits_a, a, n, n);
    absmax(&bits_b, b, n, n);
    if (bits_a >= INFINITY_BITS || bits_b >= INFINITY_BITS) {
        settle(a, b, n, w->c);
        absmax(&bits_a, a, n, n);
    }
    w->c->absmax = fmax(w->c->absmax, (double)q8_bits_to_float(Q8_FLOAT_F32, bits_a));
    w->c->unequal += count_different(a, b, n);
    w->d->kernels.diff(&sums, a, b, n);
    stats->err2 += sums.err2;
    stats->val2 += sums.val2;
    *most = fmax(*most, sums.most);
}

/* Values of both, and what they give together. */
static bool compare_values(struct work *w, struct q8_err *err)
{
    struct q8_compared *c = w->c;
    const uint64_t all = view_of(c, 0).rows, cols = view_of(c, 0).cols, rows = tile_rows(w->d, c);
    struct q8_stats stats = {0};
    double most = 0;

    for (uint64_t row = 0, n; row < all; row += n) {
        n = q8_min(rows, all - row);
        if (!read_values(w->d, c, 0, row, n, err) || !read_values(w->d, c, 1, row, n, err))
            return false;
        add_tile(w, n * cols, &stats, &most);
        if (!advance(w, (uint64_t)((double)w->total * ((double)n / (double)all))))
            return false;
    }
    if (isfinite(c->most))
        c->most = most;
    c->relative = c->most > 0 || isnan(c->most) ? c->most / c->absmax : 0;
    c->sqnr = isfinite(c->most) ? q8_sqnr(stats.val2, stats.err2) : NAN;
    c->verdict = c->unequal ? Q8_OTHER_VALUES : Q8_SAME_VALUES;
    return true;
}

bool q8_comparer_run(struct q8_comparer *d, struct q8_compared *c, struct q8_pool *pool,
                     struct q8_err *err)
{
    struct work w = {.d = d,
                     .c = c,
                     .pool = pool,
                     .total = q8_compared_bytes(c),
                     .same.size = q8_max(q8_dtype_size(c->a.tensor->dtype), 1)};
    bool same;

    if (!same_bytes(&w, &same, err))
        return false;
    if (!same && c->have_numbers) {
        w.done = 0;
        if (!compare_values(&w, err))
            return false;
    } else {
        c->verdict = same ? Q8_SAME_BYTES : Q8_OTHER_VALUES;
        c->constant = same && !c->a.stored && q8_sameness_holds(&w.same);
    }
    return q8_pool_advance(pool, w.total - q8_min(w.total, w.counted));
}
