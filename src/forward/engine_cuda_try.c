/* engine_cuda_try.c - a product of each kind on a GPU that is looked at, against the host's */
#include "src/forward/engine_cuda_parts.h"

#include <stdio.h>
#include <string.h>

/* Small whole numbers: any order of summing gives the same. */
#define TOKENS 3
#define COLS 16 /* one pitch */
#define ROWS 5

/* What lies on the device. */
struct trial {
    struct q8_cuda *gpu;
    void *x, *w, *y, *workspace;
};

static int x_of(uint64_t token, uint64_t k)
{
    return (int)((token * 7 + k * 5) % 23) - 11;
}

static int w_of(uint64_t row, uint64_t k)
{
    return (int)((row * 3 + k * 11) % 29) - 14;
}

static int take(struct trial *t)
{
    const uint64_t x = q8_cuda_tokens(TOKENS) * COLS, w = q8_cuda_rows(ROWS) * COLS;
    const uint64_t y = q8_cuda_tokens(TOKENS) * q8_cuda_rows(ROWS);
    int code = q8_cuda_alloc(t->gpu, &t->x, x * sizeof(uint16_t));

    if (!code)
        code = q8_cuda_alloc(t->gpu, &t->w, w * sizeof(uint16_t));
    if (!code)
        code = q8_cuda_alloc(t->gpu, &t->y, y * sizeof(float));
    if (!code)
        code = q8_cuda_alloc(t->gpu, &t->workspace, Q8_CUDA_WORKSPACE);
    return code;
}

/* Element [row, k] of an operand, as a code or as an fp16. */
static void set(void *operand, uint64_t i, int value, bool floats)
{
    if (floats)
        ((uint16_t *)operand)[i] = q8_float_to_half((float)value);
    else
        ((int8_t *)operand)[i] = (int8_t)value;
}

/* How many products are not those of the host. */
static int count_wrong(const int32_t *y, bool floats)
{
    int wrong = 0;

    for (uint64_t i = 0; i < TOKENS * ROWS; i++) {
        int32_t sum = 0;
        float got;

        for (uint64_t k = 0; k < COLS; k++)
            sum += x_of(i / ROWS, k) * w_of(i % ROWS, k);
        memcpy(&got, &y[i], sizeof got);
        wrong += floats ? got != (float)sum : y[i] != sum;
    }
    return wrong;
}

static int multiply(const struct trial *t, bool floats)
{
    const uint64_t stride = q8_cuda_rows(ROWS), size = floats ? sizeof(uint16_t) : 1;
    const struct q8_cuda_block block = {ROWS * 4, TOKENS, ROWS * 4, stride * 4};
    const struct q8_cuda_product product = {.y = t->y,
                                            .x = t->x,
                                            .w = t->w,
                                            .tokens = TOKENS,
                                            .rows = ROWS,
                                            .pitch = COLS,
                                            .stride = stride,
                                            .workspace = t->workspace};
    uint16_t x[TOKENS * COLS], w[ROWS * COLS];
    int32_t y[TOKENS * ROWS] = {0};
    int code, wrong;

    for (uint64_t i = 0; i < TOKENS * COLS; i++)
        set(x, i, x_of(i / COLS, i % COLS), floats);
    for (uint64_t i = 0; i < ROWS * COLS; i++)
        set(w, i, w_of(i / COLS, i % COLS), floats);
    code = q8_cuda_put(t->gpu, 0, t->x, x, TOKENS * COLS * size);
    if (!code)
        code = q8_cuda_put(t->gpu, 0, t->w, w, ROWS * COLS * size);
    if (!code)
        code = floats ? q8_cuda_multiply_float(t->gpu, 0, &product, Q8_FLOAT_F16)
                      : q8_cuda_multiply_s8(t->gpu, 0, &product);
    if (!code)
        code = q8_cuda_get(t->gpu, 0, y, t->y, &block);
    if (!code)
        code = q8_cuda_wait(t->gpu, 0);
    wrong = code ? 0 : count_wrong(y, floats);
    if (wrong == 0)
        return code;
    snprintf(t->gpu->text, sizeof t->gpu->text,
             "%d of %d products of %s are not those of the CPU: cuBLASLt or the driver is at fault",
             wrong, TOKENS * ROWS, floats ? "fp16" : "int8");
    return Q8_CUDA_LIBRARY;
}

int q8_cuda_try(struct q8_cuda *gpu)
{
    struct trial t = {.gpu = gpu};
    int code = take(&t);

    if (!code)
        code = multiply(&t, false);
    if (!code)
        code = multiply(&t, true);
    q8_cuda_free(gpu, t.x);
    q8_cuda_free(gpu, t.w);
    q8_cuda_free(gpu, t.y);
    q8_cuda_free(gpu, t.workspace);
    return code;
}
