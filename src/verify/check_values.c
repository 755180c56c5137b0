/* check_values.c - a weight that is quantized otherwise than in int8: what its values lost */
#include "src/verify/check_parts.h"

#include "src/compare/values.h"
#include "src/base/num.h"
#include "src/model/floats.h"

struct q8_view q8_layer_view(const struct q8_side *side)
{
    struct q8_view ret = q8_side_view(side);
    const struct q8_tensor *t = side->tensor;

    if (ret.rows || !t->nbytes || t->rank == 0)
        return ret;
    ret.cols = t->dim[t->rank - 1];
    ret.rows = q8_tensor_elements(t) / ret.cols;
    return ret;
}

/* Rows [row, row + n) of the reference, beside those in w->have. */
static bool take_reference(struct q8_checker *w, uint64_t row, uint64_t n, struct q8_err *err)
{
    const uint64_t cols = w->view.cols;

    for (uint64_t r = 0, m; r < n; r += m) {
        void *x;

        m = q8_min(q8_walk_rows(&w->reference, &w->view), n - r);
        if (!(x = q8_walk_read(&w->reference, w->v->options.reference, &w->view, row + r, m, err)))
            return false;
        w->kernels.widen[w->type](w->wanted + r * cols, x, m * cols);
        q8_xxh_add(&w->digest[0], x, m * cols * q8_float_bytes(w->type));
        q8_check_errors(w, &(struct q8_rows_pair){w->wanted + r * cols, w->have + r * cols, NULL},
                        row + r, m);
    }
    return true;
}

static bool take_tile(void *self, void *rows, uint64_t row, uint64_t n, struct q8_err *err)
{
    struct q8_checker *w = self;
    const enum q8_float type = q8_dtype_float(w->layer->item->b.tensor->dtype);

    w->kernels.widen[type](w->have, rows, n * w->view.cols);
    return take_reference(w, row, n, err) &&
           (!w->multiply || q8_check_products(w, w->have, n, err));
}

bool q8_check_values(struct q8_checker *w, struct q8_pool *pool, struct q8_err *err)
{
    const struct q8_visit visit = {.tile = take_tile, .self = w};
    const struct q8_view values = q8_layer_view(&w->layer->item->b);
    const enum q8_level level = w->v->options.level;

    if (level < Q8_LEVEL_WEIGHTS)
        return true;
    if (level >= Q8_LEVEL_MATMUL && !q8_check_products_begin(w, err))
        return false;
    if (!q8_walk_run(&w->walk, w->v->options.quantized, &values, &visit, pool, err))
        return false;
    q8_check_weights_end(w);
    return !w->multiply || q8_check_products_end(w, err);
}
