/* arch.c - what a model class tells about its weights: a rule by name, and a table of exceptions */
#include "src/model/arch.h"

#include "src/model/path.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#include "src/model/arch_table.inc"

static const char *const reasons[Q8_KINDS] = {
    [Q8_KIND_OTHER] = "not a Linear: a norm, a convolution or a bare parameter",
    [Q8_KIND_LINEAR] = "a Linear",
    [Q8_KIND_SUBLINEAR] = "a subclass of nn.Linear: bitsandbytes converts only nn.Linear itself",
    [Q8_KIND_CONV1D] = "a Conv1D, stored transposed: compressed-tensors converts only Linear",
    [Q8_KIND_HEAD] = "an output head or a tied weight: float unless asked for",
    [Q8_KIND_KEEP] = "a Linear that transformers keeps in fp32",
    [Q8_KIND_EMBEDDING] = "an embedding is looked up, not multiplied",
    [Q8_KIND_ROUTER] = "a router: it chooses experts",
    [Q8_KIND_LINEAR_ROUTER] = "a router: it chooses experts",
    [Q8_KIND_EXPERT] = "an expert, which transformers fuses with the others into one 3-D weight",
    [Q8_KIND_FUSED] = "transformers cuts or joins this weight on loading, but not its scales",
    [Q8_KIND_BYPASSED] = "nn.MultiheadAttention reads this weight itself, past its Linear",
};

const char *q8_kind_reason(enum q8_kind kind)
{
    return reasons[kind];
}

/* The rule: the first pattern that matches decides; what none matches is a Linear. */
static const struct q8_arch_row rule[] = {
    /* experts, one by one in the file */
    {NULL, ".experts.#.*", Q8_KIND_EXPERT},
    /* what chooses them */
    {NULL, ".gate", Q8_KIND_ROUTER},
    {NULL, ".router", Q8_KIND_ROUTER},
    {NULL, ".router.classifier", Q8_KIND_LINEAR_ROUTER},
    {NULL, ".router.layer", Q8_KIND_LINEAR_ROUTER},
    {NULL, ".shared_expert_gate", Q8_KIND_LINEAR_ROUTER},
    /* heads */
    {NULL, ".lm_head", Q8_KIND_HEAD},
    {NULL, ".lm_head.decoder", Q8_KIND_HEAD},
    {NULL, ".cls.predictions.decoder", Q8_KIND_HEAD},
    {NULL, "score", Q8_KIND_HEAD},
    {NULL, "embed_out", Q8_KIND_HEAD},
    {NULL, "proj_out", Q8_KIND_HEAD},
    /* the pooling head of the siglip family, and whatever else holds an nn.MultiheadAttention */
    {NULL, ".head.attention.out_proj", Q8_KIND_SUBLINEAR},
    {NULL, ".multihead_attn.out_proj", Q8_KIND_SUBLINEAR},
    /* the words of embeddings, but for the Linears that hold one of them */
    {NULL, ".patch_embedding", Q8_KIND_LINEAR},
};

/* A leaf that holds one of these is an embedding. */
static const char *const embedding_words[] = {
    "embed", "wte", "wpe", "shared", "relative_attention_bias", "position",
};

/* The first of the rows that matches, or NULL. */
static const struct q8_arch_row *find(const struct q8_arch_row *row, size_t rows,
                                      const char *module, size_t length)
{
    for (size_t i = 0; i < rows; i++)
        if (q8_path_matches(row[i].pattern, strlen(row[i].pattern), module, length))
            return &row[i];
    return NULL;
}

/* The rows of one owner in a table sorted by owner. */
static const struct q8_arch_row *rows_of(const struct q8_arch_row *table, size_t count,
                                         const char *owner, size_t *ret_rows)
{
    size_t low = 0, end;

    *ret_rows = 0;
    if (!owner)
        return NULL;
    while (low < count && strcmp(table[low].owner, owner) != 0)
        low++;
    for (end = low; end < count && strcmp(table[end].owner, owner) == 0;)
        end++;
    *ret_rows = end - low;
    return *ret_rows ? table + low : NULL;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);

    return n >= m && strcmp(text + n - m, tail) == 0;
}

static bool is_listed(const char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

/* The rows of one owner in the table of names. */
static const struct q8_arch_rename *renames_of(const char *owner, size_t *ret_rows)
{
    size_t low = 0, end;

    while (owner && low < COUNT(renames) && strcmp(renames[low].owner, owner) != 0)
        low++;
    for (end = low; owner && end < COUNT(renames) && strcmp(renames[end].owner, owner) == 0;)
        end++;
    *ret_rows = end - low;
    return *ret_rows ? renames + low : NULL;
}

static const struct q8_arch_fused *fused_of(const char *owner, size_t *ret_rows)
{
    size_t low = 0, end;

    while (owner && low < COUNT(fused) && strcmp(fused[low].owner, owner) != 0)
        low++;
    for (end = low; owner && end < COUNT(fused) && strcmp(fused[end].owner, owner) == 0;)
        end++;
    *ret_rows = end - low;
    return *ret_rows ? fused + low : NULL;
}

/* The base model of the class, else of the type, else as most have it. */
static const struct q8_arch_base *base_of(const char *class_name, const char *model_type)
{
    static const struct q8_arch_base common = {NULL, "model", "embed_tokens layers"};
    const struct q8_arch_base *found = &common;

    for (size_t i = 0; i < COUNT(bases); i++)
        if (strcmp(bases[i].owner, class_name) == 0)
            return &bases[i];
        else if (model_type && strcmp(bases[i].owner, model_type) == 0)
            found = &bases[i];
    return found;
}

/* Whether a class is the base model itself, as most are called; the table has the others. */
static bool is_base(const char *class_name)
{
    const bool called = ends_with(class_name, "Model") && !ends_with(class_name, "HeadModel") &&
                        !ends_with(class_name, "HeadsModel");

    return called != is_listed(base_exceptions, COUNT(base_exceptions), class_name);
}

void q8_arch_init(struct q8_arch *arch, const char *model_type, const char *class_name)
{
    *arch = (struct q8_arch){.model_type = model_type, .class_name = class_name};
    arch->known = is_listed(known_classes, COUNT(known_classes), class_name);
    arch->row[0] = rows_of(exceptions, COUNT(exceptions), class_name, &arch->rows[0]);
    arch->row[1] = rows_of(exceptions, COUNT(exceptions), model_type, &arch->rows[1]);
    arch->head = rows_of(heads, COUNT(heads), class_name, &arch->heads);
    if (!arch->known)
        return;
    arch->rename = renames_of(class_name, &arch->renames);
    if (!arch->rename)
        arch->rename = renames_of(model_type, &arch->renames);
    arch->fused = fused_of(model_type, &arch->fuses);
    arch->base = base_of(class_name, model_type);
    arch->is_base = is_base(class_name);
    arch->unnamed = is_listed(unnamed, COUNT(unnamed), class_name);
}

/* What the leaf of a module path says when nothing else does. */
static enum q8_kind kind_by_leaf(const char *module, size_t length)
{
    size_t start = length;

    while (start > 0 && module[start - 1] != '.')
        start--;
    for (size_t i = 0; i < COUNT(embedding_words); i++)
        if (memmem(module + start, length - start, embedding_words[i], strlen(embedding_words[i])))
            return Q8_KIND_EMBEDDING;
    return Q8_KIND_LINEAR;
}

enum q8_kind q8_arch_kind(const struct q8_arch *arch, const char *name, uint32_t rank)
{
    size_t length = strlen(name), cut = sizeof Q8_WEIGHT_SUFFIX - 1;
    const struct q8_arch_row *row;

    if (rank != 2 || length <= cut || strcmp(name + length - cut, Q8_WEIGHT_SUFFIX) != 0)
        return Q8_KIND_OTHER;
    length -= cut;
    row = find(arch->row[0], arch->rows[0], name, length);
    if (!row)
        row = find(arch->row[1], arch->rows[1], name, length);
    if (!row)
        row = find(rule, COUNT(rule), name, length);
    return row ? row->kind : kind_by_leaf(name, length);
}

/* Classes that end like this have an lm_head unless the table says otherwise. */
static const char *const language_models[] = {
    "ForCausalLM",
    "ForConditionalGeneration",
    "LMHeadModel",
};

const char *q8_arch_head(const struct q8_arch *arch, size_t i)
{
    if (arch->heads)
        return i < arch->heads ? arch->head[i].pattern : NULL;
    for (size_t k = 0; arch->class_name && i == 0 && k < COUNT(language_models); k++)
        if (ends_with(arch->class_name, language_models[k]))
            return "lm_head";
    return NULL;
}

/*
 * Fused experts [experts, 2 * inner, hidden] and [experts, hidden, inner], rows first, gate above
 * up: what llm-compressor splits (entrypoints/model_free/converter.py, split_fused_moe_experts).
 */
static const struct q8_arch_experts split_experts[] = {
    {".experts.gate_up_proj", {"gate_proj", "up_proj"}},
    {".experts.down_proj", {"down_proj", NULL}},
};

const struct q8_arch_experts *q8_arch_experts(const struct q8_arch *arch, const char *name)
{
    if (!is_listed(fused_types, COUNT(fused_types), arch->model_type))
        return NULL;
    for (size_t i = 0; i < COUNT(split_experts); i++)
        if (ends_with(name, split_experts[i].suffix))
            return &split_experts[i];
    return NULL;
}

const char *q8_arch_group(const char *module)
{
    static const struct {
        const char *leaf, *group;
    } fused[] = {
        {".q_proj", "qkv_proj"},        {".k_proj", "qkv_proj"},      {".v_proj", "qkv_proj"},
        {".gate_proj", "gate_up_proj"}, {".up_proj", "gate_up_proj"},
    };

    for (size_t i = 0; i < COUNT(fused); i++)
        if (ends_with(module, fused[i].leaf))
            return fused[i].group;
    return NULL;
}

bool q8_arch_same_group(const char *a, const char *b)
{
    const char *x = q8_arch_group(a), *y = q8_arch_group(b);
    const size_t stem = x ? (size_t)(strrchr(a, '.') - a) + 1 : 0;

    return x && y && strcmp(x, y) == 0 && strncmp(a, b, stem) == 0 && !strchr(b + stem, '.');
}

bool q8_arch_same_experts(const char *a, const char *b)
{
    static const char mark[] = ".experts.";
    const char *end = strstr(a, mark);

    return end && strncmp(a, b, (size_t)(end - a) + sizeof mark - 1) == 0;
}

/* When a refusal holds. */
enum condition {
    WITH_EXPERTS,
    WITH_INT8_EXPERTS,
    WITH_SPLIT_EXPERTS,
    WITH_SUBLINEAR,
    WITH_OTHER_EXPERTS,
    WITH_MOVED,
    WITH_CUTS, /* the type is one of cut_types */
    WITH_CODES /* the type is one of code_types */
};

/*
 * Types for which transformers cuts "....weight" of the file on loading: a config of
 * compressed-tensors makes that a cut of several tensors into several, which it refuses
 * (core_model_loading.py, WeightConverter; quantizers/base.py, update_weight_conversions).
 */
static const char *const cut_types[] = {
    "dinov2",
    "dinov2_with_registers",
    "gradium_phonon_tts",
    "hrm_text",
    "molmo2",
    "molmo2_text",
    "nemo_speechlm",
    "qianfan_ocr",
    "sapiens2",
    "tipsv2",
    "tipsv2_vision_model",
    "unlimited_ocr",
};

/* Types whose code multiplies by the weight of a Linear itself, which then is codes. */
static const char *const code_types[] = {"falcon_mamba", "mamba"};

#define TRANSFORMERS "transformers 5.23"
#define READ_BY_INIT "the class's initialization reads the weight of a Linear, which is packed"
#define READ_BY_CODE "the class's code reads the weight of a Linear, which is packed"
#define MOVED "it gives modules of this class other names, and does not find those of the config"
#define CUT "it cuts a weight of this class on loading, and cannot once it is quantized"
/* Seen on real runs (formats.md 2.2.6). */
static const struct {
    enum q8_layout layout;
    enum condition when;
    struct q8_arch_refusal what;
} refusals[] = {
    {Q8_LAYOUT_PACKED,
     WITH_SUBLINEAR,
     {TRANSFORMERS, "code around a subclass of Linear reads its weight, which is packed"}},
    {Q8_LAYOUT_PACKED,
     WITH_OTHER_EXPERTS,
     {TRANSFORMERS, "it decodes all experts by the first group of the config"}},
    {Q8_LAYOUT_PLAIN,
     WITH_EXPERTS,
     {TRANSFORMERS,
      "it merges the experts into one 3-D weight, which has no place for their scales"}},
    {Q8_LAYOUT_PLAIN,
     WITH_SPLIT_EXPERTS,
     {TRANSFORMERS, "it wants the experts of this class as one 3-D weight"}},
    {Q8_LAYOUT_PACKED,
     WITH_SPLIT_EXPERTS,
     {TRANSFORMERS, "it wants the experts of this class as one 3-D weight"}},
    {Q8_LAYOUT_PLAIN,
     WITH_INT8_EXPERTS,
     {"SGLang 0.5.23", "its int8 experts with int8 activations are there for NPUs alone"}},
    {Q8_LAYOUT_PLAIN, WITH_MOVED, {TRANSFORMERS, MOVED}},
    {Q8_LAYOUT_PACKED, WITH_MOVED, {TRANSFORMERS, MOVED}},
    {Q8_LAYOUT_PLAIN, WITH_CUTS, {TRANSFORMERS, CUT}},
    {Q8_LAYOUT_PACKED, WITH_CUTS, {TRANSFORMERS, CUT}},
    {Q8_LAYOUT_BNB,
     WITH_CODES,
     {TRANSFORMERS, "the class's code multiplies by the weight of a Linear, which is codes"}},
};

static bool holds(enum condition when, const struct q8_arch *arch,
                  const struct q8_arch_traits *traits)
{
    switch (when) {
    case WITH_EXPERTS: return traits->experts;
    case WITH_INT8_EXPERTS: return traits->int8_experts;
    case WITH_SPLIT_EXPERTS: return traits->split_experts;
    case WITH_SUBLINEAR: return traits->sublinear;
    case WITH_OTHER_EXPERTS: return traits->other_experts;
    case WITH_MOVED: return traits->moved;
    case WITH_CUTS: return is_listed(cut_types, COUNT(cut_types), arch->model_type);
    case WITH_CODES: return is_listed(code_types, COUNT(code_types), arch->model_type);
    default: return true;
    }
}

/* Whether transformers cannot run the class packed, and why. */
static const struct q8_arch_packed *find_unpackable(const struct q8_arch *arch)
{
    for (size_t i = 0; i < COUNT(unpackable); i++)
        if ((arch->model_type && strcmp(unpackable[i].owner, arch->model_type) == 0) ||
            (arch->class_name && strcmp(unpackable[i].owner, arch->class_name) == 0))
            return &unpackable[i];
    return NULL;
}

bool q8_arch_refusal(const struct q8_arch *arch, enum q8_layout layout,
                     const struct q8_arch_traits *traits, size_t i, struct q8_arch_refusal *ret)
{
    const struct q8_arch_packed *packed = layout == Q8_LAYOUT_PACKED ? find_unpackable(arch) : NULL;

    if (packed && i-- == 0) {
        *ret = (struct q8_arch_refusal){TRANSFORMERS, packed->init ? READ_BY_INIT : READ_BY_CODE};
        return true;
    }
    for (size_t k = 0; k < COUNT(refusals); k++) {
        if (refusals[k].layout != layout || !holds(refusals[k].when, arch, traits) ||
            (packed && refusals[k].when == WITH_SUBLINEAR) || i-- > 0)
            continue;
        *ret = refusals[k].what;
        return true;
    }
    return false;
}
