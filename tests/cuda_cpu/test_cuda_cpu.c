/* test_cuda_cpu.c - what kernels/cuda says of drivers and libraries, and what it does without an
 * algorithm; every call failing in turn */
#include "kernels/cuda/cuda.h"
#include "src/forward/engine.h"
#include "src/forward/engine_cuda_parts.h"
#include "tests/cuda_cpu/cuda_cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int reset(void **state)
{
    (void)state;
    cuda_cpu = (struct cuda_cpu){
        .devices = 1, .driver = 13000, .memory = UINT64_C(1) << 30, .libraries = 1 << 13};
    return 0;
}

static void assert_nothing_is_kept(void)
{
    assert_int_equal(cuda_cpu.blocks, 0);
    assert_int_equal(cuda_cpu.pinned, 0);
    assert_int_equal(cuda_cpu.objects, 0);
}

static void device_that_is_not_there_is_told_apart(void **state)
{
    char why[Q8_CUDA_TEXT];
    int count;

    (void)state;
    assert_int_equal(q8_cuda_count(&count, why), Q8_CUDA_OK);
    assert_int_equal(count, 1);

    cuda_cpu.driver = 0;
    cuda_cpu.count_error = cudaErrorInsufficientDriver; /* as CUDA says it without a driver */
    assert_int_equal(q8_cuda_count(&count, why), Q8_CUDA_NONE);
    assert_non_null(strstr(why, "no driver (nvidia-smi asks it); q8 wants one of CUDA 13 or"));

    cuda_cpu.driver = 12020;
    assert_int_equal(q8_cuda_count(&count, why), Q8_CUDA_FAULT);
    assert_non_null(strstr(why, "driver is that of CUDA 12.2, and q8 was built with 13.0"));

    cuda_cpu.driver = 13000;
    cuda_cpu.count_error = cudaErrorSystemNotReady;
    assert_int_equal(q8_cuda_count(&count, why), Q8_CUDA_FAULT);
    assert_non_null(strstr(why, "system not yet initialized (error 802)"));

    cuda_cpu.count_error = cudaErrorNoDevice;
    assert_int_equal(q8_cuda_count(&count, why), Q8_CUDA_NONE);
    assert_non_null(strstr(why, "the driver lists none"));
    assert_int_equal(cudaGetLastError(), cudaSuccess);
}

static void library_of_either_version_is_taken_if_it_starts(void **state)
{
    struct q8_cuda c;

    (void)state;
    cuda_cpu.libraries = 1 << 13 | 1 << 12;
    assert_int_equal(q8_cuda_open(&c, 0), Q8_CUDA_OK);
    assert_int_equal(cuda_cpu.library, 13);
    q8_cuda_close(&c);

    cuda_cpu.libraries = 1 << 12;
    assert_int_equal(q8_cuda_open(&c, 0), Q8_CUDA_OK);
    assert_int_equal(cuda_cpu.library, 12);
    q8_cuda_close(&c);

    /* the driver is too old for one of them */
    cuda_cpu.libraries = 1 << 13 | 1 << 12;
    cuda_cpu.dead_libraries = 1 << 13;
    assert_int_equal(q8_cuda_open(&c, 0), Q8_CUDA_OK);
    assert_int_equal(cuda_cpu.library, 12);
    q8_cuda_close(&c);

    /* what does not start says more than what is not there */
    cuda_cpu.libraries = 1 << 13;
    assert_int_equal(q8_cuda_open(&c, 0), Q8_CUDA_LIBRARY);
    assert_string_equal(c.text, "starting cuBLASLt: CUBLAS_STATUS_NOT_INITIALIZED");
    cuda_cpu.libraries = 0;
    assert_int_equal(q8_cuda_open(&c, 0), Q8_CUDA_LIBRARY);
    assert_non_null(strstr(c.text, "no libcublasLt.so.13 (or .12)"));
    assert_nothing_is_kept();
}

static void product_without_an_algorithm_is_multiplied_all_the_same(void **state)
{
    struct q8_cuda c;

    (void)state;
    for (int i = 0; i < 3; i++) {
        reset(NULL);
        cuda_cpu.no_choice = i == 1;
        cuda_cpu.no_state = i == 2;
        assert_int_equal(q8_cuda_open(&c, 0), Q8_CUDA_OK);
        assert_int_equal(q8_cuda_try(&c), Q8_CUDA_OK);
        assert_int_equal(i ? cuda_cpu.unchosen : cuda_cpu.chosen, 2);
        assert_int_equal(i ? cuda_cpu.chosen : cuda_cpu.unchosen, 0);
        q8_cuda_close(&c);
    }
    assert_nothing_is_kept();
}

/* Looking for a GPU, trying it, and one product on it. */
static bool go_through(struct q8_err *err)
{
    static const float ones[40 * 16] = {1};
    static const int8_t codes[40 * 16] = {1};
    const struct q8_engine_room room = {3, 16, 40, 3 * 16, 3 * 40, 40 * 16};
    const struct q8_multiply job = {
        .mode = Q8_MODE_BNB, .threshold = 0.5, .type = Q8_FLOAT_F16, .tokens = 3, .cols = 16};
    const struct q8_operands w = {40, codes, ones, ones, ones, ones};
    float x[3 * 16] = {1}, *y[2];
    struct q8_products products = {.bad = 0};
    struct q8_engine e = {0};
    struct q8_device d;
    struct q8_arena mem;
    uint64_t outliers;
    bool ok;

    q8_arena_init(&mem, UINT64_MAX);
    ok = q8_device_find(&d, "cuda", 0, err);
    if (ok) {
        const struct q8_engine_setup setup = {Q8_ISA_ref, &d, 1};

        ok = q8_engines[d.engine].open(&e, &room, &setup, &mem, err) &&
             e.begin(e.self, &job, x, &outliers, err) &&
             e.tile(e.self, &w, &products, &y[0], &y[1], err);
        if (ok)
            assert_float_equal(y[0][0], 1, 0);
        if (e.close)
            e.close(e.self);
    }
    q8_arena_clear(&mem);
    return ok;
}

/* An error with a text, or memory that suffices at the second try; nothing is left behind. */
static void any_call_that_fails_is_told_without_a_leak(void **state)
{
    static const cudaError_t errors[] = {cudaErrorMemoryAllocation, cudaErrorIllegalAddress};
    uint64_t calls;

    (void)state;
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++)
        for (calls = 1;; calls++) {
            struct q8_err err = {0};

            reset(NULL);
            cuda_cpu.fail_at = calls;
            cuda_cpu.fail_with = errors[i];
            if (!go_through(&err)) {
                assert_int_not_equal(err.code, 0);
                assert_true(*err.text);
            }
            assert_nothing_is_kept();
            if (cuda_cpu.calls < calls) {
                assert_int_equal(err.code, 0);
                break;
            }
        }
    assert_true(calls > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(device_that_is_not_there_is_told_apart, reset),
        cmocka_unit_test_setup(library_of_either_version_is_taken_if_it_starts, reset),
        cmocka_unit_test_setup(product_without_an_algorithm_is_multiplied_all_the_same, reset),
        cmocka_unit_test_setup(any_call_that_fails_is_told_without_a_leak, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
