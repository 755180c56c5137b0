/*
 * test_statistics.c - statistics of activations: reading them (testdata/outliers, which
 * make_outliers.py writes), and what stands out in them, counted by hand
 */
#include "src/inspect/outlier_parts.h"
#include "tests/unit/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char *testdata;

static bool read_file(struct q8_statistics *ret, const char *name, struct q8_arena *mem,
                      struct q8_err *err)
{
    char *path;

    *err = (struct q8_err){0};
    path = q8_sprintf(mem, err, "%s/outliers/%s", testdata, name);
    return path && q8_statistics_read(ret, path, mem, err);
}

/* The same vector in every type of float; numpy has no bfloat16. */
static void activations_are_read_by_name_as_floats(void **state)
{
    static const char *const files[] = {"scales.npz", "scales.safetensors"};
    static const float values[] = {0.5f, 6, 0, 100, 0};
    static const char *const names[] = {"lm_head", "model.layers.0.mlp.down_proj",
                                        "model.layers.0.mlp.up_proj",
                                        "model.layers.0.self_attn.q_proj"};

    (void)state;
    for (unsigned f = 0; f < 2; f++) {
        struct q8_statistics acts;
        struct q8_arena mem;
        struct q8_err err;

        q8_arena_init(&mem, 1 << 20);
        if (!read_file(&acts, files[f], &mem, &err))
            fail_msg("%s", err.text);
        assert_int_equal(acts.count, 3 + f);
        assert_non_null(strstr(acts.path, files[f]));
        for (uint64_t i = 0; i < acts.count; i++) {
            const char *name = names[i + 1 - f];
            uint64_t features = strstr(name, "down") ? 5 : 4;

            assert_string_equal(acts.entry[i].module, name);
            assert_int_equal(acts.entry[i].features, features);
            assert_memory_equal(acts.entry[i].absmax, values, features * sizeof *values);
        }
        q8_arena_clear(&mem);
    }
}

static void activations_bad_vector_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *name, *words;
    } cases[] = {
        {"nan", "value 1 is nan, which cannot be a largest magnitude"},
        {"infinite", "value 0 is inf"},
        {"beyond-float", "value 0 is inf"},
        {"negative", "value 2 is -0.5"},
        {"matrix", "F32 of shape [1, 2], but a vector of floats was expected"},
        {"scalar", "F32 of shape [], but a vector of floats was expected"},
        {"integer", "I32 of shape [2], but a vector of floats was expected"},
        {"nothing", "holds no vectors"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const char *suffix = i % 2 ? ".npz" : ".safetensors", *words = cases[i / 2].words;
        struct q8_statistics acts;
        struct q8_arena mem;
        struct q8_err err;
        char name[64];

        q8_arena_init(&mem, 1 << 20);
        (void)snprintf(name, sizeof name, "%s%s", cases[i / 2].name, suffix);
        if (read_file(&acts, name, &mem, &err))
            fail_msg("accepted: %s", name);
        if (err.code != Q8_EINPUT || !strstr(err.text, words) || !strstr(err.text, name) ||
            (i / 2 < 7 && !strstr(err.text, "'a': ")))
            fail_msg("%s: wants '%s', got %d '%s'", name, words, err.code, err.text);
        q8_arena_clear(&mem);
    }
}

static void activations_of_another_kind_are_unsupported(void **state)
{
    static const struct {
        const char *path, *words;
    } cases[] = {
        {"/nowhere/imatrix.bin2", ", .dat, .npz and .npy"},
        {".npz", " and .npy"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct q8_statistics acts;
        struct q8_err err = {0};
        struct q8_arena mem;

        q8_arena_init(&mem, 1 << 20);
        assert_false(q8_statistics_read(&acts, cases[i].path, &mem, &err));
        assert_int_equal(err.code, Q8_EUNSUPPORTED);
        assert_non_null(strstr(err.text, cases[i].words));
        q8_arena_clear(&mem);
    }
}

/* A .npy file has one array, whose name is the file's. */
static void activations_of_one_array_are_the_module_that_the_file_is_called(void **state)
{
    static const char head[118] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
                      start[] = "\x93NUMPY\1\0v";
    static const float maxima[] = {1, 2.5f, 0};
    char path[] = "/tmp/q8-test-XXXXXX/model.layers.0.q_proj.npy";
    char *slash = strchr(path + 5, '/');
    struct q8_statistics acts;
    struct q8_err err = {0};
    struct q8_arena mem;
    FILE *file;

    (void)state;
    *slash = 0;
    assert_non_null(mkdtemp(path));
    *slash = '/';
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(start, sizeof start, 1, file), 1);
    for (size_t i = 0; i < sizeof head; i++)
        assert_true(fputc(i + 1 == sizeof head ? '\n' : head[i] ? head[i] : ' ', file) >= 0);
    assert_int_equal(fwrite(maxima, sizeof maxima, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    q8_arena_init(&mem, 1 << 20);
    assert_true(q8_statistics_read(&acts, path, &mem, &err));
    assert_int_equal(acts.count, 1);
    assert_string_equal(acts.entry[0].module, "model.layers.0.q_proj");
    assert_int_equal(acts.entry[0].features, 3);
    assert_memory_equal(acts.entry[0].absmax, maxima, sizeof maxima);
    q8_arena_clear(&mem);
    assert_int_equal(truncate(path, 130), 0); /* less than its shape says */
    assert_false(q8_statistics_read(&acts, path, &mem, &err));
    assert_int_equal(err.code, Q8_EINPUT);
    assert_non_null(strstr(err.text, "array 'model.layers.0.q_proj'"));
    q8_arena_clear(&mem);
    (void)unlink(path);
    *slash = 0;
    (void)rmdir(path);
}

static void activations_file_that_is_not_there_is_an_io_error(void **state)
{
    struct q8_statistics acts;
    struct q8_arena mem;
    struct q8_err err;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    assert_false(read_file(&acts, "nowhere.npz", &mem, &err));
    assert_int_equal(err.code, Q8_EIO);
    q8_arena_clear(&mem);
}

static void activations_of_more_than_a_gib_are_a_limit(void **state)
{
    char path[] = "/tmp/q8-test-XXXXXX.npz";
    struct q8_statistics acts;
    struct q8_err err = {0};
    struct q8_arena mem;
    int fd = mkstemps(path, 4);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)Q8_STATISTICS_LIMIT + 1), 0); /* a hole */
    q8_arena_init(&mem, 1 << 20);
    assert_false(q8_statistics_read(&acts, path, &mem, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    q8_arena_clear(&mem);
    (void)close(fd);
    (void)unlink(path);
}

static void activations_without_memory_are_a_limit(void **state)
{
    (void)state;
    for (unsigned f = 0; f < 2; f++) {
        bool ok = false;

        for (uint64_t limit = 0; !ok; limit += 64) {
            struct q8_statistics acts = {.count = 77};
            struct q8_arena mem;
            struct q8_err err;

            q8_arena_init(&mem, limit);
            ok = read_file(&acts, f ? "scales.npz" : "scales.safetensors", &mem, &err);
            if (!ok) {
                assert_int_equal(err.code, Q8_ELIMIT);
                assert_int_equal(acts.count, 77);
            }
            assert_true(limit < 1 << 20);
            q8_arena_clear(&mem);
        }
    }
}

/* A model of two layers, [rows, cols]; the head has no statistics. */
static struct q8_weight modules[] = {
    SCRATCH_WEIGHT("lm_head", 100, 4),
    SCRATCH_WEIGHT("model.layers.0.mlp.down_proj", 4, 6),
    SCRATCH_WEIGHT("model.layers.0.mlp.up_proj", 6, 4),
    SCRATCH_WEIGHT("model.layers.1.mlp.down_proj", 4, 6),
    SCRATCH_WEIGHT("model.layers.1.mlp.up_proj", 6, 4),
};
#define MODULES (sizeof modules / sizeof *modules)
static const struct q8_weight_list all = {.weight = modules, .count = MODULES};

static const float up_0[] = {1, 6, 0, 5.75f}, up_1[] = {2, 24, 1, 2};
static const float down_0[] = {0, 0, 0, 0, 7, 0}, down_1[] = {1, 1, 1, 1, 1, 1};

static struct q8_statistic entries[] = {
    {"model.layers.0.mlp.down_proj", 6, down_0},
    {"model.layers.0.mlp.up_proj", 4, up_0},
    {"model.layers.1.mlp.down_proj", 6, down_1},
    {"model.layers.1.mlp.up_proj", 4, up_1},
};

static void activations_outliers_are_counted(void **state)
{
    const struct q8_statistics acts = {"acts.npz", entries, 4, false};
    struct q8_outlier_list list;
    struct q8_err err = {0};
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    assert_true(q8_outlier_stats(&list, &acts, &all, 6.0, &mem, &err));
    assert_true(list.from_activations);
    assert_int_equal(list.sources, 4);
    assert_string_equal(list.source[1].name, "model.layers.0.mlp.up_proj");
    assert_string_equal(list.source[1].role, "mlp.up_proj");
    assert_int_equal(list.source[1].layer, 0);
    assert_int_equal(list.source[1].outliers, 1);
    assert_true(list.source[1].median == 1);
    assert_null(list.source[1].feeds);
    assert_int_equal(list.hits, 3);         /* 5.75 is none, 6 is one */
    assert_true(isinf(list.hit[0].factor)); /* the median of down_0 is 0 */
    assert_int_equal(list.count, 2);
    assert_int_equal(list.feature[0].dimension, 1);
    assert_int_equal(list.feature[0].features, 4);
    assert_int_equal(list.feature[0].layers, 2);
    assert_int_equal(list.feature[0].of, 2);
    assert_true(list.feature[0].least == 6 && list.feature[0].most == 12);
    assert_int_equal(list.feature[1].features, 6);
    assert_int_equal(list.feature[1].layers, 1);
    assert_true(list.feature[1].systematic);
    /* two columns of 6 rows and one of 4, of 400 + 4 * 24 parameters; two bytes each */
    assert_true(list.touched == 16.0 / 496);
    assert_int_equal(list.decomposed_bytes, 32);
    assert_int_equal(list.missings, 1);
    assert_string_equal(list.missing[0], "lm_head");
    q8_arena_clear(&mem);
}

static void activations_threshold_of_zero_finds_none(void **state)
{
    const struct q8_statistics acts = {"acts.npz", entries, 4, false};
    struct q8_outlier_list list;
    struct q8_err err = {0};
    struct q8_arena mem;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    assert_true(q8_outlier_stats(&list, &acts, &all, 0, &mem, &err));
    assert_int_equal(list.sources, 4);
    assert_int_equal(list.hits, 0);
    assert_true(list.touched == 0);
    q8_arena_clear(&mem);
}

static void activations_that_do_not_fit_are_refused_with_the_way_out(void **state)
{
    static struct q8_statistic unknown[] = {{"model.layers.0.mlp.upproj", 4, up_0},
                                            {"model.layers.1.mlp.up_proj", 4, up_1}},
                               wrong[] = {{"model.layers.0.mlp.up_proj", 6, down_0}},
                               lacking[] = {{"layers.0.mlp.up_proj", 4, up_0},
                                            {"layers.1.mlp.up_proj", 4, up_1}},
                               longer[] = {{"base.model.layers.0.mlp.up_proj", 4, up_0},
                                           {"base.model.layers.1.mlp.up_proj", 4, up_1}},
                               mixed[] = {{"layers.0.mlp.up_proj", 4, up_0},
                                          {"model.layers.1.mlp.up_proj", 4, up_1}};
    static const struct {
        struct q8_statistic *entry;
        uint64_t count, modules;
        const char *text;
    } cases[] = {
        {unknown, 2, MODULES,
         "acts.npz: 'model.layers.0.mlp.upproj' is not a Linear module of the model; nearest: "
         "model.layers.0.mlp.up_proj, model.layers.1.mlp.up_proj, model.layers.0.mlp.down_proj"},
        {unknown, 2, 0,
         "acts.npz: 'model.layers.0.mlp.upproj' is not a Linear module of the model; nearest: "
         "none"},
        {wrong, 1, MODULES,
         "acts.npz: 'model.layers.0.mlp.up_proj': 6 values, but the module has 4 input features"},
        {lacking, 2, MODULES,
         "acts.npz: all its names lack the 'model.' that those of the model begin with; put it in "
         "front of the names in the file"},
        {longer, 2, MODULES,
         "acts.npz: all its names begin with 'base.', which those of the model do not; take it "
         "off the names in the file"},
        {mixed, 2, MODULES,
         "acts.npz: 'layers.0.mlp.up_proj' is not a Linear module of the model; nearest: "
         "model.layers.0.mlp.up_proj, model.layers.1.mlp.up_proj, model.layers.0.mlp.down_proj"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct q8_statistics acts = {"acts.npz", cases[i].entry, cases[i].count, false};
        struct q8_outlier_list list;
        struct q8_err err = {0};
        struct q8_arena mem;

        q8_arena_init(&mem, 1 << 20);
        assert_false(q8_outlier_stats(
            &list, &acts, &(struct q8_weight_list){.weight = modules, .count = cases[i].modules},
            6.0, &mem, &err));
        assert_int_equal(err.code, Q8_EINPUT);
        assert_string_equal(err.text, cases[i].text);
        q8_arena_clear(&mem);
    }
}

static void activations_outliers_without_memory_are_a_limit(void **state)
{
    const struct q8_statistics acts = {"acts.npz", entries, 4, false};
    bool ok = false;

    (void)state;
    for (uint64_t limit = 0; !ok; limit += 64) {
        struct q8_outlier_list list = {.count = 77};
        struct q8_err err = {0};
        struct q8_arena mem;

        q8_arena_init(&mem, limit);
        ok = q8_outlier_stats(&list, &acts, &all, 6.0, &mem, &err);
        if (!ok) {
            assert_int_equal(err.code, Q8_ELIMIT);
            assert_int_equal(list.count, 77);
        }
        assert_true(limit < 1 << 20);
        q8_arena_clear(&mem);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_are_read_by_name_as_floats),
        cmocka_unit_test(activations_bad_vector_is_refused_with_its_place),
        cmocka_unit_test(activations_of_another_kind_are_unsupported),
        cmocka_unit_test(activations_of_one_array_are_the_module_that_the_file_is_called),
        cmocka_unit_test(activations_file_that_is_not_there_is_an_io_error),
        cmocka_unit_test(activations_of_more_than_a_gib_are_a_limit),
        cmocka_unit_test(activations_without_memory_are_a_limit),
        cmocka_unit_test(activations_outliers_are_counted),
        cmocka_unit_test(activations_threshold_of_zero_finds_none),
        cmocka_unit_test(activations_that_do_not_fit_are_refused_with_the_way_out),
        cmocka_unit_test(activations_outliers_without_memory_are_a_limit),
    };

    if (argc != 2)
        return 2;
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
