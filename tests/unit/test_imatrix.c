/* test_imatrix.c - imatrix files under the names of modules; testdata/acts is make_gguf.py's */
#include "src/base/json.h"
#include "src/forward/imatrix.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *testdata;

/* Modules by name; the router is no Linear of the list. */
static struct q8_weight weights[] = {
    SCRATCH_WEIGHT("model.layers.0.mlp.experts.0.down_proj", 32, 32),
    SCRATCH_WEIGHT("model.layers.0.mlp.experts.1.down_proj", 32, 32),
    SCRATCH_WEIGHT("model.layers.0.self_attn.q_proj", 32, 32),
    SCRATCH_WEIGHT("model.layers.0.self_attn.v_proj", 16, 32),
};

struct fixture {
    struct q8_arena mem;
    struct q8_err err;
    struct q8_statistics read, fit;
    struct q8_model model;
    char path[4096];
};

/* Reads FOLDER/NAME and fits it to a model of that type (JSON). */
static bool run(struct fixture *f, const char *folder, const char *name, const char *config)
{
    struct q8_weight_list list = {.model = &f->model, .weight = weights, .count = 4};

    *f = (struct fixture){0};
    q8_arena_init(&f->mem, 1 << 20);
    (void)snprintf(f->path, sizeof f->path, "%s/%s", folder, name);
    f->model.config_root = q8_json_parse(config, strlen(config), &f->err);
    assert_non_null(f->model.config_root);
    return q8_statistics_read(&f->read, f->path, &f->mem, &f->err) &&
           q8_imatrix_fit(&f->fit, &f->read, &list, &f->mem, &f->err);
}

static void end(struct fixture *f)
{
    q8_json_free(f->model.config_root);
    q8_arena_clear(&f->mem);
}

static const char qwen[] = "{\"model_type\": \"qwen3_moe\"}";

static void check_vector(const struct q8_statistic *e, const char *module)
{
    assert_string_equal(e->module, module);
    assert_int_equal(e->features, 32);
    for (unsigned i = 0; i < 32; i++)
        assert_true((unsigned)e->absmax[i] == i + 1 && e->absmax[i] - (float)(i + 1) == 0);
}

static void imatrix_gives_root_mean_squares_of_modules(void **state)
{
    struct fixture f;
    char folder[4096];

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/acts", testdata);
    if (!run(&f, folder, "imatrix.gguf", qwen))
        fail_msg("%s", f.err.text);
    assert_true(f.read.rms && f.read.count == 3);
    assert_int_equal(f.fit.count, 2); /* the second expert saw nothing */
    check_vector(&f.fit.entry[0], weights[0].module);
    check_vector(&f.fit.entry[1], weights[2].module);
    end(&f);
    if (!run(&f, folder, "imatrix.dat", qwen))
        fail_msg("%s", f.err.text);
    assert_int_equal(f.fit.count, 3); /* .dat does not say which expert saw nothing */
    check_vector(&f.fit.entry[0], weights[0].module);
    check_vector(&f.fit.entry[2], weights[2].module);
    end(&f);
}

static void imatrix_of_another_class_fits_nothing(void **state)
{
    struct fixture f;
    char folder[4096];

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/acts", testdata);
    assert_false(run(&f, folder, "imatrix.gguf", "{\"model_type\": \"bert\"}"));
    assert_int_equal(f.err.code, Q8_EINPUT);
    assert_non_null(strstr(f.err.text, "none of its weights, 'blk.0.attn_q' for one"));
    end(&f);
}

static void imatrix_gguf_must_be_one(void **state)
{
    struct fixture f;
    char folder[4096];

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/good", testdata);
    assert_false(run(&f, folder, "llama.gguf", qwen));
    assert_int_equal(f.err.code, Q8_EUNSUPPORTED);
    assert_non_null(strstr(f.err.text, "is no imatrix"));
    end(&f);
}

/* Wherever it is cut before the last entry ends; and with a byte of a count that is another. */
static void imatrix_dat_that_is_broken_is_refused(void **state)
{
    char dir[] = "/tmp/q8-test-imatrix-XXXXXX", path[64], from[4096];
    unsigned char bytes[4096];
    struct fixture f;
    size_t size, last;
    FILE *file;

    (void)state;
    (void)snprintf(from, sizeof from, "%s/acts/imatrix.dat", testdata);
    file = fopen(from, "rb");
    assert_non_null(file);
    size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    last = size - 12; /* chunk, length and "text" are not looked at */
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/cut.dat", dir);
    for (size_t n = 0; n < last; n++) {
        file = fopen(path, "wb");
        assert_true(file && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
        if (run(&f, dir, "cut.dat", qwen) || f.err.code != Q8_EINPUT)
            fail_msg("%u bytes: %s", (unsigned)n, f.err.text);
        end(&f);
    }
    for (size_t at = 3; at < 8; at += 4) { /* negative counts */
        bytes[at] ^= 0x80;
        file = fopen(path, "wb");
        assert_true(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
        assert_false(run(&f, dir, "cut.dat", qwen));
        assert_non_null(strstr(f.err.text, "no imatrix"));
        bytes[at] ^= 0x80;
        end(&f);
    }
    file = fopen(path, "wb"); /* an entry twice: 2, then { 1, "a", 1 call, 1 value, 1 } */
    assert_non_null(file);
    (void)fwrite("\2\0\0\0", 1, 4, file);
    for (unsigned i = 0; i < 2; i++)
        (void)fwrite("\1\0\0\0a\1\0\0\0\1\0\0\0\0\0\200\77", 1, 17, file);
    assert_int_equal(fclose(file), 0);
    assert_false(run(&f, dir, "cut.dat", qwen));
    if (!strstr(f.err.text, "tensor 'a': is there twice"))
        fail_msg("%s", f.err.text);
    end(&f);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imatrix_gives_root_mean_squares_of_modules),
        cmocka_unit_test(imatrix_of_another_class_fits_nothing),
        cmocka_unit_test(imatrix_gguf_must_be_one),
        cmocka_unit_test(imatrix_dat_that_is_broken_is_refused),
    };

    if (argc != 2)
        return 2;
    testdata = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
