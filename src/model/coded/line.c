/* line.c - codes of one row and their scales, to floats */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"
#include "src/model/floats.h"

#include <inttypes.h>

#define CHUNK 1024  /* codes at a time, on the stack, each with a scale of its own */
#define SPREAD 8192 /* codes at a time, on the stack, a byte each */

void q8_coded_narrow(const struct q8_coded *c, void *ret, const float *x, uint64_t n)
{
    const enum q8_float via = q8_dtype_float(c->via), to = q8_dtype_float(c->dtype);
    const uint64_t size = q8_dtype_size(c->dtype);
    unsigned char *bytes = ret;
    uint16_t half[CHUNK];
    float rounded[CHUNK];

    if (via == to || (via != Q8_FLOAT_F16 && via != Q8_FLOAT_BF16)) {
        c->kernels->narrow[to](ret, x, n);
        return;
    }
    for (uint64_t i = 0, k; i < n; i += k) {
        k = q8_min(n - i, CHUNK);
        c->kernels->narrow[via](half, x + i, k);
        c->kernels->widen[via](rounded, half, k);
        c->kernels->narrow[to](bytes + i * size, rounded, k);
    }
}

bool q8_coded_read_scales(const struct q8_coded *c, uint64_t at, uint64_t n, float *ret,
                          struct q8_err *err)
{
    const struct q8_tensor *t = c->part[1];
    const uint64_t size = q8_dtype_size(t->dtype);
    unsigned char raw[Q8_CODED_GROUPS * sizeof(float)];

    if (!q8_model_read(c->model, t, at * size, raw, n * size, err))
        return false;
    if (c->coding->scales)
        c->coding->scales(c, ret, raw, n);
    else if (Q8_IS_E8M0 & Q8_IS(t->dtype))
        c->kernels->widen_e8m0(ret, raw, n);
    else
        c->kernels->widen[q8_dtype_float(t->dtype)](ret, raw, n);
    return true;
}

/* Zeros I32 [ceil(rows * bits / 32), groups], packed down the rows: those of one row. */
static bool read_packed(const struct q8_coded *c, uint64_t row, uint64_t group, uint64_t n,
                        float *ret, struct q8_err *err)
{
    const uint64_t bit = row * c->bits, word = bit / 32 * c->grid_cols + group;
    const unsigned shift = bit % 32;
    uint32_t low[Q8_CODED_GROUPS], high[Q8_CODED_GROUPS];
    const bool split = shift + c->bits > 32;

    if (!q8_model_read(c->model, c->zero, word * sizeof *low, low, n * sizeof *low, err) ||
        (split && !q8_model_read(c->model, c->zero, (word + c->grid_cols) * sizeof *high, high,
                                 n * sizeof *high, err)))
        return false;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t both = low[i] | (split ? (uint64_t)high[i] << 32 : 0);

        ret[i] = (float)(both >> shift & ((1u << c->bits) - 1)) + c->zero_add;
    }
    return true;
}

bool q8_coded_read_zeros(const struct q8_coded *c, uint64_t at, uint64_t n, float *ret,
                         struct q8_err *err)
{
    int8_t raw[Q8_CODED_GROUPS];
    uint64_t piece;

    if (c->zero->dtype == Q8_I8) {
        if (!q8_model_read(c->model, c->zero, at, raw, n, err))
            return false;
        for (uint64_t i = 0; i < n; i++)
            ret[i] = (float)raw[i] + c->zero_add;
        return true;
    }
    for (; n > 0; at += piece, ret += piece, n -= piece) {
        piece = q8_min(n, c->grid_cols - at % c->grid_cols);
        if (!read_packed(c, at / c->grid_cols, at % c->grid_cols, piece, ret, err))
            return false;
    }
    return true;
}

/* Codes of columns in their order: what stands in front of the first whole block apart. */
static void decode_plain(const struct q8_coded *c, float *ret, const struct q8_coded_line *line)
{
    const uint64_t inside = line->col % c->block_cols;
    const uint64_t head = inside ? q8_min(c->block_cols - inside, line->cols) : 0;
    struct q8_coded_run run = {line->codes, head, c->block_cols, line->scale, line->zero};

    if (head)
        c->coding->decode(c, ret, &run);
    run.codes += head * line->bits / 8;
    run.n = line->cols - head;
    run.scale += head > 0;
    if (run.zero)
        run.zero += head > 0;
    if (run.n)
        c->coding->decode(c, ret + head, &run);
}

/* Columns in groups of any order; the file may not be what it was when it was opened. */
static bool decode_ordered(const struct q8_coded *c, float *ret, const struct q8_coded_line *line,
                           struct q8_err *err)
{
    float scale[CHUNK], zero[CHUNK];
    uint32_t group[CHUNK];

    for (uint64_t i = 0, n; i < line->cols; i += n) {
        struct q8_coded_run run = {line->codes + i, 0, 1, scale, line->zero ? zero : NULL};

        n = q8_min(line->cols - i, CHUNK);
        run.n = n;
        if (!q8_model_read(c->model, c->order, (line->col + i) * sizeof *group, group,
                           n * sizeof *group, err))
            return false;
        for (uint64_t k = 0; k < n; k++) {
            if (group[k] >= c->grid_cols)
                return q8_fail(err, Q8_EINPUT,
                               "a column of group %" PRIu32 ", but there are %" PRIu64 " groups",
                               group[k], c->grid_cols);
            scale[k] = line->scale[group[k]];
            if (line->zero)
                zero[k] = line->zero[group[k]];
        }
        c->coding->decode(c, ret + i, &run);
    }
    return true;
}

bool q8_coded_decode_line(const struct q8_coded *c, float *ret, const struct q8_coded_line *line,
                          struct q8_err *err)
{
    unsigned char spread[SPREAD];
    struct q8_coded_line l = *line;

    if (c->coding->unpack) {
        c->coding->unpack(c, spread, line->codes, line->cols);
        l.codes = spread;
        l.bits = 8;
    }
    if (c->order)
        return decode_ordered(c, ret, &l, err);
    decode_plain(c, ret, &l);
    return true;
}
