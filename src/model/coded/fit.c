/* fit.c - the shapes of codes and scales */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

bool q8_coded_fail_shape(const struct q8_coded *c, unsigned part, const char *expected,
                         struct q8_err *err)
{
    const struct q8_tensor *t = c->part[part];
    char shape[200], weight[80] = "";

    q8_tensor_shape(t, shape, sizeof shape);
    if (c->rows)
        (void)snprintf(weight, sizeof weight, " for a weight of [%" PRIu64 ", %" PRIu64 "]",
                       c->rows, c->cols);
    return q8_fail(err, Q8_EINPUT, "'%s' is %s %s%s: expected %s",
                   part ? c->coding->part[part].suffix : c->coding->codes, q8_dtypes[t->dtype].name,
                   shape, weight, expected);
}
