/*
 * test_outlier.c - features that stand out; what is found in testdata/outliers (make_outliers.py)
 * is counted by hand, what in testdata/kjv-llama is what its README planted
 */
#include "src/inspect/outlier_parts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *testdata;

/* The outliers of a model below testdata, taken for one of `type`. */
static void find_norms(struct q8_outlier_list *ret, const char *name, const char *type,
                       struct q8_arena *mem)
{
    struct q8_err err = {0};
    struct q8_model model;
    struct q8_arch arch;
    char *path = q8_sprintf(mem, &err, "%s/%s", testdata, name);

    q8_arch_init(&arch, type, NULL);
    if (!q8_model_open(&model, path, mem, &err) || !q8_outlier_norms(ret, &model, &arch, mem, &err))
        fail_msg("%s", err.text);
    q8_model_close(&model);
}

static void outlier_norms_of_kjv_llama_are_the_planted_six(void **state)
{
    static const uint64_t planted[] = {7, 41, 90, 133, 180, 222};
    struct q8_outlier_list list;
    unsigned found = 0;
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 64 << 20);
    find_norms(&list, "kjv-llama", "llama", &mem);
    assert_int_equal(list.sources, 9);
    assert_int_equal(list.hits, 48);
    assert_int_equal(list.count, 6);
    assert_false(list.from_activations);
    for (unsigned i = 0; i < 6; i++) {
        const struct q8_feature *f = &list.feature[i];

        for (unsigned k = 0; k < 6; k++)
            found |= (f->dimension == planted[k]) << k;
        assert_int_equal(f->features, 256);
        assert_int_equal(f->layers, 4);
        assert_int_equal(f->of, 4);
        assert_int_equal(f->sources, 8);
        assert_true(f->systematic);
        assert_true(fabs(f->median - 64) <= 6.4);
        assert_true(f->least <= f->median && f->median <= f->most);
    }
    assert_int_equal(found, 0x3f);
    assert_string_equal(list.source[0].feeds, "q_proj, k_proj, v_proj");
    assert_string_equal(list.source[1].role, "post_attention_layernorm");
    assert_string_equal(list.source[1].feeds, "gate_proj, up_proj");
    assert_string_equal(list.source[8].name, "model.norm");
    assert_string_equal(list.source[8].feeds, "lm_head");
    q8_arena_clear(&mem);
}

static void outlier_norms_are_counted_by_layer(void **state)
{
    static const struct {
        const char *name, *feeds;
        uint64_t layer, outliers;
        double median;
    } sources[] = {
        {"model.layers.0.input_layernorm", "q_proj, k_proj, v_proj", 0, 1, 1},
        {"model.layers.0.post_attention_layernorm", "up_proj", 0, 1, 1},
        {"model.layers.0.self_attn.q_norm", NULL, 0, 1, 1},
        {"model.layers.1.input_layernorm", NULL, 1, 1, 1},
        {"model.layers.1.post_attention_layernorm", NULL, 1, 0, 1},
        {"model.layers.2.input_layernorm", NULL, 2, 0, 1},
        {"model.layers.3.input_layernorm", NULL, 3, 0, 0},
        {"model.layers.10.input_layernorm", NULL, 10, 1, 1},
        {"model.norm", NULL, UINT64_MAX, 1, 1},
    };
    static const struct q8_feature_hit hits[] = {
        {0, 2, 6, 6}, {1, 2, -12, 12}, {2, 2, 8, 8}, {3, 2, 24, 24}, {7, 3, 7, 7}, {8, 2, 100, 100},
    };
    static const struct q8_feature features[] = {
        {2, 8, 2, 5, 4, 6, 12, 100, true},
        {2, 4, 1, 1, 1, 8, 8, 8, true},
        {3, 8, 1, 5, 1, 7, 7, 7, false},
    };
    struct q8_outlier_list list;
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    find_norms(&list, "outliers/norms.safetensors", "llama", &mem);
    assert_int_equal(list.sources, 9);
    for (unsigned i = 0; i < 9; i++) {
        const struct q8_feature_source *s = &list.source[i];

        assert_string_equal(s->name, sources[i].name);
        assert_int_equal(s->layer, sources[i].layer);
        assert_int_equal(s->features, i == 2 ? 4 : 8);
        assert_int_equal(s->outliers, sources[i].outliers);
        assert_true(s->median == sources[i].median);
        assert_int_equal(s->feeds == NULL, sources[i].feeds == NULL);
        if (s->feeds)
            assert_string_equal(s->feeds, sources[i].feeds);
    }
    assert_string_equal(list.source[2].role, "self_attn.q_norm");
    assert_int_equal(list.hits, 6);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(list.hit[i].source, hits[i].source);
        assert_int_equal(list.hit[i].dimension, hits[i].dimension);
        assert_true(list.hit[i].value == hits[i].value && list.hit[i].factor == hits[i].factor);
    }
    assert_int_equal(list.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct q8_feature *f = &list.feature[i], *g = &features[i];

        assert_int_equal(f->dimension, g->dimension);
        assert_int_equal(f->features, g->features);
        assert_int_equal(f->layers, g->layers);
        assert_int_equal(f->of, g->of);
        assert_int_equal(f->sources, g->sources);
        assert_true(f->least == g->least && f->median == g->median && f->most == g->most);
        assert_int_equal(f->systematic, g->systematic);
    }
    q8_arena_clear(&mem);
}

/* Gemma multiplies by 1 + w, its vision tower, a LayerNorm, by w: Gemma3RMSNorm, SiglipLayer. */
static void outlier_norms_add_one_where_the_class_does(void **state)
{
    static const struct {
        const char *file, *type;
        int text, vision; /* the dimension that stands out in each, -1: none */
    } cases[] = {
        {"outliers/offset.safetensors", "gemma3", 1, 3},
        {"outliers/offset.safetensors", "gemma3_text", 1, 3},
        {"outliers/offset.safetensors", "gemma3n", -1, 3},
        {"outliers/offset.safetensors", "llama", -1, 3},
        {"outliers/offset.safetensors", "nemotron", 1, -1},
        {"outliers/offset.safetensors", NULL, -1, 3},
        {"outliers/paligemma", "paligemma", 1, 3}, /* by its text_config */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int found[2] = {-1, -1};
        struct q8_outlier_list list;
        struct q8_arena mem;

        q8_arena_init(&mem, 1 << 20);
        find_norms(&list, cases[i].file, cases[i].type, &mem);
        assert_int_equal(list.sources, 2);
        assert_int_equal(list.hits, (cases[i].text >= 0) + (cases[i].vision >= 0));
        for (uint64_t k = 0; k < list.hits; k++)
            found[list.hit[k].source] = (int)list.hit[k].dimension;
        assert_int_equal(found[0], cases[i].text);
        assert_int_equal(found[1], cases[i].vision);
        for (uint64_t k = 0; k < list.count; k++) /* two towers, two layers */
            assert_int_equal(list.feature[k].of, 2);
        q8_arena_clear(&mem);
    }
}

static void outlier_norms_without_memory_are_a_limit(void **state)
{
    struct q8_err err = {0};
    struct q8_arena mem, small;
    struct q8_model model;
    struct q8_arch arch;
    bool ok = false;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    q8_arch_init(&arch, "llama", NULL);
    assert_true(q8_model_open(
        &model, q8_sprintf(&mem, &err, "%s/outliers/norms.safetensors", testdata), &mem, &err));
    for (uint64_t limit = 0; !ok; limit += 64) {
        struct q8_outlier_list list = {.count = 77};

        err = (struct q8_err){0};
        q8_arena_init(&small, limit);
        ok = q8_outlier_norms(&list, &model, &arch, &small, &err);
        if (!ok) {
            assert_int_equal(err.code, Q8_ELIMIT);
            assert_int_equal(list.count, 77);
        }
        assert_true(limit < 1 << 20);
        q8_arena_clear(&small);
    }
    q8_model_close(&model);
    q8_arena_clear(&mem);
}

static void outlier_model_without_norms_has_none(void **state)
{
    struct q8_outlier_list list;
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    find_norms(&list, "good/every-dtype.safetensors", NULL, &mem);
    assert_int_equal(list.sources, 0);
    assert_int_equal(list.count, 0);
    q8_arena_clear(&mem);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outlier_norms_of_kjv_llama_are_the_planted_six),
        cmocka_unit_test(outlier_norms_are_counted_by_layer),
        cmocka_unit_test(outlier_norms_add_one_where_the_class_does),
        cmocka_unit_test(outlier_norms_without_memory_are_a_limit),
        cmocka_unit_test(outlier_model_without_norms_has_none),
    };

    if (argc != 2)
        return 2;
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
