/* test_error.c - what was lost, worked out on paper */
#include "src/scheme/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void sqnr_is_ten_decades_of_the_ratio(void **state)
{
    (void)state;
    assert_true(q8_sqnr(1000, 1) == 30);
    assert_true(q8_sqnr(1, 100) == -20);
}

static void sqnr_of_nothing_lost_is_infinite(void **state)
{
    (void)state;
    assert_true(q8_sqnr(5, 0) == INFINITY);
    assert_true(q8_sqnr(0, 0) == INFINITY);
    assert_true(q8_sqnr(0, 1) == -INFINITY);
}

/* A comparison with NaN is false, so "err2 > 0" would call it "nothing was lost". */
static void sqnr_of_what_is_not_finite_is_the_lowest(void **state)
{
    (void)state;
    assert_true(q8_sqnr(1, NAN) == -INFINITY);
    assert_true(q8_sqnr(NAN, 1) == -INFINITY);
    assert_true(q8_sqnr(NAN, 0) == -INFINITY);
    assert_true(q8_sqnr(INFINITY, 1) == -INFINITY);
    assert_true(q8_sqnr(1, INFINITY) == -INFINITY);
}

static void relative_mse_is_the_share_that_was_lost(void **state)
{
    (void)state;
    assert_true(q8_relative_mse(8, 2) == 0.25);
    assert_true(q8_relative_mse(0, 0) == 0);
    assert_true(isinf(q8_relative_mse(0, 1)));
    assert_true(isnan(q8_relative_mse(1, NAN)));
}

static void cosine_is_that_of_the_angle(void **state)
{
    (void)state;
    assert_true(q8_cosine(4, 9, 6) == 1);
    assert_true(q8_cosine(4, 9, -6) == -1);
    assert_true(q8_cosine(0, 0, 0) == 1);
    assert_true(isnan(q8_cosine(0, 1, 0)));
    assert_true(isnan(q8_cosine(1, NAN, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqnr_is_ten_decades_of_the_ratio),
        cmocka_unit_test(sqnr_of_nothing_lost_is_infinite),
        cmocka_unit_test(sqnr_of_what_is_not_finite_is_the_lowest),
        cmocka_unit_test(relative_mse_is_the_share_that_was_lost),
        cmocka_unit_test(cosine_is_that_of_the_angle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
