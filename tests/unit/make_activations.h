/* make_activations.h - a small model, activations, and what is made of both, for tests */
#ifndef Q8_TESTS_PROBE_H
#define Q8_TESTS_PROBE_H

#include "src/forward/activations.h"
#include "tests/unit/scratch.h"

#define LAYER "model.layers.0."
#define TOKENS 2 /* that the activations is asked for */
#define SEED 42

/* The modules of the model. */
static struct q8_weight probe_modules[] = {
    SCRATCH_WEIGHT("lm_head", 3, 4),
    SCRATCH_WEIGHT(LAYER "mlp.down_proj", 4, 6),
    SCRATCH_WEIGHT(LAYER "mlp.experts.0.down_proj", 4, 4),
    SCRATCH_WEIGHT(LAYER "mlp.experts.0.up_proj", 4, 4),
    SCRATCH_WEIGHT(LAYER "mlp.gate", 4, 4),
    SCRATCH_WEIGHT(LAYER "mlp.up_proj", 6, 4),
    SCRATCH_WEIGHT(LAYER "self_attn.k_proj", 2, 4),
    SCRATCH_WEIGHT(LAYER "self_attn.o_proj", 4, 4),
    SCRATCH_WEIGHT(LAYER "self_attn.q_proj", 2, 4),
    SCRATCH_WEIGHT(LAYER "self_attn.v_proj", 2, 3),
};
#define PROBE_MODULES (sizeof probe_modules / sizeof *probe_modules)

static const float probe_weights[24] = {0};
static const float attention_gain[] = {1, 2, -3, 0.5f};
static const float feed_gain[] = {0, 1, 0.25f, -2};
static const uint16_t head_gain[] = {0x3f80, 0x4000, 0x4040, 0x7f7f}; /* BF16: 1, 2, 3, 3.4e38 */

#define WEIGHT(name, shape, n)                                                                     \
    {                                                                                              \
        name ".weight", "F32", shape, probe_weights, (n) * sizeof *probe_weights                   \
    }

/* And its tensors. */
static const struct scratch_tensor probe_tensors[] = {
    SCRATCH(LAYER "input_layernorm.weight", "F32", "[4]", attention_gain),
    SCRATCH(LAYER "post_attention_layernorm.weight", "F32", "[4]", feed_gain),
    SCRATCH("model.norm.weight", "BF16", "[4]", head_gain),
    WEIGHT("lm_head", "[3,4]", 12),
    WEIGHT(LAYER "mlp.down_proj", "[4,6]", 24),
    WEIGHT(LAYER "mlp.experts.0.down_proj", "[4,4]", 16),
    WEIGHT(LAYER "mlp.experts.0.up_proj", "[4,4]", 16),
    WEIGHT(LAYER "mlp.gate", "[4,4]", 16),
    WEIGHT(LAYER "mlp.up_proj", "[6,4]", 24),
    WEIGHT(LAYER "self_attn.k_proj", "[2,4]", 8),
    WEIGHT(LAYER "self_attn.o_proj", "[4,4]", 16),
    WEIGHT(LAYER "self_attn.q_proj", "[2,4]", 8),
    WEIGHT(LAYER "self_attn.v_proj", "[2,3]", 6),
};

/* All of it, with the memory of the activations. */
struct fixture {
    struct scratch model, file;            /* file: when it was made */
    struct q8_activations_options options; /* path: of the file, or NULL */
    char path[4096];                       /* room for it */
    struct q8_arena mem;                   /* of the activations */
    struct q8_activations activations;     /* as fixture_open leaves it */
    struct q8_err err;                     /* of it */
};

/* Makes the model, and of the tensors, if there are any, the file. */
static inline void fixture_make(struct fixture *f, const struct scratch_tensor *t, size_t count)
{
    *f = (struct fixture){.options = {NULL, TOKENS, SEED}};
    q8_arena_init(&f->mem, 16 << 20);
    scratch_make(&f->model, "{}", probe_tensors, sizeof probe_tensors / sizeof *probe_tensors);
    if (!scratch_open(&f->model))
        abort();
    if (!t)
        return;
    scratch_make(&f->file, NULL, t, count);
    (void)snprintf(f->path, sizeof f->path, "%s/model.safetensors", f->file.dir);
    f->options.path = f->path;
}

/* Opens a activations over the modules, again if need be; `type` is the class of the model. */
static inline bool fixture_open(struct fixture *f, const char *type, struct q8_weight *module,
                                uint64_t count)
{
    struct q8_arch arch;
    const struct q8_weight_list list = {
        .model = &f->model.model, .arch = &arch, .weight = module, .count = count};

    q8_activations_close(&f->activations);
    q8_arena_clear(&f->mem);
    f->err = (struct q8_err){0};
    q8_arch_init(&arch, type, NULL);
    return q8_activations_open(&f->activations, &f->options, &list, &f->mem, &f->err);
}

/* Removes everything. */
static inline void fixture_close(struct fixture *f)
{
    q8_activations_close(&f->activations);
    q8_arena_clear(&f->mem);
    if (*f->file.dir)
        scratch_close(&f->file);
    scratch_close(&f->model);
}

#endif
