/* test_activations_bad.c - files of activations that are refused, and running out of memory */
#include "tests/unit/make_activations.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *testdata;

static const float rows[] = {1, 2, 3, 4, 5, 6, NAN, 8, INFINITY, 1, 1, 1};
static const int32_t whole[] = {1, 2, 3, 4};

static void probe_refuses_what_is_no_activation(void **state)
{
    static const struct {
        struct scratch_tensor tensor;
        const char *words;
    } cases[] = {
        {{LAYER "self_attn.q_proj", "F32", "[]", rows, 4},
         "tensor '" LAYER "self_attn.q_proj': F32 of shape [], but floats were expected: "
         "activations of shape [tokens, features], or the largest magnitude of each feature"},
        {{LAYER "self_attn.q_proj", "I32", "[1,4]", whole, 16}, "I32 of shape [1, 4], but floats"},
        {{LAYER "self_attn.q_proj", "F32", "[0,4]", rows, 0},
         "tensor '" LAYER "self_attn.q_proj': is empty: its shape is [0, 4]"},
        {{LAYER "self_attn.q_proj", "F32", "[0]", rows, 0}, "is empty"},
        {{LAYER "self_attn.q_proj", "F32", "[4,0]", rows, 0}, "is empty"},
        {{LAYER "self_attn.q_proj", "F32", "[2,3]", rows, 24},
         "'" LAYER "self_attn.q_proj': 3 values, but the module has 4 input features"},
        {{LAYER "self_attn.q_proj", "F32", "[3]", rows, 12}, "3 values, but the module has 4"},
        {{LAYER "self_attn.qproj", "F32", "[1,4]", rows, 16},
         "'" LAYER "self_attn.qproj' is not a Linear module of the model; nearest: " LAYER
         "self_attn.q_proj, "},
        {{"layers.0.self_attn.q_proj", "F32", "[1,4]", rows, 16},
         "all its names lack the 'model.' that those of the model begin with"},
        {{LAYER "self_attn.q_proj", "F32", "[4]", rows + 4, 16},
         "tensor '" LAYER "self_attn.q_proj': value 2 is nan, which cannot be a largest magnitude"},
        {{LAYER "self_attn.q_proj", "F32", "[18446744073709551615,18446744073709551615]", rows, 0},
         "self_attn.q_proj"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;

        fixture_make(&f, &cases[i].tensor, 1);
        if (fixture_open(&f, "llama", probe_modules, PROBE_MODULES))
            fail_msg("accepted: %s", cases[i].words);
        if (f.err.code != Q8_EINPUT || strncmp(f.err.text, f.path, strlen(f.path)) != 0 ||
            !strstr(f.err.text, cases[i].words))
            fail_msg("wants '%s', got %d '%s'", cases[i].words, f.err.code, f.err.text);
        fixture_close(&f);
    }
}

static void probe_refuses_files_of_another_kind(void **state)
{
    static const struct {
        const char *name;
        int code;
        const char *words;
    } cases[] = {
        {"outliers/scalar.npz", Q8_EINPUT, "array 'a': F32 of shape [], but floats were expected"},
        {"outliers/integer.npz", Q8_EINPUT, "array 'a': I32 of shape [2], but floats"},
        {"outliers/negative.npz", Q8_EINPUT,
         "value 2 is -0.5, which cannot be a largest magnitude"},
        {"outliers/nothing.npz", Q8_EINPUT, "holds no arrays"},
        {"outliers/nothing.safetensors", Q8_EINPUT, "holds no arrays"},
        {"probe/empty.npz", Q8_EINPUT, "v_proj': is empty: its shape is [0, 4]"},
        {"probe/rows.npz", Q8_EINPUT, "v_proj': 4 values, but the module has 3 input features"},
        {"nowhere.npz", Q8_EIO, "nowhere.npz"},
        {"nowhere.pt", Q8_EIO, "nowhere.pt"},
        {"acts/imatrix.gguf", Q8_EUNSUPPORTED, "is an imatrix by its name"},
        {"acts/imatrix.dat", Q8_EUNSUPPORTED, "is an imatrix by its name"},
        {"acts.onnx", Q8_EUNSUPPORTED, ".npz and .npy"},
    };
    struct fixture f;

    (void)state;
    fixture_make(&f, NULL, 0);
    f.options.path = f.path;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(f.path, sizeof f.path, "%s/%s", testdata, cases[i].name);
        assert_false(fixture_open(&f, "llama", probe_modules, PROBE_MODULES));
        if (f.err.code != cases[i].code || !strstr(f.err.text, cases[i].words) ||
            !strstr(f.err.text, cases[i].name))
            fail_msg("wants '%s', got %d '%s'", cases[i].words, f.err.code, f.err.text);
    }
    fixture_close(&f);
}

/* The last one: a norm's gain of 3.4e38. */
static void probe_refuses_values_that_are_not_finite(void **state)
{
    static const float large[] = {1, 2, 3, 4, 5, 6, 7, 65520}, most[] = {1, 1, 65520, 65519, 1, 1};
    static const struct scratch_tensor stored[] = {
        {LAYER "self_attn.q_proj", "F32", "[2,4]", rows, 32},
        {LAYER "self_attn.k_proj", "F32", "[1,4]", rows + 8, 16},
        SCRATCH(LAYER "mlp.gate", "F32", "[2,4]", large),
        SCRATCH(LAYER "mlp.down_proj", "F32", "[6]", most),
    };
    static const struct {
        const char *module;
        uint64_t cols;
        enum q8_float type;
        const char *words; /* behind the path */
    } cases[] = {
        {LAYER "self_attn.q_proj", 4, Q8_FLOAT_F32,
         ": '" LAYER "self_attn.q_proj': token 1, feature 2 is nan"},
        {LAYER "self_attn.k_proj", 4, Q8_FLOAT_BF16,
         ": '" LAYER "self_attn.k_proj': token 0, feature 0 is inf"},
        {LAYER "mlp.gate", 4, Q8_FLOAT_F16,
         ": '" LAYER "mlp.gate': token 1, feature 3 is 65520, which is beyond the largest F16"},
        {LAYER "mlp.down_proj", 6, Q8_FLOAT_F16,
         "feature 2 is -65520, which is beyond the largest "
         "F16"},
        {"lm_head", 4, Q8_FLOAT_F32,
         ": 'lm_head': with the gains of 'model.norm.weight', token 0, feature 3 is "},
    };
    struct fixture f;
    float x[12];

    (void)state;
    fixture_make(&f, stored, 4);
    assert_true(fixture_open(&f, "llama", probe_modules, PROBE_MODULES));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = i == 4 ? f.model.dir : f.path;

        f.err = (struct q8_err){0};
        if (q8_activations_fill(&f.activations, cases[i].module, cases[i].cols, cases[i].type, x,
                                &f.err))
            fail_msg("accepted: %s", cases[i].words);
        if (f.err.code != Q8_EINPUT || strncmp(f.err.text, path, strlen(path)) != 0 ||
            !strstr(f.err.text, cases[i].words))
            fail_msg("wants '%s', got %d '%s'", cases[i].words, f.err.code, f.err.text);
    }
    f.err = (struct q8_err){0}; /* the same where there is room for it */
    assert_true(q8_activations_fill(&f.activations, LAYER "mlp.gate", 4, Q8_FLOAT_BF16, x, &f.err));
    assert_true(
        q8_activations_fill(&f.activations, LAYER "mlp.down_proj", 6, Q8_FLOAT_F32, x, &f.err));
    fixture_close(&f);
}

static void probe_refuses_a_captured_nan_of_an_npz_file(void **state)
{
    static struct q8_weight module = SCRATCH_WEIGHT(LAYER "self_attn.v_proj", 2, 4);
    struct fixture f;
    float x[8];

    (void)state;
    fixture_make(&f, NULL, 0);
    (void)snprintf(f.path, sizeof f.path, "%s/probe/nan.npz", testdata);
    f.options.path = f.path;
    assert_true(fixture_open(&f, "llama", &module, 1));
    assert_false(q8_activations_fill(&f.activations, module.module, 4, Q8_FLOAT_F16, x, &f.err));
    assert_int_equal(f.err.code, Q8_EINPUT);
    assert_non_null(strstr(f.err.text, "v_proj': token 1, feature 2 is nan"));
    fixture_close(&f);
}

static void probe_notices_that_the_file_changed(void **state)
{
    static const struct scratch_tensor stored[] = {
        {LAYER "self_attn.q_proj", "F32", "[1,4]", rows, 16}};
    struct fixture f;
    float x[8];

    (void)state;
    fixture_make(&f, stored, 1);
    assert_true(fixture_open(&f, "llama", probe_modules, PROBE_MODULES));
    scratch_write(&f.file, "model.safetensors", "x", 1, "ab");
    assert_false(
        q8_activations_fill(&f.activations, LAYER "self_attn.q_proj", 4, Q8_FLOAT_F32, x, &f.err));
    assert_int_equal(f.err.code, Q8_EIO);
    f.err = (struct q8_err){0}; /* what is not from the file is there still */
    assert_true(
        q8_activations_fill(&f.activations, LAYER "mlp.up_proj", 4, Q8_FLOAT_F32, x, &f.err));
    assert_int_equal(truncate(f.path, 8), 0);
    assert_false(
        q8_activations_fill(&f.activations, LAYER "self_attn.q_proj", 4, Q8_FLOAT_F32, x, &f.err));
    assert_int_equal(f.err.code, Q8_EIO);
    fixture_close(&f);
}

/* A file with a hole of 64 GiB: rows are read when they are asked for, statistics when they fit. */
static void probe_large_files_take_no_memory(void **state)
{
    static const char header[] =
        "{\"" LAYER "self_attn.q_proj\":{\"dtype\":\"F32\",\"shape\":[4294967296,4],"
        "\"data_offsets\":[0,68719476736]},\"%s\":{\"dtype\":\"F32\",\"shape\":[4294967296],"
        "\"data_offsets\":[68719476736,85899345920]}}";
    char text[512];
    struct fixture f;
    uint64_t n;

    (void)state;
    fixture_make(&f, probe_tensors, 1);
    n = (uint64_t)snprintf(text, sizeof text, header, LAYER "mlp.up_proj");
    scratch_write(&f.file, "model.safetensors", &n, 8, "wb");
    scratch_write(&f.file, "model.safetensors", text, n, "ab");
    assert_int_equal(truncate(f.path, (off_t)(8 + n + UINT64_C(85899345920))), 0);
    assert_false(fixture_open(&f, "llama", probe_modules, PROBE_MODULES));
    assert_int_equal(f.err.code, Q8_EINPUT);
    assert_non_null(strstr(f.err.text, "4294967296 values, but the module has 4"));
    assert_true(f.mem.used < 1 << 20);
    fixture_close(&f);
}

static void probe_without_memory_is_a_limit(void **state)
{
    static const float most[] = {1, 2, 3, 4};
    static const struct scratch_tensor stored[] = {
        {LAYER "self_attn.q_proj", "F32", "[2,4]", rows, 32},
        SCRATCH(LAYER "mlp.up_proj", "F32", "[4]", most),
    };
    static struct q8_weight wider[] = {SCRATCH_WEIGHT(LAYER "mlp.up_proj", 6, 4),
                                       SCRATCH_WEIGHT(LAYER "self_attn.k_proj", 2, 4),
                                       SCRATCH_WEIGHT(LAYER "self_attn.q_proj", 2, 4),
                                       SCRATCH_WEIGHT(LAYER "self_attn.v_proj", 2, 4)};
    struct fixture f;

    (void)state;
    fixture_make(&f, stored, 2);
    for (unsigned k = 0; k < 2; k++) {
        bool ok = false;

        if (k)
            (void)snprintf(f.path, sizeof f.path, "%s/probe/rows-deflated.npz", testdata);
        for (uint64_t limit = 0; !ok; limit += limit < 262144 ? 8192 : 64) {
            f.mem.limit = limit;
            ok = fixture_open(&f, "llama", k ? wider : probe_modules, k ? 4 : PROBE_MODULES);
            if (!ok)
                assert_int_equal(f.err.code, Q8_ELIMIT);
            assert_true(limit < 1 << 20);
        }
    }
    fixture_close(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probe_refuses_what_is_no_activation),
        cmocka_unit_test(probe_refuses_files_of_another_kind),
        cmocka_unit_test(probe_refuses_values_that_are_not_finite),
        cmocka_unit_test(probe_refuses_a_captured_nan_of_an_npz_file),
        cmocka_unit_test(probe_notices_that_the_file_changed),
        cmocka_unit_test(probe_large_files_take_no_memory),
        cmocka_unit_test(probe_without_memory_is_a_limit),
    };

    if (argc != 2)
        return 2;
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
