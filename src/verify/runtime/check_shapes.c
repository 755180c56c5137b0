/*
 * check_shapes.c - whether a kernel of vLLM 0.33.0 or SGLang 0.5.23 takes the shapes, split for
 * that many GPUs, and the GPU's compute capability
 *
 * Sources: vLLM's kernels/linear/mixed_precision/marlin.py (it pads what does not fit its tiles),
 * exllama.py, fused_moe/oracle/int_wna16.py, marlin_utils.py, distributed/utils.py, config/model.py
 * and the messages in its _C_stable_libtorch.abi3.so; SGLang's jit/csrc/gemm/marlin/ (which does
 * not pad) and sgl-kernel's int8_gemm_kernel.cu.
 */
#include "src/verify/runtime/runtime_parts.h"

#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/folder/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* How a Linear is split among GPUs. */
enum split { SPLIT_UNKNOWN, SPLIT_ROWS, SPLIT_COLUMNS, SPLIT_NOT };

/* By the last part of the name; vLLM and SGLang agree in what they split how. */
static const struct {
    const char *leaf;
    enum split split;
} splits[] = {
    {"q_proj", SPLIT_ROWS},
    {"k_proj", SPLIT_ROWS},
    {"v_proj", SPLIT_ROWS},
    {"qkv_proj", SPLIT_ROWS},
    {"gate_proj", SPLIT_ROWS},
    {"up_proj", SPLIT_ROWS},
    {"gate_up_proj", SPLIT_ROWS},
    {"fc1", SPLIT_ROWS},
    {"c_attn", SPLIT_ROWS},
    {"c_fc", SPLIT_ROWS},
    {"query_key_value", SPLIT_ROWS},
    {"dense_h_to_4h", SPLIT_ROWS},
    {"q_b_proj", SPLIT_ROWS},
    {"kv_b_proj", SPLIT_ROWS},
    {"w1", SPLIT_ROWS},
    {"w3", SPLIT_ROWS},
    {"lm_head", SPLIT_ROWS},
    {"embed_tokens", SPLIT_ROWS},
    {"o_proj", SPLIT_COLUMNS},
    {"down_proj", SPLIT_COLUMNS},
    {"out_proj", SPLIT_COLUMNS},
    {"fc2", SPLIT_COLUMNS},
    {"c_proj", SPLIT_COLUMNS},
    {"dense_4h_to_h", SPLIT_COLUMNS},
    {"w2", SPLIT_COLUMNS},
    {"dense", SPLIT_COLUMNS},
    {"q_a_proj", SPLIT_NOT},
    {"kv_a_proj_with_mqa", SPLIT_NOT},
    {"fused_qkv_a_proj", SPLIT_NOT},
    {"fused_qkv_a_proj_with_mqa", SPLIT_NOT},
};

static enum split find_split(const char *name)
{
    const char *dot = strrchr(name, '.'), *leaf = dot ? dot + 1 : name;

    for (size_t i = 0; i < COUNT(splits); i++)
        if (strcmp(splits[i].leaf, leaf) == 0)
            return splits[i].split;
    return SPLIT_UNKNOWN;
}

/* A member of the config, of its language part where it has one. */
static bool config_number(const struct q8_runtime_run *r, const char *key, uint64_t *ret)
{
    return q8_json_u64(q8_json_get(r->root, key), ret) ||
           q8_json_u64(q8_json_get(q8_json_get(r->root, "text_config"), key), ret);
}

/* The type that the model runs in, where "auto" takes it from the config. */
static const char *config_dtype(const struct q8_runtime_run *r)
{
    const struct cJSON *text = q8_json_get(r->root, "text_config");
    const char *dtype = q8_json_string(q8_json_get(r->root, "dtype"));

    dtype = dtype ? dtype : q8_json_string(q8_json_get(r->root, "torch_dtype"));
    dtype = dtype ? dtype : q8_json_string(q8_json_get(text, "dtype"));
    return dtype ? dtype : q8_json_string(q8_json_get(text, "torch_dtype"));
}

/* A unit with what one GPU has of it. */
struct part {
    const struct q8_unit *unit;
    const char *name;
    uint64_t rows, cols; /* of one GPU */
    uint64_t size;       /* columns that share a scale; 0: all */
    bool packed;
};

static uint64_t group_of(const struct q8_stored *w)
{
    return w->group == w->cols ? 0 : w->group;
}

/* Packed codes in vLLM. */
static bool judge_vllm_packed(struct q8_runtime_run *r, const struct part *p, struct q8_err *err)
{
    const char *module = p->unit->piece->module, *dtype = config_dtype(r);
    const bool tiles = p->size == 0 || p->size == 32 || p->size == 64 || p->size == 128;
    const bool half = dtype && strcmp(dtype, "float16") == 0;

    if (p->size && p->cols % p->size)
        return q8_runtime_say(r, "runtime-shape", module, err,
                              "it stops with \"Failed to find a kernel that can implement the "
                              "WNA16 linear layer\": \"in_features per partition %" PRIu64
                              " is not divisible by group_size = %" PRIu64 ".\"",
                              p->cols, p->size);
    if (p->cols % 4)
        return q8_runtime_say(r, "runtime-shape", module, err,
                              "%" PRIu64 " columns of one GPU do not fill words of 4 codes: the "
                              "repacking stops with \"Shape mismatch: b_q_weight.size(0)\"",
                              p->cols);
    if (tiles || p->unit->kind == Q8_UNIT_EMBEDDING)
        return true;
    if (half)
        return p->rows % 4 == 0 ||
               q8_runtime_say(r, "runtime-shape", module, err,
                              "it stops with \"Failed to find a kernel that can implement the "
                              "WNA16 linear layer\": groups of %" PRIu64
                              " columns, and rows that are no multiple of 4",
                              p->size);
    return q8_runtime_say(r, "runtime-shape", module, err,
                          "it stops with \"Failed to find a kernel that can implement the WNA16 "
                          "linear layer\": \"Group size (%" PRIu64
                          ") not supported by Marlin, supported group sizes are: [-1, 32, 64, "
                          "128]\"",
                          p->size);
}

/* Packed codes in SGLang, which does not pad. */
static bool judge_sglang_packed(struct q8_runtime_run *r, const struct part *p, struct q8_err *err)
{
    const char *module = p->unit->piece->module;

    if (p->size && p->cols % p->size)
        return q8_runtime_say(r, "runtime-shape", module, err,
                              "%" PRIu64 " columns of one GPU are no whole number of groups of "
                              "%" PRIu64 ": it stops with an AssertionError",
                              p->cols, p->size);
    if (p->size && p->size != 32 && p->size != 64 && p->size != 128)
        return q8_runtime_say(r, "runtime-shape", module, err,
                              "groups of %" PRIu64 " columns: it stops with \"Unsupported shapes\"",
                              p->size);
    if (p->cols % 16 || p->rows % 64)
        return q8_runtime_say(r, "runtime-shape", module, err,
                              "it stops with \"size_%c = %" PRIu64
                              " is not divisible by tile_%c_size = %d\"",
                              p->cols % 16 ? 'k' : 'n', p->cols % 16 ? p->cols : p->rows,
                              p->cols % 16 ? 'k' : 'n', p->cols % 16 ? 16 : 64);
    if (p->cols % 64 || (p->cols % 128 && p->rows % 128))
        return q8_runtime_say(r, "runtime-shape", module, err,
                              "%" PRIu64 " x %" PRIu64 ": the first forward stops with \"Invalid "
                              "thread config\", which wants columns in 128 and rows in 64, or the "
                              "other way round",
                              p->rows, p->cols);
    return true;
}

/* Plain codes: vLLM falls back to Triton, SGLang has one kernel. */
static bool judge_plain(struct q8_runtime_run *r, const struct part *p, struct q8_err *err)
{
    if (r->reader == Q8_READER_VLLM || (p->cols % 16 == 0 && p->rows % 8 == 0))
        return true;
    return q8_runtime_say(r, "runtime-shape", p->unit->piece->module, err,
                          "the first forward stops with \"%s\" (%" PRIu64 " x %" PRIu64 ")",
                          p->cols % 16 ? "mat_a.size(1) must be multiple of 16 for memory alignment"
                                       : "mat_b.size(1) must be multiple of 8 for memory alignment",
                          p->rows, p->cols);
}

/* All experts of a layer: `inner` is what lies between the two products, on one GPU. */
static bool judge_experts(struct q8_runtime_run *r, const struct part *p, uint64_t hidden,
                          uint64_t inner, struct q8_err *err)
{
    const char *module = p->unit->piece->module;
    const bool vllm = r->reader == Q8_READER_VLLM;

    if (!p->packed)
        return true;
    if (p->size && (hidden % p->size || inner % p->size))
        return q8_runtime_say(
            r, "runtime-shape", module, err,
            vllm ? "it stops with \"CompressedTensors WNA16 MoE requires "
                   "hidden_size (%" PRIu64 ")\" or the \"intermediate size per tensor-parallel "
                   "partition (%" PRIu64 ") to be divisible by group_size (%" PRIu64 ")\""
                 : "hidden size %" PRIu64 " or intermediate size %" PRIu64
                   " of one GPU are no whole number of groups of %" PRIu64,
            hidden, inner, p->size);
    if (vllm)
        return p->size || hidden % 128 == 0 ||
               q8_runtime_say(r, "runtime-shape", module, err,
                              "hidden size %" PRIu64 " is no multiple of 128, so Marlin takes no "
                              "experts, and its other kernel stops with an AssertionError where a "
                              "row has one scale",
                              hidden);
    return (hidden % 128 == 0 && inner % 64 == 0) ||
           q8_runtime_say(r, "runtime-shape", module, err,
                          "hidden size %" PRIu64 " and intermediate size %" PRIu64
                          " of one GPU must be multiples of 128 and 64: it stops with \"Invalid "
                          "thread config\"",
                          hidden, inner);
}

/* Rows of one GPU of one part; heads of k and v are doubled where there are more GPUs. */
static bool split_rows(struct q8_runtime_run *r, const struct q8_piece *p, uint64_t *ret,
                       struct q8_err *err)
{
    const char *dot = strrchr(p->module, '.'), *leaf = dot ? dot + 1 : p->module;
    const uint64_t tp = r->v->options.tp;
    uint64_t heads;

    if ((strcmp(leaf, "k_proj") == 0 || strcmp(leaf, "v_proj") == 0) &&
        config_number(r, "num_key_value_heads", &heads) && heads && heads < tp && tp % heads == 0 &&
        p->rows % heads == 0) {
        *ret = p->rows / heads;
        return true;
    }
    *ret = p->rows / tp;
    return p->rows % tp == 0 || q8_runtime_say(r, "runtime-tp", p->module, err,
                                               "for %" PRIu64 " GPUs it stops with \"%" PRIu64
                                               " is not divisible by %" PRIu64 "\"",
                                               tp, p->rows, tp);
}

/* What one GPU has of the unit; false in *ret_known where that is not known or was told. */
static bool split_unit(struct q8_runtime_run *r, struct part *p, bool *ret_known,
                       struct q8_err *err)
{
    const uint64_t tp = r->v->options.tp;
    const enum split split = tp == 1 ? SPLIT_NOT : find_split(p->name);
    const struct q8_unit *u = p->unit;

    *ret_known = split != SPLIT_UNKNOWN;
    if (!*ret_known)
        return q8_runtime_doubt(r, "runtime-tp", u->piece->module, err,
                                "how it is split for %" PRIu64 " GPUs is not known", tp);
    p->cols = u->piece->cols;
    for (uint64_t i = 0; i < u->pieces; i++) {
        uint64_t rows = u->piece[i].rows;

        if (split == SPLIT_ROWS && u->kind != Q8_UNIT_HEAD && u->kind != Q8_UNIT_EMBEDDING &&
            !split_rows(r, &u->piece[i], &rows, err))
            return false;
        p->rows += rows;
    }
    if (u->kind == Q8_UNIT_HEAD || u->kind == Q8_UNIT_EMBEDDING)
        p->rows = q8_div_up(q8_div_up(p->rows, 64) * 64, tp); /* both pad the words to 64 */
    if (split != SPLIT_COLUMNS)
        return true;
    *ret_known = p->cols % tp == 0;
    p->cols /= tp;
    return *ret_known || q8_runtime_say(r, "runtime-tp", u->piece->module, err,
                                        "for %" PRIu64 " GPUs it stops with \"%" PRIu64
                                        " is not divisible by %" PRIu64 "\"",
                                        tp, u->piece->cols, tp);
}

/* Hidden and intermediate size, from the weights of the first expert. */
static bool judge_expert_unit(struct q8_runtime_run *r, struct part *p, struct q8_err *err)
{
    const uint64_t tp = r->v->options.tp;
    const struct q8_unit *u = p->unit;
    uint64_t hidden = 0, inner = 0;

    for (uint64_t i = 0; i < u->pieces && !(hidden && inner); i++)
        if (find_split(u->piece[i].module) == SPLIT_COLUMNS) {
            hidden = u->piece[i].rows;
            inner = u->piece[i].cols;
        }
    if (!hidden)
        return q8_runtime_doubt(r, "runtime-shape", u->piece->module, err,
                                "which of the experts' weights is the last is not known");
    if (inner % tp)
        return q8_runtime_say(r, "runtime-tp", u->piece->module, err,
                              "for %" PRIu64 " GPUs it stops with \"%" PRIu64
                              " is not divisible by %" PRIu64 "\"",
                              tp, inner, tp);
    return judge_experts(r, p, hidden, inner / tp, err);
}

static bool judge_unit(struct q8_runtime_run *r, const struct q8_unit *u, struct q8_err *err)
{
    struct part p = {.unit = u};
    char text[4096];
    bool known;

    if (u->int8 < u->pieces || q8_unit_place(r, u) != Q8_PLACE_INT8)
        return true;
    p.name = q8_unit_name(u, r->reader, text, sizeof text);
    p.size = group_of(u->piece->stored);
    p.packed = u->piece->stored->scheme->layout == Q8_LAYOUT_PACKED;
    if (u->kind == Q8_UNIT_EXPERTS)
        return judge_expert_unit(r, &p, err);
    if (!split_unit(r, &p, &known, err) || !known)
        return !err->code;
    if (!p.packed)
        return judge_plain(r, &p, err);
    return r->reader == Q8_READER_VLLM ? judge_vllm_packed(r, &p, err)
                                       : judge_sglang_packed(r, &p, err);
}

/* Heads of attention among GPUs. */
static bool judge_heads(struct q8_runtime_run *r, struct q8_err *err)
{
    const uint64_t tp = r->v->options.tp;
    uint64_t heads, keys;

    if (tp == 1 || !config_number(r, "num_attention_heads", &heads))
        return true;
    if (heads % tp)
        return q8_runtime_say(r, "runtime-tp", Q8_CONFIG, err,
                              r->reader == Q8_READER_VLLM
                                  ? "it stops with \"Total number of attention heads (%" PRIu64
                                    ") must be divisible by tensor parallel size (%" PRIu64 ").\""
                                  : "it stops with an AssertionError: %" PRIu64
                                    " heads of attention do not divide by %" PRIu64,
                              heads, tp);
    if (!config_number(r, "num_key_value_heads", &keys) || !keys ||
        (keys >= tp ? keys % tp : tp % keys) == 0)
        return true;
    return q8_runtime_say(r, "runtime-tp", Q8_CONFIG, err,
                          "it stops with an AssertionError: %" PRIu64
                          " heads of keys cannot be split among, or copied to, %" PRIu64 " GPUs",
                          keys, tp);
}

bool q8_runtime_shapes(struct q8_runtime_run *r, struct q8_err *err)
{
    if (!judge_heads(r, err))
        return false;
    for (uint64_t i = 0; i < r->units; i++)
        if (!judge_unit(r, &r->unit[i], err))
            return false;
    return true;
}

/* The first int8 unit of that layout that no experts are; NULL: none. */
static const struct q8_unit *find_layout(const struct q8_runtime_run *r, bool packed)
{
    for (uint64_t i = 0; i < r->units; i++) {
        const struct q8_unit *u = &r->unit[i];

        if (u->kind != Q8_UNIT_EXPERTS && u->kind != Q8_UNIT_EMBEDDING && u->piece->stored &&
            (u->piece->stored->scheme->layout == Q8_LAYOUT_PACKED) == packed)
            return u;
    }
    return NULL;
}

bool q8_runtime_device(struct q8_runtime_run *r, struct q8_err *err)
{
    const bool vllm = r->reader == Q8_READER_VLLM;
    const unsigned cc = r->v->options.cc, least = vllm ? 75 : 80;
    const struct q8_unit *plain = find_layout(r, false), *packed = find_layout(r, true);

    if (!cc || (!plain && !packed))
        return true;
    if (cc < 70)
        return q8_runtime_say(r, "runtime-device", Q8_CONFIG, err,
                              "it stops with \"The quantization method %s is not supported for the "
                              "current GPU. Minimum capability: 70. Current capability: %u.\"",
                              vllm ? "compressed-tensors" : "compressed-tensors", cc);
    if (cc < least)
        return q8_runtime_say(r, "runtime-device", Q8_CONFIG, err,
                              vllm ? "it stops with \"Quantization scheme is not supported for the "
                                     "current GPU. Min capability: %u. Current capability: %u.\""
                                   : "it stops with \"Quantization scheme is not supported for "
                                     "the current GPU. Min capability: %u. Current capability: "
                                     "%u.\"",
                              least, cc);
    if (!plain || cc < 91)
        return true;
    if (!vllm)
        return q8_runtime_say(r, "runtime-device", plain->piece->module, err,
                              "the first forward stops with \"No implemented int8_scaled_mm for "
                              "current compute capability.\"");
    return cc < 100 ||
           q8_runtime_say(r, "runtime-device", plain->piece->module, err,
                          "the first forward stops with \"Int8 not supported on SM%u\", where rows "
                          "and columns are multiples of 16",
                          cc);
}
