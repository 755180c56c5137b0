/*
 * gemm_f32.c - products of float matrices, 256 bits: each lane is one element of y, a chain of
 * fused multiply-adds in the order of the definition
 */
#include "kernels/avx2/panel.inc"

typedef float elem;
typedef __m256 vec;

INLINE vec load(const elem *from, size_t n)
{
    return n == PANEL ? _mm256_loadu_ps(from) : _mm256_maskload_ps(from, mask8(n));
}

INLINE void store(elem *to, vec v, size_t n)
{
    if (n == PANEL)
        _mm256_storeu_ps(to, v);
    else
        _mm256_maskstore_ps(to, mask8(n), v);
}

INLINE vec spread(const unsigned char *from)
{
    return _mm256_broadcast_ss((const float *)(const void *)from);
}

INLINE vec step(vec sum, vec w, vec x)
{
    return _mm256_fmadd_ps(x, w, sum);
}

static void pack(void *panel, size_t apart, const unsigned char *w, size_t row, size_t rows,
                 size_t bytes)
{
    __m256i *to = panel, r[PANEL];

    for (size_t at = 0; at < bytes; at += sizeof *to, to += PANEL * apart) {
        const __m256i mask = mask8((bytes - at) / sizeof(float));

        for (size_t i = 0; i < PANEL; i++)
            r[i] = i < rows
                       ? _mm256_maskload_epi32((const int *)(const void *)(w + i * row + at), mask)
                       : _mm256_setzero_si256();
        transpose(r);
        for (size_t i = 0; i < PANEL; i++)
            _mm256_store_si256(to + i * apart, r[i]);
    }
}

#include "kernels/gemm_f32.inc"

const q8_gemm_f32_fn q8_gemm_f32_avx2 = gemm_f32;
