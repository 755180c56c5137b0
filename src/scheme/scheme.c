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

/*
 * What a new row needs: nothing else, when its rule and its kinds of parts are there; a target
 * (target.c) if it is to be written.  A new kind of part: its shape (q8_part_shape), its bytes when
 * written (convert/job.c), its check when found (stored.c) and, of codes and scales, how they
 * become floats (decode.c).  A new rule: its kernels, the scale it makes of a group (encode.c), and
 * what the judge expects of it (expected.c).  A new layout: its name (layout.c), what a config says
 * of it (stored_config.c, convert/plan_config.c) and what runtimes ask of that (verify/integrity/).
 */
const struct q8_scheme q8_schemes[Q8_SCHEMES] = {
    [Q8_SCHEME_W8A8] = CT_PLAIN("w8a8", false),
    [Q8_SCHEME_W8A8_TENSOR] = CT_PLAIN("w8a8-tensor", true),
    [Q8_SCHEME_W8A16] = CT_PACKED("w8a16", 0, false),
    [Q8_SCHEME_W8A16_TENSOR] = CT_PACKED("w8a16-tensor", 0, true),
    [Q8_SCHEME_W8A16_G32] = CT_PACKED("w8a16-g32", 32, false),
    [Q8_SCHEME_W8A16_G64] = CT_PACKED("w8a16-g64", 64, false),
    [Q8_SCHEME_W8A16_G128] = CT_PACKED("w8a16-g128", 128, false),
    [Q8_SCHEME_LLM_INT8] =
        {
            .name = "llm.int8",
            .source = "bitsandbytes 0.50.2, nn/modules.py, backends/default/ops.py",
            .layout = Q8_LAYOUT_BNB,
            .product = Q8_PRODUCT_OUTLIERS,
            .rule = Q8_RULE_HALF_TIMES,
            .least = -127,
            .part = {{Q8_PART_CODES, ".weight", Q8_I8},
                     {Q8_PART_ABSMAX, ".SCB", Q8_F32},
                     {Q8_PART_ZERO, ".weight_format", Q8_U8}},
        },
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
