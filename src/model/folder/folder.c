/* folder.c - the names of the files that a model directory holds */
#include "src/model/folder/folder.h"

#include "src/base/arena.h"
#include "src/base/file.h"
#include "src/base/json.h"
#include "src/base/text.h"

#include <fnmatch.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char other_format[] = "weights in another format",
                  copy[] = "a duplicate of the weights",
                  stale[] = "index of weights that stay behind",
                  run[] = "a state of the training run", adapter[] = "an adapter: merge it first",
                  hub[] = "the hub's own notes", ours[] = "left by a run of q8-convert";

static const struct q8_folder_rule rules[] = {
    {"pytorch_model*.bin", Q8_AT_ROOT, true, other_format},
    {"ggml-model*.bin", Q8_AT_ROOT, true, other_format},
    {"tf_model*.h5", Q8_AT_ROOT, true, other_format},
    {"flax_model*.msgpack", Q8_AT_ROOT, true, other_format},
    {"rust_model*.ot", Q8_AT_ROOT, true, other_format},
    {"*.gguf", Q8_AT_ROOT, true, other_format},
    {"*model*.onnx", Q8_AT_ROOT, true, other_format},
    {"*model*.onnx_data*", Q8_AT_ROOT, true, other_format},
    {"openvino_model*", Q8_AT_ROOT, true, other_format},
    {"*model.ckpt", Q8_AT_ROOT, true, other_format},
    {"*model.ckpt[.-]*", Q8_AT_ROOT, true, other_format},
    {"consolidated*", Q8_AT_ROOT, true, copy},
    {"open_clip*model*", Q8_AT_ROOT, true, copy},
    {"pytorch_model*" Q8_INDEX, Q8_AT_ROOT, true, stale},
    {"tf_model*" Q8_INDEX, Q8_AT_ROOT, true, stale},
    {"flax_model*" Q8_INDEX, Q8_AT_ROOT, true, stale},
    {"model*" Q8_INDEX, Q8_AT_ROOT, true, stale},
    {"adapter_config.json", Q8_AT_ROOT, false, adapter},
    {"adapter_model*", Q8_AT_ROOT, false, adapter},
    {"optimizer*.pt", Q8_AT_ROOT, false, run},
    {"optimizer*.bin", Q8_AT_ROOT, false, run},
    {"rng_state*.pth", Q8_AT_ROOT, false, run},
    {"onnx", Q8_FOLDERS, true, other_format},
    {"openvino", Q8_FOLDERS, true, other_format},
    {"coreml", Q8_FOLDERS, true, other_format},
    {"original", Q8_FOLDERS, false, copy},
    {"metal", Q8_FOLDERS, false, copy},
    {"checkpoint[-_]*", Q8_FOLDERS, false, run},
    {"global_step*", Q8_FOLDERS, false, run},
    {"last-checkpoint", Q8_FOLDERS, false, run},
    {"pytorch_model_fsdp*", Q8_FOLDERS, false, run},
    {"optimizer_[0-9]*", Q8_FOLDERS, false, run},
    {".git", Q8_ANYWHERE, true, "version control"},
    {".cache", Q8_ANYWHERE, true, hub},
    {".locks", Q8_ANYWHERE, true, hub},
    {Q8_MANIFEST, Q8_ANYWHERE, true, "made anew"},
    {Q8_JOURNAL, Q8_ANYWHERE, true, ours},
    {Q8_JOURNAL ".new", Q8_ANYWHERE, true, ours},
    {Q8_SUMS, Q8_ANYWHERE, true, "no longer true of the output"},
};

const struct q8_folder_rule *q8_folder_left(const char *path, bool is_folder)
{
    const char *slash = strrchr(path, '/');
    const char *leaf = slash ? slash + 1 : path;

    for (size_t i = 0; i < COUNT(rules); i++)
        if ((rules[i].where != Q8_FOLDERS || is_folder) &&
            (rules[i].where != Q8_AT_ROOT || (!slash && !is_folder)) &&
            fnmatch(rules[i].pattern, leaf, 0) == 0)
            return &rules[i];
    return NULL;
}

bool q8_folder_is_variant(const char *leaf)
{
    static const char *const patterns[] = {"model*", "*-[0-9]*-of-[0-9]*", "pytorch_model*"};

    for (size_t i = 0; i < COUNT(patterns); i++)
        if (fnmatch(patterns[i], leaf, 0) == 0)
            return true;
    return false;
}

struct cJSON *q8_folder_json(const char *folder, const char *name, uint64_t limit,
                             struct q8_err *err)
{
    struct cJSON *ret = NULL;
    struct q8_arena own;
    uint64_t length;
    const char *path, *text;

    q8_arena_init(&own, UINT64_MAX); /* grows with the file, which has a limit */
    path = q8_sprintf(&own, err, "%s/%s", folder, name);
    text = path && q8_file_there(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, NULL, err) == Q8_THERE
               ? q8_file_text(path, limit, &length, &own, err)
               : NULL;
    if (text)
        ret = q8_json_parse(text, length, err);
    if (text && !ret)
        q8_fail_in(err, path);
    q8_arena_clear(&own);
    return ret;
}

enum q8_there q8_folder_has(const char *folder, const char *name, struct q8_err *err)
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return Q8_THERE_NOT;
    return q8_file_there(AT_FDCWD, path, 0, NULL, err);
}

bool q8_folder_is_output(const char *folder, struct q8_err *err)
{
    return q8_folder_has(folder, Q8_MANIFEST, err) == Q8_THERE ||
           (!err->code && q8_folder_has(folder, Q8_JOURNAL, err) == Q8_THERE);
}
