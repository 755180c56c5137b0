/* adopt.c - a GGUF model with the names, shapes and config.json that it has in transformers */
#include "src/model/gguf/adopt.h"

#include "src/base/json.h"
#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/coded/llama.h"
#include "src/model/gguf/gguf_parts.h"
#include "src/model/gguf/parts.h"

#include "formats/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Tensors of a model whose experts are apart; those of 60 layers of 384 experts are 70,000. */
#define APART_MOST (UINT64_C(1) << 17)

/* The work. */
struct adopt {
    struct q8_model *m;
    struct q8_gguf_facts facts;
    struct q8_llama llama;
    const struct q8_coded **of; /* [raw tensors] the weight that each is a part of; NULL: none */
};

bool q8_model_is_gguf(const struct q8_model *m)
{
    return m->shards > 0 && strcmp(m->shard[0].format->name, "gguf") == 0;
}

/* ---- what the model is ---- */

/* A text of the file; NULL: none. */
static const char *get_text(const struct q8_model *m, const char *key)
{
    const struct q8_value *v = q8_gguf_value(&m->shard[0], key);

    return v && v->type == Q8_META_TEXT ? v->text : NULL;
}

static bool find_arch(struct adopt *a, struct q8_err *err)
{
    const char *name = get_text(a->m, "general.architecture");
    const char *type = get_text(a->m, "general.type");
    char known[300], shown[100], key[120];
    const struct q8_value *experts;

    if (type && strcmp(type, "model") != 0)
        return q8_fail(err, Q8_EUNSUPPORTED, "it is no model but a file of type '%s'",
                       q8_text_escape(type, shown, sizeof shown));
    if (!name)
        return q8_fail(err, Q8_EUNSUPPORTED, "it does not say its architecture");
    (void)snprintf(key, sizeof key, "%.99s.expert_count", name);
    experts = q8_gguf_value(&a->m->shard[0], key);
    a->facts.arch =
        q8_gguf_arch_find(name, experts && experts->type == Q8_META_U64 && experts->u64 > 0);
    return a->facts.arch ||
           q8_fail(err, Q8_EUNSUPPORTED, "the architecture '%s'%s is not one that q8 knows: %s",
                   q8_text_escape(name, shown, sizeof shown), experts ? " with experts" : "",
                   q8_gguf_archs(known, sizeof known));
}

/* Counts that names, rows and config go by. */
static bool find_counts(struct adopt *a, struct q8_err *err)
{
    struct q8_gguf_facts *f = &a->facts;
    const struct q8_tensor *query;

    if (!q8_gguf_count(f, "attention.head_count", 0, &f->heads, err) ||
        !q8_gguf_count(f, "attention.head_count_kv", f->heads, &f->key_heads, err) ||
        !q8_gguf_count(f, "embedding_length", 0, &f->hidden, err) ||
        !q8_gguf_count(f, "block_count", 0, &f->layers, err))
        return false;
    query = q8_gguf_tensor(f, "blk.0.attn_q.weight");
    if (query && query->rank == 2)
        f->head = query->dim[0] / f->heads;
    else if (!q8_gguf_count(f, "attention.key_length", f->hidden / f->heads, &f->head, err))
        return false;
    return f->head > 0 || q8_fail(err, Q8_EINPUT, "there are more heads than rows");
}

/* Whether there is a name for each tensor, and for one of every layer. */
static bool check_names(const struct adopt *a, struct q8_err *err)
{
    const struct q8_index *raw = &a->m->raw;
    char name[200];
    uint64_t layer;

    for (uint64_t i = 0; i < raw->count; i++) {
        const struct q8_gguf_name *found =
            q8_gguf_name_find(a->facts.arch, raw->tensor[i].name, &layer);

        if (!found || layer >= q8_max(a->facts.layers, 1))
            return q8_fail(err, Q8_EUNSUPPORTED, "%s of transformers has no '%s' that q8 knows",
                           a->facts.arch->class,
                           q8_text_escape(raw->tensor[i].name, name, sizeof name));
    }
    return true;
}

/* What is not in the config that was made. */
static bool tell_rest(struct adopt *a, struct q8_err *err)
{
    struct q8_model *m = a->m;
    static const char *const keys[] = {"general.base_model.0.repo_url", "general.source.repo_url",
                                       "general.source.huggingface.repository",
                                       "general.source.url"};
    const char *from = NULL;
    char shown[300];

    for (size_t i = 0; !from && i < sizeof keys / sizeof *keys; i++)
        from = get_text(m, keys[i]);
    m->config_made = q8_sprintf(
        a->llama.mem, err,
        "config.json is made of the keys of %s; its tokenizer stays there: take "
        "tokenizer.json, tokenizer_config.json and generation_config.json from the "
        "model that it was made from%s%s",
        m->shard[0].name, from ? ", " : "", from ? q8_text_escape(from, shown, sizeof shown) : "");
    return m->config_made != NULL;
}

/* Makes config.json, unless there is one. */
static bool make_config(struct adopt *a, struct q8_err *err)
{
    struct q8_model *m = a->m;
    const char *text;

    if (m->config_root)
        return true;
    text = q8_gguf_config(&a->facts, err);
    if (!text)
        return false;
    m->config_root = q8_json_parse(text, strlen(text), err);
    if (!m->config_root)
        return false;
    m->config = text;
    m->config_len = strlen(text);
    return tell_rest(a, err);
}

/* The type of all floats: 16 bits where no matrix needs more, and not F32 itself is the type. */
static enum q8_dtype find_dtype(const struct q8_model *m)
{
    uint64_t n[Q8_DTYPES] = {0};

    for (uint64_t i = 0; i < m->raw.count; i++)
        if (m->raw.tensor[i].rank > 1)
            n[m->raw.tensor[i].dtype] += q8_tensor_elements(&m->raw.tensor[i]);
    if (n[Q8_GGUF_Q8_0] || (n[Q8_F16] && n[Q8_BF16]) || n[Q8_F32] >= n[Q8_F16] + n[Q8_BF16])
        return Q8_F32;
    return n[Q8_F16] ? Q8_F16 : Q8_BF16;
}

/* ---- tensors ---- */

/* The rows of `heads` heads as two halves each, which the file has one row by one row. */
static bool set_halves(struct q8_llama_change *change, const struct q8_tensor *t, uint64_t heads,
                       struct q8_err *err)
{
    uint64_t all;

    if (t->rank == 0 || !q8_mul(heads, 2, &all) || t->dim[0] % all || t->dim[0] == 0)
        return q8_fail(err, Q8_EINPUT, "its rows are not those of %" PRIu64 " heads", heads);
    change->order = (struct q8_order){2, t->dim[0] / all, 1};
    return true;
}

/* The rows of queries, keys and values of each head, which the file has apart. */
static bool set_thirds(struct q8_llama_change *change, const struct q8_tensor *t, uint64_t heads,
                       struct q8_err *err)
{
    uint64_t all;

    if (t->rank == 0 || !q8_mul(heads, 3, &all) || t->dim[0] % all || t->dim[0] == 0)
        return q8_fail(err, Q8_EINPUT, "its rows are not those of %" PRIu64 " heads", heads);
    change->order = (struct q8_order){heads, 3, t->dim[0] / all};
    return true;
}

static bool find_change(const struct adopt *a, const struct q8_gguf_name *name,
                        const struct q8_tensor *t, struct q8_llama_change *ret, struct q8_err *err)
{
    const struct q8_gguf_facts *f = &a->facts;

    *ret = (struct q8_llama_change){.dtype = f->dtype};
    if (!name) { /* its own type, where that is one of floats */
        ret->dtype = t->dtype == Q8_GGUF_Q8_0 ? Q8_F32 : t->dtype;
        return true;
    }
    if (name->change == Q8_GGUF_QKV)
        return set_thirds(ret, t, f->heads, err);
    if (name->change == Q8_GGUF_NORM)
        ret->less_one = f->arch->less_one;
    if (f->arch->permuted && name->change == Q8_GGUF_Q)
        return set_halves(ret, t, f->heads, err);
    if (f->arch->permuted && name->change == Q8_GGUF_K)
        return set_halves(ret, t, f->key_heads, err);
    return true;
}

/* Adds one tensor under that name; `from` is the raw one. */
static bool add_tensor(struct adopt *a, struct q8_tensor t, const struct q8_gguf_name *name,
                       const struct q8_tensor *from, struct q8_err *err)
{
    struct q8_llama_change change;

    if (!find_change(a, name, &t, &change, err) || !q8_llama_make(&a->llama, &t, &change, err))
        return false;
    if (t.coded && from->dtype == Q8_GGUF_Q8_0) {
        a->of[from - a->m->raw.tensor] = t.coded;
        a->m->decoded++;
    }
    return q8_index_add(&a->m->index, &t, a->llama.mem, err);
}

static bool add_experts(struct adopt *a, const struct q8_gguf_name *name,
                        const struct q8_tensor *from, struct q8_err *err)
{
    uint64_t experts;

    if (!q8_gguf_count(&a->facts, "expert_count", 0, &experts, err))
        return false;
    if (from->rank != 3 || from->dim[0] != experts || !from->nbytes)
        return q8_fail(err, Q8_EINPUT, "it has not %" PRIu64 " matrices, one for each expert",
                       experts);
    if (a->m->index.count + experts > APART_MOST)
        return q8_fail(err, Q8_ELIMIT,
                       "with the matrices of %" PRIu64 " experts apart, the model has more than "
                       "%" PRIu64 " tensors",
                       experts, APART_MOST);
    for (uint64_t i = 0; i < experts; i++) {
        struct q8_tensor t = *from;

        t.rank = 2;
        t.dim[0] = from->dim[1];
        t.dim[1] = from->dim[2];
        t.nbytes = from->nbytes / experts;
        t.offset = from->offset + i * t.nbytes;
        t.name = q8_gguf_name_make(a->facts.arch, from->name, i, a->llama.mem, err);
        if (!t.name || !add_tensor(a, t, name, from, err))
            return false;
    }
    return true;
}

static bool add_raw(struct adopt *a, const struct q8_tensor *from, struct q8_err *err)
{
    const struct q8_gguf_name *name = NULL;
    struct q8_tensor t = *from;
    uint64_t layer;

    if (a->facts.arch)
        name = q8_gguf_name_find(a->facts.arch, from->name, &layer);
    if (name && name->change == Q8_GGUF_LEFT)
        return true;
    if (name && name->change == Q8_GGUF_EXPERTS)
        return add_experts(a, name, from, err);
    if (name)
        t.name = q8_gguf_name_make(a->facts.arch, from->name, 0, a->llama.mem, err);
    if (name && name->change == Q8_GGUF_ROW && t.rank == 1) {
        t.rank = 2;
        t.dim[1] = t.dim[0];
        t.dim[0] = 1;
    }
    return t.name && add_tensor(a, t, name, from, err);
}

static bool add_tensors(struct adopt *a, struct q8_err *err)
{
    struct q8_model *m = a->m;

    for (uint64_t i = 0; i < m->raw.count; i++)
        if (!add_raw(a, &m->raw.tensor[i], err))
            return q8_model_fail(m, &m->raw.tensor[i], err);
    q8_index_sort(&m->index);
    return true;
}

/* All that must be so for it to be a model of transformers. */
static bool find_all(struct adopt *a, struct q8_err *err)
{
    return find_arch(a, err) && find_counts(a, err) && check_names(a, err) && make_config(a, err);
}

bool q8_gguf_adopt(struct q8_model *m, const struct q8_kernels *kernels, enum q8_dtype dtype,
                   struct q8_arena *mem, struct q8_err *err)
{
    struct adopt a = {.m = m, .facts = {.m = m, .mem = mem}, .llama = {m, kernels, mem}};
    struct q8_err why = {0};

    m->raw = m->index;
    m->index = (struct q8_index){0};
    a.of = q8_alloc(mem, m->raw.count, sizeof *a.of, err);
    if (!a.of)
        return false;
    m->coded = a.of;
    a.facts.dtype = dtype == Q8_DTYPES ? find_dtype(m) : dtype;
    if (!find_all(&a, &why)) {
        if (why.code != Q8_EINPUT && why.code != Q8_EUNSUPPORTED)
            return q8_fail(err, why.code, "%s", why.text);
        a.facts.arch = NULL;
        m->unknown = q8_strndup(mem, why.text, strlen(why.text), err);
        if (!m->unknown)
            return false;
    }
    return add_tensors(&a, err);
}
