/* target.c - the table of targets.  A new one is a new row, of a scheme of q8_schemes. */
#include "src/scheme/target.h"

#include "src/model/floats.h"

#include <string.h>

#define BIT(kind) (1u << Q8_KIND_##kind)

#define CT_TAKES (BIT(LINEAR) | BIT(SUBLINEAR) | BIT(KEEP) | BIT(EXPERT))
#define CT_ACCEPTS (CT_TAKES | BIT(LINEAR_ROUTER) | BIT(HEAD))
#define CT_READERS (1u << Q8_READER_VLLM | 1u << Q8_READER_SGLANG | 1u << Q8_READER_TRANSFORMERS)

/* pack-quantized, whole rows (group 0) or groups of columns. */
#define W8A16(suffix, word, row, words)                                                            \
    {                                                                                              \
        .name = "ct-w8a16" suffix, .title = word,                                                  \
        .summary = "compressed-tensors pack-quantized, " words "; vLLM, SGLang, transformers",     \
        .takes = CT_TAKES, .accepts = CT_ACCEPTS, .looks_up = BIT(EMBEDDING),                      \
        .readers = CT_READERS, .splits_experts = true, .scheme = &q8_schemes[row],                 \
        .container = "safetensors",                                                                \
    }

const struct q8_target q8_targets[] = {
    {
        .name = "bnb-int8",
        .title = "bnb",
        .summary = "bitsandbytes LLM.int8; transformers from_pretrained, SGLang",
        .takes = BIT(LINEAR) | BIT(CONV1D) | BIT(LINEAR_ROUTER),
        .accepts = BIT(LINEAR) | BIT(CONV1D) | BIT(LINEAR_ROUTER) | BIT(HEAD),
        .readers = 1u << Q8_READER_TRANSFORMERS,
        .scheme = &q8_schemes[Q8_SCHEME_LLM_INT8],
        .container = "safetensors",
    },
    {
        .name = "ct-w8a8",
        .title = "w8a8",
        .summary = "compressed-tensors int-quantized, per channel, dynamic per-token activations; "
                   "vLLM, SGLang",
        .takes = CT_TAKES,
        .accepts = CT_ACCEPTS,
        .readers = CT_READERS,
        .splits_experts = true,
        .scheme = &q8_schemes[Q8_SCHEME_W8A8],
        .container = "safetensors",
    },
    W8A16("", "w8a16", Q8_SCHEME_W8A16, "per channel"),
    W8A16("-g32", "g32", Q8_SCHEME_W8A16_G32, "groups of 32"),
    W8A16("-g64", "g64", Q8_SCHEME_W8A16_G64, "groups of 64"),
    W8A16("-g128", "g128", Q8_SCHEME_W8A16_G128, "groups of 128"),
    {.name = NULL},
};

/* Floats again, dequantized straight to that type. */
#define FLOAT(word, type, words)                                                                   \
    {                                                                                              \
        .name = word, .summary = "no int8: all floats " words ", quantized weights dequantized",   \
        .dtype = type, .container = "safetensors",                                                 \
    }

const struct q8_target q8_float_targets[] = {
    FLOAT("bf16", Q8_BF16, "BF16"),
    FLOAT("f16", Q8_F16, "F16"),
    FLOAT("f32", Q8_F32, "F32"),
    {
        .name = "safetensors",
        .summary = "no int8: the same tensors, byte for byte, in safetensors",
        .dtype = Q8_DTYPES,
        .container = "safetensors",
    },
    {.name = NULL},
};

static const struct q8_target *find(const struct q8_target *t, const char *name)
{
    while (t->name && strcmp(t->name, name) != 0)
        t++;
    return t->name ? t : NULL;
}

const struct q8_target *q8_target_find(const char *name)
{
    return find(q8_targets, name);
}

const struct q8_target *q8_target_find_float(const char *name)
{
    return find(q8_float_targets, name);
}

const char *q8_target_obstacle(const struct q8_target *target, enum q8_kind kind,
                               const struct q8_tensor *t, uint64_t cols)
{
    if (!(target->accepts & 1u << kind))
        return q8_kind_reason(kind);
    if (!q8_dtype_is_float(t->dtype))
        return "its type is not a float that q8 quantizes";
    if (t->nbytes == 0)
        return "it is empty";
    if (cols > Q8_ROW_LIMIT / q8_dtype_size(t->dtype))
        return "its rows are longer than the 4 MiB that q8 holds in memory";
    return NULL;
}

bool q8_target_read_by(const struct q8_target *target, enum q8_reader reader)
{
    return target->readers & 1u << reader;
}

bool q8_target_splits(const struct q8_target *target, const struct q8_tensor *t)
{
    return target->splits_experts && !q8_target_obstacle(target, Q8_KIND_EXPERT, t, t->dim[2]);
}

bool q8_target_takes(const struct q8_target *target, enum q8_kind kind, const struct q8_tensor *t,
                     uint64_t cols)
{
    return target->takes & 1u << kind && !q8_target_obstacle(target, kind, t, cols) &&
           !q8_scheme_misfit(target->scheme, cols);
}
