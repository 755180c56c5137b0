/* test_verify_report.c - what q8-verify says, for people and machines */
#include "src/verify/page.h"
#include "src/verify/report_junit.h"
#include "src/verify/report_json.h"
#include "src/base/json.h"
#include "src/verify/report.h"
#include "src/verify/report_text.h"
#include "tests/unit/fake_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool put_text(const struct q8_verify *v, FILE *out, struct q8_err *err)
{
    return q8_verify_text(v, out, 80, err);
}

#define MODELS                                                                                     \
    "/out/model-int8 <b>&amp;/ (bitsandbytes) against "                                            \
    "/models/<Llama>-3.1-70B \"&\" friends (LlamaForCausalLM)\n"
#define NOTES                                                                                      \
    "note       (model): config.json names no status\n"                                            \
    "note       tokenizer.json: is not the reference's: <b>text</b> \\x1b[2J decides, not weights" \
    "\n"

/* Of 3 layers: 21 weights and 3 more; 3 * 5 roles that norms feed, and the 2 hostile ones. */
static void verify_text_of_a_pass_is_short(void **state)
{
    char *text = fake_result_report(put_text, 3, Q8_LEVEL_MATMUL, false);

    (void)state;
    assert_string_equal(
        text,
        MODELS "integrity  12 tensors carried over, byte by byte the same; manifest: 9 files\n"
               "weights    24 int8 weights, 97.3 % of the Linear parameters\n"
               "           38.75 dB, worst 37.00 dB: model.layers.0.self_attn.o_proj\n"
               "matmul     128 tokens, norm gains: 17, gaussian: 6\n"
               "           bitsandbytes, threshold 6: 6 columns in 16 bit; cpu\n"
               "           mean 33.25 dB, worst 31.00 dB: model.layers.0.self_attn.o_proj\n"
               "           1 weight left out: its 262144 columns are too many for int32\n" NOTES
               "note       model.layers.0.mlp.up_proj: 3 codes are off within rounding\n"
               "PASS\n");
    free(text);
}

static void verify_text_of_a_failure_names_five_offenders(void **state)
{
    char *text = fake_result_report(put_text, 3, Q8_LEVEL_MATMUL, true);
    const char *end = strstr(text, "\n\nintegrity  (model)");

    (void)state;
    assert_non_null(strstr(text, "integrity  11 of 12 tensors carried over byte by byte, 1 differs;"
                                 " manifest: 9 files\n"));
    assert_non_null(end);
    assert_string_equal(
        end,
        "\n\nintegrity  (model): coverage 97.3 %, but at least 99 % are wanted (--min-coverage)\n"
        "integrity  <img src=x onerror=alert(1)>.txt: the manifest's digest is another\n"
        "integrity  model.norm.weight: 12 of 16384 bytes differ from the reference, the first at "
        "40\n"
        "integrity  model.layers.2.self_attn.q_proj: scale of row 7 is 0, but its codes are not: "
        "the row is multiplied as 0\n"
        "weights    model.layers.1.mlp.down_proj: rows 3 and 7 are each in the place of the other\n"
        "           and 4 more (--json has all)\n"
        "\n"
        "FAIL: 4 of 24 layers: 1 digest, 1 scale-zero, 1 carried, 6 others\n");
    free(text);
}

static void verify_text_of_integrity_alone_has_no_numbers(void **state)
{
    char *text = fake_result_report(put_text, 3, Q8_LEVEL_INTEGRITY, false);

    (void)state;
    assert_string_equal(
        text,
        MODELS "integrity  12 tensors carried over, byte by byte the same; manifest: 9 files\n"
               "weights    24 int8 weights, 97.3 % of the Linear parameters; not compared\n" NOTES
               "PASS\n");
    free(text);
}

static void verify_text_shows_the_end_of_a_name_that_does_not_fit(void **state)
{
    struct fake_result f;
    struct q8_err err = {0};
    char *text;

    (void)state;
    fake_result_make(&f, 3, Q8_LEVEL_WEIGHTS, false);
    f.v.layer[6].module = q8_sprintf(&f.mem, &err, "%0200d.the_end", 0);
    f.v.layer[6].weights.sqnr = 1;
    text = fake_result_print(&f, put_text);
    assert_non_null(strstr(text, "\n           38.75 dB, worst 1.00 dB: .."
                                 "0000000000000000000000000000000000.the_end\n"));
    q8_arena_clear(&f.mem);
    free(text);
}

static void verify_text_tells_what_differs_among_layers(void **state)
{
    struct fake_result f;
    char *text;

    (void)state;
    fake_result_make(&f, 3, Q8_LEVEL_MATMUL, false);
    for (int i = 2; i < 5; i++) { /* down, gate and up of layer 0 */
        f.v.layer[i].matmul.mode = Q8_MODE_W8A16;
        f.v.layer[i].matmul.threshold = 0;
        f.v.layer[i].matmul.tokens = 7;
        f.v.layer[i].matmul.from = Q8_ACTIVATIONS_CAPTURED;
    }
    f.v.layer[5].matmul.threshold = 5;
    text = fake_result_print(&f, put_text);
    assert_non_null(strstr(text, "matmul     7 to 128 tokens, captured: 3, norm gains: 15, "
                                 "gaussian: 5\n"
                                 "           bitsandbytes: 20, w8a16: 3, thresholds 5 to 6: "
                                 "6 columns in 16 bit; cpu\n"));
    q8_arena_clear(&f.mem);
    free(text);
}

static void verify_text_escapes_names(void **state)
{
    char *text = fake_result_report(put_text, 3, Q8_LEVEL_MATMUL, true);

    (void)state;
    assert_int_equal(fake_result_count(text, "\x1b"), 0);
    assert_int_equal(fake_result_count(text, "\xe2\x80\xae"), 0);
    free(text);
}

static void verify_worst_is_by_level_then_sqnr_one_for_each_name(void **state)
{
    static const char *const kinds[] = {"min-coverage", "digest", "carried", "scale-zero",
                                        "rows-swapped"};
    uint64_t worst[Q8_VERIFY_OFFENDERS];
    struct fake_result f;

    (void)state;
    fake_result_make(&f, 3, Q8_LEVEL_MATMUL, true);
    assert_int_equal(q8_verify_worst(&f.v, worst, Q8_VERIFY_OFFENDERS), 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(f.v.findings.list[worst[i]].kind, kinds[i]);
    assert_int_equal(q8_verify_worst(&f.v, worst, 2), 2);
    assert_int_equal(q8_verify_worst(&f.v, worst, 0), 0);
    for (uint64_t i = 0; i < f.v.findings.count; i++)
        f.v.findings.list[i].fails &= f.v.findings.list[i].level == Q8_LEVEL_MATMUL;
    assert_int_equal(q8_verify_worst(&f.v, worst, Q8_VERIFY_OFFENDERS), 2);
    assert_string_equal(f.v.findings.list[worst[0]].kind, "min-sqnr"); /* 11.5 dB */
    assert_string_equal(f.v.findings.list[worst[1]].kind, "drop");     /* 35 dB */
    q8_arena_clear(&f.mem);
}

/* Level 2 of the layers has 17.5 to 44 dB; more than five of them fail, each twice. */
static void verify_worst_of_many_keeps_the_lowest(void **state)
{
    static const double want[] = {37, 37.5, 38, 38, 38};
    struct q8_err err = {0};
    uint64_t worst[Q8_VERIFY_OFFENDERS];
    struct fake_result f;

    (void)state;
    fake_result_make(&f, 3, Q8_LEVEL_WEIGHTS, false);
    for (uint64_t i = 0; i < 2 * f.v.layers; i++) {
        const struct q8_finding finding = {.level = Q8_LEVEL_WEIGHTS,
                                           .kind = i % 2 ? "byte-flip" : "min-sqnr",
                                           .name = f.v.layer[i / 2].module,
                                           .fails = true};

        assert_true(q8_findings_add(&f.v.findings, &finding, &err, "text"));
    }
    q8_findings_sort(&f.v.findings);
    assert_int_equal(q8_verify_worst(&f.v, worst, Q8_VERIFY_OFFENDERS), 5);
    for (int i = 0; i < 5; i++) {
        const struct q8_finding *finding = &f.v.findings.list[worst[i]];

        assert_string_equal(finding->kind, "byte-flip");
        assert_true(q8_verify_layer(&f.v, finding->name)->weights.sqnr == want[i]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(finding->name, f.v.findings.list[worst[k]].name);
    }
    q8_arena_clear(&f.mem);
}

/* The parsed JSON report, to be freed. */
static struct cJSON *json_of(uint64_t layers, enum q8_level level, bool fails)
{
    char *text = fake_result_report(q8_verify_json, layers, level, fails);
    struct q8_err err = {0};
    struct cJSON *root = q8_json_parse(text, strlen(text), &err);

    assert_string_equal(err.text, "");
    free(text);
    return root;
}

static const char *string_of(const struct cJSON *object, const char *key)
{
    return q8_json_string(q8_json_get(object, key));
}

static void verify_json_has_the_schema_and_every_key(void **state)
{
    static const char *const keys[] = {"schema",  "version", "reference", "quantized", "settings",
                                       "verdict", "totals",  "runtimes",  "findings",  "layers"};
    struct cJSON *root = json_of(3, Q8_LEVEL_MATMUL, true);
    const struct cJSON *settings = q8_json_get(root, "settings");

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_string_equal(q8_json_key(q8_json_at(root, i)), keys[i]);
    assert_null(q8_json_at(root, sizeof keys / sizeof *keys));
    assert_string_equal(string_of(root, "schema"), "q8-verify/2");
    assert_string_equal(string_of(root, "verdict"), "fail");
    assert_string_equal(string_of(q8_json_get(root, "reference"), "xxh3_128"),
                        "000102030405060708090a0b0c0d0e0f");
    assert_string_equal(string_of(settings, "mode"), "runtime");
    assert_int_equal(q8_json_kind(q8_json_get(settings, "threshold")), 'n');
    assert_int_equal(q8_json_kind(q8_json_get(settings, "activations")), 'n');
    q8_json_free(root);
}

static void verify_json_has_all_findings_and_layers(void **state)
{
    struct cJSON *root = json_of(3, Q8_LEVEL_MATMUL, true);
    const struct cJSON *findings = q8_json_get(root, "findings");
    const struct cJSON *layers = q8_json_get(root, "layers"), *layer = NULL;
    unsigned failed = 0, n = 0;

    (void)state;
    for (const struct cJSON *l = q8_json_at(layers, 0); l; l = q8_json_next(l), n++) {
        failed += q8_json_bool(q8_json_get(l, "passed")) == 0;
        if (strcmp(string_of(l, "name"), "model.layers.1.mlp.down_proj") == 0)
            layer = l;
    }
    assert_int_equal(n, 24);
    assert_int_equal(failed, 4);
    assert_non_null(layer);
    assert_string_equal(string_of(layer, "scheme"), "int8 bitsandbytes");
    assert_true(q8_json_f64(q8_json_get(q8_json_get(layer, "weights"), "sqnr_db")) == 17.5);
    assert_true(q8_json_f64(q8_json_get(q8_json_get(layer, "matmul"), "sqnr_db")) == 11.5);
    assert_string_equal(string_of(q8_json_get(layer, "matmul"), "activations"), "gaussian");
    assert_int_equal(q8_json_kind(q8_json_get(q8_json_get(layer, "matmul"), "kl")), 'n');
    assert_non_null(q8_json_at(findings, 11));
    assert_null(q8_json_at(findings, 12));
    q8_json_free(root);
}

static void verify_json_of_integrity_alone_has_nulls(void **state)
{
    struct cJSON *root = json_of(3, Q8_LEVEL_INTEGRITY, false);
    const struct cJSON *layer = q8_json_at(q8_json_get(root, "layers"), 0);
    const struct cJSON *model = q8_json_get(root, "totals");

    (void)state;
    assert_string_equal(string_of(root, "verdict"), "pass");
    assert_int_equal(q8_json_kind(q8_json_get(q8_json_get(root, "reference"), "xxh3_128")), 'n');
    assert_int_equal(q8_json_kind(q8_json_get(q8_json_get(root, "settings"), "engine")), 'n');
    assert_int_equal(q8_json_kind(q8_json_get(model, "weights_sqnr_db")), 'n');
    assert_int_equal(q8_json_kind(q8_json_get(layer, "weights")), 'n');
    assert_int_equal(q8_json_kind(q8_json_get(layer, "matmul")), 'n');
    q8_json_free(root);
}

static void verify_reports_have_no_time_in_them(void **state)
{
    static fake_result_fn *const reports[] = {put_text, q8_verify_json, q8_verify_junit,
                                              q8_verify_page};

    (void)state;
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        char *a = fake_result_report(reports[i], 3, Q8_LEVEL_MATMUL, true);
        char *b = fake_result_report(reports[i], 3, Q8_LEVEL_MATMUL, true);

        assert_string_equal(a, b);
        assert_int_equal(fake_result_count(a, "86421"), 0); /* total.seconds of the fake */
        free(a);
        free(b);
    }
}

static void verify_reports_say_when_the_disk_is_full(void **state)
{
    static fake_result_fn *const reports[] = {put_text, q8_verify_json, q8_verify_junit,
                                              q8_verify_page};

    (void)state;
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        FILE *out = fopen("/dev/full", "w");
        struct q8_err err = {0};
        struct fake_result f;

        assert_non_null(out);
        (void)setvbuf(out, NULL, _IOLBF, 64);
        fake_result_make(&f, 3, Q8_LEVEL_MATMUL, true);
        assert_false(reports[i](&f.v, out, &err));
        assert_int_equal(err.code, Q8_EIO);
        q8_arena_clear(&f.mem);
        (void)fclose(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify_text_of_a_pass_is_short),
        cmocka_unit_test(verify_text_of_a_failure_names_five_offenders),
        cmocka_unit_test(verify_text_of_integrity_alone_has_no_numbers),
        cmocka_unit_test(verify_text_shows_the_end_of_a_name_that_does_not_fit),
        cmocka_unit_test(verify_text_tells_what_differs_among_layers),
        cmocka_unit_test(verify_text_escapes_names),
        cmocka_unit_test(verify_worst_is_by_level_then_sqnr_one_for_each_name),
        cmocka_unit_test(verify_worst_of_many_keeps_the_lowest),
        cmocka_unit_test(verify_json_has_the_schema_and_every_key),
        cmocka_unit_test(verify_json_has_all_findings_and_layers),
        cmocka_unit_test(verify_json_of_integrity_alone_has_nulls),
        cmocka_unit_test(verify_reports_have_no_time_in_them),
        cmocka_unit_test(verify_reports_say_when_the_disk_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
