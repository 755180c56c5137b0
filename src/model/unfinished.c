/* unfinished.c - what a training run leaves that is no model yet: adapters, parts, heads */
#include "src/model/unfinished.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/weights.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- adapters ---- */

/* Parts of the names that PEFT, LyCORIS and kohya's scripts give to what an adapter holds. */
static const char *const adapter_words[] = {
    ".lora_A.",
    ".lora_B.",
    ".lora_embedding_A",
    ".lora_embedding_B",
    ".lora_magnitude_vector",
    ".lora_up.",
    ".lora_down.",
    ".lora.up.",
    ".lora.down.",
    ".hada_w1",
    ".hada_w2",
    ".lokr_w1",
    ".lokr_w2",
    ".ia3_l",
    ".oft_R",
    ".vera_",
    ".prompt_encoder",
    ".trainable_tokens_delta",
};

/* What PEFT puts around the modules of the model itself. */
static const char *const base_words[] = {".base_layer.", ".original_module.", ".modules_to_save."};

/* Its own class has adapters that are never merged: one for speech, one for images. */
static const char *const adapted_types[] = {"phi4mm", "phi4_multimodal"};

bool q8_unfinished_adapter(const char *name)
{
    return q8_text_holds(name, adapter_words, COUNT(adapter_words));
}

/* Adapters beside the weights that they change, or alone. */
static bool check_adapters(const struct q8_model *m, struct q8_err *err)
{
    const char *type = q8_json_string(q8_json_get(m->config_root, "model_type"));
    const char *first = NULL, *base = NULL, *lora = NULL;
    struct q8_arch arch;
    uint64_t count = 0;
    char name[256];

    for (size_t i = 0; type && i < COUNT(adapted_types); i++)
        if (strcmp(type, adapted_types[i]) == 0)
            return true;
    for (uint64_t i = 0; i < m->index.count; i++) {
        const char *tensor = m->index.tensor[i].name;
        const bool adapter = q8_unfinished_adapter(tensor);

        count += adapter;
        if (adapter && !first)
            first = tensor;
        if (!lora && (strstr(tensor, ".lora_A.") || strstr(tensor, ".lora_B.")))
            lora = tensor;
        if (!base && q8_text_holds(tensor, base_words, COUNT(base_words)))
            base = tensor;
    }
    if (first && count == m->index.count)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%s is an adapter, tensor '%s' says so: merge it into its base model first "
                       "(peft: PeftModel.from_pretrained(BASE, ADAPTER).merge_and_unload()) and "
                       "convert what save_pretrained writes then",
                       m->path, q8_text_escape(first, name, sizeof name));
    q8_model_arch(&arch, m); /* no class of the table has modules of LoRA but those above */
    if (!(first && base) && !(lora && arch.known) &&
        !q8_text_starts(base ? base : first, "base_model.model."))
        return true;
    first = lora ? lora : first;
    return q8_fail(err, Q8_EUNSUPPORTED,
                   "%s has adapters that are not merged, tensor '%s' says so: merge first (peft: "
                   "model.merge_and_unload()) and convert what save_pretrained writes then",
                   m->path, q8_text_escape(base ? base : first, name, sizeof name));
}

/* ---- parts of weights ---- */

/* A weight, by its place in all layers: the number of the layer is left out. */
struct role {
    const char *name, *tail; /* of the tensor; what follows the number */
    size_t head;             /* bytes in front of the number */
    const struct q8_tensor *tensor;
};

static int compare_roles(const void *a, const void *b)
{
    const struct role *x = a, *y = b;
    const size_t shared = x->head < y->head ? x->head : y->head;
    int order = memcmp(x->name, y->name, shared);

    if (order == 0)
        order = (x->head > y->head) - (x->head < y->head);
    if (order == 0)
        order = strcmp(x->tail, y->tail);
    return order ? order : (x->tensor > y->tensor) - (x->tensor < y->tensor);
}

/* Modules whose weight is a matrix in every class. */
static const char *const matrices[] = {
    ".q_proj.weight",    ".k_proj.weight",       ".v_proj.weight",
    ".o_proj.weight",    ".gate_proj.weight",    ".up_proj.weight",
    ".down_proj.weight", ".embed_tokens.weight", "lm_head.weight",
};

/* What FSDP makes of all weights of a module. */
static const char flat[] = "flat_param";

/* "mlp.weight", and neither "weight" nor "mlp.3.weight". */
static bool ends_in_word(const char *tail)
{
    const size_t length = q8_weight_stem(tail);

    return length > 0 && (tail[length - 1] < '0' || tail[length - 1] > '9');
}

static bool fail_part(const struct q8_model *m, const struct q8_tensor *t, const char *why,
                      struct q8_err *err)
{
    char shape[200], name[256];

    q8_tensor_shape(t, shape, sizeof shape);
    return q8_fail(err, Q8_EINPUT,
                   "%s: tensor '%s' is %s, %s: was it saved from ZeRO-3 or FSDP without gathering? "
                   "zero_to_fp32.py makes whole weights of such a run",
                   m->shard[t->shard].name, q8_text_escape(t->name, name, sizeof name), shape, why);
}

/* What the name and the shape say without any other layer. */
static bool check_alone(const struct q8_model *m, const struct q8_tensor *t, struct q8_err *err)
{
    if (t->rank != 1)
        return true;
    if (strstr(t->name, flat))
        return fail_part(m, t, "and holds many weights in one", err);
    if (t->dim[0] == 0)
        return fail_part(m, t, "and has no elements", err);
    for (size_t i = 0; i < COUNT(matrices); i++)
        if (q8_text_stem(t->name, matrices[i]) || strcmp(t->name, matrices[i]) == 0)
            return fail_part(m, t, "and such a weight is a matrix", err);
    return true;
}

/* A weight of one dimension that has more in the other layers. */
static bool check_layers(const struct q8_model *m, const struct role *role, uint64_t count,
                         struct q8_err *err)
{
    for (uint64_t i = 1; i < count; i++) {
        const struct role *a = &role[i - 1], *b = &role[i];

        if (a->head == b->head && strncmp(a->name, b->name, a->head) == 0 &&
            strcmp(a->tail, b->tail) == 0 && a->tensor->rank + b->tensor->rank == 3 &&
            a->tensor->rank * b->tensor->rank == 2)
            return fail_part(m, a->tensor->rank == 2 ? b->tensor : a->tensor,
                             "but a matrix in another layer", err);
    }
    return true;
}

/* Weights whose number is that of a layer: "layers.3.mlp.weight", and not "mlp.3.weight". */
static bool check_parts(const struct q8_model *m, struct q8_err *err)
{
    struct q8_arena own;
    struct role *role;
    uint64_t count = 0;
    bool ok;

    q8_arena_init(&own, UINT64_MAX); /* grows with the tensors, which are there already */
    role = q8_alloc(&own, m->index.count, sizeof *role, err);
    ok = role != NULL;
    for (uint64_t i = 0; ok && i < m->index.count; i++) {
        const struct q8_tensor *t = &m->index.tensor[i];
        struct role r = {.name = t->name, .tensor = t};

        if (!q8_weight_stem(t->name) && !strstr(t->name, flat))
            continue;
        ok = check_alone(m, t, err);
        if (q8_path_layer(t->name, &r.tail) == UINT64_MAX || !ends_in_word(r.tail))
            continue;
        r.head = (size_t)(r.tail - t->name) - 1;
        while (r.head > 0 && t->name[r.head - 1] != '.')
            r.head--;
        role[count++] = r;
    }
    if (ok && count)
        qsort(role, count, sizeof *role, compare_roles);
    ok = ok && check_layers(m, role, count, err);
    q8_arena_clear(&own);
    return ok;
}

bool q8_model_is_finished(const struct q8_model *model, struct q8_err *err)
{
    return check_adapters(model, err) && check_parts(model, err);
}

/* ---- heads ---- */

/* First words of paths: what TRL, OpenRLHF, trlX, Medusa and their like put beside the model. */
static const char *const values[] = {
    "v_head",       "v_heads",    "value_head",      "value_model", "reward_head",
    "reward_model", "rm_head",    "critic",          "critic_head", "q_head",
    "q_heads",      "ilql_heads", "regression_head", "score_head",  "ranking_head"};
static const char *const drafts[] = {"medusa_head", "medusa_heads", "hydra_head", "speculator"};
static const char *const classes[] = {"score", "classifier", "classification_head", "qa_outputs"};

static bool is_one(const char *word, size_t length, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == length && strncmp(list[i], word, length) == 0)
            return true;
    return false;
}

/*
 * First words of the paths of all causal language models of transformers 5.23: what their classes
 * set on self (models/, modeling_*.py), and what composite files have in front.
 */
static const char *const causal[] = {
    "backbone",
    "bert",
    "biogpt",
    "cls",
    "codebooks_head",
    "cpmant",
    "data2vec_text",
    "decoder",
    "electra",
    "embed_out",
    "encoder",
    "ernie",
    "final_norm",
    "generator_lm_head",
    "generator_predictions",
    "git",
    "gpt_neox",
    "gpt_neox_japanese",
    "head",
    "language_model",
    "lm_head",
    "lm_heads",
    "lm_loss",
    "masked_embedding",
    "model",
    "mtp",
    "output",
    "output_projection",
    "post_projection",
    "pre_projection",
    "pred_layer",
    "proj_out",
    "prophetnet",
    "rembert",
    "roberta",
    "roberta_prelayernorm",
    "roc_bert",
    "roformer",
    "rwkv",
    "text_model",
    "transformer",
    "vision_model",
    "vision_tower",
    "visual",
    "multi_modal_projector",
};

static bool has_number(const char *path)
{
    const char *role;

    return q8_path_layer(path, &role) != UINT64_MAX;
}

const char *q8_unfinished_head(const struct q8_arch *arch, const char *module)
{
    static const char *const ends[] = {"ForConditionalGeneration", "ForCausalLM", "LMHeadModel"};
    const size_t length = strcspn(module, ".");
    size_t end = 0;

    while (arch->class_name && end < COUNT(ends) && !q8_text_stem(arch->class_name, ends[end]))
        end++;
    if (!arch->known || !arch->class_name || end == COUNT(ends))
        return NULL;
    if (is_one(module, length, values, COUNT(values)))
        return "a value head, which the class does not have: float for whoever trains with it";
    if (is_one(module, length, drafts, COUNT(drafts)))
        return "a head that drafts, which the class does not have";
    if (is_one(module, length, classes, COUNT(classes)))
        return "a head of another class: this one has none of the name";
    /* files of the base model alone have paths without its name: "layers.0.mlp", "wte" */
    return end > 0 && module[length] && !has_number(module) &&
                   !is_one(module, length, causal, COUNT(causal))
               ? "not of the class: no causal language model of transformers has one of the name"
               : NULL;
}
