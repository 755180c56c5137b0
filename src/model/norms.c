/* norms.c - what is known of norms: how they are called, how they use a gain, what reads them */
#include "src/model/norms.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/floats.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define PATH_MOST 1024 /* a longer path is a module that nobody knows */
#define FEEDS_MOST 256 /* of the names together */

/*
 * Types whose norms multiply by 1 + w (transformers 5.23, "1.0 + self.weight" and the like in
 * models/TYPE/modeling_TYPE.py).  "TYPE_text" counts as TYPE.
 */
static const struct offset_type {
    const char *type;
    bool biased;          /* LayerNorms, that is norms with a bias, do so too */
    const char *plain[2]; /* ends of paths of norms that multiply by w all the same */
} offset_types[] = {
    {"gemma", false, {NULL}},
    {"gemma2", false, {NULL}},
    {"gemma3", false, {NULL}},
    {"minimax_m3_vl", false, {NULL}},
    {"muse_glimmer", false, {".norm"}},
    {"muse_spark", false, {".norm", ".post_proj_norm"}},
    {"nemotron", true, {NULL}},
    {"qwen3_5", false, {".linear_attn.norm"}},
    {"qwen3_5_moe", false, {".linear_attn.norm"}},
    {"qwen3_next", false, {".linear_attn.norm"}},
    {"qwen4_exp", false, {".linear_attn.norm"}},
    {"recurrent_gemma", false, {NULL}},
    {"step3p5", false, {NULL}},
    {"step3p7", false, {NULL}},
    {"t5gemma", false, {NULL}},
    {"t5gemma2", false, {NULL}},
    {"vaultgemma", false, {NULL}},
    {"videoprism", true, {NULL}},
    {"videoprism_text_model", true, {NULL}},
    {"videoprism_vision_model", true, {NULL}},
};

/* What reads the input of a block's attention, or of what stands in its place. */
static const char *const attention[] = {
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.qkv_proj",
    "self_attn.q_a_proj",
    "self_attn.kv_a_proj_with_mqa",
    "self_attention.query_key_value",
    "attention.query_key_value",
    "attn.c_attn",
    "attn.q_proj",
    "attn.k_proj",
    "attn.v_proj",
    "attn.attention.q_proj",
    "attn.attention.k_proj",
    "attn.attention.v_proj",
    "linear_attn.in_proj_qkvz",
    "linear_attn.in_proj_ba",
    "linear_attn.in_proj_qkv",
    "linear_attn.in_proj_z",
    "linear_attn.in_proj_b",
    "linear_attn.in_proj_a",
    NULL,
};

/* What reads the input of its feed-forward part. */
static const char *const feed_forward[] = {
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.gate_up_proj",
    "mlp.fc1",
    "mlp.fc_in",
    "mlp.c_fc",
    "mlp.dense_h_to_4h",
    "mlp.gate",
    "mlp.router",
    "mlp.experts",
    "mlp.shared_expert",
    "mlp.shared_experts",
    "mlp.shared_expert_gate",
    "block_sparse_moe.gate",
    "block_sparse_moe.experts",
    "feed_forward.gate_proj",
    "feed_forward.up_proj",
    "feed_forward.router",
    "feed_forward.experts",
    NULL,
};

/* Of the modules below one of these paths, those that read its input; the others read on. */
static const char *const first_leaves[] = {"gate_proj", "up_proj", "gate_up_proj", "fc1",  "w1",
                                           "w3",        "wi",      "wi_0",         "wi_1", NULL};

#define LIST(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/*
 * Norms by leaf, or by whole path when that has a dot, and what may read them: paths beside the
 * norm, from the root with a '/'.  Only names that mean the same in every class: the
 * self_attn_layer_norm of OPT stands before its attention, that of BART behind it.
 */
static const struct reader {
    const char *norm;
    const char *const *path;
    const char *const *alone;  /* these too in a block of one norm; or NULL */
    const char *const *unless; /* with such a sibling it stands elsewhere: not known; or NULL */
} readers[] = {
    {"input_layernorm", attention, feed_forward, NULL},
    {"post_attention_layernorm", feed_forward, NULL,
     LIST("pre_feedforward_layernorm", "post_feedforward_layernorm")},
    {"pre_feedforward_layernorm", feed_forward, NULL, NULL},
    {"pre_self_attn_layernorm", attention, NULL, NULL},
    {"pre_ff_layernorm", feed_forward, NULL, NULL},
    {"ln_1", attention, feed_forward, NULL},
    {"ln_2", feed_forward, NULL, NULL},
    {"ln_attn", attention, NULL, NULL},
    {"ln_mlp", feed_forward, NULL, NULL},
    {"q_a_layernorm", LIST("q_b_proj"), NULL, NULL},
    {"kv_a_layernorm", LIST("kv_b_proj"), NULL, NULL},
    {"layer_norm1", LIST("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), NULL, NULL},
    {"layer_norm2", LIST("mlp.fc1"), NULL, NULL},
    /* T5: the norm of a sublayer; keys and values of a cross attention come from the encoder */
    {"layer_norm",
     LIST("SelfAttention.q", "SelfAttention.k", "SelfAttention.v", "EncDecAttention.q",
          "DenseReluDense.wi", "DenseReluDense.wi_0", "DenseReluDense.wi_1"),
     NULL, NULL},
    {"model.norm", LIST("/lm_head"), NULL, NULL},
    {"transformer.ln_f", LIST("/lm_head"), NULL, NULL},
    {"gpt_neox.final_layer_norm", LIST("/embed_out"), NULL, NULL},
};

/* What follows the last dot. */
static const char *leaf_of(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot ? dot + 1 : path;
}

bool q8_norms_is_gain(const struct q8_tensor *t, uint64_t *ret_length)
{
    static const char *const tails[] = {".weight", ".gamma", ".scale"};

    for (size_t i = 0; i < COUNT(tails); i++) {
        char leaf[64] = "";
        size_t length, start;

        if (!q8_text_ends(t->name, tails[i]))
            continue;
        length = start = strlen(t->name) - strlen(tails[i]);
        while (start > 0 && t->name[start - 1] != '.')
            start--;
        if (length - start >= sizeof leaf)
            return false;
        memcpy(leaf, t->name + start, length - start);
        *ret_length = length;
        return t->rank == 1 && q8_dtype_is_float(t->dtype) &&
               (strcasestr(leaf, "norm") || strcmp(leaf, "ln") == 0 ||
                (strncmp(leaf, "ln", 2) == 0 && strchr("_0123456789", leaf[2])));
    }
    return false;
}

static const struct offset_type *find_type(const char *type)
{
    for (size_t i = 0; type && i < COUNT(offset_types); i++) {
        size_t n = strlen(offset_types[i].type);

        if (strncmp(type, offset_types[i].type, n) == 0 &&
            (!type[n] || strcmp(type + n, "_text") == 0))
            return &offset_types[i];
    }
    return NULL;
}

bool q8_norms_adds_one(const struct q8_model *model, const struct q8_arch *arch, const char *module)
{
    const struct offset_type *row = find_type(arch->model_type);
    const struct cJSON *text = q8_json_get(model->config_root, "text_config");
    char bias[PATH_MOST];

    if (!row) /* PaliGemma and others around a language model */
        row = find_type(q8_json_string(q8_json_get(text, "model_type")));
    if (!row)
        return false;
    for (size_t i = 0; i < COUNT(row->plain) && row->plain[i]; i++)
        if (q8_text_ends(module, row->plain[i]))
            return false;
    if (row->biased || snprintf(bias, sizeof bias, "%s.bias", module) >= (int)sizeof bias)
        return true;
    return !q8_index_find(&model->index, bias);
}

/* The first tensor whose name is not below `name`. */
static uint64_t lower_bound(const struct q8_index *ix, const char *name)
{
    uint64_t low = 0, high = ix->count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (strcmp(ix->tensor[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The path, with `tail` behind it, of a module beside the norm; its length, 0 when too long. */
static size_t beside(char name[PATH_MOST], const char *norm, const char *path, const char *tail)
{
    int parent = *path == '/' ? 0 : (int)(leaf_of(norm) - norm);
    int n = snprintf(name, PATH_MOST, "%.*s%s%s", parent, norm, path + (*path == '/'), tail);

    return n < 0 || n >= PATH_MOST ? 0 : (size_t)n;
}

/* Whether a tensor of that module, or below it, is there; the module stands beside the norm. */
static bool has_module(const struct q8_index *ix, const char *norm, const char *path)
{
    char name[PATH_MOST];
    size_t n = beside(name, norm, path, ".");
    uint64_t at;

    if (!n)
        return false;
    at = lower_bound(ix, name);
    return at < ix->count && strncmp(ix->tensor[at].name, name, n) == 0;
}

/* Whether the module has no other norm beside it. */
static bool is_alone(const struct q8_index *ix, const char *norm)
{
    size_t parent = (size_t)(leaf_of(norm) - norm);
    char name[PATH_MOST];
    uint64_t length;

    if (parent >= sizeof name)
        return false;
    memcpy(name, norm, parent);
    name[parent] = '\0';
    for (uint64_t i = lower_bound(ix, name);
         i < ix->count && strncmp(ix->tensor[i].name, name, parent) == 0; i++) {
        const char *other = ix->tensor[i].name;

        if (q8_norms_is_gain(&ix->tensor[i], &length) && length > parent &&
            !memchr(other + parent, '.', length - parent) &&
            !(length == strlen(norm) && memcmp(other, norm, length) == 0))
            return false;
    }
    return true;
}

/* Adds the leaf names of those that are there to the list in `text`. */
static void add_present(char text[FEEDS_MOST], const struct q8_index *ix, const char *norm,
                        const char *const *path)
{
    for (; *path; path++) {
        const char *leaf = **path == '/' ? *path + 1 : leaf_of(*path);
        size_t used = strlen(text);

        if (has_module(ix, norm, *path) && used + strlen(leaf) + 3 < FEEDS_MOST)
            (void)snprintf(text + used, FEEDS_MOST - used, "%s%s", used ? ", " : "", leaf);
    }
}

static const struct reader *find_reader(const struct q8_index *ix, const char *norm)
{
    for (size_t i = 0; i < COUNT(readers); i++) {
        const struct reader *r = &readers[i];
        bool known = strcmp(strchr(r->norm, '.') ? norm : leaf_of(norm), r->norm) == 0;

        for (const char *const *other = r->unless; known && other && *other; other++)
            known = !has_module(ix, norm, *other);
        if (known)
            return r;
    }
    return NULL;
}

bool q8_norms_feeds(const char **ret, const struct q8_index *ix, const char *module,
                    struct q8_arena *mem, struct q8_err *err)
{
    const struct reader *r = find_reader(ix, module);
    char text[FEEDS_MOST] = "";

    *ret = NULL;
    if (!r)
        return true;
    add_present(text, ix, module, r->path);
    if (r->alone && is_alone(ix, module))
        add_present(text, ix, module, r->alone);
    if (*text)
        *ret = q8_strndup(mem, text, strlen(text), err);
    return !*text || *ret;
}

static bool is_first(const char *path)
{
    const char *const *leaf = first_leaves;

    while (*leaf && strcmp(leaf_of(path), *leaf) != 0)
        leaf++;
    return *leaf != NULL;
}

/* The module of that path beside the norm, and what reads first of those below it. */
static void mark_path(const struct q8_tensor **ret, const struct q8_weight_list *list,
                      const char *path, const char *norm, const struct q8_tensor *t)
{
    uint64_t low = 0, high = list->count;
    char name[PATH_MOST];
    size_t n = beside(name, norm, path, "");

    if (!n)
        return;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (strcmp(list->weight[middle].module, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < list->count && strncmp(list->weight[low].module, name, n) == 0; low++) {
        const char *below = list->weight[low].module + n;

        if ((!*below || (*below == '.' && is_first(below))) &&
            list->weight[low].view.cols == t->dim[0] && !ret[low])
            ret[low] = t;
    }
}

void q8_norms_mark(const struct q8_tensor **ret, const struct q8_weight_list *list,
                   const char *norm, const struct q8_tensor *t)
{
    const struct q8_index *ix = &list->model->index;
    const struct reader *r = find_reader(ix, norm);

    if (!r)
        return;
    for (const char *const *path = r->path; *path; path++)
        mark_path(ret, list, *path, norm, t);
    if (r->alone && is_alone(ix, norm))
        for (const char *const *path = r->alone; *path; path++)
            mark_path(ret, list, *path, norm, t);
}
