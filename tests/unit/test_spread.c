/* test_spread.c - order statistics, against a sorted copy */
#include "src/base/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define MOST 300

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* Every place of random lists, few different numbers among them. */
static void rank_is_the_place_in_the_sorted_list(void **state)
{
    double v[MOST], sorted[MOST], work[MOST];
    uint64_t seed = (uint64_t)time(NULL);

    (void)state;
    printf("seed %llu\n", (unsigned long long)seed);
    for (uint64_t n = 1; n < MOST; n += 1 + n / 10) {
        const uint64_t kinds = draw(&seed) % 3 ? 1u << 20 : 3;

        for (uint64_t i = 0; i < n; i++)
            v[i] = (double)(draw(&seed) % kinds) - 1;
        memcpy(sorted, v, sizeof v);
        qsort(sorted, n, sizeof *sorted, compare);
        for (uint64_t k = 0; k < n; k++) {
            memcpy(work, v, sizeof v);
            assert_true(q8_spread_rank(work, n, k) == sorted[k]);
            for (uint64_t i = 0; i < n; i++)
                assert_true(i < k ? work[i] <= sorted[k] : work[i] >= sorted[k]);
        }
    }
}

static void rank_sorted_and_equal_lists_end(void **state)
{
    static double v[1 << 17];
    const uint64_t n = sizeof v / sizeof *v;

    (void)state;
    for (uint64_t i = 0; i < n; i++)
        v[i] = (double)(n - i);
    assert_true(q8_spread_rank(v, n, n / 2) == (double)(n / 2 + 1));
    memset(v, 0, sizeof v);
    assert_true(q8_spread_rank(v, n, 5) == 0);
    for (uint64_t i = 0; i < n; i++) /* organ pipe */
        v[i] = (double)(i < n / 2 ? i : n - i);
    assert_true(q8_spread_rank(v, n, 0) == 0);
}

static void rank_top_sums_the_largest(void **state)
{
    double v[] = {1, 16, 4, 2, 8};

    (void)state;
    assert_true(q8_spread_top(v, 5, 2) == 24);
    assert_true(q8_spread_top(v, 5, 5) == 31);
    assert_true(q8_spread_top(v, 5, 0) == 0);
    assert_true(q8_spread_top(v, 0, 0) == 0);
}

static void rank_spread_takes_the_lower_median(void **state)
{
    double v[] = {9, 1, 7, 3};
    const struct q8_spread s = q8_spread_of(v, 4), none = q8_spread_of(v, 0);

    (void)state;
    assert_true(s.least == 1 && s.median == 3 && s.most == 9);
    assert_true(none.least == 0 && none.median == 0 && none.most == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_is_the_place_in_the_sorted_list),
        cmocka_unit_test(rank_sorted_and_equal_lists_end),
        cmocka_unit_test(rank_top_sums_the_largest),
        cmocka_unit_test(rank_spread_takes_the_lower_median),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
