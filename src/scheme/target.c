/* target.c - the table of targets.  A new one is a new row. */
#include "src/scheme/target.h"

#include <string.h>

#define BIT(kind) (1u << Q8_KIND_##kind)

/* What transformers 5.23 reads; the threshold must be a float.  formats.md 2.1.3, 2.1.9. */
#define BNB_CONFIG                                                                                 \
    "{\n"                                                                                          \
    "    \"_load_in_4bit\": false,\n"                                                              \
    "    \"_load_in_8bit\": true,\n"                                                               \
    "    \"bnb_4bit_compute_dtype\": \"float32\",\n"                                               \
    "    \"bnb_4bit_quant_storage\": \"uint8\",\n"                                                 \
    "    \"bnb_4bit_quant_type\": \"fp4\",\n"                                                      \
    "    \"bnb_4bit_use_double_quant\": false,\n"                                                  \
    "    \"llm_int8_enable_fp32_cpu_offload\": false,\n"                                           \
    "    \"llm_int8_has_fp16_weight\": false,\n"                                                   \
    "    \"llm_int8_skip_modules\": @ignore@,\n"                                                   \
    "    \"llm_int8_threshold\": 6.0,\n"                                                           \
    "    \"load_in_4bit\": false,\n"                                                               \
    "    \"load_in_8bit\": true,\n"                                                                \
    "    \"quant_method\": \"bitsandbytes\"\n"                                                     \
    "  }"

/* The portable minimum of compressed-tensors.  formats.md 2.2.4. */
#define CT_CONFIG                                                                                  \
    "{\n"                                                                                          \
    "    \"config_groups\": @groups@,\n"                                                           \
    "    \"format\": @format@,\n"                                                                  \
    "    \"global_compression_ratio\": null,\n"                                                    \
    "    \"ignore\": @ignore@,\n"                                                                  \
    "    \"kv_cache_scheme\": null,\n"                                                             \
    "    \"quant_method\": \"compressed-tensors\",\n"                                              \
    "    \"quantization_status\": \"compressed\"\n"                                                \
    "  }"

#define WEIGHTS(strategy)                                                                          \
    "{\"num_bits\": 8, \"type\": \"int\", \"symmetric\": true, " strategy ", \"dynamic\": false}"

#define PER_TOKEN                                                                                  \
    "{\"num_bits\": 8, \"type\": \"int\", \"symmetric\": true, \"strategy\": \"token\", "          \
    "\"dynamic\": true}"

#define CT_TAKES (BIT(LINEAR) | BIT(SUBLINEAR) | BIT(KEEP) | BIT(EXPERT))
#define CT_ACCEPTS (CT_TAKES | BIT(LINEAR_ROUTER) | BIT(HEAD))

#define CT_SOURCE                                                                                  \
    "compressed-tensors 0.20.0, compressors/pack_quantized; llm-compressor 0.14 scales"

/* pack-quantized, whole rows (group 0) or groups of columns. */
#define W8A16(suffix, word, columns, words, strategy)                                              \
    {                                                                                              \
        .name = "ct-w8a16" suffix, .title = word,                                                  \
        .summary = "compressed-tensors pack-quantized, " words "; vLLM, SGLang, transformers",     \
        .layout = "pack-quantized", .takes = CT_TAKES, .accepts = CT_ACCEPTS,                      \
        .splits_experts = true, .instead = "bnb-int8",                                             \
        .scheme = {"w8a16" suffix,                                                                 \
                   CT_SOURCE,                                                                      \
                   Q8_RULE_DIVIDE,                                                                 \
                   columns,                                                                        \
                   {{Q8_PART_PACKED, ".weight_packed", Q8_I32},                                    \
                    {Q8_PART_SCALE, ".weight_scale", Q8_DTYPES},                                   \
                    {Q8_PART_SHAPE, ".weight_shape", Q8_I64}}},                                    \
        .config = CT_CONFIG, .weights = WEIGHTS(strategy), .activations = "null",                  \
    }

#define GROUPS(size) "\"strategy\": \"group\", \"group_size\": " size

const struct q8_target q8_targets[] = {
    {
        .name = "bnb-int8",
        .title = "bnb",
        .summary = "bitsandbytes LLM.int8; transformers from_pretrained, SGLang",
        .layout = "bitsandbytes",
        .takes = BIT(LINEAR) | BIT(CONV1D) | BIT(LINEAR_ROUTER),
        .accepts = BIT(LINEAR) | BIT(CONV1D) | BIT(LINEAR_ROUTER) | BIT(HEAD),
        .instead = "ct-w8a8",
        .scheme = {"llm.int8",
                   "bitsandbytes 0.50.2, nn/modules.py, backends/default/ops.py",
                   Q8_RULE_HALF_TIMES,
                   0,
                   {{Q8_PART_CODES, ".weight", Q8_I8},
                    {Q8_PART_ABSMAX, ".SCB", Q8_F32},
                    {Q8_PART_ZERO, ".weight_format", Q8_U8}}},
        .config = BNB_CONFIG,
    },
    {
        .name = "ct-w8a8",
        .title = "w8a8",
        .summary = "compressed-tensors int-quantized, per channel, dynamic per-token activations; "
                   "vLLM, SGLang",
        .layout = "int-quantized",
        .takes = CT_TAKES,
        .accepts = CT_ACCEPTS,
        .splits_experts = true,
        .instead = "bnb-int8",
        .scheme = {"w8a8",
                   "compressed-tensors 0.20.0, naive_quantized; llm-compressor 0.14 scales",
                   Q8_RULE_DIVIDE,
                   0,
                   {{Q8_PART_CODES, ".weight", Q8_I8},
                    {Q8_PART_SCALE, ".weight_scale", Q8_DTYPES}}},
        .config = CT_CONFIG,
        .weights = WEIGHTS("\"strategy\": \"channel\""),
        .activations = PER_TOKEN,
    },
    W8A16("", "w8a16", 0, "per channel", "\"strategy\": \"channel\""),
    W8A16("-g32", "g32", 32, "groups of 32", GROUPS("32")),
    W8A16("-g64", "g64", 64, "groups of 64", GROUPS("64")),
    W8A16("-g128", "g128", 128, "groups of 128", GROUPS("128")),
    {.name = NULL},
};

const struct q8_target *q8_target_find(const char *name)
{
    for (const struct q8_target *t = q8_targets; t->name; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}
