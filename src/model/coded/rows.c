/* rows.c - codes that lie row by row, with scales in a grid, to floats */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"
#include "src/model/floats.h"

#include <string.h>

/* At a time, on the stack: floats, and scales of them. */
#define PIECE 8192
#define SCALES 1024

/* A piece: elements of one row, or whole rows. */
struct piece {
    uint64_t row, rows;  /* of the weight */
    uint64_t col, cols;  /* of each of the rows; `col` is where whole bytes begin */
    uint64_t skip;       /* columns in front that nobody asked for */
    uint64_t grid, line; /* the first scale, and how many beside each other are of the piece */
};

/* What the piece needs, on the stack of its reader. */
struct room {
    unsigned char codes[PIECE], raw[SCALES * sizeof(float)];
    float scale[SCALES], value[PIECE];
};

/* The line of the grid that holds the scales of a row. */
static uint64_t grid_row(const struct q8_coded *c, uint64_t row)
{
    return row / c->height * q8_div_up(c->height, c->block_rows) + row % c->height / c->block_rows;
}

/* As much as fits from element `first` on, `count` at most. */
static struct piece cut(const struct q8_coded *c, uint64_t first, uint64_t count)
{
    struct piece p = {.row = first / c->cols, .rows = 1};
    const uint64_t col = first % c->cols;

    p.skip = col % c->coding->unit;
    p.col = col - p.skip;
    p.cols = q8_min(q8_min(c->cols - p.col, count + p.skip), PIECE);
    if (c->block_cols <= PIECE / SCALES * 2) /* no more scales than there is room for */
        p.cols = q8_min(p.cols, (SCALES - 1) * c->block_cols);
    if (col == 0 && p.cols == c->cols)
        p.rows = q8_min(count / c->cols, q8_min(PIECE / c->cols, SCALES / c->grid_cols));
    p.rows = q8_max(p.rows, 1);
    p.grid = grid_row(c, p.row) * c->grid_cols + p.col / c->block_cols;
    p.line = (p.col + p.cols - 1) / c->block_cols - p.col / c->block_cols + 1;
    return p;
}

/* The scales of a piece as floats. */
static bool read_scales(const struct q8_coded *c, const struct piece *p, struct room *room,
                        struct q8_err *err)
{
    const struct q8_tensor *t = c->part[1];
    const uint64_t size = q8_dtype_size(t->dtype);
    const uint64_t last = grid_row(c, p->row + p->rows - 1) * c->grid_cols;
    const uint64_t n = last - grid_row(c, p->row) * c->grid_cols + p->line;

    if (!q8_model_read(c->model, t, p->grid * size, room->raw, n * size, err))
        return false;
    if (Q8_IS_E8M0 & Q8_IS(t->dtype))
        c->kernels->widen_e8m0(room->scale, room->raw, n);
    else
        c->kernels->widen[q8_dtype_float(t->dtype)](room->scale, room->raw, n);
    return true;
}

/* One row of a piece: what stands in front of the first whole block apart. */
static void decode_row(const struct q8_coded *c, const struct piece *p, float *ret,
                       const unsigned char *codes, const float *scale)
{
    const struct q8_coding *row = c->coding;
    const uint64_t inside = p->col % c->block_cols;
    const uint64_t head = inside ? q8_min(c->block_cols - inside, p->cols) : 0;

    if (head)
        row->decode(c, ret, codes, head, scale);
    if (head < p->cols)
        row->decode(c, ret + head, codes + head / row->unit * row->bytes, p->cols - head,
                    scale + (head > 0));
}

static bool read_piece(const struct q8_coded *c, const struct piece *p, struct room *room,
                       struct q8_err *err)
{
    const struct q8_coding *row = c->coding;
    const uint64_t width = q8_div_up(c->cols, row->unit) * row->bytes;
    const uint64_t bytes = (p->rows - 1) * width + q8_div_up(p->cols, row->unit) * row->bytes;

    if (!q8_model_read(c->model, c->part[0], p->row * width + p->col / row->unit * row->bytes,
                       room->codes, bytes, err) ||
        !read_scales(c, p, room, err))
        return false;
    for (uint64_t r = 0; r < p->rows; r++)
        decode_row(c, p, room->value + r * p->cols, room->codes + r * width,
                   room->scale + (grid_row(c, p->row + r) - grid_row(c, p->row)) * c->grid_cols);
    return true;
}

void q8_coded_narrow(const struct q8_coded *c, void *ret, const float *x, uint64_t n)
{
    c->kernels->narrow[q8_dtype_float(c->dtype)](ret, x, n);
}

bool q8_coded_read_rows(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                        struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(c->dtype);
    unsigned char *to = ret;
    struct room room;

    for (uint64_t n; count > 0; first += n, count -= n, to += n * size) {
        const struct piece p = cut(c, first, count);

        n = p.rows * p.cols - p.skip;
        if (!read_piece(c, &p, &room, err))
            return false;
        q8_coded_narrow(c, to, room.value + p.skip, n);
    }
    return true;
}
