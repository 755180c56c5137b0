/* test_undo.c - floats of another type, what is beyond them, and what config.json says then */
#include "src/convert/plan_parts.h"
#include "src/model/coded/decode.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* IEEE 754 on paper: 2^-149, 1 + 2^-8 (a tie of BF16), 65519.99 and 65520 (the last half, and the
 * first beyond), NaN, infinities, -0. */
static const uint32_t f32[] = {0x00000001, 0x3f808000, 0x477fefff, 0x3f818000,
                               0x7fc00001, 0x7f800000, 0xff800000, 0x80000000};
static const uint16_t as_f16[] = {0x0000, 0x3c04, 0x7bff, 0x3c0c, 0x7e00, 0x7c00, 0xfc00, 0x8000};
static const uint16_t as_bf16[] = {0x0000, 0x3f80, 0x4780, 0x3f82, 0x7fc0, 0x7f80, 0xff80, 0x8000};

/* Opens a model of those tensors, all of its floats as `dtype`. */
static bool decode(struct scratch *s, const struct scratch_tensor *t, size_t count,
                   enum q8_dtype dtype)
{
    const struct q8_decode_options options = {Q8_DECODE_ALL, dtype, Q8_ISA_ref};

    scratch_make(s, "{}", t, count);
    assert_true(scratch_open(s));
    return q8_model_decode(&s->model, &options, &s->mem, &s->err);
}

static void cast_is_to_nearest_even(void **state)
{
    static const struct scratch_tensor t[] = {SCRATCH("a", "F32", "[2, 4]", f32),
                                              {"e", "F32", "[3, 0]", f32, 0},
                                              {"i", "I32", "[2]", f32, 8}};
    static const struct {
        enum q8_dtype dtype;
        const uint16_t *want;
    } rows[] = {{Q8_F16, as_f16}, {Q8_BF16, as_bf16}};
    uint16_t have[8];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scratch s;
        const struct q8_tensor *a;

        assert_true(decode(&s, t, COUNT(t), rows[i].dtype));
        a = q8_index_find(&s.model.index, "a");
        assert_true(a->dtype == rows[i].dtype && a->rank == 2 && a->nbytes == sizeof have);
        assert_true(q8_coded_is_cast(a->coded));
        assert_true(q8_model_read(&s.model, a, 0, have, sizeof have, &s.err));
        assert_memory_equal(have, rows[i].want, sizeof have);
        assert_true(q8_model_read(&s.model, a, 3, have, 5, &s.err)); /* from inside of one on */
        assert_memory_equal(have, (const char *)rows[i].want + 3, 5);
        assert_true(q8_index_find(&s.model.index, "e")->dtype == rows[i].dtype);
        assert_null(q8_index_find(&s.model.index, "e")->coded);
        assert_true(q8_index_find(&s.model.index, "i")->dtype == Q8_I32);
        scratch_close(&s);
    }
}

static void cast_keeps_router_biases(void **state)
{
    static const struct scratch_tensor t[] = {
        SCRATCH("model.layers.3.mlp.gate.e_score_correction_bias", "F32", "[8]", f32)};
    struct scratch s;

    (void)state;
    assert_true(decode(&s, t, 1, Q8_BF16));
    assert_true(s.model.index.tensor[0].dtype == Q8_F32 && !s.model.index.tensor[0].coded);
    scratch_close(&s);
}

static void cast_refuses_what_the_type_cannot_hold(void **state)
{
    static const float beyond[6] = {1, 2, 3, 4, -65520.F, 5};
    static const uint32_t largest[2] = {0x3f800000, 0x7f7fffff};
    static const double wide[3] = {0, 1e300, 1};
    static const struct {
        struct scratch_tensor t;
        enum q8_dtype dtype;
        const char *phrase;
    } rows[] = {
        {SCRATCH("a", "F32", "[2, 3]", beyond), Q8_F16, "row 1, column 1: -65520 is beyond F16"},
        {SCRATCH("a", "F32", "[2]", largest), Q8_BF16,
         "row 0, column 1: 3.40282347e+38 is beyond BF16; --to=f32"},
        {SCRATCH("a", "F64", "[3]", wide), Q8_F32, "row 0, column 1: 1e+300 is beyond F32"},
        {SCRATCH("a", "F64", "[3]", wide), Q8_F16, "row 0, column 1: 1e+300 is beyond F16"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scratch s;
        unsigned char have[24];

        assert_true(decode(&s, &rows[i].t, 1, rows[i].dtype));
        assert_false(q8_model_read(&s.model, s.model.index.tensor, 0, have,
                                   s.model.index.tensor->nbytes, &s.err));
        assert_int_equal(s.err.code, Q8_EINPUT);
        if (!strstr(s.err.text, rows[i].phrase))
            fail_msg("no '%s' in: %s", rows[i].phrase, s.err.text);
        scratch_close(&s);
    }
}

/* A number that overflows on its way out of FP8 is as bad. */
static void decode_refuses_what_the_type_cannot_hold(void **state)
{
    static const uint8_t codes[4] = {0x38, 0x7e, 0x00, 0x38}; /* 1, 448, 0, 1 */
    static const float scale[1] = {150};
    static const struct scratch_tensor t[] = {
        SCRATCH("m.weight", "F8_E4M3", "[2, 2]", codes),
        SCRATCH("m.weight_scale_inv", "F32", "[1, 1]", scale)};
    uint16_t have[4];
    struct scratch s;

    (void)state;
    assert_true(decode(&s, t, COUNT(t), Q8_F16));
    assert_false(q8_model_read(&s.model, s.model.index.tensor, 0, have, sizeof have, &s.err));
    assert_non_null(strstr(s.err.text, "row 0, column 1: 67200 is beyond F16"));
    scratch_close(&s);
    assert_true(decode(&s, t, COUNT(t), Q8_BF16));
    assert_true(q8_model_read(&s.model, s.model.index.tensor, 0, have, sizeof have, &s.err));
    scratch_close(&s);
}

/* compressed-tensors 0.20 computes in the type of the scales: 127 * 1.0078125 is 128 in BF16. */
static void decode_rounds_to_the_type_of_half_scales_first(void **state)
{
    static const int8_t codes[2] = {127, 1};
    static const uint16_t scale[1] = {0x3f81};
    static const struct scratch_tensor t[] = {SCRATCH("m.weight", "I8", "[1, 2]", codes),
                                              SCRATCH("m.weight_scale", "BF16", "[1, 1]", scale)};
    float have[2];
    struct scratch s;

    (void)state;
    assert_true(decode(&s, t, COUNT(t), Q8_F32));
    assert_true(q8_model_read(&s.model, s.model.index.tensor, 0, have, sizeof have, &s.err));
    assert_true(have[0] == 128 && have[1] == 1.0078125F);
    scratch_close(&s);
}

/* ---- config.json ---- */

static void edit_takes_out_members_and_sets_types(void **state)
{
    static const struct {
        const char *text, *f16, *int8;
    } rows[] = {
        {"{}", "{}", "{}"},
        {"{\n  \"quantization_config\": {\"a\": [1]},\n  \"b\": 2\n}\n", "{\n  \"b\": 2\n}\n",
         NULL},
        {"{\"a\": 1,\n \"quantization_config\": null}", "{\"a\": 1}", NULL},
        {"{ \"quantization_config\" : {} }", "{ }", NULL},
        {"{\"t\": {\"quantization_config\": 1, \"dtype\": \"float32\"}, \"d\": [{\"a\": NaN}]}",
         "{\"t\": { \"dtype\": \"float16\"}, \"d\": [{\"a\": NaN}]}",
         "{\"t\": { \"dtype\": \"float32\"}, \"d\": [{\"a\": NaN}]}"},
        {"{\"torch_dtype\": \"torch.bfloat16\", \"dtype\": \"auto\", \"x\": {\"dtype\": \"int8\"}}",
         "{\"torch_dtype\": \"float16\", \"dtype\": \"auto\", \"x\": {\"dtype\": \"int8\"}}", NULL},
        {"{\"dtype\": null, \"q\\u0022\": \"dtype\", \"a\": {\"quantization_config\": 1}, \"b\": "
         "1}",
         "{\"dtype\": null, \"q\\u0022\": \"dtype\", \"a\": {}, \"b\": 1}",
         "{\"dtype\": null, \"q\\u0022\": \"dtype\", \"a\": {}, \"b\": 1}"},
    };
    struct q8_model model = {.decoded = 1};
    struct q8_plan plan = {.model = &model};
    struct q8_err err = {0};
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    for (size_t i = 0; i < COUNT(rows); i++) {
        model.config = rows[i].text;
        model.config_len = strlen(rows[i].text);
        plan.options.target = q8_target_find_float("f16");
        assert_string_equal(q8_plan_edit(&plan, &mem, &err), rows[i].f16);
        plan.options.target = q8_target_find("ct-w8a8");
        assert_string_equal(q8_plan_edit(&plan, &mem, &err),
                            rows[i].int8 ? rows[i].int8 : rows[i].text);
    }
    q8_arena_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cast_is_to_nearest_even),
        cmocka_unit_test(cast_keeps_router_biases),
        cmocka_unit_test(cast_refuses_what_the_type_cannot_hold),
        cmocka_unit_test(decode_refuses_what_the_type_cannot_hold),
        cmocka_unit_test(decode_rounds_to_the_type_of_half_scales_first),
        cmocka_unit_test(edit_takes_out_members_and_sets_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
