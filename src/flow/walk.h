/* walk.h - the one loop over tensor data: the rows of a weight, tile by tile, to a visitor */
#ifndef Q8_FLOW_WALK_H
#define Q8_FLOW_WALK_H

#include "src/base/digest.h"
#include "src/scheme/decode.h"
#include "src/model/weights.h"
#include "src/flow/pool.h"

/* What is done with the rows. */
struct q8_visit {
    /*
     * Takes rows [row, row + n): [n, cols] elements of the tensor's type, F64 and what an int8
     * weight stands for as F32.  They are the walk's and may be changed.  False sets err.
     */
    bool (*tile)(void *self, void *rows, uint64_t row, uint64_t n, struct q8_err *err);
    uint64_t (*room)(void *self); /* at most how many rows the next tile may have; NULL: any */
    void *self;                   /* what both get */
};

/* One thread's buffers.  A zeroed struct grown by q8_walk_fit is ready. */
struct q8_walk {
    uint64_t tile_bytes;                 /* of source per tile, which should stay in the L2 cache */
    uint64_t room;                       /* bytes of the buffer */
    void *rows;                          /* the tile that was read last */
    const struct q8_stored_list *stored; /* int8 weights that views may be of; NULL: none is */
    const struct q8_kernels *kernels;    /* the caller's, for those */
    struct q8_decoder decoder;           /* reads their rows; the last tile's codes and steps */
    bool infinite;                       /* F64 beyond fp32 becomes an infinity, not a failure */
    struct q8_xxh *xxh; /* takes all source bytes, packed, in order; NULL: nobody does */
};

/* Rows of the view that are read at a time: whole ones, one at least. */
uint64_t q8_walk_rows(const struct q8_walk *walk, const struct q8_view *view);

/* Raises `room` to what that view needs. */
void q8_walk_fit(struct q8_walk *walk, const struct q8_view *view);

/* Bytes of memory that q8_walk_open takes. */
uint64_t q8_walk_bytes(const struct q8_walk *walk);

/* Memory for all views that were fitted; Q8_ELIMIT.  Needs no closing: the memory is `mem`'s. */
bool q8_walk_open(struct q8_walk *walk, struct q8_arena *mem, struct q8_err *err);

/*
 * Reads rows [row, row + n) of a view, at most q8_walk_rows: as the visitor gets them, the walk's
 * until the next are read; NULL on failure.
 */
void *q8_walk_read(struct q8_walk *walk, const struct q8_model *model, const struct q8_view *view,
                   uint64_t row, uint64_t n, struct q8_err *err);

/*
 * Shows every row of the view to the visitor, in order, in tiles that the shape alone decides (and
 * visit->room).  Counts the bytes in the pool.  False without an error when the pool is stopping.
 * An F64 number beyond fp32 is Q8_EINPUT with its row, unless `infinite`.
 */
bool q8_walk_run(struct q8_walk *walk, const struct q8_model *model, const struct q8_view *view,
                 const struct q8_visit *visit, struct q8_pool *pool, struct q8_err *err);

#endif
