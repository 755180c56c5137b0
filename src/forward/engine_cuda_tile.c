/*
 * engine_cuda_tile.c - products on a GPU: a tile of W through it
 *
 * A tile is cut into a few rows at a time; each part gives a job of floats (the reference) and one
 * of codes, which alternate between two slots.  All of them write into products of the whole tile,
 * which are compared when both streams are done.
 */
#include "src/forward/engine_cuda_parts.h"

#include "src/base/num.h"

#include <math.h>
#include <string.h>

/* Y of n rows of float weights; with `rounded` in the type of the activations. */
static int multiply_floats(struct q8_cuda_engine *e, const float *w, uint64_t n, float *y,
                           uint64_t stride, bool rounded)
{
    struct q8_cuda_product product = {
        .y = y, .x = e->x, .tokens = e->job.tokens, .rows = n, .pitch = e->pitch, .stride = stride};
    const struct q8_cuda_sums sums = {.rule = Q8_CUDA_W8A16,
                                      .type = e->job.type,
                                      .y = y,
                                      .tokens = e->job.tokens,
                                      .rows = n,
                                      .stride = stride};
    const uint64_t size = sizeof(float);
    struct q8_cuda_slot *s;
    int code = q8_cuda_next_slot(e, &s);

    if (!code)
        code = q8_cuda_put_rows(
            e, s, (struct q8_cuda_rows){s->floats, e->pitch * size, w, e->job.cols * size, n});
    product.w = e->job.type == Q8_FLOAT_F32 ? (void *)s->floats : s->typed;
    product.workspace = s->workspace;
    if (!code && e->job.type != Q8_FLOAT_F32)
        code = q8_cuda_narrow(&e->gpu, e->turn, s->typed, s->floats, n * e->pitch, e->job.type);
    if (!code)
        code = q8_cuda_multiply_float(&e->gpu, e->turn, &product, e->job.type);
    return code || !rounded ? code : q8_cuda_scale(&e->gpu, e->turn, &sums);
}

/* Codes and scales of rows [row, row + n) of W to the slot. */
static int put_codes(struct q8_cuda_engine *e, struct q8_cuda_slot *s, const struct q8_operands *w,
                     uint64_t row, uint64_t n)
{
    const bool paper = q8_modes[e->job.mode].paper;
    const int8_t *codes = paper ? e->codes : w->codes + row * e->job.cols;
    struct q8_cuda_line *line = q8_cuda_stage(s, n * sizeof *line);
    int code;

    if (paper)
        q8_act_codes_encode(&e->tokens, w->reference + row * e->job.cols, n, e->codes, e->affine,
                            e->sum);
    for (uint64_t i = 0; i < n; i++)
        line[i] =
            paper ? (struct q8_cuda_line){e->affine[i].scale, e->affine[i].zero, e->sum[i]}
                  : (struct q8_cuda_line){
                        e->job.mode == Q8_MODE_BNB ? w->scale[row + i] : w->step[row + i], 0, 0};
    code = q8_cuda_put(&e->gpu, e->turn, s->line, line, n * sizeof *line);
    return code ? code
                : q8_cuda_put_rows(
                      e, s, (struct q8_cuda_rows){s->codes, e->codes_pitch, codes, e->keeps, n});
}

/* The outlier columns; the paper's weights of them are the reference's. */
static int add_apart(struct q8_cuda_engine *e, struct q8_cuda_slot *s, const struct q8_operands *w,
                     uint64_t row, uint64_t n, uint64_t stride)
{
    const bool paper = q8_modes[e->job.mode].paper;
    const struct q8_cuda_apart apart = {.type = e->job.type,
                                        .x = e->x,
                                        .column = e->column,
                                        .columns = e->outliers,
                                        .codes = s->codes,
                                        .w = s->line,
                                        .weights = paper ? s->floats : NULL,
                                        .pitch = e->pitch,
                                        .y = e->int8 + row,
                                        .tokens = e->job.tokens,
                                        .rows = n,
                                        .stride = stride};
    const uint64_t bytes = n * e->outliers * sizeof(float);
    int code = Q8_CUDA_OK;

    if (e->outliers == 0)
        return code;
    if (paper) {
        float *weights = q8_cuda_stage(s, bytes);

        for (uint64_t r = 0; r < n; r++)
            for (uint64_t i = 0; i < e->outliers; i++)
                weights[r * e->outliers + i] =
                    w->reference[(row + r) * e->job.cols + e->tokens.outlier[i]];
        code = q8_cuda_put(&e->gpu, e->turn, s->floats, weights, bytes);
    }
    return code ? code : q8_cuda_add_apart(&e->gpu, e->turn, &apart);
}

/* Y of rows [row, row + n) as int8. */
static int multiply_codes(struct q8_cuda_engine *e, const struct q8_operands *w, uint64_t row,
                          uint64_t n, uint64_t stride)
{
    struct q8_cuda_product product = {.y = e->sums + row,
                                      .x = e->x_codes,
                                      .tokens = e->job.tokens,
                                      .rows = n,
                                      .pitch = e->codes_pitch,
                                      .stride = stride};
    struct q8_cuda_sums sums = {.rule = q8_modes[e->job.mode].paper  ? Q8_CUDA_PAPER
                                        : e->job.mode == Q8_MODE_BNB ? Q8_CUDA_BNB
                                                                     : Q8_CUDA_W8A8,
                                .type = e->job.type,
                                .sums = e->sums + row,
                                .x = e->x_line,
                                .cols = e->keeps,
                                .y = e->int8 + row,
                                .tokens = e->job.tokens,
                                .rows = n,
                                .stride = stride};
    struct q8_cuda_slot *s;
    int code = q8_cuda_next_slot(e, &s);

    product.w = s->codes;
    product.workspace = s->workspace;
    sums.w = s->line;
    if (!code)
        code = put_codes(e, s, w, row, n);
    if (!code)
        code = q8_cuda_multiply_s8(&e->gpu, e->turn, &product);
    if (!code)
        code = q8_cuda_scale(&e->gpu, e->turn, &sums);
    return code ? code : add_apart(e, s, w, row, n, stride);
}

static int multiply(struct q8_cuda_engine *e, const struct q8_operands *w)
{
    const uint64_t cols = e->job.cols, stride = q8_cuda_rows(w->rows);
    const uint64_t most = q8_cuda_rows_at_once(e, e->pitch);
    int code = Q8_CUDA_OK;

    for (uint64_t row = 0, n; !code && row < w->rows; row += n) {
        n = q8_min(most, w->rows - row);
        code = multiply_floats(e, w->reference + row * cols, n, e->reference + row, stride, false);
        if (!code)
            code = e->job.mode == Q8_MODE_W8A16
                       ? multiply_floats(e, w->weights + row * cols, n, e->int8 + row, stride, true)
                       : multiply_codes(e, w, row, n, stride);
    }
    return code;
}

/* The differences to the host, and the products where they are wanted. */
static int fetch(struct q8_cuda_engine *e, uint64_t rows, bool want_reference, bool want_int8)
{
    const uint64_t tokens = e->job.tokens, stride = q8_cuda_rows(rows), size = sizeof(float);
    const struct q8_cuda_pair pair = {e->reference, e->int8, tokens, rows, stride};
    const struct q8_cuda_block sums = {tokens * sizeof *e->difference, 1,
                                       tokens * sizeof *e->difference,
                                       tokens * sizeof *e->difference};
    const struct q8_cuda_block y = {rows * size, tokens, rows * size, stride * size};
    int code = q8_cuda_join(&e->gpu, 0, 1);

    if (!code)
        code = q8_cuda_compare(&e->gpu, 0, e->difference, &pair);
    if (!code)
        code = q8_cuda_get(&e->gpu, 0, e->differences, e->difference, &sums);
    if (!code && want_reference)
        code = q8_cuda_get(&e->gpu, 0, e->y[0], e->reference, &y);
    if (!code && want_int8)
        code = q8_cuda_get(&e->gpu, 0, e->y[1], e->int8, &y);
    return code ? code : q8_cuda_wait_all(e);
}

/* Less at a time, once memory has run out; false when it is the least already. */
static bool shrink(struct q8_cuda_engine *e)
{
    if (e->capacity <= e->least || q8_cuda_wait_all(e) != Q8_CUDA_OK)
        return false;
    e->capacity = e->capacity / 2 > e->least ? e->capacity / 2 : e->least;
    return true;
}

bool q8_engine_cuda_tile(void *self, const struct q8_operands *w, struct q8_products *products,
                         float **y_reference, float **y_int8, struct q8_err *err)
{
    struct q8_cuda_engine *e = self;
    struct q8_diff *sum = &products->diff;
    int code;

    do {
        code = multiply(e, w);
        if (!code)
            code = fetch(e, w->rows, y_reference != NULL, y_int8 != NULL);
    } while (code == Q8_CUDA_MEMORY && shrink(e));
    if (code)
        return q8_engine_cuda_fail(e, (enum q8_cuda_code)code, w->rows, err);
    for (uint64_t t = 0; t < e->job.tokens; t++) {
        const struct q8_cuda_difference *d = &e->differences[t];

        sum->err2 += d->diff.err2;
        sum->val2 += d->diff.val2;
        sum->b2 += d->diff.b2;
        sum->dot += d->diff.dot;
        sum->most = fmax(sum->most, d->diff.most);
        products->bad += d->bad;
    }
    if (y_reference)
        *y_reference = e->y[0];
    if (y_int8)
        *y_int8 = e->y[1];
    return true;
}
