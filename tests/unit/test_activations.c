/*
 * test_activations.c - activations: captured (testdata/activations, which make_probe.py writes),
 * from statistics, from gains and a seed; generated numbers are those of
 * tests/oracle/judge_probe.py
 */
#include "tests/unit/make_activations.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *testdata;

/* The generator's numbers, two tokens. */
static const float down_z[] = {0x1.b923p+0f,    -0x1.2406d8p+0f, -0x1.f3d25ap-4f, 0x1.17e97p+0f,
                               0x1.e59892p-1f,  0x1.681952p-3f,  -0x1.34cceep-2f, -0x1.4e6382p+0f,
                               -0x1.d7d064p-2f, -0x1.ea28dcp-1f, -0x1.470c92p-2f, -0x1.16fceep+0f};
static const float query_z[] = {-0x1.0f7406p-2f, 0x1.ab0c1ap-3f,  0x1.2632dep-2f, -0x1.5985eep-1f,
                                0x1.9392dcp-5f,  -0x1.8cac3ap-3f, 0x1.d6f01cp-3f, -0x1.0111ep+0f};

/* A activations over the model, with a file of those tensors, if any. */
static void open_activations(struct fixture *f, const char *type, const struct scratch_tensor *t,
                             size_t count)
{
    fixture_make(f, t, count);
    if (!fixture_open(f, type, probe_modules, PROBE_MODULES))
        fail_msg("%s", f->err.text);
}

/* Asserts the kind and every number of x as F32. */
static void check(struct fixture *f, const char *module, enum q8_activations_kind kind,
                  const float *want, uint64_t rows, uint64_t cols)
{
    uint64_t tokens;
    float x[64];

    assert_int_equal(q8_activations_find(&f->activations, module, &tokens), kind);
    assert_int_equal(tokens, rows);
    assert_true(rows * cols <= 63);
    x[rows * cols] = 77;
    if (!q8_activations_fill(&f->activations, module, cols, Q8_FLOAT_F32, x, &f->err))
        fail_msg("%s", f->err.text);
    for (uint64_t i = 0; i < rows * cols; i++)
        if (x[i] != want[i])
            fail_msg("%s: %a at %d, not %a", module, (double)x[i], (int)i, (double)want[i]);
    assert_true(x[rows * cols] == 77);
}

static void probe_kinds_have_names(void **state)
{
    static const char *const names[] = {"captured", "statistics", "norm gains", "gaussian"};

    (void)state;
    for (unsigned k = 0; k < Q8_ACTIVATIONS_KINDS; k++)
        assert_string_equal(q8_activations_kind_name((enum q8_activations_kind)k), names[k]);
}

static void probe_close_accepts_nothing(void **state)
{
    struct q8_activations p = {0};

    (void)state;
    q8_activations_close(&p);
}

static void probe_without_norm_is_the_generator(void **state)
{
    struct fixture f;

    (void)state;
    open_activations(&f, "llama", NULL, 0);
    check(&f, LAYER "mlp.down_proj", Q8_ACTIVATIONS_GAUSSIAN, down_z, TOKENS, 6);
    fixture_close(&f);
}

/* All gains but -3 are powers of two, which move no digit: z as numpy and torch round it. */
static void probe_rounds_to_the_type(void **state)
{
    static const float half[] = {-0.26513671875f, 0.20849609375f, 0.287353515625f, -0.6748046875f},
                       brain[] = {-0.265625f, 0.208984375f, 0.287109375f, -0.67578125f};
    struct fixture f;
    float x[8];

    (void)state;
    open_activations(&f, "llama", NULL, 0);
    for (unsigned k = 0; k < 2; k++) {
        assert_true(q8_activations_fill(&f.activations, LAYER "self_attn.q_proj", 4,
                                        k ? Q8_FLOAT_BF16 : Q8_FLOAT_F16, x, &f.err));
        for (unsigned i = 0; i < 4; i++)
            assert_true(i == 2 || x[i] == (k ? brain : half)[i] * attention_gain[i]);
    }
    fixture_close(&f);
}

static void probe_multiplies_by_the_gains_of_the_norm_that_feeds(void **state)
{
    static const struct {
        const char *module;
        enum q8_activations_kind kind;
    } cases[] = {
        {"lm_head", Q8_ACTIVATIONS_GAINS},
        {LAYER "mlp.down_proj", Q8_ACTIVATIONS_GAUSSIAN},
        {LAYER "mlp.experts.0.down_proj",
         Q8_ACTIVATIONS_GAUSSIAN}, /* as wide as the norm, but behind */
        {LAYER "mlp.experts.0.up_proj", Q8_ACTIVATIONS_GAINS},
        {LAYER "mlp.gate", Q8_ACTIVATIONS_GAINS},
        {LAYER "mlp.up_proj", Q8_ACTIVATIONS_GAINS},
        {LAYER "self_attn.k_proj", Q8_ACTIVATIONS_GAINS},
        {LAYER "self_attn.o_proj", Q8_ACTIVATIONS_GAUSSIAN},
        {LAYER "self_attn.v_proj", Q8_ACTIVATIONS_GAUSSIAN}, /* of another width */
        {"nowhere", Q8_ACTIVATIONS_GAUSSIAN},
    };
    float want[8], plain[8], x[8];
    struct fixture f;
    uint64_t tokens;

    (void)state;
    open_activations(&f, "llama", NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(q8_activations_find(&f.activations, cases[i].module, &tokens),
                         cases[i].kind);
        assert_int_equal(tokens, TOKENS);
    }
    for (unsigned i = 0; i < 8; i++)
        want[i] = query_z[i] * attention_gain[i % 4];
    check(&f, LAYER "self_attn.q_proj", Q8_ACTIVATIONS_GAINS, want, TOKENS, 4);
    assert_true(
        q8_activations_fill(&f.activations, LAYER "mlp.up_proj", 4, Q8_FLOAT_F32, x, &f.err));
    fixture_close(&f);
    open_activations(&f, "gemma2", NULL, 0); /* 1 + w */
    for (unsigned i = 0; i < 8; i++)
        want[i] = query_z[i] * (1 + attention_gain[i % 4]);
    check(&f, LAYER "self_attn.q_proj", Q8_ACTIVATIONS_GAINS, want, TOKENS, 4);
    assert_true(
        q8_activations_fill(&f.activations, LAYER "mlp.up_proj", 4, Q8_FLOAT_F32, plain, &f.err));
    assert_true(x[0] == 0 && plain[0] != 0 && plain[3] == x[3] / 2);
    fixture_close(&f);
}

static void probe_is_the_same_in_any_order(void **state)
{
    static const char *const names[] = {LAYER "mlp.down_proj", LAYER "self_attn.q_proj",
                                        LAYER "mlp.experts.0.up_proj", LAYER "self_attn.o_proj"};
    float first[4][12], again[12];
    struct fixture f;

    (void)state;
    open_activations(&f, "llama", NULL, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_true(q8_activations_fill(&f.activations, names[i], i ? 4 : 6, Q8_FLOAT_BF16,
                                        first[i], &f.err));
    for (unsigned i = 4; i-- > 0;) {
        bool flushed = q8_denormals_flush(true);

        assert_true(
            q8_activations_fill(&f.activations, names[i], i ? 4 : 6, Q8_FLOAT_BF16, again, &f.err));
        assert_true(q8_denormals_flush(flushed)); /* as the caller had it */
        assert_memory_equal(first[i], again, (i ? 8 : 12) * sizeof *again);
    }
    fixture_close(&f);
}

static const float rows[] = {1, -2, 3, -4, 0.5f, 0.25f, -0.125f, 100, 7, -8, 9, -10};

static void probe_takes_captured_rows(void **state)
{
    static const uint16_t half[] = {0x3c00, 0xc000, 0x4200, 0xc400, 0x3800, 0x3400,
                                    0xb000, 0x5640, 0x4700, 0xc800, 0x4880, 0xc900},
                          brain[] = {0x3f80, 0xc000, 0x4040, 0xc080, 0x3f00, 0x3e80,
                                     0xbe00, 0x42c8, 0x40e0, 0xc100, 0x4110, 0xc120};
    static const double wide[] = {1, -2, 3, -4, 0.5, 0.25, -0.125, 100, 7, -8, 9, -10};
    static const struct scratch_tensor stored[] = {
        SCRATCH(LAYER "self_attn.q_proj", "F16", "[3,4]", half),
        SCRATCH(LAYER "self_attn.k_proj", "BF16", "[3,1,4]", brain),
        SCRATCH(LAYER "mlp.gate", "F32", "[1,3,4]", rows),
        SCRATCH("lm_head", "F64", "[3,1,1,4]", wide),
    };
    struct fixture f;

    (void)state;
    open_activations(&f, "llama", stored, 4);
    for (unsigned i = 0; i < 4; i++)
        check(&f, stored[i].name, Q8_ACTIVATIONS_CAPTURED, rows, TOKENS, 4);
    check(&f, LAYER "mlp.down_proj", Q8_ACTIVATIONS_GAUSSIAN, down_z, TOKENS,
          6); /* not in the file */
    fixture_close(&f);
}

/* Stored and deflated, of every type that numpy has, and a vector of statistics among them. */
static void probe_takes_arrays_of_npz_files(void **state)
{
    static struct q8_weight wider[] = {SCRATCH_WEIGHT(LAYER "mlp.up_proj", 6, 4),
                                       SCRATCH_WEIGHT(LAYER "self_attn.k_proj", 2, 4),
                                       SCRATCH_WEIGHT(LAYER "self_attn.q_proj", 2, 4),
                                       SCRATCH_WEIGHT(LAYER "self_attn.v_proj", 2, 4)};
    struct fixture f;
    uint64_t tokens;
    float x[8];

    (void)state;
    fixture_make(&f, NULL, 0);
    f.options.path = f.path;
    for (unsigned i = 0; i < 2; i++) {
        (void)snprintf(f.path, sizeof f.path, "%s/probe/rows%s.npz", testdata,
                       i ? "-deflated" : "");
        if (!fixture_open(&f, "llama", wider, 4))
            fail_msg("%s", f.err.text);
        for (unsigned k = 1; k < 4; k++)
            check(&f, wider[k].module, Q8_ACTIVATIONS_CAPTURED, rows, TOKENS, 4);
        assert_int_equal(q8_activations_find(&f.activations, wider[0].module, &tokens),
                         Q8_ACTIVATIONS_STATISTICS);
        assert_int_equal(tokens, TOKENS);
        assert_true(
            q8_activations_fill(&f.activations, wider[0].module, 4, Q8_FLOAT_F16, x, &f.err));
        assert_true(fmaxf(fabsf(x[1]), fabsf(x[5])) == 6);
    }
    fixture_close(&f);
}

static void probe_takes_all_rows_when_there_are_fewer(void **state)
{
    static const struct scratch_tensor stored[] = {
        {LAYER "self_attn.q_proj", "F32", "[1,4]", rows, 16}};
    struct fixture f;

    (void)state;
    open_activations(&f, "llama", stored, 1);
    check(&f, LAYER "self_attn.q_proj", Q8_ACTIVATIONS_CAPTURED, rows, 1, 4);
    fixture_close(&f);
}

/* Longer than what is read, and what is scaled, at once. */
static void probe_takes_wide_rows(void **state)
{
    enum { COLS = 9001 };
    static float data[3 * COLS], x[2 * COLS], most[COLS];
    static const struct scratch_tensor stored[] = {
        SCRATCH("wide", "F32", "[3,9001]", data),
        SCRATCH("narrow", "F32", "[9001]", most),
    };
    static struct q8_weight wide[] = {SCRATCH_WEIGHT("narrow", 1, COLS),
                                      SCRATCH_WEIGHT("wide", 1, COLS)};
    struct fixture f;

    (void)state;
    for (unsigned i = 0; i < 3 * COLS; i++)
        data[i] = (float)i;
    for (unsigned i = 0; i < COLS; i++)
        most[i] = (float)(i % 100) / 3;
    fixture_make(&f, stored, 2);
    if (!fixture_open(&f, "llama", wide, 2))
        fail_msg("%s", f.err.text);
    assert_true(q8_activations_fill(&f.activations, "wide", COLS, Q8_FLOAT_F32, x, &f.err));
    assert_memory_equal(x, data, sizeof x);
    assert_true(q8_activations_fill(&f.activations, "narrow", COLS, Q8_FLOAT_F32, x, &f.err));
    for (unsigned i = 0; i < COLS; i++)
        assert_true(fmaxf(fabsf(x[i]), fabsf(x[COLS + i])) == most[i]);
    fixture_close(&f);
}

/* Awkward maxima; the largest of each feature is its absmax, the other less, by the ratio of z. */
static void probe_statistics_reach_absmax(void **state)
{
    static const float absmax[] = {0, 1e-45f, 0x1.fffffep+127f, 0.1f, 3, 65504};
    static const struct scratch_tensor stored[] = {
        SCRATCH(LAYER "mlp.down_proj", "F32", "[6]", absmax)};
    struct fixture f;
    float x[12];

    (void)state;
    open_activations(&f, "llama", stored, 1);
    assert_true(
        q8_activations_fill(&f.activations, LAYER "mlp.down_proj", 6, Q8_FLOAT_F32, x, &f.err));
    for (unsigned i = 0; i < 6; i++) {
        unsigned large = fabsf(down_z[i]) < fabsf(down_z[6 + i]);
        float want = copysignf(absmax[i], down_z[6 * large + i]);
        double ratio = (double)down_z[6 * !large + i] / (double)down_z[6 * large + i];

        assert_true(x[6 * large + i] == want);
        if (i > 2)
            assert_true(fabs((double)x[6 * !large + i] / (double)want / ratio - 1) < 1e-7);
    }
    fixture_close(&f);
}

/* A file of more than is read at once. */
static void probe_digest_is_that_of_the_file(void **state)
{
    static float data[40000];
    static const struct scratch_tensor stored[] = {
        SCRATCH(LAYER "self_attn.q_proj", "F32", "[10000,4]", data)};
    static char bytes[200000];
    struct q8_digest want;
    struct fixture f;
    FILE *file;
    size_t n;

    (void)state;
    for (unsigned i = 0; i < 40000; i++)
        data[i] = (float)i;
    open_activations(&f, "llama", stored, 1);
    file = fopen(f.path, "rb");
    assert_non_null(file);
    n = fread(bytes, 1, sizeof bytes, file);
    assert_true(n > 160000 && n < sizeof bytes);
    (void)fclose(file);
    want = q8_xxh_once(bytes, n);
    assert_true(q8_digest_same(&f.activations.digest, &want));
    fixture_close(&f);
    open_activations(&f, "llama", NULL, 0);
    assert_true(q8_digest_same(&f.activations.digest, &(struct q8_digest){{0}}));
    fixture_close(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probe_kinds_have_names),
        cmocka_unit_test(probe_close_accepts_nothing),
        cmocka_unit_test(probe_without_norm_is_the_generator),
        cmocka_unit_test(probe_rounds_to_the_type),
        cmocka_unit_test(probe_multiplies_by_the_gains_of_the_norm_that_feeds),
        cmocka_unit_test(probe_is_the_same_in_any_order),
        cmocka_unit_test(probe_takes_captured_rows),
        cmocka_unit_test(probe_takes_arrays_of_npz_files),
        cmocka_unit_test(probe_takes_all_rows_when_there_are_fewer),
        cmocka_unit_test(probe_takes_wide_rows),
        cmocka_unit_test(probe_statistics_reach_absmax),
        cmocka_unit_test(probe_digest_is_that_of_the_file),
    };

    if (argc != 2)
        return 2;
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
