/* codes.c - weights that are int8 codes times steps, without a rounding: the codes and the steps */
#include "src/model/coded/codes.h"

#include "src/base/num.h"
#include "src/model/coded/coded_parts.h"
#include "src/model/floats.h"

#include <string.h>

#define PIECE 4096 /* codes at a time, on the stack; whole bytes, whatever their bits */

#define BLOCK 32 /* codes of one in GGUF */

bool q8_coded_codes(const struct q8_coded *c, struct q8_codes *ret)
{
    if (c->coding->codes_are == Q8_CODES_BLOCKS && c->cols % BLOCK == 0) {
        *ret = (struct q8_codes){.group = BLOCK, .groups = c->cols / BLOCK, .dtype = Q8_F16};
        return true;
    }
    if (c->coding->codes_are == Q8_CODES_OTHER || !c->part[1] || c->zero || c->order ||
        c->rows != c->height)
        return false;
    *ret = (struct q8_codes){.group = q8_min(c->block_cols, c->cols),
                             .groups = c->grid_cols,
                             .dtype = c->part[1]->dtype,
                             .absmax = c->coding->codes_are == Q8_CODES_ABSMAX};
    if (c->coding->codes_are == Q8_CODES_E2M1)
        ret->dtype = Q8_BF16;
    return q8_dtype_is_float(ret->dtype);
}

/* Twice an E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives. */
static void double_e2m1(int8_t *ret, const unsigned char *codes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        ret[i] = (int8_t)(2 * q8_e2m1_to_float(i % 2 ? codes[i / 2] >> 4 : codes[i / 2] & 15));
}

/* Codes [col, col + n) of a row; `col` is where a byte begins. */
static bool read_piece(const struct q8_coded *c, uint64_t row, uint64_t col, uint64_t n,
                       int8_t *ret, struct q8_err *err)
{
    unsigned char raw[PIECE];

    if (!q8_model_read(c->model, c->part[0], row * c->width + col * c->bits / 8, raw,
                       q8_div_up(n * c->bits, 8), err))
        return false;
    if (c->coding->codes_are == Q8_CODES_E2M1)
        double_e2m1(ret, raw, n);
    else if (c->coding->unpack)
        c->coding->unpack(c, (unsigned char *)ret, raw, n);
    else
        memcpy(ret, raw, n);
    return true;
}

bool q8_coded_read_codes(const struct q8_coded *c, uint64_t row, uint64_t rows, int8_t *ret,
                         struct q8_err *err)
{
    if (c->bits == 8 && !c->coding->unpack && c->width == c->cols)
        return q8_model_read(c->model, c->part[0], row * c->width, ret, rows * c->cols, err);
    for (uint64_t r = 0; c->coding->codes_are == Q8_CODES_BLOCKS && r < rows; r++)
        if (!q8_llama_read_row(c, row + r, ret + r * c->cols, NULL, err))
            return false;
    if (c->coding->codes_are == Q8_CODES_BLOCKS)
        return true;
    for (uint64_t r = 0; r < rows; r++, ret += c->cols)
        for (uint64_t col = 0, n; col < c->cols; col += n) {
            n = q8_min(c->cols - col, PIECE);
            if (!read_piece(c, row + r, col, n, ret + col, err))
                return false;
        }
    return true;
}

/* 2^(b - 128) in BF16: of b above 1 the exponent alone, else a denormal. */
static void halve_e8m0(unsigned char *ret, const unsigned char *raw, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        const unsigned b = raw[i];
        const uint16_t bits = b == 255 ? 0x7fc0
                              : b > 1  ? (uint16_t)((b - 1) << 7)
                                       : (uint16_t)(0x20u << b);

        memcpy(ret + i * sizeof bits, &bits, sizeof bits);
    }
}

bool q8_coded_read_steps(const struct q8_coded *c, uint64_t row, void *ret, struct q8_err *err)
{
    const struct q8_tensor *t = c->part[1];
    unsigned char raw[PIECE], *to = ret;
    uint64_t at, size;

    if (c->coding->codes_are == Q8_CODES_BLOCKS)
        return q8_llama_read_row(c, row, NULL, ret, err);
    at = row / c->block_rows * c->grid_cols;
    size = q8_dtype_size(t->dtype);
    if (c->coding->codes_are != Q8_CODES_E2M1)
        return q8_model_read(c->model, t, at * size, ret, c->grid_cols * size, err);
    for (uint64_t i = 0, n; i < c->grid_cols; i += n) {
        n = q8_min(c->grid_cols - i, PIECE);
        if (!q8_model_read(c->model, t, at + i, raw, n, err))
            return false;
        halve_e8m0(to + 2 * i, raw, n);
    }
    return true;
}
