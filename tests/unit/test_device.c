/* test_device.c - the choice of a device, over a fake GPU */
#include "src/forward/engine.h"
#include "tests/unit/fake_cuda.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int reset(void **state)
{
    (void)state;
    fake_cuda = (struct fake_cuda){.devices = 2, .memory = UINT64_C(1) << 30};
    return 0;
}

static void device_auto_takes_a_gpu_that_is_there(void **state)
{
    struct q8_device d;
    struct q8_err err = {0};

    (void)state;
    assert_true(q8_device_find(&d, "auto", 0, &err));
    assert_string_equal(q8_engines[d.engine].name, "cuda");
    assert_string_equal(d.name, "Fake 0");
    assert_true(d.automatic);
    assert_int_equal(d.memory, (UINT64_C(1) << 30) / 8 * 7);
    assert_int_equal(fake_cuda.open, 0);

    fake_cuda.devices = 0;
    assert_true(q8_device_find(&d, "auto", 0, &err));
    assert_string_equal(q8_engines[d.engine].name, "cpu");
    assert_string_equal(d.why, "");

    /* a GPU that is of no use is told of */
    fake_cuda.devices = 1;
    fake_cuda.old_driver = true;
    assert_true(q8_device_find(&d, "auto", 0, &err));
    assert_string_equal(q8_engines[d.engine].name, "cpu");
    assert_non_null(strstr(d.why, "no CUDA device: an old driver"));
    fake_cuda.old_driver = false;
    fake_cuda.fail_at = fake_cuda.calls + 1;
    fake_cuda.fail_with = Q8_CUDA_LIBRARY;
    assert_true(q8_device_find(&d, "auto", 0, &err));
    assert_string_equal(q8_engines[d.engine].name, "cpu");
    assert_non_null(strstr(d.why, " fails"));
    assert_int_equal(err.code, 0);
}

/* A product is tried before a GPU is taken; what it took is given back. */
static void device_that_multiplies_wrong_is_none(void **state)
{
    struct q8_device d;
    struct q8_err err = {0};

    (void)state;
    fake_cuda.wrong = true;
    assert_false(q8_device_find(&d, "cuda", 0, &err));
    assert_int_equal(err.code, Q8_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "15 of 15 products of int8 are not those of the CPU"));
    assert_true(q8_device_find(&d, "auto", 0, &err));
    assert_string_equal(q8_engines[d.engine].name, "cpu");
    assert_non_null(strstr(d.why, "15 of 15"));
    assert_int_equal(fake_cuda.blocks, 0);
    assert_int_equal(fake_cuda.open, 0);
}

/* A GPU that others have filled. */
static void device_without_memory_is_none(void **state)
{
    struct q8_device d;
    struct q8_err err = {0};

    (void)state;
    fake_cuda.memory = Q8_CUDA_WORKSPACE;
    assert_false(q8_device_find(&d, "cuda", 0, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_true(q8_device_find(&d, "auto", 0, &err));
    assert_string_equal(q8_engines[d.engine].name, "cpu");
    assert_non_null(strstr(d.why, "out of fake memory"));
    assert_int_equal(fake_cuda.blocks, 0);
}

static void device_by_name_is_that_or_an_error(void **state)
{
    static const char *const wrong[] = {"gpu",     "cuda:", "cuda:-1", "cuda:x",
                                        "cuda:1 ", "CPU",   "",        "cuda:99999999999"};
    struct q8_device d;
    struct q8_err err = {0};

    (void)state;
    assert_true(q8_device_find(&d, "cpu", 0, &err));
    assert_int_equal(d.engine, 0);
    assert_true(q8_device_find(&d, "cuda:1", 1 << 20, &err));
    assert_false(d.automatic);
    assert_int_equal(d.number, 1);
    assert_int_equal(d.memory, 1 << 20);
    assert_false(q8_device_find(&d, "cuda:2", 0, &err));
    assert_int_equal(err.code, Q8_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "from 0 to 1"));
    fake_cuda.devices = 0;
    err = (struct q8_err){0};
    assert_false(q8_device_find(&d, "cuda", 0, &err));
    assert_int_equal(err.code, Q8_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "no CUDA device: this is the fake"));
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (struct q8_err){0};
        assert_false(q8_device_find(&d, wrong[i], 0, &err));
        assert_int_equal(err.code, Q8_EUSAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(device_auto_takes_a_gpu_that_is_there, reset),
        cmocka_unit_test_setup(device_that_multiplies_wrong_is_none, reset),
        cmocka_unit_test_setup(device_without_memory_is_none, reset),
        cmocka_unit_test_setup(device_by_name_is_that_or_an_error, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
