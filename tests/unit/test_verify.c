/*
 * test_verify.c - a pair of tiny models from end to end: the numbers worked out by hand from
 * formats.md 2.1.2 and 2.2.2, and what level 1 says of scales and codes
 */
#include "src/verify/verify.h"
#include "src/verify/gate.h"
#include "tests/unit/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define UP "model.layers.0.mlp.up_proj"
#define CLASS "\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\""
#define BNB                                                                                        \
    "{" CLASS ", \"quantization_config\": {\"quant_method\": \"bitsandbytes\", "                   \
    "\"load_in_8bit\": true, \"llm_int8_threshold\": 6.0, "                                        \
    "\"llm_int8_skip_modules\": [\"lm_head\"]}}"
#define CT                                                                                         \
    "{" CLASS ", \"quantization_config\": {\"quant_method\": \"compressed-tensors\", "             \
    "\"format\": \"int-quantized\", \"quantization_status\": \"compressed\", "                     \
    "\"ignore\": [\"lm_head\"], \"config_groups\": {\"group_0\": {\"targets\": [\"Linear\"], "     \
    "\"weights\": {\"num_bits\": 8, \"type\": \"int\", \"symmetric\": true, "                      \
    "\"strategy\": \"channel\", \"dynamic\": false}, \"input_activations\": {\"num_bits\": 8, "    \
    "\"type\": \"int\", \"symmetric\": true, \"strategy\": \"token\", \"dynamic\": true}}}}}"

/* absmax 1, 2 and 0; y = w * 127 / absmax is 127, -63.5, 31.75, 0, then -127, 63.5, 1.27.. */
static const float weights[12] = {1, -0.5f, 0.25f, 0, -2, 1, 0.02f, 0, 0, 0, 0, 0};
static const int8_t codes[12] = {127, -64, 32, 0, -127, 64, 1, 0, 0, 0, 0, 0};
static const float absmax[3] = {1, 2, 0};
static const float norm[2] = {1, 2};

/* A pair and its verification. */
struct verified {
    struct scratch a, b;
    struct q8_gate gate;
    struct q8_verify_options options;
    struct q8_verify v;
};

static bool run(struct verified *s, enum q8_level level)
{
    s->options = (struct q8_verify_options){.reference = &s->a.model,
                                            .quantized = &s->b.model,
                                            .level = level,
                                            .mode = Q8_MODES,
                                            .threshold = NAN,
                                            .activations = {.tokens = 4, .seed = 1},
                                            .gate = &s->gate,
                                            .threads = 2,
                                            .isa = q8_isa_detect(Q8_ISAS - 1)};
    assert_true(scratch_open(&s->a) && scratch_open(&s->b));
    assert_true(q8_gate_init(&s->gate, &s->a.mem, &s->a.err));
    return q8_verify_run(&s->v, &s->options, &s->a.mem, &s->a.err);
}

static void close_pair(struct verified *s)
{
    scratch_close(&s->a);
    scratch_close(&s->b);
}

/* The float model, and a bitsandbytes one with those codes and scales. */
static void make_bnb(struct verified *s, const int8_t *c, const float *scb, const float *carried)
{
    static const uint8_t zero[1] = {0};
    const struct scratch_tensor a[] = {SCRATCH("model.norm.weight", "F32", "[2]", norm),
                                       SCRATCH(UP ".weight", "F32", "[3, 4]", weights)};
    const struct scratch_tensor b[] = {{"model.norm.weight", "F32", "[2]", carried, sizeof norm},
                                       {UP ".weight", "I8", "[3, 4]", c, 12},
                                       {UP ".SCB", "F32", "[3]", scb, 12},
                                       SCRATCH(UP ".weight_format", "U8", "[]", zero)};

    *s = (struct verified){0};
    scratch_make(&s->a, "{" CLASS "}", a, 2);
    scratch_make(&s->b, BNB, b, 4);
}

static const struct q8_finding *find(const struct verified *s, const char *kind)
{
    for (uint64_t i = 0; i < s->v.findings.count; i++)
        if (strcmp(s->v.findings.list[i].kind, kind) == 0)
            return &s->v.findings.list[i];
    return NULL;
}

static void expect_finding(const struct verified *s, const char *kind, const char *name,
                           const char *text)
{
    const struct q8_finding *f = find(s, kind);

    if (!f)
        fail_msg("no finding %s", kind);
    assert_true(f->fails && s->v.failed);
    assert_string_equal(f->name, name);
    if (!strstr(f->text, text))
        fail_msg("'%s' is not in '%s'", text, f->text);
}

static void expect_pass(const struct verified *s)
{
    if (s->v.failed)
        fail_msg("%s: %s", s->v.findings.list[0].kind, s->v.findings.list[0].text);
}

/* Errors in steps: 0, 0.5, 0.25, 0 of 1/127; 0, 0.5, 0.27, 0 of 2/127. */
static void verify_clean_pair_passes_with_the_numbers_of_its_rounding(void **state)
{
    const double err2 = (0.25 + 0.0625 + 4 * (0.25 + 0.27 * 0.27)) / 127 / 127;
    const double val2 = 1 + 0.25 + 0.0625 + 4 + 1 + 0.0004;
    struct verified s;
    const struct q8_layer *l;

    (void)state;
    make_bnb(&s, codes, absmax, norm);
    assert_true(run(&s, Q8_LEVEL_MATMUL));
    l = &s.v.layer[0];
    expect_pass(&s);
    assert_int_equal(s.v.layers, 1);
    assert_int_equal(s.v.total.carried, 1);
    assert_int_equal(s.v.total.same, 1);
    assert_true(s.v.total.coverage == 100);
    assert_true(l->have_weights && l->have_matmul);
    assert_true(fabs(l->weights.relative_mse / (err2 / val2) - 1) < 1e-5);
    assert_true(fabs(l->weights.sqnr - 10 * log10(val2 / err2)) < 1e-4);
    assert_true(fabs(l->weights.most_steps - 0.5) < 1e-5);
    assert_true(l->weights.off == 0 && l->weights.ties == 0 && l->weights.scales_off == 0);
    assert_int_equal(l->weights.scales, 3);
    assert_int_equal(l->weights.worsts, 2);       /* a row of zeros loses nothing */
    assert_int_equal(l->weights.worst[0].row, 1); /* 5.0004 / 1.29 is below 1.3125 / 0.3125 */
    assert_int_equal(l->matmul.mode, Q8_MODE_BNB);
    assert_true(l->matmul.threshold == 6 && l->matmul.tokens == 4 && isnan(l->matmul.kl));
    assert_true(l->matmul.relative_error > 0 && l->matmul.relative_error < 0.05);
    assert_string_equal(s.v.engine, "cpu");
    close_pair(&s);
}

/* -63.5 goes to -64 on a CPU; a division that is off by an ulp makes -63 of it. */
static void verify_other_side_of_a_tie_is_no_fault_of_bitsandbytes(void **state)
{
    struct verified s;
    int8_t c[12];

    (void)state;
    memcpy(c, codes, sizeof c);
    c[1] = -63;
    make_bnb(&s, c, absmax, norm);
    assert_true(run(&s, Q8_LEVEL_WEIGHTS));
    expect_pass(&s);
    assert_int_equal(s.v.layer[0].weights.ties, 1);
    assert_int_equal(s.v.layer[0].weights.off, 0);
    close_pair(&s);
}

static void verify_code_off_by_one_is_named_with_its_layer(void **state)
{
    struct verified s;
    int8_t c[12];

    (void)state;
    memcpy(c, codes, sizeof c);
    c[2] = 33;
    make_bnb(&s, c, absmax, norm);
    assert_true(run(&s, Q8_LEVEL_WEIGHTS));
    expect_finding(&s, "codes-off-by-one", UP, "");
    assert_int_equal(s.v.layer[0].weights.off, 1);
    assert_int_equal(s.v.layer[0].failing, 1);
    assert_int_equal(s.v.total.failing_layers, 1);
    close_pair(&s);
}

static void verify_scale_off_by_an_ulp_is_named(void **state)
{
    const float off[3] = {1, 0x1.000002p1f, 0};
    struct verified s;

    (void)state;
    make_bnb(&s, codes, off, norm);
    assert_true(run(&s, Q8_LEVEL_WEIGHTS));
    expect_finding(&s, "scales-ulp", UP, "row 1");
    assert_int_equal(s.v.layer[0].weights.scales_off, 1);
    close_pair(&s);
}

static void verify_scales_that_no_runtime_can_use_fail_at_level_1(void **state)
{
    static const struct {
        float scale;
        const char *kind;
    } bad[] = {{NAN, "scale-not-finite"},
               {INFINITY, "scale-not-finite"},
               {-2, "scale-negative"},
               {0, "scale-zero"}};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (enum q8_level level = 0; level < Q8_LEVELS; level++) {
            const float scb[3] = {1, bad[i].scale, 0};
            struct verified s;

            make_bnb(&s, codes, scb, norm);
            assert_true(run(&s, level));
            expect_finding(&s, bad[i].kind, UP, "1 scales");
            expect_finding(&s, bad[i].kind, UP, "the first is row 1");
            close_pair(&s);
        }
}

static void verify_code_beyond_the_format_fails_at_level_1(void **state)
{
    struct verified s;
    int8_t c[12];

    (void)state;
    memcpy(c, codes, sizeof c);
    c[4] = -128;
    make_bnb(&s, c, absmax, norm);
    assert_true(run(&s, Q8_LEVEL_INTEGRITY));
    expect_finding(&s, "code-range", UP, "-128");
    assert_false(s.v.layer[0].have_weights);
    assert_true(isnan(s.v.total.weights_sqnr));
    close_pair(&s);
}

static void verify_carried_tensor_that_changed_fails_with_how_much(void **state)
{
    static const float changed[2] = {1, 2.5f};
    struct verified s;

    (void)state;
    make_bnb(&s, codes, absmax, changed);
    assert_true(run(&s, Q8_LEVEL_INTEGRITY));
    expect_finding(&s, "carried", "model.norm.weight", "1 of 2 values");
    expect_finding(&s, "carried", "model.norm.weight", "0.5");
    close_pair(&s);
}

/*
 * The step of absmax 1 in bf16 is 0x1.02p-7.  0.53125 over that is 67.473, so 67 is the nearest; in
 * bf16, whose numbers lie 0.5 apart there, it is 67.5, which goes to 68.
 */
static void verify_codes_of_the_librarys_division_are_no_fault(void **state)
{
    static const uint16_t w[2] = {0x3f80, 0x3f08}, step[1] = {0x3c01}; /* 1, 0.53125 */
    static const int8_t theirs[2] = {127, 68}, nearest[2] = {127, 67}, wrong[2] = {127, 69};
    const int8_t *const have[] = {theirs, nearest, wrong};

    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct scratch_tensor a[] = {SCRATCH(UP ".weight", "BF16", "[1, 2]", w)};
        const struct scratch_tensor b[] = {{UP ".weight", "I8", "[1, 2]", have[i], 2},
                                           SCRATCH(UP ".weight_scale", "BF16", "[1, 1]", step)};
        struct verified s = {0};

        scratch_make(&s.a, "{" CLASS "}", a, 1);
        scratch_make(&s.b, CT, b, 2);
        assert_true(run(&s, Q8_LEVEL_WEIGHTS));
        assert_int_equal(s.v.failed, i == 2);
        assert_int_equal(s.v.layer[0].weights.library_rule, i == 0);
        assert_int_equal(s.v.layer[0].weights.off, i == 2);
        close_pair(&s);
    }
}

static void verify_what_is_no_pair_is_refused(void **state)
{
    struct verified s;

    (void)state;
    make_bnb(&s, codes, absmax, norm);
    assert_true(scratch_open(&s.a) && scratch_open(&s.b));
    assert_true(q8_gate_init(&s.gate, &s.a.mem, &s.a.err));
    s.options = (struct q8_verify_options){
        .reference = &s.b.model, .quantized = &s.a.model, .gate = &s.gate, .threads = 1};
    assert_false(q8_verify_run(&s.v, &s.options, &s.a.mem, &s.a.err));
    assert_int_equal(s.a.err.code, Q8_EUSAGE);
    assert_non_null(strstr(s.a.err.text, "int8 already (bitsandbytes)"));
    close_pair(&s);
}

/* A config that promises int8, and nothing that is: the fault that nobody notices. */
static void verify_model_that_is_not_quantized_fails(void **state)
{
    const struct scratch_tensor a[] = {SCRATCH(UP ".weight", "F32", "[3, 4]", weights)};
    struct verified s = {0};

    (void)state;
    scratch_make(&s.a, "{" CLASS "}", a, 1);
    scratch_make(&s.b, BNB, a, 1);
    assert_true(run(&s, Q8_LEVEL_WEIGHTS));
    expect_finding(&s, "not-quantized", Q8_WHOLE_MODEL, "bitsandbytes");
    assert_true(s.v.total.coverage == 0);
    close_pair(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify_clean_pair_passes_with_the_numbers_of_its_rounding),
        cmocka_unit_test(verify_other_side_of_a_tie_is_no_fault_of_bitsandbytes),
        cmocka_unit_test(verify_code_off_by_one_is_named_with_its_layer),
        cmocka_unit_test(verify_scale_off_by_an_ulp_is_named),
        cmocka_unit_test(verify_scales_that_no_runtime_can_use_fail_at_level_1),
        cmocka_unit_test(verify_code_beyond_the_format_fails_at_level_1),
        cmocka_unit_test(verify_carried_tensor_that_changed_fails_with_how_much),
        cmocka_unit_test(verify_codes_of_the_librarys_division_are_no_fault),
        cmocka_unit_test(verify_what_is_no_pair_is_refused),
        cmocka_unit_test(verify_model_that_is_not_quantized_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
