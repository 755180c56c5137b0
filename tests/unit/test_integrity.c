/*
 * test_integrity.c - tensors and config.json of an int8 model.  What each directory does is what
 * transformers 5.23 and compressed-tensors 0.20 did with one like it (formats.md 2.1.9, 2.2.4).
 */
#include "tests/unit/integrity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define BNB(members) "\"quantization_config\": {\"load_in_8bit\": true" members "}"
#define SKIP(list) ", \"llm_int8_skip_modules\": " list

static const struct scratch_tensor reference[] = {FLOAT_UP, NORM, HEAD, EMBED};
static const struct scratch_tensor bnb[] = {INT8_UP, PART(".SCB", "[2]", 8), NORM, HEAD, EMBED};

/* Checks `b` against the reference above; a later line of a table says what is to be found. */
static void expect(const char *what, const char *more, const struct scratch_tensor *b, size_t count,
                   const char *findings)
{
    struct checked c;

    if (!checked_pair(&c, more, reference, COUNT(reference), b, count))
        fail_msg("%s: %s", what, c.a.err.text);
    if (strcmp(c.found, findings) != 0)
        fail_msg("%s: expected\n%sfound\n%s", what, findings, c.found);
    checked_close(&c);
}

static void integrity_bitsandbytes_config_is_judged_as_transformers_does(void **state)
{
    static const struct {
        const char *members, *findings;
    } rows[] = {
        {BNB(), ""},
        {BNB(SKIP("null")), ""},
        {BNB(SKIP("[\"lm_head\"]") ", \"llm_int8_threshold\": 6.0"), ""},
        {BNB(SKIP("[\"head\"]")), ""},
        {BNB(SKIP("[]")), "!config-skip-missing lm_head\n"},
        {BNB(SKIP("[\"lm_head\", \"up_proj\"]")), "!config-skip-int8 " UP "\n"},
        {BNB(SKIP("[\"lm_head\", \"model.layers.0\"]")), "!config-skip-int8 " UP "\n"},
        {BNB(SKIP("[\"(?=x)\"]")), "!config-skip-missing lm_head\n"},
        {BNB(SKIP("[\"(?!model).*\"]")), ""},
        {BNB(SKIP("[\"[[:alpha:]]\"]")), "config-pattern config.json\n"},
        {BNB(SKIP("[\"((.|..)*)*[-+]\"]")), /* the shorter name is soon tried */
         "config-pattern config.json\n!config-skip-missing lm_head\n"},
        {BNB(SKIP("\"lm_head\"")), "!config-type config.json\n"},
        {BNB(SKIP("[\"lm_head\", 1]")), "!config-type config.json\n"},
        {BNB(", \"llm_int8_threshold\": 6"), "!config-threshold config.json\n"},
        {BNB(", \"llm_int8_threshold\": 6e0"), ""},
        {BNB(", \"llm_int8_threshold\": 0.0"), ""},
        {BNB(", \"llm_int8_threshold\": -0.5"), "!config-threshold config.json\n"},
        {BNB(", \"llm_int8_threshold\": null"), "!config-threshold config.json\n"},
        {BNB(", \"x\": {\"llm_int8_threshold\": 6}"), ""},
        {BNB(", \"x\": \"\\\"llm_int8_threshold\\\": 6\""), ""},
        {"\"time\": [NaN, -Infinity], " BNB(", \"llm_int8_threshold\": 6"),
         "!config-threshold config.json\n"},
        {"\"llm_int8_threshold\": 6, " BNB(), ""},
        {BNB(", \"x\": {\"llm_int8_threshold\": 6}, \"llm_int8_threshold\": 6.0"), ""},
        {BNB(", \"x\": \"\\\"{\\\"\", \"llm_int8_threshold\": 6"),
         "!config-threshold config.json\n"},
        {BNB(", \"llm_int8_has_fp16_weight\": true"), "!config-type config.json\n"},
        {BNB(", \"llm_int8_enable_fp32_cpu_offload\": null"), "!config-type config.json\n"},
        {BNB(", \"bnb_4bit_quant_type\": \"nf4\", \"bnb_4bit_compute_dtype\": null"), ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(rows[i].members, rows[i].members, bnb, COUNT(bnb), rows[i].findings);
}

static void integrity_without_quantization_config_fails(void **state)
{
    (void)state;
    expect("none", NULL, bnb, COUNT(bnb), "!config-missing config.json\n");
    expect("null", "\"quantization_config\": null", bnb, COUNT(bnb),
           "!config-missing config.json\n");
}

static void integrity_float_linear_needs_a_place_in_the_list(void **state)
{
    static const struct scratch_tensor down =
        SCRATCH("model.layers.0.mlp.down_proj.weight", "F32", "[4, 2]", floats);
    const struct scratch_tensor a[] = {FLOAT_UP, down, HEAD};
    const struct scratch_tensor b[] = {INT8_UP, PART(".SCB", "[2]", 8), down, HEAD};
    struct checked c;

    (void)state;
    assert_true(checked_pair(&c, BNB(), a, 3, b, 4)); /* null: heads alone */
    assert_string_equal(c.found, "!config-skip-missing model.layers.0.mlp.down_proj\n");
    checked_close(&c);
    assert_true(
        checked_pair(&c, BNB(SKIP("[\"lm_head\", \"model.layers.0.mlp.down_proj\"]")), a, 3, b, 4));
    assert_string_equal(c.found, "");
    checked_close(&c);
}

static void integrity_int8_head_and_embedding_are_seen(void **state)
{
    static const struct scratch_tensor b[] = {
        SCRATCH("lm_head.weight", "I8", "[2, 4]", codes),
        {"lm_head.SCB", "F32", "[2]", floats, 8},
        SCRATCH("model.embed_tokens.weight", "I8", "[2, 4]", codes),
        {"model.embed_tokens.SCB", "F32", "[2]", floats, 8},
        INT8_UP,
        PART(".SCB", "[2]", 8),
        NORM,
    };

    (void)state;
    expect("null", BNB(), b, COUNT(b),
           "!config-skip-int8 lm_head\n!config-not-linear model.embed_tokens\n");
    expect("[]", BNB(SKIP("[]")), b, COUNT(b), "!config-not-linear model.embed_tokens\n");
}

/* compressed-tensors: a group, and what is around it. */
#define CT(format, groups, more)                                                                   \
    "\"quantization_config\": {\"quant_method\": \"compressed-tensors\", \"format\": \"" format    \
    "\", \"config_groups\": {" groups "}" more "}"
#define STATUS ", \"quantization_status\": \"compressed\""
#define GROUP(targets, strategy, acts)                                                             \
    "\"g\": {\"targets\": " targets ", \"weights\": {\"num_bits\": 8, \"strategy\": " strategy     \
    "}, \"input_activations\": " acts "}"
#define LINEAR "[\"Linear\"]"
#define HEADS ", \"ignore\": [\"lm_head\"]"

static void integrity_int_quantized_config_is_judged(void **state)
{
    static const struct scratch_tensor b[] = {INT8_UP, PART(".weight_scale", "[2, 1]", 8), NORM,
                                              HEAD, EMBED};
    static const struct {
        const char *more, *findings;
    } rows[] = {
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "{}"), STATUS HEADS), ""},
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "{}"), HEADS),
         "!config-status config.json\n"},
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "{}"), STATUS),
         "!config-ignore-missing lm_head\n"},
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "{}"),
            STATUS ", \"ignore\": [\"re:.*head\"]"),
         ""},
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "{}"),
            STATUS ", \"ignore\": [\"re:(?!model)\"]"),
         ""},
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "{}"),
            STATUS ", \"ignore\": [\"re:(?R)\"]"),
         "config-pattern config.json\n"},
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "{}"),
            STATUS ", \"ignore\": [\"lm_head\", \"re:((.|..)*)*[-+]\"]"),
         "config-pattern config.json\n"},
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "{}"),
            STATUS ", \"ignore\": [\"lm_head\", \"re:.*up_proj$\"]"),
         "!config-ignore-int8 " UP "\n"},
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "{}"), STATUS ", \"ignore\": " LINEAR),
         "!config-ignore-int8 " UP "\n"},
        {CT("int-quantized", GROUP(LINEAR, "\"channel\"", "null"), STATUS HEADS),
         "!config-format config.json\n"},
        {CT("int-quantized", GROUP(LINEAR, "\"tensor\"", "{}"), STATUS HEADS),
         "!config-strategy " UP "\n"},
        {CT("int-quantized", GROUP(LINEAR, "\"group\", \"group_size\": 2", "{}"), STATUS HEADS),
         "!config-strategy " UP "\n"},
        {CT("int-quantized", GROUP(LINEAR, "null, \"group_size\": -1", "{}"), STATUS HEADS), ""},
        {CT("pack-quantized", GROUP(LINEAR, "\"channel\"", "null"), STATUS HEADS),
         "!config-format " UP "\n"},
        {CT("int-quantized", GROUP("[\"re:.*self_attn\"]", "\"channel\"", "{}"), STATUS),
         "!config-target " UP "\n"},
        {CT("int-quantized", GROUP("[\"re:.*(?=x)\"]", "\"channel\"", "{}"), STATUS),
         "!config-target " UP "\n"},
        {CT("int-quantized", GROUP("[\"re:((.|..)*)*[-+]\"]", "\"channel\"", "{}"), STATUS),
         "config-pattern config.json\n"},
        {CT("int-quantized", GROUP("[\"" UP "\"]", "\"channel\"", "{}"), STATUS), ""},
        {CT("int-quantized", "", STATUS HEADS), "!config-target config.json\n"},
        {CT("int-quantized", "\"W8A8\": " LINEAR, STATUS HEADS), ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(rows[i].more, rows[i].more, b, COUNT(b), rows[i].findings);
}

/* vLLM takes int8 activations with whole rows alone (formats.md 2.2.5). */
static void integrity_int_quantized_in_groups_fails(void **state)
{
    static const struct scratch_tensor b[] = {INT8_UP, PART(".weight_scale", "[2, 2]", 16), NORM,
                                              HEAD, EMBED};

    (void)state;
    expect("groups",
           CT("int-quantized", GROUP(LINEAR, "\"group\", \"group_size\": 2", "{}"), STATUS HEADS),
           b, COUNT(b), "!config-strategy config.json\n");
}

static void integrity_pack_quantized_config_is_judged(void **state)
{
    static const struct scratch_tensor b[] = {
        PACKED_UP, PART(".weight_scale", "[2, 2]", 16), SHAPE_UP, NORM, HEAD, EMBED};
    static const struct {
        const char *more, *findings;
    } rows[] = {
        {CT("pack-quantized", GROUP(LINEAR, "\"group\", \"group_size\": 2", "null"), STATUS HEADS),
         ""},
        {CT("pack-quantized", GROUP(LINEAR, "\"group\", \"group_size\": 4", "null"), STATUS HEADS),
         "!config-strategy " UP "\n"},
        {CT("pack-quantized", GROUP(LINEAR, "\"channel\"", "null"), STATUS HEADS),
         "!config-strategy " UP "\n"},
        {CT("pack-quantized", GROUP(LINEAR, "\"group\", \"group_size\": 2", "{}"), STATUS HEADS),
         "!config-format config.json\n"},
        {CT("mixed-precision", GROUP(LINEAR, "\"group\", \"group_size\": 2", "{}"), STATUS HEADS),
         ""},
        /* the name goes before the regex, the regex before the class */
        {CT("pack-quantized",
            "\"a\": {\"targets\": [\"" UP
            "\"], \"weights\": {\"num_bits\": 8, \"strategy\": \"group\", \"group_size\": 2}}, "
            "\"b\": {\"targets\": [\"re:.*\"], \"weights\": {\"num_bits\": 8, \"strategy\": "
            "\"channel\"}}",
            STATUS HEADS),
         "!config-ignore-missing model.embed_tokens\n"},
        {CT("pack-quantized",
            "\"a\": {\"targets\": [\"re:.*up_proj\"], \"weights\": {\"num_bits\": 8, \"strategy\": "
            "\"channel\"}}, \"b\": {\"targets\": [\"Linear\"], \"weights\": {\"num_bits\": 8, "
            "\"strategy\": \"group\", \"group_size\": 2}}",
            STATUS HEADS),
         "!config-strategy " UP "\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(rows[i].more, rows[i].more, b, COUNT(b), rows[i].findings);
}

static void integrity_tied_head_counts_though_it_is_not_there(void **state)
{
    static const struct scratch_tensor a[] = {FLOAT_UP, EMBED};
    static const struct scratch_tensor b[] = {INT8_UP, PART(".SCB", "[2]", 8), EMBED};
    struct checked c;

    (void)state;
    assert_true(checked_pair(&c, BNB(SKIP("[]")), a, COUNT(a), b, COUNT(b)));
    assert_string_equal(c.found, "!config-skip-missing lm_head\n");
    checked_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integrity_bitsandbytes_config_is_judged_as_transformers_does),
        cmocka_unit_test(integrity_without_quantization_config_fails),
        cmocka_unit_test(integrity_float_linear_needs_a_place_in_the_list),
        cmocka_unit_test(integrity_int8_head_and_embedding_are_seen),
        cmocka_unit_test(integrity_int_quantized_config_is_judged),
        cmocka_unit_test(integrity_int_quantized_in_groups_fails),
        cmocka_unit_test(integrity_pack_quantized_config_is_judged),
        cmocka_unit_test(integrity_tied_head_counts_though_it_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
