/* integrity.h - two tiny checkpoints, a float and an int8 one, and what level 1 finds, for tests */
#ifndef Q8_TESTS_INTEGRITY_H
#define Q8_TESTS_INTEGRITY_H

#include "src/base/json.h"
#include "src/compare/match.h"
#include "src/verify/verify.h"
#include "src/verify/integrity/integrity.h"
#include "src/verify/integrity/digests.h"
#include "tests/unit/scratch.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The config of a small Llama, without braces. */
#define LLAMA                                                                                      \
    "\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", "                       \
    "\"tie_word_embeddings\": false"

#define UP "model.layers.0.mlp.up_proj"

/* Bytes that all tensors of these tests share. */
static const float floats[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const int8_t codes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const int64_t shape[2] = {2, 4};

/* Tensors of a Llama with one layer's up_proj. */
#define FLOAT_UP SCRATCH(UP ".weight", "F32", "[2, 4]", floats)
#define NORM                                                                                       \
    {                                                                                              \
        "model.norm.weight", "F32", "[4]", floats, 16                                              \
    }
#define HEAD SCRATCH("lm_head.weight", "F32", "[2, 4]", floats)
#define EMBED SCRATCH("model.embed_tokens.weight", "F32", "[2, 4]", floats)
/* Parts of it as int8. */
#define INT8_UP SCRATCH(UP ".weight", "I8", "[2, 4]", codes)
#define PACKED_UP SCRATCH(UP ".weight_packed", "I32", "[2, 1]", codes)
#define SHAPE_UP SCRATCH(UP ".weight_shape", "I64", "[2]", shape)
#define PART(end, shape, bytes)                                                                    \
    {                                                                                              \
        UP end, "F32", shape, floats, bytes                                                        \
    }

/* Two checkpoints and what was found. */
struct checked {
    struct scratch a, b; /* float, int8; memory and errors are a's */
    struct q8_verify v;
    char found[1024]; /* "!kind name\n" of what fails, "kind name\n" of notes, in order */
};

static inline bool checked_file(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                                struct q8_err *err)
{
    (void)worker;
    return q8_integrity_file(self, i, pool, err);
}

/* Opens both directories, which are there, and looks. */
static inline bool checked_run(struct checked *c)
{
    const struct q8_model *a = &c->a.model, *b = &c->b.model;
    struct q8_err *err = &c->a.err;
    struct q8_pool pool = {.threads = 2, .item = checked_file, .self = &c->v};
    size_t used = 0;

    if (!scratch_open(&c->a) || !scratch_open(&c->b))
        abort();
    c->v.options.reference = c->v.pairs.options.a = a;
    c->v.options.quantized = c->v.pairs.options.b = b;
    q8_arch_init(&c->v.arch, q8_json_string(q8_json_get(a->config_root, "model_type")),
                 q8_json_string(q8_json_at(q8_json_get(a->config_root, "architectures"), 0)));
    q8_findings_init(&c->v.findings, &c->a.mem);
    if (!q8_compare_pair(&c->v.pairs, &c->a.mem, err) || !q8_integrity_check(&c->v, err))
        return false;
    pool.progress.items_total = c->v.files;
    for (uint64_t i = 0; i < c->v.files; i++)
        pool.progress.bytes_total += q8_integrity_file_bytes(&c->v, i);
    if (!q8_pool_run(&pool, err))
        return false;
    if (pool.progress.bytes != pool.progress.bytes_total)
        abort();
    q8_findings_sort(&c->v.findings);
    c->found[0] = 0;
    for (uint64_t i = 0; i < c->v.findings.count; i++) {
        const struct q8_finding *f = &c->v.findings.list[i];

        used += (size_t)snprintf(c->found + used, sizeof c->found - used, "%s%s %s\n",
                                 f->fails ? "!" : "", f->kind, f->name);
    }
    return true;
}

/* Makes both, with `more` in the int8 model's config, and looks. */
static inline bool checked_pair(struct checked *c, const char *more, const struct scratch_tensor *a,
                                size_t count_a, const struct scratch_tensor *b, size_t count_b)
{
    char config[2048];

    *c = (struct checked){0};
    (void)snprintf(config, sizeof config, "{" LLAMA "%s%s}", more ? ", " : "", more ? more : "");
    scratch_make(&c->a, "{" LLAMA "}", a, count_a);
    scratch_make(&c->b, config, b, count_b);
    return checked_run(c);
}

/* Removes both. */
static inline void checked_close(struct checked *c)
{
    scratch_close(&c->a);
    scratch_close(&c->b);
}

#endif
