/* test_model.c - a checkpoint as a directory or a file: what is there, and what is refused */
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const float values[] = {1, 2, 3, 4, 5, 6};
static const struct scratch_tensor tensor[] = {SCRATCH("b", "F32", "[2, 3]", values),
                                               {"a", "F32", "[1]", values, 4}};

static void model_of_a_directory_has_tensors_by_name_and_its_config(void **state)
{
    float read[2];
    struct scratch s;

    (void)state;
    scratch_make(&s, "{\"model_type\": \"llama\"}", tensor, 2);
    assert_true(scratch_open(&s));
    assert_false(s.model.bare);
    assert_non_null(s.model.config_root);
    assert_int_equal(s.model.config_len, 23);
    assert_int_equal(s.model.shards, 1);
    assert_string_equal(s.model.shard->name, "model.safetensors");
    assert_null(s.model.index_name);
    assert_int_equal(s.model.index.count, 2);
    assert_string_equal(s.model.index.tensor[0].name, "a");
    assert_true(q8_model_read(&s.model, &s.model.index.tensor[1], 8, read, 8, &s.err));
    assert_true(read[0] == 3 && read[1] == 4);
    scratch_close(&s);
}

static void model_of_a_file_alone_has_no_config(void **state)
{
    struct scratch s;

    (void)state;
    scratch_make(&s, NULL, tensor, 2);
    assert_true(scratch_open(&s));
    assert_true(s.model.bare);
    assert_null(s.model.config_root);
    assert_int_equal(s.model.index.count, 2);
    scratch_close(&s);
}

static void model_that_was_rewritten_is_not_the_same(void **state)
{
    struct scratch s;

    (void)state;
    scratch_make(&s, "{}", tensor, 2);
    assert_true(scratch_open(&s));
    assert_true(q8_model_same(&s.model, &s.err));
    assert_false(q8_model_changed(&s.model));
    scratch_write(&s, "model.safetensors", "x", 1, "ab");
    assert_true(q8_model_changed(&s.model));
    assert_false(q8_model_same(&s.model, &s.err));
    assert_int_equal(s.err.code, Q8_EIO);
    scratch_close(&s);
}

static void model_without_weights_or_with_a_broken_config_is_refused(void **state)
{
    static const char *const broken[] = {"{", "{\"a\": 1"};
    struct scratch s;
    char path[128];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        scratch_make(&s, broken[i], tensor, 2);
        assert_false(scratch_open(&s));
        assert_int_equal(s.err.code, Q8_EINPUT);
        scratch_close(&s);
    }
    scratch_make(&s, "{}", tensor, 2);
    (void)snprintf(path, sizeof path, "%s/model.safetensors", s.dir);
    (void)unlink(path);
    assert_false(scratch_open(&s));
    assert_int_equal(s.err.code, Q8_EUNSUPPORTED);
    scratch_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_of_a_directory_has_tensors_by_name_and_its_config),
        cmocka_unit_test(model_of_a_file_alone_has_no_config),
        cmocka_unit_test(model_that_was_rewritten_is_not_the_same),
        cmocka_unit_test(model_without_weights_or_with_a_broken_config_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
