/* scheme.c - how a weight becomes codes and scales: rows of data */
#include "src/scheme/scheme.h"

#include "src/base/num.h"

enum q8_dtype q8_part_dtype(const struct q8_part *part, enum q8_dtype source)
{
    if (part->dtype != Q8_DTYPES)
        return part->dtype;
    return source == Q8_F64 ? Q8_F32 : source;
}

const char *q8_scheme_misfit(const struct q8_scheme *scheme, uint64_t cols)
{
    if (scheme->group && cols % scheme->group)
        return "its columns are no multiple of the group size";
    return NULL;
}

bool q8_part_shape(const struct q8_scheme *scheme, const struct q8_part *part,
                   struct q8_weight_shape weight, struct q8_tensor *ret, struct q8_err *err)
{
    const uint64_t rows = weight.rows, cols = weight.cols;
    struct q8_tensor t = {.dtype = q8_part_dtype(part, weight.dtype)};

    switch (part->kind) {
    case Q8_PART_CODES: t.rank = 2, t.dim[0] = rows, t.dim[1] = cols; break;
    case Q8_PART_PACKED: t.rank = 2, t.dim[0] = rows, t.dim[1] = q8_div_up(cols, 4); break;
    case Q8_PART_ABSMAX: t.rank = 1, t.dim[0] = rows; break;
    case Q8_PART_SCALE:
        t.rank = 2, t.dim[0] = rows;
        t.dim[1] = scheme->group ? q8_div_up(cols, scheme->group) : 1;
        break;
    case Q8_PART_SHAPE: t.rank = 1, t.dim[0] = 2; break;
    case Q8_PART_ZERO:
    case Q8_PART_NONE: break;
    }
    if (!q8_tensor_bytes(&t, &t.nbytes, err))
        return false;
    *ret = t;
    return true;
}
