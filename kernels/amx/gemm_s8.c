/*
 * gemm_s8.c - products of int8 matrices by AMX: tdpbssd adds to 16 x 16 sums, modulo 2^32, the
 * products of 16 rows of 64 codes with a panel of W (64 columns of 16 rows, transposed in units of
 * 4 codes)
 *
 * A block is 32 rows of X by 32 of W: four tiles of sums, two of X as it lies, two of W packed.  At
 * the edges of the matrices X is copied, with zeros around it, and y goes through a copy, so that
 * all tiles are whole and nothing else is read or written.  A few rows of X are better off
 * without packing.
 */
#include "kernels/avx512/panel.inc"

#include <string.h>

#define FEW 16        /* up to so many rows of X are vnni's */
#define SIDE 32       /* rows of X and of W in a block */
#define BLOCK 2048    /* columns that are packed at a time */
#define TILE_BYTES 64 /* of a row of a tile; 16 rows are the whole */

extern const q8_gemm_s8_fn q8_gemm_s8_vnni;

/* What lies in scratch. */
struct room {
    _Alignas(64) int8_t panels[2][BLOCK * PANEL]; /* of W */
    int8_t x[SIDE][BLOCK];                        /* at an edge: rows of X and zeros */
    int32_t y[SIDE][SIDE];                        /* at an edge: their sums */
};

_Static_assert(sizeof(struct room) <= Q8_GEMM_SCRATCH, "Q8_GEMM_SCRATCH");

/* The operand of ldtilecfg (Intel 64 SDM, volume 1, 18.2). */
struct config {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16]; /* of each tile */
    uint8_t rows[16];
};

/* A block of columns. */
struct part {
    int32_t *y;         /* [m, stride] */
    const int8_t *x;    /* [m] rows */
    size_t stride, row; /* from row to row of y, in elements; of x */
    size_t m, n, cols;  /* n: rows of W that are packed, at most SIDE */
    bool begin;         /* y is not written yet: sums start as 0 */
};

/* The tiles 0 to 3: sums of block [0, 0], [0, 1], [1, 0], [1, 1]. */
INLINE void load_sums(const int32_t *y, size_t stride, bool begin)
{
    if (begin) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        return;
    }
    _tile_loadd(0, y, stride * sizeof *y);
    _tile_loadd(1, y + PANEL, stride * sizeof *y);
    _tile_loadd(2, y + PANEL * stride, stride * sizeof *y);
    _tile_loadd(3, y + PANEL * stride + PANEL, stride * sizeof *y);
}

/* 32 rows of x, `row` apart, times the panels. */
static void multiply_block(int32_t *y, size_t stride, const int8_t *x, size_t row, size_t cols,
                           const struct room *room, bool begin)
{
    load_sums(y, stride, begin);
    for (size_t k = 0; k < cols; k += TILE_BYTES) {
        _tile_loadd(4, x + k, row);
        _tile_loadd(6, room->panels[0] + k * PANEL, TILE_BYTES);
        _tile_dpbssd(0, 4, 6);
        _tile_loadd(7, room->panels[1] + k * PANEL, TILE_BYTES);
        _tile_dpbssd(1, 4, 7);
        _tile_loadd(5, x + PANEL * row + k, row);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    _tile_stored(0, y, stride * sizeof *y);
    _tile_stored(1, y + PANEL, stride * sizeof *y);
    _tile_stored(2, y + PANEL * stride, stride * sizeof *y);
    _tile_stored(3, y + PANEL * stride + PANEL, stride * sizeof *y);
}

/* The block at row i, at whichever edges it is. */
static void multiply_edge(const struct part *p, size_t i, struct room *room)
{
    const size_t rows = p->m - i < SIDE ? p->m - i : SIDE;
    const size_t whole = (p->cols + TILE_BYTES - 1) / TILE_BYTES * TILE_BYTES;
    int32_t *y = p->y + i * p->stride;

    for (size_t r = 0; r < SIDE; r++) {
        const size_t there = r < rows ? p->cols : 0;

        memcpy(room->x[r], p->x + (r < rows ? i + r : 0) * p->row, there);
        memset(room->x[r] + there, 0, whole - there);
        if (!p->begin && r < rows)
            memcpy(room->y[r], y + r * p->stride, p->n * sizeof *y);
    }
    multiply_block(room->y[0], SIDE, room->x[0], BLOCK, p->cols, room, p->begin);
    for (size_t r = 0; r < rows; r++)
        memcpy(y + r * p->stride, room->y[r], p->n * sizeof *y);
}

/* All rows of x with the packed ones of W. */
static void multiply_part(const struct part *p, struct room *room)
{
    for (size_t i = 0; i < p->m; i += SIDE)
        if (p->m - i < SIDE || p->n < SIDE || p->cols % TILE_BYTES)
            multiply_edge(p, i, room);
        else
            multiply_block(p->y + i * p->stride, p->stride, p->x + i * p->row, p->row, p->cols,
                           room, p->begin);
}

static void gemm_s8(int32_t *y, size_t stride, const int8_t *x, const int8_t *w, size_t m, size_t n,
                    size_t cols, void *scratch)
{
    struct config config = {.palette = 1};
    struct room *room = scratch;

    if (m <= FEW || cols == 0) {
        q8_gemm_s8_vnni(y, stride, x, w, m, n, cols, scratch);
        return;
    }
    for (int t = 0; t < 8; t++) {
        config.row_bytes[t] = TILE_BYTES;
        config.rows[t] = 16;
    }
    _tile_loadconfig(&config);
    for (size_t k = 0; k < cols; k += BLOCK)
        for (size_t j = 0; j < n; j += SIDE) {
            const struct part p = {.y = y + j,
                                   .x = x + k,
                                   .stride = stride,
                                   .row = cols,
                                   .m = m,
                                   .n = n - j < SIDE ? n - j : SIDE,
                                   .cols = cols - k < BLOCK ? cols - k : BLOCK,
                                   .begin = k == 0};
            const unsigned char *from = (const unsigned char *)w + j * cols + k;

            pack_panel(room->panels[0], 1, from, cols, p.n < PANEL ? p.n : PANEL, p.cols,
                       _mm512_setzero_si512());
            pack_panel(room->panels[1], 1, from + PANEL * cols, cols, p.n < PANEL ? 0 : p.n - PANEL,
                       p.cols, _mm512_setzero_si512());
            multiply_part(&p, room);
        }
    _tile_release();
}

const q8_gemm_s8_fn q8_gemm_s8_amx = gemm_s8;
