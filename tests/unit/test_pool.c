/* test_pool.c - every item once, the same failure for any number of threads, and stops */
#include "src/flow/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define ITEMS 200

/* What the items of a test do, and what they leave. */
struct work {
    atomic_uint done[ITEMS];
    atomic_uint started; /* how many were begun */
    unsigned bad[2];     /* items that fail; the first one later than the second */
    bool endless;        /* items go on until they are told to stop */
};

static bool knows_failure(struct q8_pool *pool)
{
    bool known;

    pthread_mutex_lock(&pool->lock);
    known = pool->failed != UINT64_MAX;
    pthread_mutex_unlock(&pool->lock);
    return known;
}

static bool item(void *self, uint64_t i, unsigned worker, struct q8_pool *pool, struct q8_err *err)
{
    struct work *w = self;

    assert_true(worker < pool->threads);
    atomic_fetch_add(&w->started, 1);
    while (w->endless && q8_pool_advance(pool, 1))
        (void)usleep(100);
    if (w->endless)
        return false;
    if (i == w->bad[0]) {
        (void)usleep(20000); /* the later item of the two fails first in time */
        return q8_fail(err, Q8_EINPUT, "item %u", (unsigned)i);
    }
    if (i == w->bad[1])
        return q8_fail(err, Q8_EIO, "item %u", (unsigned)i);
    while (i > w->bad[1] && !knows_failure(pool)) /* however the threads are scheduled */
        (void)usleep(100);
    atomic_fetch_add(&w->done[i], 1);
    q8_pool_extend(pool, 3);
    return q8_pool_advance(pool, 10);
}

static void pool_does_every_item_once(void **state)
{
    static const unsigned threads[] = {1, 2, 7, Q8_THREADS_MAX};

    (void)state;
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        struct work w = {.bad = {ITEMS, ITEMS}};
        struct q8_pool pool = {.threads = threads[t], .item = item, .self = &w};
        struct q8_err err = {0};

        pool.progress.items_total = ITEMS;
        assert_true(q8_pool_run(&pool, &err));
        assert_int_equal(pool.progress.items, ITEMS);
        assert_int_equal(pool.progress.bytes, 10 * ITEMS);
        assert_int_equal(pool.progress.bytes_total, 3 * ITEMS);
        for (unsigned i = 0; i < ITEMS; i++)
            assert_int_equal(w.done[i], 1);
    }
}

static void pool_without_items_is_done(void **state)
{
    struct q8_pool pool = {.threads = 2, .item = item};
    struct q8_err err = {0};

    (void)state;
    assert_true(q8_pool_run(&pool, &err));
}

static void pool_gives_the_first_failure_of_the_list(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 8; threads++) {
        struct work w = {.bad = {50, 51}};
        struct q8_pool pool = {.threads = threads, .item = item, .self = &w};
        struct q8_err err = {0};

        pool.progress.items_total = ITEMS;
        assert_false(q8_pool_run(&pool, &err));
        assert_int_equal(err.code, Q8_EINPUT);
        assert_string_equal(err.text, "item 50");
        for (unsigned i = 0; i < 50; i++)
            assert_int_equal(w.done[i], 1);
        assert_true(w.started <= 51 + threads); /* no more were begun, but one for each thread */
    }
}

static bool stop_at_once(void *self, const struct q8_progress *progress, struct q8_err *err)
{
    (void)self;
    assert_string_equal(progress->phase, "testing");
    return q8_fail(err, Q8_ESIGNAL + 2, "stopped");
}

static void pool_stops_items_that_are_under_way(void **state)
{
    struct q8_watch watch = {stop_at_once, NULL, -1};
    struct work w = {.endless = true};
    struct q8_pool pool = {.threads = 3, .item = item, .self = &w, .watch = &watch};
    struct q8_err err = {0};

    (void)state;
    pool.progress = (struct q8_progress){"testing", 0, ITEMS, 0, 0};
    assert_false(q8_pool_run(&pool, &err));
    assert_int_equal(err.code, Q8_ESIGNAL + 2);
    assert_string_equal(err.text, "stopped");
    assert_true(w.started <= 3);
}

static void pool_sort_puts_the_largest_first_and_keeps_equal_ones(void **state)
{
    struct q8_sized list[] = {{1, 0}, {5, 1}, {0, 2}, {5, 3}, {UINT64_MAX, 4}};
    const uint64_t want[] = {4, 1, 3, 0, 2};

    (void)state;
    q8_pool_sort(list, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(list[i].item, want[i]);
    q8_pool_sort(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_does_every_item_once),
        cmocka_unit_test(pool_without_items_is_done),
        cmocka_unit_test(pool_gives_the_first_failure_of_the_list),
        cmocka_unit_test(pool_stops_items_that_are_under_way),
        cmocka_unit_test(pool_sort_puts_the_largest_first_and_keeps_equal_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
