/* foreign.c - checkpoints that are no float ones: what another tool left in them */
#include "src/model/foreign.h"

#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/coded/decode.h"
#include "src/model/coded/wants.h"
#include "src/model/folder/folder.h"
#include "src/model/unfinished.h"
#include "src/model/weights.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NOTE_LIMIT (UINT64_C(16) << 20) /* bytes of a file that tells of a quantization */

/* Types of tensors, as bits. */
#define IS(dtype) (UINT64_C(1) << (dtype))
#define ANY UINT64_MAX
#define WHOLE                                                                                      \
    (IS(Q8_U8) | IS(Q8_I8) | IS(Q8_I16) | IS(Q8_U16) | IS(Q8_I32) | IS(Q8_U32) | IS(Q8_I64) |      \
     IS(Q8_U64))
#define NARROW                                                                                     \
    (IS(Q8_F4) | IS(Q8_F6_E2M3) | IS(Q8_F6_E3M2) | IS(Q8_F8_E5M2) | IS(Q8_F8_E4M3) |               \
     IS(Q8_F8_E8M0) | IS(Q8_F8_E4M3FNUZ) | IS(Q8_F8_E5M2FNUZ))

/* What to do about it. */
static const char dequantize[] = "q8 does not read that: dequantize it with its library first, or "
                                 "take the float checkpoint that it was made from";
static const char not_whole[] = "q8 reads no weight that it is a part of: is the checkpoint whole?";
static const char no_scales[] = "q8 knows no scales of such a name and type";
static const char none_is[] =
    "q8 found no weight in its files that is: if they are floats, take it "
    "out of there";
static const char needs_config[] = "q8 reads it by a quantization_config in config.json, with the "
                                   "quant_method gptq or awq";

/* Members of config.json, at the root or in a part of it (text_config, llm_config). */
static const struct {
    const char *key;
    const char *sign[3]; /* it counts when it has one of these that is not null; [0] NULL: at all */
    const char *what;    /* whose it is; NULL: its quant_method says */
} members[] = {
    {"quantization_config", {NULL}, NULL},
    {"compression_config", {NULL}, "an older compressed-tensors"},
    {"quantization", {"bits", "group_size", "quant_algo"}, "MLX"},
};

/* Files beside the weights. */
static const struct {
    const char *name;
    const char *object; /* where in its JSON; NULL: at the root */
    const char *sign;   /* what is there and not null; NULL: it has any member */
    const char *what, *todo;
} files[] = {
    {"hf_quant_config.json", "quantization", "quant_algo", "ModelOpt", none_is},
    {"quantize_config.json", NULL, "bits", "GPTQ", needs_config},
    {"quant_config.json", NULL, NULL, "AWQ", needs_config},
    {"quanto_qmap.json", NULL, NULL, "optimum-quanto", dequantize},
    {"quantization_config.json", NULL, NULL, "a tool that did not say so in config.json",
     dequantize},
    {"quant_model_description.json", NULL, NULL, "msModelSlim", dequantize},
    {"qconfig.json", NULL, NULL, "Intel Neural Compressor", dequantize},
};

/* Metadata of the weight files. */
static const struct {
    const char *key, *what;
} metas[] = {
    {"_quantization_metadata", "ComfyUI"},
    {"quantization_config", "Nunchaku"},
};

/* Tensors, by the end of their names. */
static const struct {
    const char *end;
    const char *beside; /* a tensor with this in place of the end is there too; NULL: need not be */
    uint64_t types;     /* one of them */
    const char *what, *todo;
} tensors[] = {
    {".weight_scale_inv", NULL, ANY, "FP8 in blocks", not_whole},
    {".weight_scale", NULL, ANY, "compressed-tensors, ModelOpt or another with such scales",
     not_whole},
    {".weight_scale_2", NULL, ANY, "ModelOpt", not_whole},
    {".weight_packed", NULL, ANY, "compressed-tensors", not_whole},
    {".weight_zero_point", NULL, ANY, "compressed-tensors", not_whole},
    {".weight_global_scale", NULL, ANY, "compressed-tensors", not_whole},
    {".weight_g_idx", NULL, ANY, "compressed-tensors", not_whole},
    {".qweight", NULL, ANY, "GPTQ or AWQ", needs_config},
    {".qzeros", NULL, ANY, "GPTQ or AWQ", needs_config},
    {".g_idx", NULL, WHOLE, "GPTQ", needs_config},
    {".weight", ".scales", WHOLE, "MLX", dequantize},
    {"._data", NULL, ANY, "optimum-quanto", dequantize},
    {"_qdata", NULL, ANY, "torchao", dequantize},
    {".SCB", NULL, ANY, "bitsandbytes with 8 bits", not_whole},
    {".absmax", NULL, ANY, "bitsandbytes with 4 bits", not_whole},
    {".nested_absmax", NULL, ANY, "bitsandbytes with 4 bits", not_whole},
    {".quant_map", NULL, ANY, "bitsandbytes with 4 bits", not_whole},
    {"_blocks", "_scales", WHOLE | NARROW, "MXFP4", not_whole},
    {".comfy_quant", NULL, ANY, "ComfyUI", dequantize},
    {".scale_weight", ".weight", ANY, "ComfyUI", dequantize},
    {"scaled_fp8", NULL, NARROW, "ComfyUI", dequantize},
    {".weight_scales", ".weight", ANY, "EETQ", dequantize},
    {".W_q", NULL, WHOLE, "HQQ", dequantize},
    {".Qidxs", NULL, ANY, "QuIP#", dequantize},
    {".codes", ".codebooks", ANY, "AQLM", dequantize},
    {".q_weight", ".q_scale", ANY, "EXL2", dequantize},
    {".trellis", ".svh", ANY, "EXL3", dequantize},
    {".wscales", NULL, ANY, "Nunchaku", dequantize},
};

/* It is there, and neither null nor false nor empty. */
static bool says_something(const struct cJSON *value)
{
    const char *text = q8_json_string(value);

    switch (q8_json_kind(value)) {
    case '{':
    case '[': return q8_json_at(value, 0) != NULL;
    case '"': return *text != 0;
    case 'n':
    case 'f': return false;
    default: return true;
    }
}

static bool refuse(const struct q8_model *m, const char *what, const char *where, const char *todo,
                   struct q8_err *err)
{
    return q8_fail(err, Q8_EUNSUPPORTED, "%s is quantized already, by %s: %s says so; %s", m->path,
                   what, where, todo);
}

/* ---- config.json ---- */

/* One member of the root or of a part of it, if q8 has a row for its method, or if it has none. */
static bool check_member(const struct q8_model *m, const struct cJSON *value, size_t row,
                         const char *part, bool known, struct q8_err *err)
{
    const char *method = q8_json_string(q8_json_get(value, "quant_method"));
    bool counts = says_something(value) && !members[row].sign[0];
    char where[200], name[64];

    for (size_t i = 0; !counts && i < COUNT(members[row].sign) && members[row].sign[i]; i++)
        counts = says_something(q8_json_get(value, members[row].sign[i]));
    if (!counts || known != (row == 0 && q8_coded_has_method(method)))
        return true;
    (void)snprintf(where, sizeof where, "%s in %s%s" Q8_CONFIG, members[row].key,
                   q8_text_escape(part, name, sizeof name), *part ? " of " : "");
    if (method)
        (void)q8_text_escape(method, name, sizeof name);
    return refuse(m,
                  method              ? name
                  : members[row].what ? members[row].what
                                      : "an unnamed method",
                  where, known ? none_is : dequantize, err);
}

/* The root, its members and theirs: thinker_config.text_config is the deepest known. */
static bool check_config(const struct q8_model *m, bool known, struct q8_err *err)
{
    const struct cJSON *part, *inner;

    /* the first is what the weights were decoded by */
    for (size_t i = m->decoded > 0; m->config_root && i < COUNT(members); i++) {
        if (!check_member(m, q8_json_get(m->config_root, members[i].key), i, "", known, err))
            return false;
        for (part = q8_json_at(m->config_root, 0); part; part = q8_json_next(part)) {
            if (!check_member(m, q8_json_get(part, members[i].key), i, q8_json_key(part), known,
                              err))
                return false;
            inner = q8_json_kind(part) == '{' ? q8_json_at(part, 0) : NULL;
            for (; inner; inner = q8_json_next(inner))
                if (!check_member(m, q8_json_get(inner, members[i].key), i, q8_json_key(inner),
                                  known, err))
                    return false;
        }
    }
    return true;
}

/* ---- files beside the weights ---- */

/*
 * What is no JSON tells as little as a file that is not there; and the weights that it may tell of
 * were decoded, or their tensors tell.
 */
static bool check_files(const struct q8_model *m, struct q8_err *err)
{
    for (size_t i = 0; !m->bare && !m->decoded && i < COUNT(files); i++) {
        struct q8_err bad = {0};
        const struct cJSON *object;
        struct cJSON *root;
        bool counts;

        root = q8_folder_json(m->dir, files[i].name, NOTE_LIMIT, &bad);
        if (bad.code && bad.code != Q8_EINPUT)
            return q8_fail(err, bad.code, "%s", bad.text);
        object = files[i].object ? q8_json_get(root, files[i].object) : root;
        counts = says_something(files[i].sign ? q8_json_get(object, files[i].sign) : object);
        q8_json_free(root);
        if (counts)
            return refuse(m, files[i].what, files[i].name, files[i].todo, err);
    }
    return true;
}

bool q8_foreign_tells(const char *name)
{
    for (size_t i = 0; i < COUNT(files); i++)
        if (strcmp(files[i].name, name) == 0)
            return true;
    return false;
}

static bool check_metadata(const struct q8_model *m, struct q8_err *err)
{
    char where[300];

    for (uint32_t i = 0; i < m->shards; i++)
        for (uint64_t k = 0; k < m->shard[i].metas; k++)
            for (size_t row = 0; row < COUNT(metas); row++) {
                if (strcmp(m->shard[i].meta[k].key, metas[row].key) != 0)
                    continue;
                (void)snprintf(where, sizeof where, "the metadata of %s (%s)", m->shard[i].name,
                               metas[row].key);
                return refuse(m, metas[row].what, where, dequantize, err);
            }
    return true;
}

/* ---- tensors ---- */

/* Who quantized a tensor, NULL: nobody; and what to do about it. */
struct sign {
    const char *what, *todo;
};

/* By its name. */
static struct sign name_tells(const struct q8_model *m, const struct q8_tensor *t)
{
    const struct sign state = {"bitsandbytes with 4 bits", not_whole}, none = {NULL, NULL};

    for (size_t i = 0; i < COUNT(tensors); i++) {
        const size_t stem = q8_text_stem(t->name, tensors[i].end);

        if (tensors[i].types & IS(t->dtype) &&
            (stem ? !tensors[i].beside ||
                        q8_index_beside(&m->index, t->name, stem, tensors[i].beside)
                  : strcmp(t->name, tensors[i].end) == 0))
            return (struct sign){tensors[i].what, tensors[i].todo};
    }
    return strstr(t->name, ".quant_state.bitsandbytes__") ? state : none;
}

/* The same by its type, which tells less. */
static struct sign type_tells(const struct q8_model *m, const struct q8_tensor *t)
{
    const struct sign narrow = {"a tool that stores narrow floats", no_scales},
                      whole = {"a tool that stores whole numbers", no_scales}, none = {NULL, NULL};

    (void)m;
    /* bytes are taken for codes whatever their shape */
    if ((t->rank < 2 && t->dtype != Q8_I8) || (!q8_weight_stem(t->name) && !q8_tensor_is_fused(t)))
        return none;
    return NARROW & IS(t->dtype) ? narrow : WHOLE & IS(t->dtype) ? whole : none;
}

/* Blocks of llama.cpp that q8 has no floats of. */
static bool check_blocks(const struct q8_model *m, struct q8_err *err)
{
    char name[256];

    for (uint64_t i = 0; i < m->index.count; i++)
        if (m->index.tensor[i].dtype >= Q8_SAFETENSORS_DTYPES)
            return q8_fail(err, Q8_EUNSUPPORTED,
                           "%s: tensor '%s' is %s of llama.cpp, of which q8 reads no values: "
                           "dequantize with llama.cpp first: llama-quantize --allow-requantize IN "
                           "OUT f16",
                           m->path, q8_text_escape(m->index.tensor[i].name, name, sizeof name),
                           q8_dtypes[m->index.tensor[i].dtype].name);
    return true;
}

/* The same with the names and types that were looked for, where that helps. */
static const char *tell_parts(const struct q8_model *m, const struct q8_tensor *t, const char *todo,
                              char *text, size_t size)
{
    char parts[400];

    if (todo == no_scales && q8_coded_scales(t, parts, sizeof parts))
        (void)snprintf(text, size,
                       "no scales that q8 knows are beside it (%s, of their types): is the "
                       "checkpoint whole?",
                       parts);
    else if ((todo == not_whole || todo == needs_config) &&
             q8_coded_wants(m, t, parts, sizeof parts))
        (void)snprintf(text, size,
                       "q8 reads no weight that it is a part of, which would have %s: is the "
                       "checkpoint whole?",
                       parts);
    else
        return todo;
    return text;
}

static bool check_tensors(const struct q8_model *m,
                          struct sign (*tells)(const struct q8_model *m, const struct q8_tensor *t),
                          struct q8_err *err)
{
    char where[400], name[256], todo[600];

    for (uint64_t i = 0; i < m->index.count; i++) {
        const struct q8_tensor *t = &m->index.tensor[i];
        const struct sign sign = tells(m, t);

        if (!sign.what)
            continue;
        (void)snprintf(where, sizeof where, "tensor '%s' (%s)",
                       q8_text_escape(t->name, name, sizeof name), q8_dtypes[t->dtype].name);
        return refuse(m, sign.what, where, tell_parts(m, t, sign.todo, todo, sizeof todo), err);
    }
    return true;
}

bool q8_model_is_float(const struct q8_model *model, struct q8_err *err)
{
    return q8_model_is_finished(model, err) && check_config(model, false, err) &&
           check_metadata(model, err) && check_blocks(model, err) &&
           check_tensors(model, name_tells, err) && check_tensors(model, type_tells, err) &&
           check_config(model, true, err) && check_files(model, err);
}
