/*
 * gemm_f32.c - products of float matrices, 512 bits: each lane is one element of y, a chain of
 * fused multiply-adds in the order of the definition
 */
#include "kernels/avx512/panel.inc"

#define TILE_ROWS 8

typedef float elem;
typedef __m512 vec;

INLINE vec load(const elem *from, size_t n)
{
    return _mm512_maskz_loadu_ps(mask16(n), from);
}

INLINE void store(elem *to, vec v, size_t n)
{
    _mm512_mask_storeu_ps(to, mask16(n), v);
}

INLINE vec spread(const unsigned char *from)
{
    return _mm512_set1_ps(*(const float *)(const void *)from);
}

INLINE vec step(vec sum, vec w, vec x)
{
    return _mm512_fmadd_ps(x, w, sum);
}

static void pack(void *panel, size_t apart, const unsigned char *w, size_t row, size_t rows,
                 size_t bytes)
{
    pack_panel(panel, apart, w, row, rows, bytes, _mm512_setzero_si512());
}

#include "kernels/gemm_f32.inc"

const q8_gemm_f32_fn q8_gemm_f32_avx512 = gemm_f32;
