/* pool.c - a list of work items shared among threads, with progress and a stop */
#include "src/flow/pool.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS 100 /* how often the watcher is asked; a stop is seen within this */

struct worker {
    struct q8_pool *pool;
    unsigned number;
    pthread_t thread;
};

/* Takes the next item, or says that there is none. */
static bool take(struct q8_pool *pool, uint64_t *ret_item)
{
    bool got;

    pthread_mutex_lock(&pool->lock);
    got = !pool->stop && pool->failed == UINT64_MAX && pool->next < pool->progress.items_total;
    if (got)
        *ret_item = pool->next++;
    pthread_mutex_unlock(&pool->lock);
    return got;
}

static void finish(struct q8_pool *pool, uint64_t item, bool ok, const struct q8_err *err)
{
    pthread_mutex_lock(&pool->lock);
    if (ok) {
        pool->progress.items++;
    } else if (!pool->stop && item < pool->failed) {
        pool->failed = item;
        pool->err = *err;
    }
    pthread_mutex_unlock(&pool->lock);
}

/* The watcher's failure comes before that of any item. */
static void stop(struct q8_pool *pool, const struct q8_err *err)
{
    pthread_mutex_lock(&pool->lock);
    if (!pool->stop)
        pool->err = *err;
    pool->stop = true;
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t one = 1, item;

    while (take(w->pool, &item)) {
        struct q8_err err = {0};

        finish(w->pool, item, w->pool->item(w->pool->self, item, w->number, w->pool, &err), &err);
    }
    pthread_mutex_lock(&w->pool->lock);
    w->pool->running--;
    pthread_mutex_unlock(&w->pool->lock);
    (void)!write(w->pool->event, &one, sizeof one);
    return NULL;
}

bool q8_pool_advance(struct q8_pool *pool, uint64_t bytes)
{
    bool go;

    pthread_mutex_lock(&pool->lock);
    pool->progress.bytes += bytes;
    go = !pool->stop;
    pthread_mutex_unlock(&pool->lock);
    return go;
}

void q8_pool_extend(struct q8_pool *pool, uint64_t bytes)
{
    pthread_mutex_lock(&pool->lock);
    pool->progress.bytes_total += bytes;
    pthread_mutex_unlock(&pool->lock);
}

/* Waits for the workers, ticking; returns when the last one has ended. */
static void watch(struct q8_pool *pool)
{
    struct pollfd fds[2] = {{.fd = pool->event, .events = POLLIN},
                            {.fd = pool->watch ? pool->watch->fd : -1, .events = POLLIN}};
    bool running = true;

    while (running) {
        struct q8_progress progress;
        struct q8_err err = {0};

        (void)poll(fds, 2, TICK_MS);
        pthread_mutex_lock(&pool->lock);
        progress = pool->progress;
        running = pool->running > 0;
        pthread_mutex_unlock(&pool->lock);
        if (pool->watch && !pool->watch->tick(pool->watch->self, &progress, &err)) {
            stop(pool, &err);
            fds[1].fd = -1;
        }
        if (fds[0].revents & POLLIN) {
            uint64_t count;

            (void)!read(pool->event, &count, sizeof count);
        }
    }
}

/* Starts the workers with every signal blocked, so that the watcher alone sees them. */
static bool start(struct q8_pool *pool, struct worker *workers, struct q8_err *err)
{
    sigset_t all, old;
    int number = 0;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    pool->running = pool->threads;
    for (unsigned i = 0; i < pool->threads; i++) {
        workers[i] = (struct worker){.pool = pool, .number = i};
        if (!number)
            number = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
        if (number) {
            workers[i].pool = NULL;
            pthread_mutex_lock(&pool->lock);
            pool->running--;
            pool->stop = true;
            pthread_mutex_unlock(&pool->lock);
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return !number || q8_fail(err, Q8_ELIMIT, "cannot start a thread: %s", strerror(number));
}

static int compare_sized(const void *a, const void *b)
{
    const struct q8_sized *x = a, *y = b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->item < y->item ? -1 : 1;
}

void q8_pool_sort(struct q8_sized *list, uint64_t count)
{
    if (count)
        qsort(list, count, sizeof *list, compare_sized);
}

bool q8_pool_run(struct q8_pool *pool, struct q8_err *err)
{
    struct worker workers[Q8_THREADS_MAX];
    bool ok;

    if (pool->progress.items_total == 0)
        return true;
    pool->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->event < 0)
        return q8_fail_errno(err, "cannot make an event counter");
    pthread_mutex_init(&pool->lock, NULL);
    pool->next = 0;
    pool->stop = false;
    pool->failed = UINT64_MAX;
    pool->err = (struct q8_err){0};
    ok = start(pool, workers, err);
    watch(pool);
    for (unsigned i = 0; i < pool->threads; i++)
        if (workers[i].pool)
            (void)pthread_join(workers[i].thread, NULL);
    if (ok && (pool->stop || pool->failed != UINT64_MAX)) {
        *err = pool->err;
        ok = false;
    }
    pthread_mutex_destroy(&pool->lock);
    (void)close(pool->event);
    return ok;
}
