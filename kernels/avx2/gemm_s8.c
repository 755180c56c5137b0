/*
 * gemm_s8.c - products of int8 matrices, 256 bits: codes are widened to 16 bits and multiplied in
 * pairs by vpmaddwd, whose sums of two fit 32 bits (vpmaddubsw's do not fit 16: it saturates)
 *
 * A unit is two codes of 16 bits.  X is widened a block of columns at a time, W while it is packed.
 */
#include "kernels/avx2/panel.inc"

#include <string.h>

typedef int32_t elem;
typedef __m256i vec;

INLINE vec load(const elem *from, size_t n)
{
    return n == PANEL ? _mm256_loadu_si256((const __m256i *)(const void *)from)
                      : _mm256_maskload_epi32(from, mask8(n));
}

INLINE void store(elem *to, vec v, size_t n)
{
    if (n == PANEL)
        _mm256_storeu_si256((__m256i *)(void *)to, v);
    else
        _mm256_maskstore_epi32(to, mask8(n), v);
}

INLINE vec spread(const unsigned char *from)
{
    return _mm256_set1_epi32(*(const int32_t *)(const void *)from);
}

INLINE vec step(vec sum, vec w, vec x)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(w, x));
}

/* 16 codes as 16 bits each; only the first n, and then 0. */
INLINE __m256i widen16(const int8_t *codes, size_t n)
{
    int8_t few[16] = {0};

    if (n < 16) {
        memcpy(few, codes, n);
        codes = few;
    }
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)codes));
}

/* A byte of W is a code; 16 of them, widened, fill a register. */
static void pack(void *panel, size_t apart, const unsigned char *w, size_t row, size_t rows,
                 size_t bytes)
{
    __m256i *to = panel, r[PANEL];

    for (size_t at = 0; at < bytes; at += 16, to += PANEL * apart) {
        for (size_t i = 0; i < PANEL; i++)
            r[i] = i < rows ? widen16((const int8_t *)w + i * row + at, bytes - at)
                            : _mm256_setzero_si256();
        transpose(r);
        for (size_t i = 0; i < PANEL; i++)
            _mm256_store_si256(to + i * apart, r[i]);
    }
}

#include "kernels/gemm.inc"

#define M_BLOCK 64       /* rows of X that are widened at a time */
#define COLS (2 * BLOCK) /* and columns */

/* What lies in scratch. */
struct room {
    _Alignas(64) int32_t panels[TILE_PANELS * PANEL * BLOCK];
    int16_t x[M_BLOCK][COLS];
};

_Static_assert(sizeof(struct room) <= Q8_GEMM_SCRATCH, "Q8_GEMM_SCRATCH");

static void gemm_s8(int32_t *y, size_t stride, const int8_t *x, const int8_t *w, size_t m, size_t n,
                    size_t cols, void *scratch)
{
    struct room *room = scratch;
    struct part p = {.x = (const unsigned char *)room->x, .stride = stride, .row = sizeof *room->x};

    for (size_t i = 0; i < m; i += M_BLOCK) {
        p.y = y + i * stride;
        p.m = m - i < M_BLOCK ? m - i : M_BLOCK;
        for (size_t r = 0; r < p.m; r++)
            memset(p.y + r * stride, 0, n * sizeof *y);
        for (size_t k = 0; k < cols; k += COLS) {
            const size_t block = cols - k < COLS ? cols - k : COLS;

            for (size_t r = 0; r < p.m; r++)
                for (size_t at = 0; at < block; at += 16)
                    _mm256_store_si256((__m256i *)(void *)(room->x[r] + at),
                                       widen16(x + (i + r) * cols + k + at, block - at));
            p.steps = (block + 1) / 2;
            multiply(p, (const unsigned char *)w + k, n, cols, block, room->panels);
        }
    }
}

const q8_gemm_s8_fn q8_gemm_s8_avx2 = gemm_s8;
