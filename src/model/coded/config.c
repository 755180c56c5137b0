/* config.c - what quantization_config says of weights that are to become floats */
#include "src/model/coded/coded_parts.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/folder/folder.h"

#include <string.h>

/* The parts of a config that may be a model's own, the root first. */
static const char *const parts[] = {NULL, "text_config", "llm_config", "thinker_config",
                                    "language_config"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct cJSON *get_part(const struct q8_model *m, size_t i)
{
    return parts[i] ? q8_json_get(m->config_root, parts[i]) : m->config_root;
}

/* The type that floats of the model have; what other words say is no type of weights. */
static enum q8_dtype find_dtype(const struct q8_model *m)
{
    static const struct {
        const char *name;
        enum q8_dtype dtype;
    } names[] = {{"bfloat16", Q8_BF16}, {"float16", Q8_F16}, {"float32", Q8_F32}};
    static const char *const keys[] = {"dtype", "torch_dtype"};

    for (size_t i = 0; i < COUNT(parts); i++)
        for (size_t k = 0; k < COUNT(keys); k++) {
            const char *text = q8_json_string(q8_json_get(get_part(m, i), keys[k]));

            for (size_t n = 0; text && n < COUNT(names); n++)
                if (q8_text_ends(text, names[n].name)) /* "torch.bfloat16" too */
                    return names[n].dtype;
        }
    return Q8_BF16;
}

/* [rows, cols]: both above 0; null: nothing is said. */
static bool read_block(struct q8_coded_config *c, const struct cJSON *pair, const char *key,
                       struct q8_err *err)
{
    if (!pair || q8_json_kind(pair) == 'n')
        return true;
    if (q8_json_u64(q8_json_at(pair, 0), &c->block_rows) &&
        q8_json_u64(q8_json_at(pair, 1), &c->block_cols) && !q8_json_at(pair, 2) && c->block_rows &&
        c->block_cols)
        return true;
    return q8_fail(err, Q8_EINPUT, "quantization_config: %s is not [rows, columns] of a block",
                   key);
}

/*
 * compressed-tensors has it in the first group whose weights have any, and the bits of a code in
 * each whose weights are whole numbers.
 */
static bool read_groups(struct q8_coded_config *c, struct q8_err *err)
{
    static const char key[] = "block_structure";
    const struct cJSON *group = q8_json_at(q8_json_get(c->json, "config_groups"), 0);

    for (; group; group = q8_json_next(group)) {
        const struct cJSON *args = q8_json_get(group, "weights");
        const char *type = q8_json_string(q8_json_get(args, "type"));
        uint64_t bits;

        if (!c->block_rows && !read_block(c, q8_json_get(args, key), key, err))
            return false;
        if ((!type || strcmp(type, "int") == 0) &&
            q8_json_u64(q8_json_get(args, "num_bits"), &bits) && bits < 32)
            c->bits |= UINT32_C(1) << bits;
    }
    return true;
}

bool q8_coded_config_read(struct q8_coded_config *ret, const struct q8_model *m, struct q8_err *err)
{
    static const char key[] = "weight_block_size";

    *ret = (struct q8_coded_config){.dtype = find_dtype(m)};
    for (size_t i = 0; !ret->json && i < COUNT(parts); i++) {
        const struct cJSON *json = q8_json_get(get_part(m, i), "quantization_config");

        if (q8_json_at(json, 0)) /* null and {}: none */
            ret->json = json;
    }
    ret->method = q8_json_string(q8_json_get(ret->json, "quant_method"));
    return (read_block(ret, q8_json_get(ret->json, key), key, err) && read_groups(ret, err)) ||
           q8_fail_in(err, Q8_CONFIG) || q8_fail_in(err, m->path);
}
