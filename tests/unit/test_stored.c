/*
 * test_stored.c - int8 weights as bitsandbytes and llm-compressor store them (formats.md 2.1.1,
 * 2.2.1, 2.2.3): found, refused, and dequantized to values worked out by hand
 */
#include "src/scheme/decode.h"
#include "tests/unit/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

#define BNB                                                                                        \
    "{\"quantization_config\": {\"quant_method\": \"bitsandbytes\", \"load_in_8bit\": true}}"
#define CT_WITH(format, weights)                                                                   \
    "{\"quantization_config\": {\"quant_method\": \"compressed-tensors\", \"format\": \"" format   \
    "\", \"quantization_status\": \"compressed\", \"config_groups\": {\"group_0\": {\"weights\": " \
    "{" weights "}}}}}"
#define CT(format) CT_WITH(format, "\"num_bits\": 8, \"type\": \"int\", \"symmetric\": true")

/* Two rows of four codes, and scales for them. */
static const int8_t codes[8] = {127, -127, 0, 64, -1, 1, 2, -64};
static const float halves[2] = {0.5f, 2.0f}, one_step[1] = {0.25f};
static const float four_steps[4] = {0.5f, 2.0f, 0.25f, 4.0f};
static const uint16_t bf16_steps[2] = {0x3f00, 0x4000}; /* 0.5, 2 */
static const uint16_t f16_steps[2] = {0x3800, 0x4000};
static const uint8_t row_order[1] = {0}, other_order[1] = {2};

/* Rows of six codes ^ 0x80 in two words: 0x80 is 0, 0x81 1, 0xff 127, 0x00 -128; zeros pad. */
static const uint8_t words[16] = {0x80, 0x81, 0xff, 0x00, 0x7f, 0x82, 0, 0,
                                  0x81, 0x80, 0x80, 0x80, 0x80, 0x00, 0, 0};
static const int64_t six_cols[2] = {2, 6}, nine_cols[2] = {2, 9}, sixteen_cols[2] = {2, 16};
static const int32_t six_cols32[2] = {2, 6};

static const struct scratch_tensor bnb_parts[] = {
    SCRATCH("a.mlp.weight", "I8", "[2, 4]", codes), SCRATCH("a.mlp.SCB", "F32", "[2]", halves),
    SCRATCH("a.mlp.weight_format", "U8", "[]", row_order),
    SCRATCH("norm.weight", "F32", "[2]", halves)};

/* Dequantizes the first weight of a scratch model, rows one by one and all together. */
static void decode(struct scratch *s, const struct q8_stored_list *list, const float *want)
{
    const struct q8_stored *w = &list->weight[0];
    struct q8_kernels kernels;
    struct q8_decoder d;
    float have[64];

    q8_kernels_init(&kernels, q8_isa_detect(Q8_ISAS));
    assert_true(q8_decoder_bytes(list, 64) > 0);
    assert_true(q8_decoder_init(&d, list, 64, &kernels, &s->mem, &s->err));
    assert_true(q8_decode_rows(&d, w, 0, 2, have, &s->err));
    for (uint64_t i = 0; i < 2 * w->cols; i++)
        assert_true(have[i] == want[i]);
    for (uint64_t row = 0; row < 2; row++) {
        assert_true(q8_decode_rows(&d, w, row, 1, have, &s->err));
        assert_memory_equal(have, want + row * w->cols, w->cols * sizeof *have);
    }
    assert_true(q8_decode_rows(&d, w, 0, 2, NULL, &s->err)); /* codes and steps alone */
    assert_int_equal(d.codes[0],
                     ((const uint8_t *)codes)[0] * (w->scheme->layout != Q8_LAYOUT_PACKED));
}

/* Finds one weight, and what it dequantizes to. */
static void expect(const char *config, const struct scratch_tensor *t, size_t count,
                   const char *layout, const float *want)
{
    struct q8_stored_list list;
    struct scratch s;

    scratch_make(&s, config, t, count);
    assert_true(scratch_open(&s));
    if (!q8_stored_find(&list, &s.model, &s.mem, &s.err))
        fail_msg("%s", s.err.text);
    assert_int_equal(list.count, 1);
    assert_string_equal(q8_layouts[list.layout].name, layout);
    decode(&s, &list, want);
    scratch_close(&s);
}

/* absmax 0.5 and 2: code 127 gives it back but for one rounding (127 * fl(1 / 127) is 1). */
static void coded_bitsandbytes_is_absmax_over_127(void **state)
{
    const float c = (float)(1.0 / 127);
    const float want[8] = {127 * (0.5f * c), -127 * (0.5f * c), 0,
                           64 * (0.5f * c),  -1 * (2 * c),      2 * c,
                           2 * (2 * c),      -64 * (2 * c)};
    struct scratch_tensor t[COUNT(bnb_parts)];

    (void)state;
    memcpy(t, bnb_parts, sizeof t);
    expect(BNB, t, 4, "bitsandbytes", want);
    expect(NULL, t, 4, "bitsandbytes", want); /* a bare file */
    t[1].shape = "[2, 1]";
    expect(BNB, t, 2, "bitsandbytes", want); /* weight_format may be absent */
    expect("{\"quantization_config\": {\"load_in_8bit\": true}}", t, 2, "bitsandbytes", want);
    assert_true(fabsf(want[0] - 0.5f) <= 0.5f * 0x1p-23f);
}

/*
 * The order of roundings is not bitsandbytes' own, fl(fl(code * absmax) * fl(1 / 127)); the bound
 * of stored.h holds for every code of many scales.
 */
static void coded_bitsandbytes_step_is_near_its_order_of_rounding(void **state)
{
    const float c = (float)7.874015718698502e-3;

    (void)state;
    for (uint16_t bits = 0x0400; bits < 0x7c00; bits += 7) { /* normal fp16 numbers */
        const float scale = q8_half_to_float(bits), step = scale * c;

        for (int code = -128; code < 128; code++) {
            const float theirs = (float)code * scale * c, ours = (float)code * step;

            assert_true(fabsf(theirs - ours) <= 3.01f * 0x1p-24f * fabsf(theirs));
        }
    }
}

static void coded_int_quantized_takes_scales_of_every_type(void **state)
{
    static const float want[8] = {63.5f, -63.5f, 0, 32, -2, 2, 4, -128};
    static const float shared[8] = {31.75f, -31.75f, 0, 16, -0.25f, 0.25f, 0.5f, -16};
    static const float groups[8] = {63.5f, -63.5f, 0, 128, -0.25f, 0.25f, 8, -256};
    const struct scratch_tensor scales[] = {
        SCRATCH("a.mlp.weight_scale", "F32", "[2, 1]", halves),
        SCRATCH("a.mlp.weight_scale", "BF16", "[2, 1]", bf16_steps),
        SCRATCH("a.mlp.weight_scale", "F16", "[2]", f16_steps),
    };
    struct scratch_tensor t[2] = {SCRATCH("a.mlp.weight", "I8", "[2, 4]", codes)};

    (void)state;
    for (size_t i = 0; i < COUNT(scales); i++) {
        t[1] = scales[i];
        expect(CT("int-quantized"), t, 2, "int-quantized", want);
        expect(NULL, t, 2, "int-quantized", want);
    }
    t[1] = (struct scratch_tensor)SCRATCH("a.mlp.weight_scale", "F32", "[1]", one_step);
    expect(CT("naive-quantized"), t, 2, "int-quantized", shared);
    t[1].shape = "[]";
    expect(CT("mixed-precision"), t, 2, "mixed-precision", shared);
    t[1] = (struct scratch_tensor)SCRATCH("a.mlp.weight_scale", "F32", "[2, 2]", four_steps);
    expect(CT("int-quantized"), t, 2, "int-quantized", groups);
}

/* Groups of three columns in rows of six, which leave two bytes of padding. */
static void coded_pack_quantized_is_unpacked(void **state)
{
    static const float want[12] = {0, 0.5f, 63.5f, -256, -2, 4, 0.25f, 0, 0, 0, 0, -512};
    const struct scratch_tensor shapes[] = {
        SCRATCH("a.mlp.weight_shape", "I64", "[2]", six_cols),
        SCRATCH("a.mlp.weight_shape", "I32", "[2]", six_cols32),
    };
    struct scratch_tensor t[3] = {SCRATCH("a.mlp.weight_packed", "I32", "[2, 2]", words),
                                  SCRATCH("a.mlp.weight_scale", "F32", "[2, 2]", four_steps)};

    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        t[2] = shapes[i];
        expect(CT("pack-quantized"), t, 3, "pack-quantized", want);
        expect(NULL, t, 3, "pack-quantized", want);
    }
}

/* '-' sorts before '.', so the order of modules is not that of tensors. */
static void coded_modules_are_found_whatever_their_names(void **state)
{
    static const char *const names[] = {"a", "a-b", "a.b", "ab"};
    static const char *const parts[][2] = {{"a.weight", "a.weight_scale"},
                                           {"a-b.weight", "a-b.weight_scale"},
                                           {"a.b.weight", "a.b.weight_scale"},
                                           {"ab.weight", "ab.weight_scale"}};
    struct scratch_tensor t[9];
    struct q8_stored_list list;
    struct scratch s;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        t[2 * i] = (struct scratch_tensor)SCRATCH(parts[i][0], "I8", "[2, 4]", codes);
        t[2 * i + 1] = (struct scratch_tensor)SCRATCH(parts[i][1], "F32", "[2, 1]", halves);
    }
    t[8] = (struct scratch_tensor)SCRATCH("x.weight_shape", "I64", "[2]", six_cols);
    scratch_make(&s, CT("int-quantized"), t, 9);
    assert_true(scratch_open(&s));
    assert_true(q8_stored_find(&list, &s.model, &s.mem, &s.err));
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct q8_tensor *weight = q8_index_find(&s.model.index, parts[i][0]);
        const struct q8_tensor *scale = q8_index_find(&s.model.index, parts[i][1]);
        const struct q8_stored *w = q8_stored_find_module(&list, names[i]);

        assert_non_null(w);
        assert_string_equal(w->module, names[i]);
        assert_ptr_equal(q8_stored_of(&list, weight), w);
        assert_null(q8_stored_of(&list, scale));
        assert_true(q8_stored_is_part(&list, scale));
        assert_false(q8_stored_is_part(&list, weight));
    }
    assert_null(q8_stored_find_module(&list, "a.c"));
    assert_null(q8_stored_find_module(&list, ""));
    assert_false(q8_stored_is_part(&list, q8_index_find(&s.model.index, "x.weight_shape")));
    scratch_close(&s);
}

/* "-" sorts before ".": by tensor, "a-b" comes first. */
static void stored_weights_are_among_those_of_floats(void **state)
{
    const struct scratch_tensor t[] = {
        SCRATCH("a-b.weight", "F32", "[2, 1]", halves),
        SCRATCH("a.weight", "I8", "[2, 4]", codes),
        SCRATCH("a.weight_scale", "F32", "[2, 1]", halves),
        SCRATCH("b.weight_packed", "I32", "[2, 2]", words),
        SCRATCH("b.weight_scale", "F32", "[2, 2]", four_steps),
        SCRATCH("b.weight_shape", "I64", "[2]", six_cols),
    };
    static const char *const names[] = {"a", "a-b", "b"};
    static const uint64_t cols[] = {4, 1, 6};
    struct q8_stored_list list;
    struct q8_weight_list weights;
    const struct q8_arch arch = {0};
    struct scratch s;

    (void)state;
    scratch_make(&s, NULL, t, COUNT(t));
    assert_true(scratch_open(&s));
    assert_true(q8_stored_find(&list, &s.model, &s.mem, &s.err));
    assert_true(q8_stored_weights(&weights, &list, &arch, &s.mem, &s.err));
    assert_int_equal(weights.count, 3);
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct q8_weight *w = q8_weights_find_module(&weights, names[i]);
        uint64_t count;

        assert_ptr_equal(w, &weights.weight[i]);
        assert_ptr_equal(w->view.stored, q8_stored_find_module(&list, names[i]));
        assert_int_equal(w->kind, Q8_KIND_LINEAR);
        assert_int_equal(w->view.cols, cols[i]);
        assert_ptr_equal(*q8_weights_of(&weights, w->view.tensor, &count), w);
        assert_int_equal(count, 1);
    }
    scratch_close(&s);
}

static void coded_float_model_has_none(void **state)
{
    const struct scratch_tensor t[] = {SCRATCH("a.weight", "F32", "[2, 1]", halves),
                                       SCRATCH("b.weight", "I8", "[2, 4]", codes)};
    struct q8_stored_list list;
    struct scratch s;

    (void)state;
    scratch_make(&s, "{\"quantization_config\": null}", t, 2);
    assert_true(scratch_open(&s));
    assert_true(q8_stored_find(&list, &s.model, &s.mem, &s.err));
    assert_int_equal(list.count, 0);
    assert_int_equal(list.layout, Q8_LAYOUT_NONE);
    scratch_close(&s);
}

/* Runs the search over a model that it must refuse, with these words. */
static void refuse(const char *config, const struct scratch_tensor *t, size_t count, int code,
                   const char *text)
{
    struct q8_stored_list list;
    struct scratch s;

    scratch_make(&s, config, t, count);
    assert_true(scratch_open(&s));
    if (q8_stored_find(&list, &s.model, &s.mem, &s.err) || s.err.code != code ||
        !strstr(s.err.text, text))
        fail_msg("wants %d '%s', got %d '%s'", code, text, s.err.code, s.err.text);
    scratch_close(&s);
}

static void coded_parts_that_do_not_fit_are_refused(void **state)
{
    const struct scratch_tensor weight = SCRATCH("a.weight", "I8", "[2, 4]", codes);
    const struct scratch_tensor scb = SCRATCH("a.SCB", "F32", "[2]", halves);
    const struct scratch_tensor scale = SCRATCH("a.weight_scale", "F32", "[2, 1]", halves);
    const struct scratch_tensor packed = SCRATCH("a.weight_packed", "I32", "[2, 2]", words);
    const struct {
        const char *config;
        struct scratch_tensor t[3];
        int code;
        const char *text;
    } cases[] = {
        {BNB, {weight}, Q8_EINPUT, "tensor 'a.weight': there is no 'a.SCB' beside it"},
        {BNB, {scb}, Q8_EINPUT, "'a.SCB': expected a 'weight' of type I8 beside it, found none"},
        {BNB,
         {scb, SCRATCH("a.weight", "F32", "[2, 1]", halves)},
         Q8_EINPUT,
         "expected a 'weight' of type I8 beside it, found one of type F32"},
        {BNB,
         {weight, SCRATCH("a.SCB", "F32", "[1]", one_step)},
         Q8_EINPUT,
         "tensor 'a.SCB': it is F32 [1], which does not fit a weight of 2 rows and 4 columns"},
        {BNB,
         {weight, scb, SCRATCH("a.weight_format", "U8", "[]", other_order)},
         Q8_EUNSUPPORTED,
         "the order 2 of an old bitsandbytes"},
        {BNB,
         {scb, SCRATCH("a.weight", "I8", "[2, 2, 2]", codes)},
         Q8_EINPUT,
         "int8 codes need two dimensions"},
        {CT("int-quantized"), {weight, scb}, Q8_EINPUT, "there is no 'a.weight_scale' beside it"},
        {CT("int-quantized"), {scale}, Q8_EINPUT, "'a.weight_scale': expected a 'weight'"},
        {CT("int-quantized"),
         {weight, SCRATCH("a.weight_scale", "F32", "[1, 4]", four_steps)},
         Q8_EINPUT,
         "F32 [1, 4], which does not fit"},
        {CT("int-quantized"),
         {weight, SCRATCH("a.weight_scale", "I32", "[2, 1]", halves)},
         Q8_EINPUT,
         "expected F16, BF16 or F32"},
        {CT("int-quantized"),
         {weight, scale, SCRATCH("a.weight_zero_point", "I8", "[2, 4]", codes)},
         Q8_EUNSUPPORTED,
         "there is a 'weight_zero_point' beside it"},
        {CT("pack-quantized"), {packed, scale}, Q8_EINPUT, "there is no 'a.weight_shape'"},
        {CT("pack-quantized"),
         {packed, scale, SCRATCH("a.weight_shape", "I64", "[2]", nine_cols)},
         Q8_EUNSUPPORTED,
         "its codes have 7 bits; q8 reads 8"},
        {NULL,
         {packed, scale, SCRATCH("a.weight_shape", "I64", "[2]", sixteen_cols)},
         Q8_EUNSUPPORTED,
         "tensor 'a.weight_packed': its codes have 4 bits"},
        {NULL,
         {packed, scale, SCRATCH("a.weight_shape", "F32", "[2]", halves)},
         Q8_EINPUT,
         "tensor 'a.weight_shape': expected I64 [2]"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t count = 0;

        while (count < 3 && cases[i].t[count].name)
            count++;
        refuse(cases[i].config, cases[i].t, count, cases[i].code, cases[i].text);
    }
}

static void coded_other_quantizations_are_named(void **state)
{
    static const char *const cases[][2] = {
        {"{\"quantization_config\": {\"quant_method\": \"gptq\", \"bits\": 4}}",
         "config.json: quantization_config: its weights are quantized by gptq (4 bits), but no"},
        {"{\"quantization_config\": {\"quant_method\": \"fp8\"}}", "quantized by fp8, but no"},
        {"{\"quantization_config\": {\"bits\": 8}}", "without a name (8 bits), which q8 does not"},
        {"{\"quantization_config\": {\"quant_method\": \"bitsandbytes\", \"load_in_4bit\": true}}",
         "bitsandbytes with 4 bits"},
        {"{\"quantization_config\": {\"quant_method\": \"bitsandbytes\"}}", "without load_in_8bit"},
        {CT_WITH("pack-quantized", "\"num_bits\": 4"), "group 'group_0': its weights have 4 bits"},
        {CT_WITH("float-quantized", "\"num_bits\": 8, \"type\": \"float\""), "the type float"},
        {CT_WITH("int-quantized", "\"num_bits\": 8, \"symmetric\": false"), "zero points"},
        {CT_WITH("int-quantized", "\"num_bits\": 8, \"strategy\": \"block\""), "strategy block"},
        {CT("marlin-24"), "the format is marlin-24"},
        {"{\"quantization_config\": {\"quant_method\": \"compressed-tensors\", \"format\": "
         "\"int-quantized\", \"quantization_status\": \"frozen\"}}",
         "quantization_status is frozen"},
        {"{\"quantization_config\": {\"quant_method\": \"compressed-tensors\", \"format\": "
         "\"int-quantized\", \"sparsity_config\": {\"format\": \"sparse-24-bitmask\"}}}",
         "sparsely (sparse-24-bitmask)"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        refuse(cases[i][0], bnb_parts, COUNT(bnb_parts), Q8_EUNSUPPORTED, cases[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coded_bitsandbytes_is_absmax_over_127),
        cmocka_unit_test(coded_bitsandbytes_step_is_near_its_order_of_rounding),
        cmocka_unit_test(coded_int_quantized_takes_scales_of_every_type),
        cmocka_unit_test(coded_pack_quantized_is_unpacked),
        cmocka_unit_test(coded_modules_are_found_whatever_their_names),
        cmocka_unit_test(stored_weights_are_among_those_of_floats),
        cmocka_unit_test(coded_float_model_has_none),
        cmocka_unit_test(coded_parts_that_do_not_fit_are_refused),
        cmocka_unit_test(coded_other_quantizations_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
