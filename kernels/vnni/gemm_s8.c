/*
 * gemm_s8.c - products of int8 matrices by vpdpbusd, which multiplies unsigned with signed bytes
 *
 * W gets the offset: (w + 128) * x = w * x + 128 * x, so a sum starts with -128 times the sum of
 * the row of X.  vpdpbusd (not vpdpbusds, which saturates) wraps, so the end is exact whatever is
 * between.  Many rows of X are worth packing W (gemm.inc: a unit is 4 codes); for a few, W is
 * streamed once, and lanes are summed at the end (dots.inc).
 */
#include "kernels/avx512/panel.inc"

#include <string.h>

#define TILE_ROWS 8

typedef int32_t elem;
typedef int32_t vec __attribute__((vector_size(64))); /* __m512i would be copied back and forth */

INLINE vec load(const elem *from, size_t n)
{
    return (vec)_mm512_maskz_loadu_epi32(mask16(n), from);
}

INLINE void store(elem *to, vec v, size_t n)
{
    _mm512_mask_storeu_epi32(to, mask16(n), (__m512i)v);
}

INLINE vec spread(const unsigned char *from)
{
    int32_t unit;

    memcpy(&unit, from, sizeof unit);
    return (vec)_mm512_set1_epi32(unit);
}

INLINE vec step(vec sum, vec w, vec x)
{
    return (vec)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, (__m512i)x);
}

#define OFFSET _mm512_set1_epi8(-128)

static void pack(void *panel, size_t apart, const unsigned char *w, size_t row, size_t rows,
                 size_t bytes)
{
    pack_panel(panel, apart, w, row, rows, bytes, OFFSET);
}

#include "kernels/gemm.inc"
#include "kernels/vnni/dots.inc"

#define FEW 32       /* rows of X that are not worth packing W */
#define M_BLOCK 4096 /* rows of X at a time, for `rest` */

/* What lies in scratch. */
struct room {
    _Alignas(64) int32_t panels[TILE_PANELS * PANEL * BLOCK];
    unsigned char rest[M_BLOCK][4]; /* the last codes of the rows of X where they are no 4 */
};

_Static_assert(sizeof(struct room) <= Q8_GEMM_SCRATCH, "Q8_GEMM_SCRATCH");

/* At most M_BLOCK rows of X, with y as it starts. */
static void multiply_rows(struct part p, const int8_t *x, const int8_t *w, size_t n, size_t cols,
                          struct room *room)
{
    const size_t whole = cols / 4 * 4;

    for (size_t k = 0; k < whole; k += 4 * BLOCK) {
        const size_t block = whole - k < 4 * BLOCK ? whole - k : 4 * BLOCK;

        p.x = (const unsigned char *)x + k;
        p.steps = block / 4;
        multiply(p, (const unsigned char *)w + k, n, cols, block, room->panels);
    }
    if (whole == cols)
        return;
    memset(room->rest, 0, 4 * p.m);
    for (size_t i = 0; i < p.m; i++)
        memcpy(room->rest[i], x + i * cols + whole, cols - whole);
    p.x = room->rest[0];
    p.row = 4;
    p.steps = 1;
    multiply(p, (const unsigned char *)w + whole, n, cols, cols - whole, room->panels);
}

static void gemm_s8(int32_t *y, size_t stride, const int8_t *x, const int8_t *w, size_t m, size_t n,
                    size_t cols, void *scratch)
{
    for (size_t i = 0; i < m; i++) {
        const int32_t begin = offset_sum(x + i * cols, cols);

        for (size_t j = 0; j < n; j++)
            y[i * stride + j] = begin;
    }
    if (m <= FEW) {
        add_dots(y, stride, x, w, m, n, cols);
        return;
    }
    for (size_t i = 0; i < m; i += M_BLOCK)
        multiply_rows((struct part){.y = y + i * stride,
                                    .stride = stride,
                                    .row = cols,
                                    .m = m - i < M_BLOCK ? m - i : M_BLOCK},
                      x + i * cols, w, n, cols, scratch);
}

const q8_gemm_s8_fn q8_gemm_s8_vnni = gemm_s8;
