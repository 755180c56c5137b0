/* gemm_f32.c - products of float matrices: the reference */
#include "kernels/kernels.h"

#include <math.h>

static void gemm_f32(float *y, size_t stride, const float *x, const float *w, size_t m, size_t n,
                     size_t cols, void *scratch)
{
    (void)scratch;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float sum = 0;

            for (size_t k = 0; k < cols; k++)
                sum = fmaf(x[i * cols + k], w[j * cols + k], sum);
            y[i * stride + j] = sum;
        }
}

const q8_gemm_f32_fn q8_gemm_f32_ref = gemm_f32;
