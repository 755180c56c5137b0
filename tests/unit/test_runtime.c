/*
 * test_runtime.c - what vLLM 0.33.0, SGLang 0.5.23 and transformers 5.23 make of a directory.  The
 * answers are those that tests/oracle/judge_runtime.py got from the runtimes' own functions.
 */
#include "src/verify/runtime/runtime.h"
#include "tests/unit/integrity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define WEIGHTS "\"weights\": {\"num_bits\": 8, \"type\": \"int\", \"strategy\": \"channel\"}"
#define CT(format, targets, more)                                                                  \
    "\"quantization_config\": {\"quant_method\": \"compressed-tensors\", \"format\": \"" format    \
    "\", \"quantization_status\": \"compressed\", \"config_groups\": {\"group_0\": {"              \
    "\"targets\": [" targets "], " WEIGHTS "}}" more "}"
#define PACKED_HEAD                                                                                \
    SCRATCH("lm_head.weight_packed", "I32", "[2, 1]", codes),                                      \
        SCRATCH("lm_head.weight_shape", "I64", "[2]", shape),                                      \
    {                                                                                              \
        "lm_head.weight_scale", "F32", "[2, 1]", floats, 8                                         \
    }

static const struct scratch_tensor reference[] = {FLOAT_UP, NORM, HEAD, EMBED};
static const struct scratch_tensor packed[] = {
    PACKED_UP, SHAPE_UP, PART(".weight_scale", "[2, 1]", 8), NORM, HEAD, EMBED};
static const struct scratch_tensor headed[] = {
    PACKED_UP, SHAPE_UP, PART(".weight_scale", "[2, 1]", 8), NORM, PACKED_HEAD, EMBED};

/* "vllm head lm_head", a line each; SGLang's shapes, which are too small, are left out. */
static void describe(const struct q8_verify *v, char *text, size_t size)
{
    size_t used = 0;

    *text = 0;
    for (uint64_t i = 0; i < v->findings.count; i++) {
        const struct q8_finding *f = &v->findings.list[i];

        for (enum q8_reader reader = 0; reader < Q8_READERS; reader++)
            if (f->runtimes == 1u << reader && strcmp(f->kind, "runtime-shape") != 0)
                used +=
                    (size_t)snprintf(text + used, size - used, "%s %s %s\n", q8_reader_name(reader),
                                     f->kind + strlen("runtime-"), f->name);
    }
}

static void expect(const char *config, const struct scratch_tensor *b, size_t count, unsigned asked,
                   const char *findings)
{
    struct checked c;
    char found[1024];

    if (!checked_pair(&c, config, reference, COUNT(reference), b, count))
        fail_msg("%s: %s", config, c.a.err.text);
    c.v.findings.count = 0;
    c.v.options.runtimes = asked;
    c.v.options.tp = 1;
    assert_true(q8_runtime_check(&c.v, &c.a.err));
    q8_runtime_judge(&c.v);
    q8_findings_sort(&c.v.findings);
    describe(&c.v, found, sizeof found);
    if (strcmp(found, findings) != 0)
        fail_msg("%s: expected\n%sfound\n%s", config, findings, found);
    checked_close(&c);
}

static void runtime_heads_go_by_the_names_that_reach_them(void **state)
{
    static const char linear[] = CT("pack-quantized", "\"Linear\"", "");
    static const char named[] = CT("pack-quantized", "\"Linear\", \"re:.*lm_head$\"", "");

    (void)state;
    expect(linear, headed, COUNT(headed), 7, "sglang head lm_head\nvllm head lm_head\n");
    expect(named, headed, COUNT(headed), 7, "");
    /* no list keeps the float head from being built int8 */
    expect(named, packed, COUNT(packed), 7, "sglang ignore lm_head\nvllm ignore lm_head\n");
    expect(linear, packed, COUNT(packed), 7, "");
}

static void runtime_lists_are_matched_by_each_runtimes_rule(void **state)
{
    (void)state;
    /* the end of a path is enough for SGLang */
    expect(CT("pack-quantized", "\"Linear\"", ", \"ignore\": [\"mlp.up_proj\"]"), packed,
           COUNT(packed), 6, "sglang ignore " UP "\n");
    expect(CT("pack-quantized", "\"Linear\"", ", \"ignore\": [\"" UP "\"]"), packed, COUNT(packed),
           6, "sglang ignore " UP "\nvllm ignore " UP "\n");
    expect(CT("pack-quantized", "\"re:.*down_proj\"", ""), packed, COUNT(packed), 6,
           "sglang target " UP "\nvllm target " UP "\n");
    expect(CT("int-quantized", "\"Linear\"", ""), packed, COUNT(packed), 4,
           "sglang scheme " UP "\n");
    expect(CT("pack-quantized", "\"(?=x)\", \"re:(?R)\"", ""), packed, COUNT(packed), 2,
           "vllm pattern lm_head\n");
}

static void runtime_config_is_read_as_each_runtime_does(void **state)
{
    static const char rotated[] = CT("pack-quantized", "\"Linear\"",
                                     ", \"transform_config\": {\"config_groups\": {\"R1\": 1}}");
    static const char cached[] = CT("pack-quantized", "\"Linear\"",
                                    ", \"kv_cache_scheme\": {\"num_bits\": 8, \"type\": \"int\"}");

    (void)state;
    expect(rotated, packed, COUNT(packed), 7,
           "sglang transform config.json\ntransformers transform config.json\n"
           "vllm transform config.json\n");
    expect(cached, packed, COUNT(packed), 7,
           "transformers cache config.json\nvllm cache config.json\n");
    expect(CT("pack-quantized", "\"Linear\"", ", \"ignore\": null"), packed, COUNT(packed), 7,
           "sglang config config.json\nvllm config config.json\n");
}

static void runtime_without_a_name_one_of_two_servers_is_enough(void **state)
{
    struct checked c;
    bool failing = false;

    (void)state;
    assert_true(checked_pair(&c, CT("pack-quantized", "\"Linear\"", ", \"ignore\": [\"lm_head\"]"),
                             reference, COUNT(reference), packed, COUNT(packed)));
    c.v.options.tp = 1;
    assert_true(q8_runtime_check(&c.v, &c.a.err));
    q8_runtime_judge(&c.v);
    assert_int_equal(c.v.runtime[Q8_READER_VLLM].outcome, Q8_OUTCOME_LOADS);
    assert_int_equal(c.v.runtime[Q8_READER_SGLANG].outcome, Q8_OUTCOME_FAILS); /* 2 x 4 */
    for (uint64_t i = 0; i < c.v.findings.count; i++)
        failing = failing || c.v.findings.list[i].fails;
    assert_false(failing);
    checked_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runtime_heads_go_by_the_names_that_reach_them),
        cmocka_unit_test(runtime_lists_are_matched_by_each_runtimes_rule),
        cmocka_unit_test(runtime_config_is_read_as_each_runtime_does),
        cmocka_unit_test(runtime_without_a_name_one_of_two_servers_is_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
