/* test_num.c - checked arithmetic */
#include "src/base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void num_add_rejects_overflow(void **state)
{
    uint64_t sum;

    (void)state;
    assert_true(q8_add(UINT64_MAX - 1, 1, &sum));
    assert_int_equal(sum, UINT64_MAX);
    assert_false(q8_add(UINT64_MAX, 1, &sum));
}

static void num_mul_rejects_overflow(void **state)
{
    uint64_t product;

    (void)state;
    assert_true(q8_mul(UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1, &product));
    assert_false(q8_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &product));
}

static void num_within_rejects_wraparound(void **state)
{
    (void)state;
    assert_true(q8_within(10, 0, 10));
    assert_false(q8_within(11, 0, 10));
    assert_false(q8_within(4, UINT64_MAX - 2, 10)); /* 4 + len wraps to 1 */
}

static void num_div_up_rounds_up(void **state)
{
    (void)state;
    assert_int_equal(q8_div_up(0, 4), 0);
    assert_int_equal(q8_div_up(8, 4), 2);
    assert_int_equal(q8_div_up(9, 4), 3);
}

static void num_min_and_max_take_either_side(void **state)
{
    (void)state;
    assert_int_equal(q8_min(1, 2), 1);
    assert_int_equal(q8_min(2, 1), 1);
    assert_int_equal(q8_max(1, 2), 2);
    assert_int_equal(q8_max(2, 1), 2);
    assert_true(q8_max(UINT64_MAX, 0) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(num_add_rejects_overflow),
        cmocka_unit_test(num_mul_rejects_overflow),
        cmocka_unit_test(num_within_rejects_wraparound),
        cmocka_unit_test(num_div_up_rounds_up),
        cmocka_unit_test(num_min_and_max_take_either_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
