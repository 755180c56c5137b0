/* config.c - config.json of transformers out of the keys of a GGUF file */
#include "src/model/gguf/gguf_parts.h"

#include "src/base/json_write.h"
#include "src/base/memo.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/gguf/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct q8_value *q8_gguf_key(const struct q8_gguf_facts *f, const char *key)
{
    char name[200];

    (void)snprintf(name, sizeof name, "%s.%s", f->arch->name, key);
    return q8_gguf_value(&f->m->shard[0], name);
}

bool q8_gguf_count(const struct q8_gguf_facts *f, const char *key, uint64_t otherwise,
                   uint64_t *ret, struct q8_err *err)
{
    const struct q8_value *v = q8_gguf_key(f, key);

    *ret = !v                         ? otherwise
           : v->type == Q8_META_U64   ? v->u64
           : v->type == Q8_META_I64   ? (uint64_t)v->i64
           : v->type == Q8_META_ARRAY ? UINT64_MAX
                                      : 0;
    if (v && v->type == Q8_META_ARRAY)
        return q8_fail(err, Q8_EUNSUPPORTED, "key '%s.%s' has a value for each layer",
                       f->arch->name, key);
    return (*ret > 0 && *ret <= INT32_MAX) ||
           q8_fail(err, Q8_EINPUT, "key '%s.%s' is %s", f->arch->name, key,
                   v ? "no count above 0" : "not there");
}

const struct q8_tensor *q8_gguf_tensor(const struct q8_gguf_facts *f, const char *name)
{
    return q8_index_find(&f->m->raw, name);
}

void q8_gguf_number_json(struct q8_json *j, const char *key, double value, bool single)
{
    char text[40];

    if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value) {
        (void)snprintf(text, sizeof text, "%.1f", value);
        q8_json_raw(j, key, text);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        const double back = strtod(q8_text_number(value, digits, text), NULL);

        if (single ? !((float)back < (float)value || (float)back > (float)value)
                   : !(back < value || back > value))
            break;
    }
    q8_json_raw(j, key, text);
}

/* The member as the file has it; false: it has none of that type. */
static bool put_value(struct q8_json *j, const char *key, const struct q8_value *v)
{
    switch (v->type) {
    case Q8_META_U64: q8_json_number(j, key, v->u64); return true;
    case Q8_META_I64: q8_json_signed(j, key, v->i64); return true;
    case Q8_META_BOOL: q8_json_flag(j, key, v->flag); return true;
    case Q8_META_F64:
        if (!(v->f64 - v->f64 == 0)) /* NaN and infinities are no JSON */
            return false;
        q8_gguf_number_json(j, key, v->f64, v->bytes == sizeof(float));
        return true;
    default: return false;
    }
}

static bool put_member(const struct q8_gguf_facts *f, const struct q8_gguf_member *member,
                       struct q8_json *j, struct q8_err *err)
{
    const struct q8_value *v = member->gguf ? q8_gguf_key(f, member->gguf) : NULL;

    if (v && strcmp(member->hf, "sliding_window") == 0 && v->type == Q8_META_U64 && v->u64 == 0)
        v = NULL; /* phi3 says "none" so */
    if (v)
        return put_value(j, member->hf, v) ||
               q8_fail(err, Q8_EUNSUPPORTED, "key '%s.%s' is no number of one value", f->arch->name,
                       member->gguf);
    if (!member->otherwise)
        return q8_fail(err, Q8_EINPUT, "key '%s.%s' is not there", f->arch->name, member->gguf);
    if (*member->otherwise)
        q8_json_raw(j, member->hf, member->otherwise);
    return true;
}

/* Whether the architecture has a member of that name by itself. */
static bool has_own(const struct q8_gguf_arch *arch, const char *hf)
{
    for (const struct q8_gguf_member *m = arch->members; m->hf; m++)
        if (strcmp(m->hf, hf) == 0)
            return true;
    return false;
}

static bool put_members(const struct q8_gguf_facts *f, struct q8_json *j, struct q8_err *err)
{
    for (const struct q8_gguf_member *m = q8_gguf_members; m->hf; m++)
        if (!has_own(f->arch, m->hf) && !put_member(f, m, j, err))
            return false;
    for (const struct q8_gguf_member *m = f->arch->members; m->hf; m++)
        if (!put_member(f, m, j, err))
            return false;
    return true;
}

/* What transformers calls it. */
static const char *dtype_word(enum q8_dtype dtype)
{
    return dtype == Q8_F16 ? "float16" : dtype == Q8_BF16 ? "bfloat16" : "float32";
}

/* The ids of special tokens, which no vocabulary is needed for; null: the class has defaults. */
static void put_ids(const struct q8_gguf_facts *f, struct q8_json *j)
{
    static const struct {
        const char *hf, *gguf;
    } ids[] = {{"bos_token_id", "tokenizer.ggml.bos_token_id"},
               {"eos_token_id", "tokenizer.ggml.eos_token_id"},
               {"pad_token_id", "tokenizer.ggml.padding_token_id"}};

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const struct q8_value *v = q8_gguf_value(&f->m->shard[0], ids[i].gguf);
        const struct q8_tensor *words = q8_gguf_tensor(f, "token_embd.weight");

        if (v && v->type == Q8_META_U64 && words && words->rank == 2 && v->u64 < words->dim[0])
            q8_json_number(j, ids[i].hf, v->u64);
        else
            q8_json_raw(j, ids[i].hf, "null");
    }
}

/* Biases of attention, and of the MLP of Llama. */
static bool put_biases(const struct q8_gguf_facts *f, struct q8_json *j, struct q8_err *err)
{
    const bool query =
        q8_gguf_tensor(f, "blk.0.attn_q.bias") || q8_gguf_tensor(f, "blk.0.attn_qkv.bias");
    const bool output = q8_gguf_tensor(f, "blk.0.attn_output.bias") != NULL;
    const char *bias = f->arch->bias;

    if (bias && !*bias)
        return true;
    if (query && (!bias || (strcmp(bias, "attention_bias") == 0 && !output)))
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "queries have biases%s, which %s of transformers has not",
                       bias ? ", but outputs of attention none" : "", f->arch->class);
    if (bias)
        q8_json_flag(j, bias, query);
    if (strcmp(f->arch->model_type, "llama") == 0)
        q8_json_flag(j, "mlp_bias", q8_gguf_tensor(f, "blk.0.ffn_up.bias") != NULL);
    return true;
}

/* What is said of heads: how many of keys, and how much of them is rotated. */
static bool put_heads(const struct q8_gguf_facts *f, struct q8_json *j, struct q8_err *err)
{
    uint64_t keys, values, rotated;

    if (!q8_gguf_count(f, "attention.key_length", f->head, &keys, err) ||
        !q8_gguf_count(f, "attention.value_length", f->head, &values, err) ||
        !q8_gguf_count(f, "rope.dimension_count", f->head, &rotated, err))
        return false;
    q8_json_number(j, "num_key_value_heads", f->key_heads);
    if (keys != f->head || values != f->head)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "heads of %" PRIu64 " keys and %" PRIu64 " values, and %" PRIu64
                       " by the rows of blk.0.attn_q",
                       keys, values, f->head);
    if (!q8_gguf_key(f, "attention.key_length") && f->head != f->hidden / f->heads)
        q8_json_number(j, "head_dim", f->head);
    if (rotated == f->head)
        return true;
    if (!f->arch->rotary || rotated > f->head)
        return q8_fail(err, Q8_EUNSUPPORTED, "%" PRIu64 " of %" PRIu64 " of each head are rotated",
                       rotated, f->head);
    q8_json_double(j, f->arch->rotary, (double)rotated / (double)f->head);
    return true;
}

/*
 * The divisor of attention of Gemma 2 and 3, which llama.cpp knows by the number of layers
 * (src/llama-model.cpp, f_attention_scale): the 27B ones divide by hidden / heads.
 */
static void put_scalar(const struct q8_gguf_facts *f, struct q8_json *j)
{
    const uint64_t large = strcmp(f->arch->name, "gemma2") == 0   ? 46
                           : strcmp(f->arch->name, "gemma3") == 0 ? 62
                                                                  : 0;

    if (large)
        q8_json_number(j, "query_pre_attn_scalar",
                       f->layers == large ? f->hidden / f->heads : f->head);
}

static bool put_all(const struct q8_gguf_facts *f, struct q8_json *j, struct q8_err *err)
{
    const struct q8_tensor *words = q8_gguf_tensor(f, "token_embd.weight");
    const struct q8_value *causal = q8_gguf_key(f, "attention.causal");

    if (!words || words->rank != 2)
        return q8_fail(err, Q8_EINPUT, "there is no matrix token_embd.weight");
    if (causal && causal->type == Q8_META_BOOL && !causal->flag)
        return q8_fail(err, Q8_EUNSUPPORTED, "it is no causal model (attention.causal is false)");
    q8_json_begin(j, "architectures", '[');
    q8_json_text(j, NULL, f->arch->class);
    q8_json_end(j, ']');
    q8_json_text(j, "model_type", f->arch->model_type);
    q8_json_text(j, "dtype", dtype_word(f->dtype));
    q8_json_number(j, "vocab_size", words->dim[0]);
    q8_json_flag(j, "tie_word_embeddings", !q8_gguf_tensor(f, "output.weight"));
    put_ids(f, j);
    put_scalar(f, j);
    return put_members(f, j, err) && put_heads(f, j, err) && put_biases(f, j, err) &&
           q8_gguf_rope(f, j, err);
}

const char *q8_gguf_config(const struct q8_gguf_facts *f, struct q8_err *err)
{
    struct q8_memo memo;
    struct q8_json j = {.indent = 2};
    bool ok;

    if (!q8_memo_open(&memo, f->mem, err))
        return NULL;
    j.out = memo.out;
    q8_json_begin(&j, NULL, '{');
    ok = put_all(f, &j, err);
    q8_json_end(&j, '}');
    (void)fputc('\n', memo.out);
    return q8_memo_close(&memo, err) && ok ? memo.text : NULL;
}
