/* arch.c - what a model class tells about its weights: a rule by name and a table of exceptions */
#include "src/arch.h"

#include <string.h>

const char *q8_kind_reason(enum q8_kind kind)
{
    static const char *const reasons[Q8_KINDS] = {
        [Q8_KIND_OTHER] = "not a Linear weight",
        [Q8_KIND_LINEAR] = "a Linear",
        [Q8_KIND_SUBLINEAR] = "bitsandbytes does not convert subclasses of Linear",
        [Q8_KIND_CONV1D] = "compressed-tensors does not convert Conv1D",
        [Q8_KIND_HEAD] = "a head stays float unless --also names it",
        [Q8_KIND_KEEP] = "transformers keeps it in fp32",
        [Q8_KIND_EMBEDDING] = "an embedding is looked up, not multiplied",
        [Q8_KIND_ROUTER] = "a router chooses experts and stays float",
        [Q8_KIND_EXPERT] = "bitsandbytes leaves fused experts in 16 bit",
    };

    return reasons[kind];
}

/* Model classes whose Linears are GPT-2's Conv1D. */
static const char *const conv1d_types[] = {"gpt2", "openai-gpt", "imagegpt", "decision_transformer"};
/* Model types whose Linears are subclasses of nn.Linear. */
static const char *const sublinear_types[] = {"falcon"};

static const char *const embedding_words[] = {"embed",    "wte",     "wpe",          "embeddings",
                                              "shared",   "position", "relative_attention_bias",
                                              "token_type"};
static const char *const router_leaves[] = {"gate", "router"};
/* Fused experts [experts, 2 * inner, hidden] and [experts, hidden, inner], as llm-compressor splits them. */
static const char *const split_types[] = {"qwen3_5_moe", "qwen3_5_moe_text"};
static const char *const head_leaves[] = {"lm_head", "score", "embed_out", "qa_outputs"};
static const char *const norm_words[] = {"norm", "ln_", "layernorm"};

static bool among(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

static bool holds(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(text, words[i]))
            return true;
    return false;
}

/* Whether one of the dotted components of a module path is `word`. */
static bool holds_component(const char *module, size_t length, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= length; i++)
        if ((i == 0 || module[i - 1] == '.') && memcmp(module + i, word, n) == 0 &&
            (i + n == length || module[i + n] == '.'))
            return true;
    return false;
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* rows, heads and classes: made by tests/oracle/arch_make.py */
#include "src/arch_table.inc"

void q8_arch_init(struct q8_arch *arch, const char *model_type, const char *class_name)
{
    *arch = (struct q8_arch){.model_type = model_type, .class_name = class_name};
    for (size_t i = 0; class_name && i < COUNT(classes) && !arch->known; i++)
        arch->known = strcmp(classes[i], class_name) == 0;
}

/* Whether module path `name` (numbers and all) is or ends with `pattern`, whose numbers are '#'. */
static bool matches(const char *name, size_t length, const char *pattern)
{
    size_t n = length, p = strlen(pattern);

    while (p > 0) {
        if (n == 0)
            return false;
        if (pattern[p - 1] == '#') {
            if (name[n - 1] < '0' || name[n - 1] > '9')
                return false;
            while (n > 0 && name[n - 1] >= '0' && name[n - 1] <= '9')
                n--;
            p--;
        } else if (name[--n] != pattern[--p]) {
            return false;
        }
    }
    return n == 0 || pattern[0] == '.' || name[n - 1] == '.';
}

/* The rule by the last component of the module's name. */
static enum q8_kind rule(const struct q8_arch *arch, const char *module, size_t length)
{
    char leaf[128];
    size_t start = length;

    while (start > 0 && module[start - 1] != '.')
        start--;
    if (length - start >= sizeof leaf)
        return Q8_KIND_OTHER;
    memcpy(leaf, module + start, length - start);
    leaf[length - start] = 0;
    if (holds(leaf, norm_words, COUNT(norm_words)))
        return Q8_KIND_OTHER;
    if (among(leaf, head_leaves, COUNT(head_leaves)))
        return Q8_KIND_HEAD;
    if (holds(leaf, embedding_words, COUNT(embedding_words)))
        return Q8_KIND_EMBEDDING;
    if (among(leaf, router_leaves, COUNT(router_leaves)))
        return Q8_KIND_ROUTER;
    if (holds_component(module, length, "experts"))
        return Q8_KIND_EXPERT;
    if (among(arch->model_type, conv1d_types, COUNT(conv1d_types)))
        return Q8_KIND_CONV1D;
    if (among(arch->model_type, sublinear_types, COUNT(sublinear_types)))
        return Q8_KIND_SUBLINEAR;
    return Q8_KIND_LINEAR;
}

enum q8_kind q8_arch_kind(const struct q8_arch *arch, const char *name, uint32_t rank)
{
    size_t length = strlen(name);

    if (rank != 2 || length < 8 || strcmp(name + length - 7, ".weight") != 0)
        return Q8_KIND_OTHER;
    length -= 7;
    for (size_t i = 0; i < COUNT(rows); i++)
        if ((arch->class_name && strcmp(rows[i].owner, arch->class_name) == 0) &&
            matches(name, length, rows[i].module))
            return rows[i].kind;
    return rule(arch, name, length);
}

const char *q8_arch_head(const struct q8_arch *arch, size_t i)
{
    for (size_t k = 0; arch->class_name && k < COUNT(heads); k++)
        if (strcmp(heads[k].owner, arch->class_name) == 0 && i-- == 0)
            return heads[k].module;
    return !arch->known && arch->class_name && i == 0 ? "lm_head" : NULL;
}

const struct q8_arch_experts *q8_arch_experts(const struct q8_arch *arch, const char *name)
{
    static const struct q8_arch_experts layouts[] = {
        {".experts.gate_up_proj", {"gate_proj", "up_proj"}},
        {".experts.down_proj", {"down_proj", NULL}},
    };
    size_t length = strlen(name);

    if (!among(arch->model_type, split_types, COUNT(split_types)))
        return NULL;
    for (size_t i = 0; i < COUNT(layouts); i++) {
        size_t n = strlen(layouts[i].suffix);

        if (length > n && strcmp(name + length - n, layouts[i].suffix) == 0)
            return &layouts[i];
    }
    return NULL;
}

const char *q8_arch_group(const char *module)
{
    const char *leaf = strrchr(module, '.');

    if (!leaf)
        return NULL;
    if (strcmp(leaf, ".q_proj") == 0 || strcmp(leaf, ".k_proj") == 0 || strcmp(leaf, ".v_proj") == 0)
        return "qkv_proj";
    if (strcmp(leaf, ".gate_proj") == 0 || strcmp(leaf, ".up_proj") == 0)
        return "gate_up_proj";
    return NULL;
}

/* Seen on real runs of transformers 5.23: formats.md 2.2.6. */
static const struct refusal {
    const char *layout, *model_type;   /* model_type NULL: any */
    bool experts;                      /* only where the file holds experts */
    struct q8_arch_refusal what;
} refusals[] = {
    {"pack-quantized", "falcon", false,
     {"transformers 5.23", "FalconLinear.forward reads self.weight", false}},
    {"pack-quantized", "t5", false,
     {"transformers 5.23", "its init code reads the weight of q", false}},
    {"int-quantized", NULL, true,
     {"transformers 5.23", "it cannot merge the experts of an int-quantized file", false}},
};

bool q8_arch_refusal(const struct q8_arch *arch, const char *layout, bool has_experts,
                     bool has_sublinear, size_t i, struct q8_arch_refusal *ret)
{
    (void)has_sublinear;
    for (size_t k = 0; k < COUNT(refusals); k++) {
        const struct refusal *r = &refusals[k];
        bool type = !r->model_type || (arch->model_type && strcmp(arch->model_type, r->model_type) == 0);

        if (strcmp(r->layout, layout) == 0 && type && (!r->experts || has_experts) && i-- == 0) {
            *ret = r->what;
            return true;
        }
    }
    return false;
}
