/* stored_config.c - what quantization_config says of int8 weights, and what q8 does not read */
#include "src/scheme/stored_parts.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/coded/decode.h"
#include "src/model/folder/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What to do about a method that q8 does not read, and of one that it does. */
static const char dequantize[] = "which q8 does not read: dequantize it with its library first";
static const char reads[] = "but no weight in its files is stored so, with all its parts: if they "
                            "are floats, take the quantization_config out of config.json";

/* That one of the words, which end with NULL; NULL = none, or no text. */
static const char *find_word(const char *text, const char *const *words)
{
    while (*words && (!text || strcmp(text, *words) != 0))
        words++;
    return *words;
}

/* Another method: its name and, where the config tells, its bits. */
static bool refuse_method(const struct cJSON *config, const char *method, struct q8_err *err)
{
    char name[64], bits[32] = "";
    uint64_t number;

    if (q8_json_u64(q8_json_get(config, "bits"), &number))
        (void)snprintf(bits, sizeof bits, " (%" PRIu64 " bits)", number);
    return q8_fail(err, Q8_EUNSUPPORTED,
                   "quantization_config: its weights are quantized by %s%s, %s",
                   method ? q8_text_escape(method, name, sizeof name) : "a method without a name",
                   bits, q8_coded_has_method(method) ? reads : dequantize);
}

/* The weights of one group: null, or 8 bits that are a code times a step. */
static bool check_args(const struct cJSON *args, struct q8_err *err)
{
    static const char *const strategies[] = {"channel", "group", "tensor", NULL};
    const char *type = q8_json_string(q8_json_get(args, "type"));
    const char *strategy = q8_json_string(q8_json_get(args, "strategy"));
    uint64_t bits;
    char name[64];

    if (!q8_json_get(args, "num_bits")) /* null: this group quantizes no weights */
        return true;
    if (!q8_json_u64(q8_json_get(args, "num_bits"), &bits))
        return q8_fail(err, Q8_EINPUT, "num_bits is not a whole number");
    if (bits != 8)
        return q8_fail(err, Q8_EUNSUPPORTED, "its weights have %" PRIu64 " bits, %s", bits, reads);
    if (type && strcmp(type, "int") != 0)
        return q8_fail(err, Q8_EUNSUPPORTED, "its weights have the type %s, %s",
                       q8_text_escape(type, name, sizeof name), reads);
    if (q8_json_bool(q8_json_get(args, "symmetric")) == 0)
        return q8_fail(err, Q8_EUNSUPPORTED, "its weights have zero points, %s", reads);
    if (strategy && !find_word(strategy, strategies))
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "its weights have the strategy %s; q8 reads channel, group and tensor",
                       q8_text_escape(strategy, name, sizeof name));
    return true;
}

/* Every group of modules. */
static bool check_groups(const struct cJSON *groups, struct q8_err *err)
{
    const struct cJSON *group = q8_json_at(groups, 0);
    char place[128], name[64];

    for (; group; group = q8_json_next(group))
        if (!check_args(q8_json_get(group, "weights"), err)) {
            const char *key = q8_json_key(group);

            (void)snprintf(place, sizeof place, "quantization_config, group '%s'",
                           q8_text_escape(key ? key : "", name, sizeof name));
            return q8_fail_in(err, place);
        }
    return true;
}

/* compressed-tensors.  Keys: formats.md 2.2.4; naive-quantized is the older name of int-quantized.
 */
static bool compressed_tensors(enum q8_layout *ret, const struct cJSON *config, const char *method,
                               struct q8_err *err)
{
    const char *format = q8_json_string(q8_json_get(config, "format"));
    const char *status = q8_json_string(q8_json_get(config, "quantization_status"));
    const char *sparse =
        q8_json_string(q8_json_get(q8_json_get(config, "sparsity_config"), "format"));
    char name[64];

    if (!check_groups(q8_json_get(config, "config_groups"), err))
        return false;
    *ret = q8_layout_find(method, format);
    if (!*ret)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "quantization_config: the format is %s; of compressed-tensors, q8 reads "
                       "int-quantized, pack-quantized and mixed-precision",
                       format ? q8_text_escape(format, name, sizeof name) : "not named");
    if (status && strcmp(status, "compressed") != 0)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "quantization_config: quantization_status is %s: its weights are not int8 "
                       "yet; q8 reads compressed",
                       q8_text_escape(status, name, sizeof name));
    if (sparse && strcmp(sparse, "dense") != 0)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "quantization_config: its weights are stored sparsely (%s), which q8 does "
                       "not read",
                       q8_text_escape(sparse, name, sizeof name));
    return true;
}

/* load_in_8bit alone is what transformers goes by (formats.md 2.1.3). */
static bool bitsandbytes(enum q8_layout *ret, const struct cJSON *config, struct q8_err *err)
{
    if (q8_json_bool(q8_json_get(config, "load_in_4bit")) == 1)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "quantization_config: its weights are quantized by bitsandbytes with 4 "
                       "bits, %s",
                       reads);
    if (q8_json_bool(q8_json_get(config, "load_in_8bit")) != 1)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "quantization_config: bitsandbytes without load_in_8bit, %s", reads);
    *ret = Q8_LAYOUT_BNB;
    return true;
}

bool q8_stored_layout(enum q8_layout *ret, const struct q8_model *model, struct q8_err *err)
{
    const struct cJSON *config = q8_json_get(model->config_root, "quantization_config");
    const char *method = q8_json_string(q8_json_get(config, "quant_method"));
    const char *compressed = q8_layouts[Q8_LAYOUT_MIXED].method;
    bool ok;

    *ret = Q8_LAYOUT_NONE;
    if (!q8_json_at(config, 0) || model->decoded) /* null and {}: none */
        return true;
    if (method ? strcmp(method, q8_layouts[Q8_LAYOUT_BNB].method) == 0
               : q8_json_bool(q8_json_get(config, "load_in_8bit")) == 1)
        ok = bitsandbytes(ret, config, err);
    else if (method && strcmp(method, compressed) == 0)
        ok = compressed_tensors(ret, config, compressed, err);
    else
        ok = refuse_method(config, method, err);
    return ok || q8_fail_in(err, Q8_CONFIG) || q8_fail_in(err, model->path);
}
