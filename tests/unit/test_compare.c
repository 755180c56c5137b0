/*
 * test_compare.c - two tiny checkpoints of every combination of formats: verdicts, and numbers that
 * were worked out by hand
 */
#include "tests/unit/pair.h"
#include "src/compare/report.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

#define CT "{\"quantization_config\": {\"quant_method\": \"compressed-tensors\", \"format\": "
#define BNB "\"quantization_config\": {\"load_in_8bit\": true}}"

/* [2, 4], and what two of its elements became. */
static const float before[8] = {1, 2, -4, 0, 8, 3, -1, 0.5f};
static const float after[8] = {1, 2.5f, -4, 0, 8, 3, -1, 0.75f};
static const int8_t codes[8] = {1, 2, -4, 0, 16, 6, -2, 1};
static const float steps[2] = {1, 0.5f};
static const uint8_t packed[8] = {0x81, 0x82, 0x7c, 0x80, 0x90, 0x86, 0x7e, 0x81};
static const int64_t shape[2] = {2, 4};

/* Compares two files of one tensor each, which has that name in both. */
static const struct q8_compared *one(struct pair *p, const char *const config[2],
                                     struct scratch_tensor a, struct scratch_tensor b)
{
    if (!pair_run(p, config, &a, 1, &b, 1))
        fail_msg("%s", p->a.err.text);
    assert_int_equal(p->result.items, 1);
    return p->result.item;
}

static void compare_the_same_is_the_same(void **state)
{
    const struct scratch_tensor t = SCRATCH("x", "F32", "[2, 4]", before);
    static const char *const config[2] = {"{\"a\": [1, 2], \"b\": null}",
                                          "{\"b\": null, \"a\": [1, 2e0]}"};
    struct pair p = {0};

    (void)state;
    assert_int_equal(one(&p, config, t, t)->verdict, Q8_SAME_BYTES);
    assert_false(p.result.different);
    assert_true(p.result.have_configs);
    assert_int_equal(p.result.changes, 0);
    assert_int_equal(p.result.count[Q8_SAME_BYTES], 1);
    pair_close(&p);
}

/* max |a - b| 0.5, absmax 8; squares 1 + 4 + 16 + 64 + 9 + 1 + 0.25 over 0.25 + 0.0625 */
static void compare_values_gives_the_numbers_of_paper(void **state)
{
    struct pair p = {0};
    const struct q8_compared *c;

    (void)state;
    c = one(&p, NULL, (struct scratch_tensor)SCRATCH("x", "F32", "[2, 4]", before),
            (struct scratch_tensor)SCRATCH("x", "F32", "[2, 4]", after));
    assert_int_equal(c->verdict, Q8_OTHER_VALUES);
    assert_true(c->different && c->have_numbers && !c->type_changed);
    assert_int_equal(c->elements, 8);
    assert_int_equal(c->unequal, 2);
    assert_true(c->most == 0.5 && c->absmax == 8 && c->relative == 0.0625);
    assert_true(fabs(c->sqnr - 10 * log10(95.25 / 0.3125)) <= 1e-12);
    assert_false(p.result.have_configs); /* bare files */
    pair_close(&p);
}

static void compare_tolerance_is_inclusive(void **state)
{
    struct pair p = {.options.tolerance = 0.0625};
    const struct scratch_tensor a = SCRATCH("x", "F32", "[2, 4]", before);
    const struct scratch_tensor b = SCRATCH("x", "F32", "[2, 4]", after);

    (void)state;
    assert_false(one(&p, NULL, a, b)->different);
    assert_false(p.result.different);
    pair_close(&p);
    p = (struct pair){.options.tolerance = 0.0624};
    assert_true(one(&p, NULL, a, b)->different);
    pair_close(&p);
}

/* What is not finite, and the zero with a sign. */
static void compare_special_values(void **state)
{
    static const struct {
        float a[2], b[2];
        enum q8_verdict verdict;
        uint64_t unequal;
        double relative;
    } cases[] = {
        {{NAN, 1}, {NAN, 1}, Q8_SAME_BYTES, 0, 0},
        {{NAN, 1}, {-NAN, 1}, Q8_SAME_VALUES, 0, 0},
        {{INFINITY, 1}, {INFINITY, 2}, Q8_OTHER_VALUES, 1, 1},
        {{0.0f, 1}, {-0.0f, 1}, Q8_SAME_VALUES, 0, 0},
        {{NAN, 1}, {3, 1}, Q8_OTHER_VALUES, 1, NAN},
        {{NAN, INFINITY}, {INFINITY, -INFINITY}, Q8_OTHER_VALUES, 2, NAN},
        {{1, INFINITY}, {1, 2}, Q8_OTHER_VALUES, 1, INFINITY},
        {{0, 0}, {0, 1}, Q8_OTHER_VALUES, 1, INFINITY},
        {{0x1p-140f, 1}, {0x1p-141f, 1}, Q8_OTHER_VALUES, 1, 0x1p-141},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pair p = {.options.tolerance = 0.5};
        const struct scratch_tensor a = SCRATCH("x", "F32", "[2]", cases[i].a);
        const struct scratch_tensor b = SCRATCH("x", "F32", "[2]", cases[i].b);
        const struct q8_compared *c = one(&p, NULL, a, b);

        if (c->verdict != cases[i].verdict || c->unequal != cases[i].unequal ||
            (c->relative != cases[i].relative && !isnan(cases[i].relative)) ||
            isnan(c->relative) != isnan(cases[i].relative))
            fail_msg("case %zu: %s, %g", i, q8_verdict_name(c->verdict), c->relative);
        assert_int_equal(c->different,
                         cases[i].verdict == Q8_OTHER_VALUES && !(c->relative <= 0.5));
        if (c->verdict == Q8_OTHER_VALUES)
            assert_int_equal(isnan(c->sqnr), !isfinite(c->most));
        pair_close(&p);
    }
}

/* A type alone counts when nothing is tolerated. */
static void compare_types(void **state)
{
    static const uint16_t bf16[2] = {0x3f80, 0xc000}, f16[2] = {0x3c00, 0xc000};
    static const float f32[2] = {1, -2};
    static const double f64[2] = {1, -2};
    static const int32_t i32[2] = {1, -2};
    const struct scratch_tensor same[] = {
        SCRATCH("x", "BF16", "[2]", bf16), SCRATCH("x", "F16", "[2]", f16),
        SCRATCH("x", "F32", "[2]", f32), SCRATCH("x", "F64", "[2]", f64)};
    const struct scratch_tensor whole = SCRATCH("x", "I32", "[2]", i32);

    (void)state;
    for (size_t i = 0; i < COUNT(same); i++)
        for (size_t k = 0; k < 2 * COUNT(same); k++) {
            struct pair p = {.options.tolerance = k < COUNT(same) ? 0 : 0.001};
            const struct q8_compared *c = one(&p, NULL, same[i], same[k % COUNT(same)]);

            assert_int_equal(c->verdict, i == k % COUNT(same) ? Q8_SAME_BYTES : Q8_SAME_VALUES);
            assert_int_equal(c->different, k < COUNT(same) && i != k);
            assert_int_equal(c->type_changed, i != k % COUNT(same));
            pair_close(&p);
        }
    for (size_t i = 0; i < COUNT(same); i++) {
        struct pair p = {.options.tolerance = 10};

        assert_int_equal(one(&p, NULL, same[i], whole)->verdict, Q8_OTHER_TYPE);
        assert_true(p.result.different);
        pair_close(&p);
    }
}

static void compare_integers_counts_elements(void **state)
{
    static const int32_t a[4] = {1, 2, 3, 4}, b[4] = {1, 3, 3, 5};
    struct pair p = {.options.tolerance = 10};
    const struct q8_compared *c;

    (void)state;
    c = one(&p, NULL, (struct scratch_tensor)SCRATCH("x", "I32", "[4]", a),
            (struct scratch_tensor)SCRATCH("x", "I32", "[4]", b));
    assert_int_equal(c->verdict, Q8_OTHER_VALUES);
    assert_true(c->different && !c->have_numbers);
    assert_int_equal(c->elements, 4);
    assert_int_equal(c->unequal, 2);
    pair_close(&p);
}

/* On one side only, of other shapes, then by relative difference. */
static void compare_lists_the_worst_first(void **state)
{
    const struct scratch_tensor a[] = {
        SCRATCH("a.same", "F32", "[2, 4]", before), SCRATCH("b.small", "F32", "[8]", before),
        SCRATCH("c.gone", "F32", "[2]", before),    SCRATCH("d.large", "F32", "[2]", after),
        SCRATCH("e.shape", "F32", "[8]", before),
    };
    const struct scratch_tensor b[] = {
        SCRATCH("a.same", "F32", "[2, 4]", before),  SCRATCH("b.small", "F32", "[8]", after),
        SCRATCH("a.new", "F32", "[2]", before),      SCRATCH("d.large", "F32", "[2]", steps),
        SCRATCH("e.shape", "F32", "[2, 4]", before),
    };
    static const char *const order[] = {"c.gone",  "a.new",   "e.shape",
                                        "d.large", "b.small", "a.same"};
    struct scratch_tensor x[COUNT(a)], y[COUNT(b)];
    struct pair p = {0};

    (void)state;
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    x[2].bytes = x[3].bytes = y[2].bytes = 2 * sizeof(float);
    assert_true(pair_run(&p, NULL, x, COUNT(a), y, COUNT(b)));
    assert_int_equal(p.result.items, COUNT(order));
    for (size_t i = 0; i < COUNT(order); i++)
        assert_string_equal(p.result.item[i].name, order[i]);
    assert_int_equal(p.result.differing, 5);
    pair_close(&p);
}

/* The same weight as floats and in three layouts of codes: equal in value, parts not listed. */
static void compare_codes_with_floats(void **state)
{
    static const float absmax[2] = {127, 63.5f}; /* steps of 127 * fl(1/127) = 1 and 0.5 */
    static const char *const config[4] = {"{}", "{" BNB, CT "\"int-quantized\"}}",
                                          CT "\"pack-quantized\"}}"};
    static const char *const types[4] = {"F32", "int8 bitsandbytes", "int8 F32 channel",
                                         "int8 packed F32 channel"};
    const struct scratch_tensor t[4][3] = {
        {SCRATCH("m.q.weight", "F32", "[2, 4]", before)},
        {SCRATCH("m.q.weight", "I8", "[2, 4]", codes), SCRATCH("m.q.SCB", "F32", "[2]", absmax)},
        {SCRATCH("m.q.weight", "I8", "[2, 4]", codes),
         SCRATCH("m.q.weight_scale", "F32", "[2, 1]", steps)},
        {SCRATCH("m.q.weight_packed", "I32", "[2, 1]", packed),
         SCRATCH("m.q.weight_scale", "F32", "[2, 1]", steps),
         SCRATCH("m.q.weight_shape", "I64", "[2]", shape)},
    };
    static const size_t counts[4] = {1, 2, 2, 3};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++) {
            const char *const both[2] = {config[i], config[k]};
            struct pair p = {0};
            char text[200];

            if (!pair_run(&p, both, t[i], counts[i], t[k], counts[k]))
                fail_msg("%s", p.a.err.text);
            assert_int_equal(p.result.items, 1);
            assert_string_equal(p.result.item->name, "m.q.weight");
            assert_int_equal(p.result.item->verdict, i == k ? Q8_SAME_BYTES : Q8_SAME_VALUES);
            assert_int_equal(p.result.item->type_changed, i != k);
            assert_string_equal(q8_side_type(&p.result.item->a, text, sizeof text), types[i]);
            assert_string_equal(q8_side_type(&p.result.item->b, text, sizeof text), types[k]);
            assert_string_equal(q8_side_shape(&p.result.item->b, text, sizeof text), "[2, 4]");
            pair_close(&p);
        }
}

static void compare_scales_alone_make_a_difference(void **state)
{
    static const float other[2] = {1, 0.25f};
    const struct scratch_tensor a[] = {SCRATCH("m.weight", "I8", "[2, 4]", codes),
                                       SCRATCH("m.weight_scale", "F32", "[2]", steps)};
    const struct scratch_tensor b[] = {a[0], SCRATCH("m.weight_scale", "F32", "[2]", other)};
    struct pair p = {0};

    (void)state;
    assert_true(pair_run(&p, NULL, a, 2, b, 2));
    assert_int_equal(p.result.item->verdict, Q8_OTHER_VALUES);
    assert_int_equal(p.result.item->unequal, 4); /* 8 3 -1 0.5 halved */
    assert_true(p.result.item->most == 4 && p.result.item->relative == 0.5);
    pair_close(&p);
}

/* bitsandbytes stores a Conv1D [in, out] as [out, in]. */
static void compare_conv1d_is_turned(void **state)
{
    static const char *const config[2] = {
        "{\"model_type\": \"gpt2\", \"architectures\": [\"GPT2LMHeadModel\"]}",
        "{\"model_type\": \"gpt2\", \"architectures\": [\"GPT2LMHeadModel\"], " BNB};
    static const float absmax[2] = {127, 127};
    static const float turned[8] = {1, 16, 2, 6, -4, -2, 0, 1};
    const struct scratch_tensor a =
        SCRATCH("transformer.h.0.mlp.c_fc.weight", "F32", "[4, 2]", turned);
    const struct scratch_tensor b[] = {
        SCRATCH("transformer.h.0.mlp.c_fc.weight", "I8", "[2, 4]", codes),
        SCRATCH("transformer.h.0.mlp.c_fc.SCB", "F32", "[2]", absmax)};
    const char *const swapped[2] = {config[1], config[0]};
    struct pair p = {0};

    (void)state;
    assert_true(pair_run(&p, config, &a, 1, b, 2));
    assert_int_equal(p.result.item->verdict, Q8_SAME_VALUES);
    assert_non_null(p.result.item->note);
    assert_int_equal(p.result.changes, 1);
    pair_close(&p);
    p = (struct pair){0};
    assert_true(pair_run(&p, swapped, b, 2, &a, 1));
    assert_int_equal(p.result.item->verdict, Q8_SAME_VALUES);
    pair_close(&p);
}

/* Two experts of [1, 2] gate over [1, 2] up. */
static void compare_fused_experts_with_split_ones(void **state)
{
    static const char config[] = "{\"model_type\": \"qwen3_vl_moe\", \"architectures\": "
                                 "[\"Qwen3VLMoeForConditionalGeneration\"]}";
    static const char *const both[2] = {config, config};
    static const int8_t gate_codes[2] = {1, 2};
    const struct scratch_tensor a =
        SCRATCH("l.0.mlp.experts.gate_up_proj", "F32", "[2, 2, 2]", before);
    const struct scratch_tensor b[] = {
        SCRATCH("l.0.mlp.experts.0.gate_proj.weight", "I8", "[1, 2]", gate_codes),
        SCRATCH("l.0.mlp.experts.0.gate_proj.weight_scale", "F32", "[1]", steps),
        {"l.0.mlp.experts.0.up_proj.weight", "F32", "[1, 2]", before + 2, 8},
        {"l.0.mlp.experts.1.gate_proj.weight", "F32", "[1, 2]", before + 4, 8},
        {"l.0.mlp.experts.1.up_proj.weight", "F32", "[1, 2]", after + 6, 8},
    };
    struct scratch_tensor t[COUNT(b)];
    struct pair p = {0};

    (void)state;
    memcpy(t, b, sizeof t);
    t[1].bytes = 4;
    if (!pair_run(&p, both, &a, 1, t, COUNT(t)))
        fail_msg("%s", p.a.err.text);
    assert_int_equal(p.result.items, 4);
    assert_int_equal(p.result.count[Q8_SAME_BYTES], 2);
    assert_int_equal(p.result.count[Q8_SAME_VALUES], 1);
    assert_string_equal(p.result.item[0].name, "l.0.mlp.experts.1.up_proj.weight");
    assert_true(p.result.item[0].most == 0.25);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare_the_same_is_the_same),
        cmocka_unit_test(compare_values_gives_the_numbers_of_paper),
        cmocka_unit_test(compare_tolerance_is_inclusive),
        cmocka_unit_test(compare_special_values),
        cmocka_unit_test(compare_types),
        cmocka_unit_test(compare_integers_counts_elements),
        cmocka_unit_test(compare_lists_the_worst_first),
        cmocka_unit_test(compare_codes_with_floats),
        cmocka_unit_test(compare_scales_alone_make_a_difference),
        cmocka_unit_test(compare_conv1d_is_turned),
        cmocka_unit_test(compare_fused_experts_with_split_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
