/* apart.cu - outlier columns: gathered, multiplied, added */
#include "kernels/cuda/device.cuh"

#include "kernels/cuda/numbers.cuh"

#include <stdio.h>

#define TILE 16

/* Column i of those that are apart, of a row of W. */
static __device__ __forceinline__ float weight_of(const struct q8_cuda_apart &a, uint64_t row,
                                                  uint64_t i)
{
    if (a.weights)
        return a.weights[row * a.columns + i];
    return q8_gpu_weight(a.type, a.codes[row * a.pitch + a.column[i]], a.w[row].scale);
}

/* A block is TILE tokens by TILE rows, a thread one element of y; k rises, as on the CPU. */
static __global__ void add_columns(struct q8_cuda_apart a, uint64_t row_tiles)
{
    __shared__ float x[TILE][TILE], w[TILE][TILE + 1];
    const uint64_t token_tile = blockIdx.x / row_tiles * TILE;
    const uint64_t row_tile = blockIdx.x % row_tiles * TILE;
    const uint64_t token = token_tile + threadIdx.y, row = row_tile + threadIdx.x;
    float sum = 0;

    for (uint64_t k = 0; k < a.columns; k += TILE) {
        const uint64_t column = k + threadIdx.x, n = min((uint64_t)TILE, a.columns - k);
        const uint64_t row_read = row_tile + threadIdx.y;

        x[threadIdx.y][threadIdx.x] =
            token < a.tokens && column < a.columns
                ? q8_gpu_load(a.type, a.x, token * a.pitch + a.column[column])
                : 0.0f;
        w[threadIdx.y][threadIdx.x] =
            row_read < a.rows && column < a.columns ? weight_of(a, row_read, column) : 0.0f;
        __syncthreads();
        for (uint64_t i = 0; i < n; i++)
            sum = fmaf(x[threadIdx.y][i], w[threadIdx.x][i], sum);
        __syncthreads();
    }
    if (token < a.tokens && row < a.rows) {
        float *y = a.y + token * a.stride + row;

        *y = q8_gpu_round(a.type, *y + sum);
    }
}

int q8_cuda_add_apart(struct q8_cuda *c, unsigned stream, const struct q8_cuda_apart *a)
{
    const uint64_t row_tiles = (a->rows + TILE - 1) / TILE;
    const uint64_t token_tiles = (a->tokens + TILE - 1) / TILE;
    int code = q8_cuda_enter(c);

    if (code || row_tiles == 0 || token_tiles == 0)
        return code;
    if (token_tiles > 0x7fffffff / row_tiles) {
        snprintf(c->text, sizeof c->text, "a product of more than 2^31 tiles");
        return Q8_CUDA_MEMORY; /* fewer rows at a time will do */
    }
    add_columns<<<(unsigned)(row_tiles * token_tiles), dim3(TILE, TILE), 0, stream_of(c, stream)>>>(
        *a, row_tiles);
    return launched(c, "multiplying outlier columns");
}
