/* walk.c - the one loop over tensor data: the rows of a weight, tile by tile, to a visitor */
#include "src/flow/walk.h"

#include "kernels/kernels.h"
#include "src/base/num.h"
#include "src/base/tensor_read.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Of a tile in memory: int8 weights become floats. */
static uint64_t element_bytes(const struct q8_view *view)
{
    return view->stored ? sizeof(float) : q8_dtype_size(view->tensor->dtype);
}

uint64_t q8_walk_rows(const struct q8_walk *walk, const struct q8_view *view)
{
    const struct q8_tensor t = view->transpose ? q8_tensor_turn(view->tensor, 0) : *view->tensor;
    uint64_t rows = q8_tensor_piece(&t, walk->tile_bytes) / (view->cols * element_bytes(view));

    return rows ? q8_min(rows, view->rows) : 1;
}

void q8_walk_fit(struct q8_walk *walk, const struct q8_view *view)
{
    uint64_t bytes = q8_walk_rows(walk, view) * view->cols * element_bytes(view);

    walk->room = q8_max(walk->room, bytes);
}

uint64_t q8_walk_bytes(const struct q8_walk *walk)
{
    return walk->room +
           (walk->stored ? q8_decoder_bytes(walk->stored, walk->tile_bytes / sizeof(float)) : 0);
}

bool q8_walk_open(struct q8_walk *walk, struct q8_arena *mem, struct q8_err *err)
{
    walk->rows = q8_alloc(mem, walk->room, 1, err);
    return walk->rows && (!walk->stored || q8_decoder_init(&walk->decoder, walk->stored,
                                                           walk->tile_bytes / sizeof(float),
                                                           walk->kernels, mem, err));
}

/* Digest of a tensor that the tiles do not read in the order of its elements. */
static bool digest_source(struct q8_walk *walk, const struct q8_model *model,
                          const struct q8_view *view, struct q8_pool *pool, struct q8_err *err)
{
    for (uint64_t at = 0, n; at < view->tensor->nbytes; at += n) {
        n = q8_min(walk->room, view->tensor->nbytes - at);
        if (!q8_model_read(model, view->tensor, at, walk->rows, n, err) ||
            !q8_pool_advance(pool, 0))
            return false;
        q8_xxh_add(walk->xxh, walk->rows, n);
    }
    return true;
}

/* F64 to F32 in place, front to back; with denormals, which may be all that a row has. */
static bool narrow_rows(const struct q8_walk *walk, unsigned char *bytes, uint64_t first_row,
                        uint64_t rows, uint64_t cols, struct q8_err *err)
{
    bool flushed = q8_denormals_flush(false), ok = true;

    for (uint64_t i = 0; ok && i < rows * cols; i++) {
        double wide;
        float narrow;

        memcpy(&wide, bytes + i * sizeof wide, sizeof wide);
        narrow = (float)wide;
        if (isinf(narrow) && !isinf(wide) && !walk->infinite)
            ok = q8_fail(err, Q8_EINPUT,
                         "row %" PRIu64 " holds %g, beyond fp32, which F64 weights are rounded to",
                         first_row + i / cols, wide);
        memcpy(bytes + i * sizeof narrow, &narrow, sizeof narrow);
    }
    (void)q8_denormals_flush(flushed);
    return ok;
}

void *q8_walk_read(struct q8_walk *walk, const struct q8_model *model, const struct q8_view *view,
                   uint64_t row, uint64_t n, struct q8_err *err)
{
    const uint64_t size = element_bytes(view), bytes = n * view->cols * size;
    const struct q8_tensor *t = view->tensor;
    struct q8_tensor turned;
    uint64_t first = view->first;

    if (view->stored)
        return q8_decode_rows(&walk->decoder, view->stored, row, n, walk->rows, err) ? walk->rows
                                                                                     : NULL;
    if (view->transpose) {
        turned = q8_tensor_turn(t, first);
        t = &turned;
        first = 0;
    }
    if (!q8_model_read(model, t, (first + row * view->cols) * size, walk->rows, bytes, err))
        return NULL;
    if (walk->xxh && !view->transpose)
        q8_xxh_add(walk->xxh, walk->rows, bytes);
    if (t->dtype == Q8_F64 && !narrow_rows(walk, walk->rows, row, n, view->cols, err))
        return NULL;
    return walk->rows;
}

/* Shows n rows that were read to the visitor, no more at a time than it has room for. */
static bool show_rows(const struct q8_view *view, const struct q8_visit *visit, unsigned char *rows,
                      uint64_t row, uint64_t n, struct q8_err *err)
{
    const bool narrowed = !view->stored && view->tensor->dtype == Q8_F64;
    const uint64_t bytes = view->cols * (narrowed ? sizeof(float) : element_bytes(view));

    for (uint64_t i = 0, many; i < n; i += many) {
        many = visit->room ? q8_min(n - i, visit->room(visit->self)) : n;
        if (!visit->tile(visit->self, rows + i * bytes, row + i, many, err))
            return false;
    }
    return true;
}

bool q8_walk_run(struct q8_walk *walk, const struct q8_model *model, const struct q8_view *view,
                 const struct q8_visit *visit, struct q8_pool *pool, struct q8_err *err)
{
    void *rows;

    if (walk->xxh && view->transpose && !digest_source(walk, model, view, pool, err))
        return false;
    for (uint64_t row = 0, n; row < view->rows; row += n) {
        n = q8_min(q8_walk_rows(walk, view), view->rows - row);
        rows = q8_walk_read(walk, model, view, row, n, err);
        if (!rows || !show_rows(view, visit, rows, row, n, err) ||
            !q8_pool_advance(pool, n * view->cols * element_bytes(view)))
            return false;
    }
    return true;
}
