/* folder.c - the names of the files that a model directory holds */
#include "src/model/folder.h"

#include "src/base/arena.h"
#include "src/base/file.h"
#include "src/base/json.h"

#include <fnmatch.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/*
 * Weights in other formats, duplicates of the weights, and what the hub's tools and q8 keep for
 * themselves.
 */
static const struct left {
    const char *pattern, *reason;
} rules[] = {
    {"*.bin", "weights in another format"},
    {"*.pt", "weights in another format"},
    {"*.pth", "weights in another format"},
    {"*.ckpt", "weights in another format"},
    {"*.ckpt.*", "weights in another format"},
    {"*.h5", "weights in another format"},
    {"*.msgpack", "weights in another format"},
    {"*.onnx", "weights in another format"},
    {"*.onnx_data*", "weights in another format"},
    {"*.gguf", "weights in another format"},
    {"*.ot", "weights in another format"},
    {"*.tflite", "weights in another format"},
    {"*.mlmodel", "weights in another format"},
    {"*" Q8_INDEX, "index of weights that stay behind"},
    {"consolidated*.safetensors", "a duplicate of the weights"},
    {".git", "version control"},
    {".cache", "the hub's own notes"},
    {".locks", "the hub's own notes"},
    {Q8_MANIFEST, "made anew"},
    {Q8_JOURNAL, "left by a run of q8-convert"},
    {Q8_JOURNAL ".new", "left by a run of q8-convert"},
    {Q8_SUMS, "no longer true of the output"},
};

const char *q8_folder_left(const char *leaf)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (fnmatch(rules[i].pattern, leaf, 0) == 0)
            return rules[i].reason;
    return NULL;
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
    text = path && access(path, F_OK) == 0 ? q8_file_text(path, limit, &length, &own, err) : NULL;
    if (text)
        ret = q8_json_parse(text, length, err);
    if (text && !ret)
        q8_fail_in(err, path);
    q8_arena_clear(&own);
    return ret;
}

bool q8_folder_is_output(const char *folder)
{
    static const char *const marks[] = {Q8_MANIFEST, Q8_JOURNAL};
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, marks[i]) < sizeof path &&
            access(path, F_OK) == 0)
            return true;
    return false;
}
