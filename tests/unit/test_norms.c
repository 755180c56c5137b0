/* test_norms.c - how norms are called, what their gain means, and which weights read them */
#include "src/model/norms.h"

#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void norm_exceptions_multiply_by_the_gain(void **state)
{
    static const struct {
        const char *type, *module;
        bool adds_one;
    } cases[] = {
        {"qwen3_next", "model.layers.0.input_layernorm", true},
        {"qwen3_next", "model.layers.0.linear_attn.norm", false},
        {"qwen3_5_moe_text", "model.layers.0.linear_attn.norm", false},
        {"muse_glimmer_text", "model.layers.0.input_layernorm", true},
        {"muse_glimmer_text", "model.norm", false},
        {"recurrent_gemma", "model.final_norm", true},
        {"gemma4", "model.layers.0.input_layernorm", false},
    };
    struct q8_model model = {0};
    struct q8_arch arch;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        q8_arch_init(&arch, cases[i].type, NULL);
        assert_int_equal(q8_norms_adds_one(&model, &arch, cases[i].module), cases[i].adds_one);
    }
}

static void norm_gain_is_told_by_its_name(void **state)
{
    static const struct {
        const char *name;
        uint64_t length; /* of the module; 0: none */
    } cases[] = {
        {"model.layers.0.input_layernorm.weight", 30},
        {"encoder.LayerNorm.gamma", 17},
        {"block.norm.scale", 10},
        {"transformer.h.0.ln_1.weight", 20},
        {"h.0.ln1.weight", 7},
        {"ln.weight", 2},
        {"norm.weight", 4},
        {"model.layers.0.input_layernorm.bias", 0},
        {"model.layers.0.mlp.up_proj.weight", 0},
        {"model.norm.layers.weight", 0}, /* the leaf decides */
        {"lnx.weight", 0},
        {"weight", 0},
        {".weight", 0},
        {"input_layernorm_weight", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct q8_tensor t = {.name = cases[i].name, .dtype = Q8_F32, .rank = 1, .dim = {4}};
        uint64_t length = 0;

        assert_int_equal(q8_norms_is_gain(&t, &length), cases[i].length != 0);
        if (cases[i].length)
            assert_int_equal(length, cases[i].length);
        t.dtype = Q8_I32;
        assert_false(q8_norms_is_gain(&t, &length));
        t.dtype = Q8_F32;
        t.rank = 2;
        assert_false(q8_norms_is_gain(&t, &length));
    }
}

/* What reads a norm is what the forward of the transformers class applies to its output. */
static void norm_feeds_what_the_class_has(void **state)
{
    static const struct {
        const char *norm, *feeds;
        const char *other[8]; /* tensors of the file, without ".weight"; norms are among them */
    } cases[] = {
        {"h.0.ln_1", "c_attn", {"h.0.attn.c_attn", "h.0.ln_2", "h.0.mlp.c_fc"}},
        {"h.0.ln_2", "c_fc", {"h.0.attn.c_attn", "h.0.ln_1", "h.0.mlp.c_fc", "h.0.mlp.c_proj"}},
        /* gptj: one norm before both */
        {"h.0.ln_1", "q_proj, fc_in", {"h.0.attn.q_proj", "h.0.mlp.fc_in", "h.0.mlp.fc_out"}},
        /* gemma2: the norm behind the attention goes to the residual */
        {"l.0.post_attention_layernorm",
         NULL,
         {"l.0.mlp.up_proj", "l.0.pre_feedforward_layernorm"}},
        {"l.0.pre_feedforward_layernorm", "up_proj", {"l.0.mlp.up_proj", "l.0.mlp.down_proj"}},
        {"l.0.post_attention_layernorm",
         "gate, experts",
         {"l.0.block_sparse_moe.gate", "l.0.block_sparse_moe.experts.0.w1"}},
        {"l.0.input_layernorm",
         "query_key_value",
         {"l.0.self_attention.query_key_value", "l.0.post_attention_layernorm"}},
        {"block.0.layer.1.layer_norm",
         "wi_0, wi_1",
         {"block.0.layer.1.DenseReluDense.wi_0", "block.0.layer.1.DenseReluDense.wi_1",
          "block.0.layer.0.SelfAttention.q"}},
        {"model.norm", "lm_head", {"lm_head", "model.layers.0.mlp.up_proj"}},
        {"model.vision.norm", NULL, {"lm_head"}},
        {"l.0.input_layernorm", NULL, {"l.0.self_attn.q_projection", "l.01.self_attn.q_proj"}},
        {"l.0.some_norm", NULL, {"l.0.self_attn.q_proj"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct q8_index ix = {0};
        struct q8_err err = {0};
        struct q8_arena mem;
        const char *feeds;

        q8_arena_init(&mem, 1 << 20);
        for (int k = -1; k < 8 && (k < 0 || cases[i].other[k]); k++) {
            const char *name = k < 0 ? cases[i].norm : cases[i].other[k];
            struct q8_tensor t = {.dtype = Q8_F32, .rank = strstr(name, "proj") ? 2 : 1};

            t.name = q8_sprintf(&mem, &err, "%s.weight", name);
            assert_true(q8_index_add(&ix, &t, &mem, &err));
        }
        q8_index_sort(&ix);
        assert_true(q8_norms_feeds(&feeds, &ix, cases[i].norm, &mem, &err));
        if (!feeds != !cases[i].feeds || (feeds && strcmp(feeds, cases[i].feeds) != 0))
            fail_msg("%s feeds '%s'", cases[i].norm, feeds ? feeds : "");
        q8_arena_clear(&mem);
    }
}

static void norms_mark_the_weights_that_read_them(void **state)
{
    static struct q8_weight weight[] = {
        SCRATCH_WEIGHT("a.0.mlp.experts.3.down_proj", 4, 4),
        SCRATCH_WEIGHT("a.0.mlp.experts.3.up_proj", 4, 4),
        SCRATCH_WEIGHT("a.0.mlp.up_proj", 8, 4),
        SCRATCH_WEIGHT("a.0.self_attn.k_proj", 4, 3), /* not as wide as the norm */
        SCRATCH_WEIGHT("a.0.self_attn.o_proj", 4, 4),
        SCRATCH_WEIGHT("a.0.self_attn.q_proj", 4, 4),
    };
    enum { DOWN, UP, DENSE, K, O, Q, COUNT };
    static struct q8_tensor norm[] = {
        {.name = "a.0.input_layernorm.weight", .rank = 1, .dim = {4}, .dtype = Q8_F32},
        {.name = "a.0.post_attention_layernorm.weight", .rank = 1, .dim = {4}, .dtype = Q8_F32}};
    static const struct q8_model model = {.index = {.tensor = norm, .count = 2}};
    static const struct q8_weight_list list = {.model = &model, .weight = weight, .count = COUNT};
    const struct q8_tensor *marks[COUNT] = {0};

    (void)state;
    q8_norms_mark(marks, &list, "a.0.input_layernorm", &norm[0]);
    assert_ptr_equal(marks[Q], &norm[0]);
    assert_null(marks[K]);
    assert_null(marks[O]);
    assert_null(marks[DENSE]); /* it is not the only norm of the block */
    q8_norms_mark(marks, &list, "a.0.post_attention_layernorm", &norm[1]);
    assert_ptr_equal(marks[DENSE], &norm[1]);
    assert_ptr_equal(marks[UP], &norm[1]);
    assert_null(marks[DOWN]); /* reads what up_proj makes */
    assert_ptr_equal(marks[Q], &norm[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_exceptions_multiply_by_the_gain),
        cmocka_unit_test(norm_gain_is_told_by_its_name),
        cmocka_unit_test(norm_feeds_what_the_class_has),
        cmocka_unit_test(norms_mark_the_weights_that_read_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
