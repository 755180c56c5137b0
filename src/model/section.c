/* section.c - which section of a composite model a module is in, told by its path */
#include "src/model/section.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/weights.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Members of config.json that describe the language model of a composite one. */
static const char *const text_members[] = {
    "text_config", "llm_config", "language_config", "thinker_config", "decoder", "generator",
};

/* In the name of a member that is an object: it describes what sees or hears. */
static const char *const tower_members[] = {"vision", "audio", "image", "speech", "encoder_config"};

/* A component of a path that starts like this is a tower ... */
static const char *const tower_starts[] = {
    "vision", "visual", "vit", "image_", "img_", "audio", "speech", "sound", "video", "sam_model",
};

/* ... and one that holds one of these is between tower and language model. */
static const char *const projector_words[] = {
    "projector", "connector", "aligner", "resampler", "qformer", "perceiver",
};

/* The same, as a whole. */
static const char *const projector_names[] = {
    "mlp1", "merger", "patch_merger", "language_projection", "embed_vision", "embed_audio",
};

/* A component that starts like this is of a draft layer. */
static const char *const draft_starts[] = {"mtp", "nextn", "eh_proj", "shared_head"};

/* In front of the number of a layer of the decoder. */
static const char *const decoders[] = {
    "model.layers.",
    "layers.",
    "model.language_model.layers.",
    "language_model.model.layers.",
    "language_model.layers.",
    "transformer.h.",
    "thinker.model.layers.",
};

/* How many more layers than num_hidden_layers a checkpoint has, and who says so. */
static const char *const draft_members[] = {
    "num_nextn_predict_layers",
    "mtp_num_hidden_layers",
    "num_mtp_modules",
    "mtp_num_layers",
};

/* A number of the language part, else of the root. */
static uint64_t find_number(const struct cJSON *root, const struct cJSON *text,
                            const char *const *key, size_t keys)
{
    uint64_t value = 0;

    for (size_t i = 0; i < keys; i++)
        if (q8_json_u64(q8_json_get(text, key[i]), &value) ||
            q8_json_u64(q8_json_get(root, key[i]), &value))
            return value;
    return 0;
}

/* Whether the class or the file has the head of a language model. */
static bool have_head(const struct q8_model *model)
{
    struct q8_arch arch;
    const char *head;

    q8_model_arch(&arch, model);
    for (size_t i = 0; (head = q8_arch_head(&arch, i)); i++)
        if (q8_text_ends(head, "lm_head"))
            return true;
    for (uint64_t i = 0; i < model->index.count; i++)
        if (q8_text_ends(model->index.tensor[i].name, "lm_head" Q8_WEIGHT_SUFFIX))
            return true;
    return false;
}

/* Whether config.json describes a tower, as an object of its own or in llava's first words. */
static bool have_tower(const struct cJSON *root)
{
    const struct cJSON *member = q8_json_kind(root) == '{' ? q8_json_at(root, 0) : NULL;

    for (; member; member = q8_json_next(member))
        if (q8_json_kind(member) == '{' &&
            q8_text_holds(q8_json_key(member), tower_members, COUNT(tower_members)))
            return true;
    return q8_json_string(q8_json_get(root, "mm_vision_tower")) != NULL;
}

void q8_sections_init(struct q8_sections *ret, const struct q8_model *model)
{
    static const char *const layer_keys[] = {"num_hidden_layers", "n_layer", "num_layers"};
    static const char *const vocabulary_keys[] = {"vocab_size"};
    const struct cJSON *root = model->config_root, *text = NULL, *inner;

    for (size_t i = 0; !text && i < COUNT(text_members); i++)
        if (q8_json_kind(q8_json_get(root, text_members[i])) == '{')
            text = q8_json_get(root, text_members[i]);
    inner = q8_json_get(text, "text_config"); /* thinker_config holds towers and another one */
    text = q8_json_kind(inner) == '{' ? inner : text;
    *ret = (struct q8_sections){
        .text_type = q8_json_string(q8_json_get(text, "model_type")),
        .layers = find_number(root, text, layer_keys, COUNT(layer_keys)),
        .drafts = find_number(root, text, draft_members, COUNT(draft_members)),
        .vocabulary = find_number(root, text, vocabulary_keys, COUNT(vocabulary_keys)),
        .composite = (have_tower(root) || have_tower(q8_json_get(root, "thinker_config"))) &&
                     have_head(model),
    };
}

/* One part of a path, between dots. */
struct component {
    const char *text;
    size_t length;
};

static bool starts_like(struct component c, const char *const *word, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (strlen(word[i]) <= c.length && memcmp(c.text, word[i], strlen(word[i])) == 0)
            return true;
    return false;
}

static bool is_projector(struct component c)
{
    for (size_t i = 0; i < COUNT(projector_words); i++)
        if (memmem(c.text, c.length, projector_words[i], strlen(projector_words[i])))
            return true;
    for (size_t i = 0; i < COUNT(projector_names); i++)
        if (c.length == strlen(projector_names[i]) &&
            memcmp(c.text, projector_names[i], c.length) == 0)
            return true;
    return false;
}

/* Whether it is in a layer of the decoder behind the last that config.json counts. */
static bool is_beyond(const struct q8_sections *s, const char *module)
{
    const char *role;

    for (size_t i = 0; s->layers && i < COUNT(decoders); i++)
        if (strncmp(module, decoders[i], strlen(decoders[i])) == 0) {
            const uint64_t layer = q8_path_layer(module, &role);

            return layer != UINT64_MAX && layer >= s->layers;
        }
    return false;
}

enum q8_section q8_sections_find(const struct q8_sections *s, const char *module)
{
    bool numbered = false;

    if (is_beyond(s, module))
        return Q8_SECTION_DRAFT;
    for (struct component c = {module, 0}; *c.text;
         c.text += c.length + (c.text[c.length] == '.')) {
        c.length = strcspn(c.text, ".");
        if (starts_like(c, draft_starts, COUNT(draft_starts)))
            return Q8_SECTION_DRAFT;
        numbered = numbered || strspn(c.text, "0123456789") == c.length;
        if (!s->composite || numbered) /* what is in a layer is of that layer */
            continue;
        if (is_projector(c))
            return Q8_SECTION_PROJECTOR;
        if (starts_like(c, tower_starts, COUNT(tower_starts)))
            return Q8_SECTION_TOWER;
    }
    return Q8_SECTION_MAIN;
}

void q8_sections_arch(struct q8_arch *ret, const struct q8_sections *sections,
                      const struct q8_arch *whole, bool towers)
{
    *ret = *whole;
    if (sections->composite && !towers)
        q8_arch_init(ret, sections->text_type, NULL);
}
