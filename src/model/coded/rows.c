/* rows.c - codes that lie row by row, with scales in a grid, to floats */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"

/* At a time, on the stack: floats, and scales of them. */
#define PIECE 8192
#define SCALES Q8_CODED_GROUPS

/* A piece: elements of one row, or whole rows. */
struct piece {
    uint64_t row, rows;  /* of the weight */
    uint64_t col, cols;  /* of each of the rows; `col` is where whole bytes begin */
    uint64_t skip;       /* columns in front that nobody asked for */
    uint64_t grid, line; /* the first scale, and how many beside each other are of the piece */
};

/* What the pieces need, on the stack of their reader. */
struct room {
    unsigned char codes[PIECE];
    uint64_t at, held; /* the scales that it has */
    float scale[SCALES], zero[SCALES], value[PIECE];
};

/* The line of the grid that holds the scales of a row. */
static uint64_t grid_row(const struct q8_coded *c, uint64_t row)
{
    return row / c->height * q8_div_up(c->height, c->block_rows) + row % c->height / c->block_rows;
}

/* Codes that fill whole bytes. */
static unsigned find_unit(const struct q8_coded *c)
{
    return 8 / (c->bits & -c->bits);
}

/* As much as fits from element `first` on, `count` at most. */
static struct piece cut(const struct q8_coded *c, uint64_t first, uint64_t count)
{
    struct piece p = {.row = first / c->cols, .rows = 1};
    const uint64_t col = first % c->cols;

    p.skip = col % find_unit(c);
    p.col = col - p.skip;
    p.cols = q8_min(q8_min(c->cols - p.col, count + p.skip), PIECE);
    if (c->block_cols <= PIECE / SCALES * 2) /* no more scales than there is room for */
        p.cols = q8_min(p.cols, (SCALES - 1) * c->block_cols);
    if (col == 0 && p.cols == c->cols)
        p.rows = q8_min(count / c->cols,
                        q8_min(PIECE / q8_max(c->cols, c->width), SCALES / c->grid_cols));
    p.rows = q8_max(p.rows, 1);
    p.grid = grid_row(c, p.row) * c->grid_cols + (c->order ? 0 : p.col / c->block_cols);
    p.line =
        c->order ? c->grid_cols : (p.col + p.cols - 1) / c->block_cols - p.col / c->block_cols + 1;
    return p;
}

/* The scales of a piece, and those behind them of rows up to `last` that there is room for. */
static bool have_scales(const struct q8_coded *c, const struct piece *p, uint64_t last,
                        struct room *room, struct q8_err *err)
{
    const uint64_t end = grid_row(c, p->row + p->rows - 1) * c->grid_cols -
                         grid_row(c, p->row) * c->grid_cols + p->grid + p->line;
    const uint64_t most = (grid_row(c, last) + 1) * c->grid_cols;

    if (p->grid >= room->at && end <= room->at + room->held)
        return true;
    room->at = p->grid;
    room->held = q8_max(end - p->grid, q8_min(most - p->grid, SCALES));
    return q8_coded_read_scales(c, room->at, room->held, room->scale, err) &&
           (!c->zero || q8_coded_read_zeros(c, room->at, room->held, room->zero, err));
}

static bool read_piece(const struct q8_coded *c, const struct piece *p, uint64_t last,
                       struct room *room, struct q8_err *err)
{
    const uint64_t bytes = (p->rows - 1) * c->width + q8_div_up(p->cols * c->bits, 8);

    if (!q8_model_read(c->model, c->part[0], p->row * c->width + p->col * c->bits / 8, room->codes,
                       bytes, err) ||
        !have_scales(c, p, last, room, err))
        return false;
    for (uint64_t r = 0; r < p->rows; r++) {
        const uint64_t at =
            p->grid - room->at + (grid_row(c, p->row + r) - grid_row(c, p->row)) * c->grid_cols;
        const struct q8_coded_line line = {.codes = room->codes + r * c->width,
                                           .bits = c->bits,
                                           .col = p->col,
                                           .cols = p->cols,
                                           .scale = room->scale + at,
                                           .zero = c->zero ? room->zero + at : NULL};

        if (!q8_coded_decode_line(c, room->value + r * p->cols, &line, err))
            return false;
    }
    return true;
}

bool q8_coded_read_rows(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                        struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(c->dtype), last = (first + count - 1) / c->cols;
    unsigned char *to = ret;
    struct room room;

    room.at = room.held = 0;
    for (uint64_t n; count > 0; first += n, count -= n, to += n * size) {
        const struct piece p = cut(c, first, count);

        n = p.rows * p.cols - p.skip;
        if (!read_piece(c, &p, last, &room, err))
            return false;
        q8_coded_narrow(c, to, room.value + p.skip, n);
    }
    return true;
}
