/* gemm_s8.c - products of int8 matrices: the reference */
#include "kernels/kernels.h"

static void gemm_s8(int32_t *y, size_t stride, const int8_t *x, const int8_t *w, size_t m, size_t n,
                    size_t cols, void *scratch)
{
    (void)scratch;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            uint32_t sum = 0; /* wraps, where int32_t must not */

            for (size_t k = 0; k < cols; k++)
                sum += (uint32_t)(x[i * cols + k] * w[j * cols + k]);
            y[i * stride + j] = (int32_t)sum;
        }
}

const q8_gemm_s8_fn q8_gemm_s8_ref = gemm_s8;
