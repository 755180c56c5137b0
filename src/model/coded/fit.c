/* fit.c - the shapes of codes and scales */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ORDER_PIECE 1024 /* columns at a time, on the stack */

bool q8_coded_fit_matrix(struct q8_coded *c, struct q8_tensor *t, unsigned unit, struct q8_err *err)
{
    const struct q8_tensor *codes = c->part[0];

    if (codes->rank < 2 || codes->rank > 3 || !codes->nbytes)
        return q8_coded_fail_shape(c, 0, "two dimensions, or three with experts, and none 0", err);
    t->rank = codes->rank;
    memcpy(t->dim, codes->dim, sizeof t->dim);
    c->height = codes->dim[codes->rank - 2];
    c->rows = (codes->rank == 3 ? codes->dim[0] : 1) * c->height; /* no more than its bytes */
    if (!q8_mul(codes->dim[codes->rank - 1], unit, &c->cols))
        return q8_fail(err, Q8_EINPUT, "its shape needs more than 2^64 bits");
    t->dim[t->rank - 1] = c->cols;
    c->bits = c->coding->bits;
    c->width = codes->nbytes / c->rows;
    return true;
}

bool q8_coded_takes_blocks(struct q8_coded *c, uint64_t block_rows, uint64_t block_cols)
{
    const struct q8_tensor *s = c->part[1];
    const uint64_t lines = q8_div_up(c->height, block_rows), cols = q8_div_up(c->cols, block_cols);
    const uint64_t matrices = c->rows / c->height, elements = q8_tensor_elements(s);
    uint64_t all;

    c->block_rows = block_rows;
    c->block_cols = block_cols;
    c->grid_cols = cols;
    if (!q8_mul(lines, cols, &all) || !q8_mul(all, matrices, &all) || elements != all)
        return false;
    for (uint32_t d = 0; d < s->rank; d++) /* leave ones out: [N], [N, 1], [E, 1, 1] are the same */
        if (s->dim[d] != 1 && s->dim[d] != lines && s->dim[d] != cols && s->dim[d] != matrices)
            return false;
    return s->rank < 2 || s->dim[s->rank - 1] == cols;
}

bool q8_coded_takes_scales(struct q8_coded *c, uint64_t block_rows, uint64_t block_cols)
{
    if (q8_tensor_elements(c->part[1]) == 1 && c->rows == c->height) {
        c->block_rows = c->rows;
        c->block_cols = c->cols;
        c->grid_cols = 1;
        return true;
    }
    return (block_rows && q8_coded_takes_blocks(c, block_rows, block_cols)) ||
           q8_coded_takes_blocks(c, 1, c->cols) || q8_coded_takes_blocks(c, c->height, c->cols);
}

bool q8_coded_same_shape(const struct q8_coded *c, unsigned part, unsigned other)
{
    const struct q8_tensor *a = c->part[part], *b = c->part[other];

    return a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0;
}

bool q8_coded_fit_order(struct q8_coded *c, unsigned part, struct q8_err *err)
{
    const struct q8_tensor *t = c->part[part];
    int32_t group[ORDER_PIECE];
    uint64_t unset = 0;
    bool plain = c->cols % c->grid_cols == 0;

    if (t->rank != 1 || t->dim[0] != c->cols)
        return q8_coded_fail_shape(c, part, "one group for each column", err);
    for (uint64_t at = 0, n; at < c->cols; at += n) {
        n = q8_min(c->cols - at, ORDER_PIECE);
        if (!q8_model_read(c->model, t, at * sizeof *group, group, n * sizeof *group, err))
            return false;
        for (uint64_t i = 0; i < n; i++) {
            unset += group[i] == -1;
            if (group[i] != -1 && (group[i] < 0 || (uint64_t)group[i] >= c->grid_cols))
                return q8_fail(err, Q8_EINPUT,
                               "'%s' has group %" PRId32 " for column %" PRIu64
                               ", but the scales have %" PRIu64 " groups",
                               c->coding->part[part].suffix, group[i], at + i, c->grid_cols);
            plain = plain && (uint64_t)group[i] == (at + i) / c->block_cols;
        }
    }
    if (unset && unset < c->cols)
        return q8_fail(err, Q8_EINPUT, "'%s' has no group for %" PRIu64 " of %" PRIu64 " columns",
                       c->coding->part[part].suffix, unset, c->cols);
    if (!plain && !unset)
        c->order = t;
    return true;
}

bool q8_coded_fail_shape(const struct q8_coded *c, unsigned part, const char *expected,
                         struct q8_err *err)
{
    const struct q8_tensor *t = c->part[part];
    char shape[200], weight[80] = "";

    q8_tensor_shape(t, shape, sizeof shape);
    if (c->rows && c->cols)
        (void)snprintf(weight, sizeof weight, " for a weight of [%" PRIu64 ", %" PRIu64 "]",
                       c->rows, c->cols);
    return q8_fail(err, Q8_EINPUT, "'%s' is %s %s%s: expected %s",
                   part ? c->coding->part[part].suffix : c->coding->codes, q8_dtypes[t->dtype].name,
                   shape, weight, expected);
}
