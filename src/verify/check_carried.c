/* check_carried.c - rows whose codes and scales are those that the reference is quantized with */
#include "src/verify/check_parts.h"

#include "src/model/floats.h"

#include <string.h>

void q8_check_carried_begin(struct q8_checker *w)
{
    const struct q8_view *view = &w->view;

    w->carries = w->stored && !view->transpose &&
                 q8_carry_init(&w->carry, view->tensor, w->stored->scheme, w->stored->group);
}

/* Whether the steps, as they are in the file, are those scales. */
static bool are_scales(const struct q8_checker *w, const void *steps, const float *found,
                       uint64_t n)
{
    const enum q8_dtype dtype = w->carry.codes.dtype;
    const unsigned char *p = steps;

    for (uint64_t i = 0; i < n; i++) {
        float x;

        q8_floats_read(&x, dtype, p + i * q8_dtype_size(dtype), 1);
        if (!(x == found[i]))
            return false;
    }
    return true;
}

bool q8_check_carried(struct q8_checker *w, const float *found, const int8_t *codes, uint64_t row,
                      uint64_t n)
{
    const struct q8_carried to = {.row = row, .rows = n, .codes = w->codes, .steps = w->expected};
    struct q8_stats none = {0};
    struct q8_err ignored = {0}; /* what cannot be read shows where the floats are read */

    return w->carries && q8_carry_rows(&w->carry, &to, &none, &ignored) &&
           memcmp(w->codes, codes, n * w->carry.cols) == 0 &&
           are_scales(w, w->expected, found, n * w->carry.groups);
}
