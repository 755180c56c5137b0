/* plan_left.c - why a file or folder of the input stays behind */
#include "src/convert/plan_parts.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/folder/folder.h"
#include "src/model/foreign.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define COPY_MEMORY (UINT64_C(1) << 30)   /* for the names in a weight file that may be a copy */
#define CONFIG_LIMIT (UINT64_C(16) << 20) /* bytes of the config.json of a folder */

static bool is_safe(const char *leaf)
{
    for (const char *p = leaf; *p;) {
        uint32_t c = q8_text_next(&p);

        if (c == Q8_TEXT_BAD || q8_text_hidden(c))
            return false;
    }
    return true;
}

static void leave(struct q8_left *ret, const char *reason, bool expected)
{
    ret->reason = reason;
    ret->expected = expected;
}

static void leave_by(struct q8_left *ret, const struct q8_folder_rule *rule)
{
    if (rule)
        leave(ret, rule->reason, rule->expected);
}

/* ---- weight files ---- */

/* What could not be read is told; what is malformed is not what was looked for. */
static void tell(const struct q8_err *bad, struct q8_err *err)
{
    if (bad->code && bad->code != Q8_EINPUT && bad->code != Q8_EUNSUPPORTED)
        q8_fail(err, bad->code, "%s", bad->text);
}

/*
 * Whether all tensors of a weight file are in the model; `whole`: and all of the model in it.
 * False too when err is set.
 */
static bool is_copy(const struct q8_model *m, const char *full, bool whole, struct q8_err *err)
{
    struct q8_err bad = {0};
    struct q8_index found = {0};
    struct q8_source source;
    struct q8_arena own;
    struct q8_file file;
    bool ret;

    if (!q8_file_open(&file, full, err))
        return false;
    q8_arena_init(&own, COPY_MEMORY);
    source = q8_file_source(&file);
    ret = q8_format_parse(q8_format_of(full), &source, &found, &own, &bad) &&
          (!whole || found.count == m->index.count);
    for (uint64_t i = 0; ret && i < found.count; i++)
        ret = q8_index_find(&m->index, found.tensor[i].name) != NULL;
    q8_arena_clear(&own);
    q8_file_close(&file);
    tell(&bad, err);
    return ret;
}

/* Whether it is a weight file of the model, under another name. */
static bool is_shard(const struct q8_model *m, const struct stat *st)
{
    for (uint32_t i = 0; i < m->shards; i++)
        if (q8_stat_same(&m->shard[i].file.stat, st))
            return true;
    return false;
}

static void judge_file(const struct q8_plan *plan, const struct q8_entry *e, struct q8_left *ret,
                       struct q8_err *err)
{
    const struct q8_model *m = plan->model;
    const bool at_root = !strchr(e->path, '/');
    const char *leaf = q8_text_leaf(e->path);

    if (e->spot.is_link) /* weights in another format are left by any name */
        leave_by(ret, q8_folder_left(q8_text_leaf(e->spot.real), false));
    if (ret->reason || (!e->spot.is_link && e->spot.st.st_nlink == 1 && !q8_format_of(leaf)))
        return;
    if (is_shard(m, &e->spot.st))
        leave(ret, "a duplicate of the weights", true);
    else if (!q8_format_of(leaf) || !q8_folder_is_variant(leaf))
        return;
    else if (is_copy(m, e->full, !at_root, err))
        leave(ret, "a duplicate of the weights", at_root);
    else if (at_root)
        leave(ret, "a weight file that the model does not name", false);
}

/* ---- folders ---- */

/* Members of a config that tell one size of a model from another, and parts that have them. */
static const char *const sizes[] = {"hidden_size",
                                    "num_hidden_layers",
                                    "intermediate_size",
                                    "num_attention_heads",
                                    "vocab_size",
                                    "d_model",
                                    "n_embd",
                                    "n_layer",
                                    "num_layers",
                                    "dim"};
static const char *const parts[] = {"text_config",   "llm_config", "language_config",
                                    "vision_config", "encoder",    "decoder"};

/* Whether two configs are of one size, as far as both say. */
static bool is_alike(const struct cJSON *a, const struct cJSON *b)
{
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint64_t x, y;

        if (q8_json_u64(q8_json_get(a, sizes[i]), &x) &&
            q8_json_u64(q8_json_get(b, sizes[i]), &y) && x != y)
            return false;
    }
    return true;
}

static bool are_alike(const struct cJSON *a, const struct cJSON *b)
{
    for (size_t i = 0; i < COUNT(parts); i++)
        if (!is_alike(q8_json_get(a, parts[i]), q8_json_get(b, parts[i])))
            return false;
    return is_alike(a, b);
}

static bool is_same_word(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Whether the folder has weights that loaders look for; false too when err is set. */
static bool has_weights(const char *full, struct q8_err *err)
{
    static const char *const others[] = {"pytorch_model.bin", ("pytorch_model.bin" Q8_INDEX),
                                         "tf_model.h5", "flax_model.msgpack"};
    static const char *const ends[] = {"", Q8_INDEX};
    char name[100];

    for (size_t i = 0; !err->code && i < COUNT(others); i++)
        if (q8_folder_has(full, others[i], err) == Q8_THERE)
            return true;
    for (const struct q8_format *const *x = q8_formats; *x; x++)
        for (size_t i = 0; (*x)->stem && !err->code && i < COUNT(ends); i++) {
            (void)snprintf(name, sizeof name, "%s%s%s", (*x)->stem, (*x)->suffix, ends[i]);
            if (q8_folder_has(full, name, err) == Q8_THERE)
                return true;
        }
    return false;
}

/*
 * Whether a folder is the model once more: its config is of the same class and size, and weights
 * stand beside it.  One that holds another model, such as a draft, comes along.
 */
static bool is_run(const struct q8_model *m, const char *full, struct q8_err *err)
{
    struct q8_err bad = {0};
    struct cJSON *root = NULL;
    const struct cJSON *class, *mine;
    bool ret = false;

    if (m->config_root && has_weights(full, err))
        root = q8_folder_json(full, Q8_CONFIG, CONFIG_LIMIT, &bad);
    tell(&bad, err);
    class = q8_json_at(q8_json_get(root, "architectures"), 0);
    mine = q8_json_at(q8_json_get(m->config_root, "architectures"), 0);
    if (is_same_word(q8_json_string(q8_json_get(root, "model_type")),
                     q8_json_string(q8_json_get(m->config_root, "model_type"))) ||
        is_same_word(q8_json_string(class), q8_json_string(mine)))
        ret = are_alike(m->config_root, root);
    q8_json_free(root);
    return ret;
}

/* Whether folder `a` is `b`, or holds it; "" holds all. */
static bool holds(const char *a, const char *b)
{
    const size_t n = strlen(a);

    return n == 0 || (strncmp(a, b, n) == 0 && (!b[n] || b[n] == '/'));
}

/* The rule for a folder, or for one that it is in. */
static const struct q8_folder_rule *rule_above(const char *real)
{
    const struct q8_folder_rule *rule = NULL;
    char part[PATH_MAX];
    size_t n = 0;

    do {
        n += strcspn(real + n, "/");
        (void)snprintf(part, sizeof part, "%.*s", (int)n, real);
        rule = q8_folder_left(part, true);
    } while (!rule && real[n++]);
    return rule;
}

static void judge_folder(const struct q8_plan *plan, const struct q8_entry *e, struct q8_left *ret,
                         struct q8_err *err)
{
    if (e->spot.is_link && holds(e->spot.real, e->in))
        leave(ret, "a link to a folder that it is in", false);
    else if (e->spot.is_link && e->linked)
        leave(ret, "a link to a folder behind such a link", false);
    else if (e->spot.is_link)
        leave_by(ret, rule_above(e->spot.real));
    if (ret->reason)
        return;
    if (q8_folder_is_output(e->full, err))
        leave(ret, "an output of q8-convert", true);
    else if (!err->code && is_run(plan->model, e->full, err))
        leave(ret, "the model once more, with weights and a config of its own", false);
}

bool q8_plan_left(const struct q8_plan *plan, const struct q8_entry *e, struct q8_left *ret,
                  struct q8_err *err)
{
    const bool is_folder = e->spot.lead == Q8_LEAD_FOLDER;

    *ret = (struct q8_left){.name = e->path};
    if (!is_safe(q8_text_leaf(e->path))) {
        leave(ret, "its name has control characters", false);
        return true;
    }
    leave_by(ret, q8_folder_left(e->path, is_folder));
    if (!is_folder && plan->model->decoded && q8_foreign_tells(e->path))
        leave(ret, "it tells how the weights were quantized", true);
    if (ret->reason)
        return true;
    switch (e->spot.lead) {
    case Q8_LEAD_FILE: judge_file(plan, e, ret, err); break;
    case Q8_LEAD_FOLDER: judge_folder(plan, e, ret, err); break;
    case Q8_LEAD_SPECIAL: leave(ret, "not a regular file", false); break;
    case Q8_LEAD_NOWHERE: leave(ret, "a link that leads nowhere", false); break;
    case Q8_LEAD_CIRCLE: leave(ret, "a link that leads in circles", false); break;
    case Q8_LEAD_OUT: leave(ret, "a link that leads out of the model", false); break;
    }
    return !err->code;
}
