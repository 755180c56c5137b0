/* explain_json.c - directories that are no model, and say so in a JSON file */
#include "src/model/folder/explain_parts.h"

#include "src/base/json.h"
#include "src/base/text.h"
#include "src/model/folder/folder.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NOTE_LIMIT (UINT64_C(16) << 20) /* bytes of a file that describes a directory */
#define SHOWN 8                         /* models of a pipeline that are named */

static bool has_file(const char *folder, const char *part, const char *name)
{
    char path[PATH_MAX];

    return (size_t)snprintf(path, sizeof path, "%s/%s/%s", folder, part, name) < sizeof path &&
           access(path, F_OK) == 0;
}

/* A text of the file, safe to show; "none". */
static const char *show(const struct cJSON *value, char *text, size_t size)
{
    const char *found = q8_json_string(value);

    return q8_text_escape(found ? found : "none", text, size);
}

static void explain_adapter(const char *folder, const struct cJSON *root, struct q8_err *err)
{
    char type[64], base[256];

    q8_fail(err, Q8_EUNSUPPORTED,
            "%s is an adapter (%s) of the model '%s': merge it into that one first (peft: "
            "PeftModel.from_pretrained(BASE, ADAPTER).merge_and_unload()) and convert what "
            "save_pretrained writes then",
            folder, show(q8_json_get(root, "peft_type"), type, sizeof type),
            show(q8_json_get(root, "base_model_name_or_path"), base, sizeof base));
}

/* Its models are those of the folders that have weights. */
static void explain_pipeline(const char *folder, const struct cJSON *root, struct q8_err *err)
{
    static const char weights[] = "diffusion_pytorch_model.safetensors";
    char class[128], names[1024] = "", name[64];
    const struct cJSON *part = q8_json_at(root, 0);
    unsigned found = 0;
    size_t n = 0;

    for (; part && found < SHOWN; part = q8_json_next(part)) {
        const char *key = q8_json_key(part);
        const char *leaf = key && has_file(folder, key, weights) ? weights : "";

        if (!key || strchr(key, '/') || *key == '.' ||
            (!*leaf && !has_file(folder, key, "model.safetensors") &&
             !has_file(folder, key, "model.safetensors" Q8_INDEX)))
            continue;
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s/%s", found ? " or " : "",
                              q8_text_escape(key, name, sizeof name), leaf);
        found++;
    }
    q8_fail(err, Q8_EUNSUPPORTED,
            "%s is a pipeline of diffusers (%s), several models in one directory: %s%s", folder,
            show(q8_json_get(root, "_class_name"), class, sizeof class),
            found ? "name one of them, such as " : "and none of them has safetensors here", names);
}

/* The first of its modules that is a model. */
static void explain_sentences(const char *folder, const struct cJSON *root, struct q8_err *err)
{
    const struct cJSON *module = q8_json_at(root, 0);
    char shown[256];

    for (; module; module = q8_json_next(module)) {
        const char *path = q8_json_string(q8_json_get(module, "path"));

        if (!path || !*path || *path == '.' || strchr(path, '/') ||
            !has_file(folder, path, Q8_CONFIG) ||
            (!has_file(folder, path, "model.safetensors") &&
             !has_file(folder, path, "model.safetensors" Q8_INDEX)))
            continue;
        q8_fail(err, Q8_EUNSUPPORTED,
                "%s is a directory of sentence-transformers whose model is in %s: name %s/%s",
                folder, q8_text_escape(path, shown, sizeof shown), folder, shown);
        return;
    }
}

/* A model of diffusers by itself. */
static void explain_diffusers(const char *folder, const struct cJSON *root, struct q8_err *err)
{
    char class[128];

    if (q8_json_get(root, "_class_name"))
        q8_fail(
            err, Q8_EUNSUPPORTED,
            "%s is a model of diffusers (%s), and q8 knows the classes of transformers: name its "
            "weight file, such as %s/diffusion_pytorch_model.safetensors, to choose weights by "
            "their names alone",
            folder, show(q8_json_get(root, "_class_name"), class, sizeof class), folder);
}

void q8_explain_json(const char *folder, struct q8_err *err)
{
    static const struct {
        const char *file;
        void (*explain)(const char *folder, const struct cJSON *root, struct q8_err *err);
    } kinds[] = {{"adapter_config.json", explain_adapter},
                 {"model_index.json", explain_pipeline},
                 {"modules.json", explain_sentences},
                 {Q8_CONFIG, explain_diffusers}};

    for (size_t i = 0; !err->code && i < COUNT(kinds); i++) {
        struct q8_err bad = {0};
        struct cJSON *root = q8_folder_json(folder, kinds[i].file, NOTE_LIMIT, &bad);

        if (bad.code && bad.code != Q8_EINPUT) /* what is no JSON explains nothing */
            q8_fail(err, bad.code, "%s", bad.text);
        else if (root)
            kinds[i].explain(folder, root, err);
        q8_json_free(root);
    }
}
