/* config.c - config.json of the int8 model against the reference's and the tensors */
#include "src/verify/integrity/integrity_parts.h"

#include "src/compare/config.h"
#include "src/base/json.h"
#include "src/base/text.h"
#include "src/scheme/scheme.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Members that do not change what a model computes, or that level 1 looks at on their own. */
static const char *const free_members[] = {
    "quantization_config",
    "transformers_version",
    "_name_or_path",
    "torch_dtype",
    "dtype",
    "use_cache",
    "auto_map",
};

/* Whether a part of the path, between dots and brackets, is one of those. */
static bool is_free(const char *path)
{
    while (*path) {
        const size_t length = strcspn(path, ".[");

        for (size_t i = 0; i < sizeof free_members / sizeof *free_members; i++)
            if (strlen(free_members[i]) == length && memcmp(free_members[i], path, length) == 0)
                return true;
        path += length + (path[length] != 0);
    }
    return false;
}

/* transformers 5 writes null for a window that the model does not use (qwen2). */
static bool is_unused_window(const struct q8_verify *v, const struct q8_config_change *c)
{
    const struct cJSON *root = v->options.reference->config_root;

    return strcmp(c->path, "sliding_window") == 0 && strcmp(c->b, "null") == 0 &&
           q8_json_bool(q8_json_get(root, "use_sliding_window")) == 0;
}

/*
 * Members of both with other values.  One that is in one of them alone is left: transformers writes
 * more of them, or fewer, from release to release.
 */
static bool judge_changes(struct q8_verify *v, struct q8_err *err)
{
    char path[200], a[120], b[120];

    if (!v->pairs.have_configs && !q8_compare_config(&v->pairs, v->findings.mem, err))
        return false;
    for (uint64_t i = 0; i < v->pairs.changes; i++) {
        const struct q8_config_change *c = &v->pairs.change[i];

        if (c->a && c->b && !is_free(c->path) && !is_unused_window(v, c) &&
            !q8_findings_add(&v->findings, Q8_FINDING("config-changed", Q8_CONFIG, true), err,
                             "%s is %s in the reference and %s here: runtimes compute another "
                             "function",
                             q8_text_escape(c->path, path, sizeof path),
                             q8_text_escape(c->a, a, sizeof a), q8_text_escape(c->b, b, sizeof b)))
            return false;
    }
    return true;
}

bool q8_integrity_config(struct q8_verify *v, struct q8_err *err)
{
    const struct q8_model *b = v->options.quantized;
    const struct cJSON *config = q8_json_get(b->config_root, "quantization_config");

    if (!b->config_root) /* a weight file alone */
        return true;
    if (!judge_changes(v, err))
        return false;
    if (!q8_json_at(config, 0))
        return v->pairs.stored_b.count == 0 ||
               q8_findings_add(&v->findings, Q8_FINDING("config-missing", Q8_CONFIG, true), err,
                               "there is no quantization_config beside %" PRIu64
                               " int8 weights: transformers takes the codes for the weights, "
                               "without a word",
                               v->pairs.stored_b.count);
    if (!v->pairs.stored_b.layout) /* of another method than int8 */
        return true;
    return v->pairs.stored_b.layout == Q8_LAYOUT_BNB ? q8_integrity_bnb(v, err)
                                                     : q8_integrity_ct(v, err);
}
