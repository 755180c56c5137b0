/* scheme.c - how a weight becomes codes and scales: rows of data */
#include "src/scheme/scheme.h"

#include "src/base/num.h"

#define CT_PLAIN(word, one)                                                                        \
    {                                                                                              \
        .name = word,                                                                              \
        .source = "compressed-tensors 0.20.0, naive_quantized; llm-compressor 0.14 "               \
                  "scales",                                                                        \
        .layout = Q8_LAYOUT_PLAIN, .product = Q8_PRODUCT_INT8, .rule = Q8_RULE_DIVIDE,             \
        .least = -128, .shared = one,                                                              \
        .part = {{Q8_PART_CODES, ".weight", Q8_I8}, {Q8_PART_SCALE, ".weight_scale", Q8_DTYPES}},  \
    }

#define CT_PACKED(word, columns, one)                                                              \
    {                                                                                              \
        .name = word,                                                                              \
        .source = "compressed-tensors 0.20.0, compressors/pack_quantized; "                        \
                  "llm-compressor 0.14 scales",                                                    \
        .layout = Q8_LAYOUT_PACKED, .product = Q8_PRODUCT_FLOAT, .rule = Q8_RULE_DIVIDE,           \
        .least = -128, .group = columns, .shared = one,                                            \
        .part = {{Q8_PART_PACKED, ".weight_packed", Q8_I32},                                       \
                 {Q8_PART_SCALE, ".weight_scale", Q8_DTYPES},                                      \
                 {Q8_PART_SHAPE, ".weight_shape", Q8_I64}},                                        \
    }

const struct q8_scheme q8_schemes[Q8_SCHEMES] = {
#define Q8_SCHEME(word, ...) __VA_ARGS__,
#include "src/scheme/scheme_table.inc"
#undef Q8_SCHEME
};

const struct q8_part *q8_scheme_part(const struct q8_scheme *scheme, enum q8_part_kind kind)
{
    for (int p = 0; p < Q8_PARTS; p++)
        if (scheme->part[p].kind == kind)
            return &scheme->part[p];
    return NULL;
}

enum q8_dtype q8_part_dtype(const struct q8_part *part, enum q8_dtype source)
{
    if (part->dtype != Q8_DTYPES)
        return part->dtype;
    return source == Q8_F64 ? Q8_F32 : source;
}

const char *q8_scheme_misfit(const struct q8_scheme *scheme, uint64_t cols)
{
    if (scheme->group && cols % scheme->group)
        return "its columns are not a multiple of the group size";
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
        t.rank = scheme->shared ? 1 : 2;
        t.dim[0] = scheme->shared ? 1 : rows;
        t.dim[1] = scheme->group ? q8_div_up(cols, scheme->group) : 1;
        break;
    case Q8_PART_SHAPE: t.rank = 1, t.dim[0] = 2; break;
    case Q8_PART_ZERO:
    case Q8_PART_NONE:
    case Q8_PART_KINDS: break;
    }
    if (!q8_tensor_bytes(&t, &t.nbytes, err))
        return false;
    *ret = t;
    return true;
}
