/* columns.c - sums over the rows of a matrix: the reference */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

static void columns(const struct q8_columns *c, const float *x, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < cols; j++) {
            const float w = x[r * cols + j];
            uint32_t bits;

            memcpy(&bits, &w, sizeof bits);
            bits &= 0x7fffffff;
            c->sum[j] += (double)w;
            c->sum2[j] = fma((double)w, (double)w, c->sum2[j]);
            c->absmax[j] = bits > c->absmax[j] ? bits : c->absmax[j];
        }
}

const q8_columns_fn q8_columns_ref = columns;
