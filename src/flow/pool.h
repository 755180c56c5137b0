/* pool.h - a list of work items shared among threads, with progress and a stop */
#ifndef Q8_FLOW_POOL_H
#define Q8_FLOW_POOL_H

#include "src/base/err.h"

#include <pthread.h>
#include <stdint.h>

#define Q8_THREADS_MAX 256

/* How far a run has come. */
struct q8_progress {
    const char *phase;           /* what is done to them: "converting tensors"; a constant */
    uint64_t items, items_total; /* done, to do in all */
    uint64_t bytes, bytes_total; /* same, as q8_pool_advance counts them */
};

/* The user's side of a run: called from the thread that called q8_pool_run. */
struct q8_watch {
    /* Shows progress; false stops the run and sets err (Q8_ESIGNAL + number). */
    bool (*tick)(void *self, const struct q8_progress *progress, struct q8_err *err);
    void *self; /* what tick gets */
    int fd;     /* readable when tick should be called at once; -1 = none */
};

/* One run over a list of items.  The caller zeroes it and sets all fields down to `self`. */
struct q8_pool {
    unsigned threads;             /* 1 to Q8_THREADS_MAX */
    const struct q8_watch *watch; /* NULL: nobody watches */
    struct q8_progress progress;  /* phase and totals are set by the caller */

    /*
     * Does item i.  Called from any thread, each i once, i in rising order of start; `worker` is
     * in [0, threads).  Long items call q8_pool_advance now and then.
     */
    bool (*item)(void *self, uint64_t i, unsigned worker, struct q8_pool *pool, struct q8_err *err);
    void *self; /* what item gets */

    /* internal */
    pthread_mutex_t lock;   /* held for what follows, and for progress */
    uint64_t next, running; /* item to start next, workers that have not ended */
    int event;              /* eventfd: a worker ended */
    bool stop;              /* items under way are to end early */
    uint64_t failed;        /* the first item that failed, UINT64_MAX: none */
    struct q8_err err;      /* its failure, or the watcher's */
};

/* An item of a list that is to be shared among threads. */
struct q8_sized {
    uint64_t bytes; /* of work */
    uint64_t item;  /* its number, for the owner of the list */
};

/* Sorts largest first, equal ones by number: the threads then end at about the same time. */
void q8_pool_sort(struct q8_sized *list, uint64_t count);

/*
 * Does all items.  When one fails, no more are started, those under way are finished, and the
 * failure of the first in the list is returned: the same for any number of threads.  When the
 * watcher stops the run, its failure is returned as soon as the items under way have ended.  An
 * empty list is done.  Q8_ELIMIT when a thread cannot be started.
 */
bool q8_pool_run(struct q8_pool *pool, struct q8_err *err);

/* Counts bytes done; false (without an error) when the run is being stopped: return false then. */
bool q8_pool_advance(struct q8_pool *pool, uint64_t bytes);

/* Adds to the bytes to do in all: work that has shown itself on the way. */
void q8_pool_extend(struct q8_pool *pool, uint64_t bytes);

#endif
