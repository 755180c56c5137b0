/* source.c - whether the input is still what was read, told by its bytes where times do not tell */
#include "src/convert/convert_parts.h"

#include "src/convert/plan_parts.h"

#include <stdatomic.h>

/* A look at the bytes of all sources. */
struct look {
    struct q8_convert *convert;
    atomic_bool other; /* some are not those that were read */
};

bool q8_workers_open(struct q8_convert *c, struct q8_err *err)
{
    bool ok;

    c->worker = q8_alloc(c->mem, c->options.threads, sizeof *c->worker, err);
    ok = c->worker != NULL;
    for (unsigned i = 0; ok && i < c->options.threads; i++)
        ok = q8_worker_open(&c->worker[i], c->plan, c->options.isa, c->options.measure, err);
    return ok;
}

void q8_workers_close(struct q8_convert *c)
{
    for (unsigned i = 0; c->worker && i < c->options.threads; i++)
        q8_worker_close(&c->worker[i]);
    c->worker = NULL;
}

static bool look_at(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                    struct q8_err *err)
{
    struct look *l = self;
    struct q8_convert *c = l->convert;
    struct q8_digest now;

    if (l->other)
        return true;
    if (!q8_job_source(&c->worker[worker], &c->plan->job[i], pool, &now, err))
        return false;
    if (!q8_digest_same(&now, &c->result[i].source))
        l->other = true;
    return true;
}

/* Whether the headers are those that the plan was made of. */
static bool same_headers(const struct q8_convert *c, bool *ret, struct q8_err *err)
{
    const struct q8_model *m = c->plan->model;

    *ret = true;
    for (uint32_t i = 0; *ret && i < m->shards; i++) {
        const struct q8_shard *s = &m->shard[i];
        struct q8_digest now;

        if (!q8_file_digest(&s->file, s->header_bytes, &now, err))
            return false;
        *ret = q8_digest_same(&now, &s->header);
    }
    return true;
}

bool q8_source_same(struct q8_convert *c, bool *ret, struct q8_err *err)
{
    struct look look = {.convert = c};
    struct q8_pool pool = {
        .threads = c->options.threads, .watch = c->options.watch, .item = look_at, .self = &look};
    bool ok = same_headers(c, ret, err);

    if (!ok || !*ret)
        return ok;
    pool.progress =
        (struct q8_progress){"reading the input again", 0, c->plan->jobs, 0, c->plan->model->bytes};
    ok = q8_workers_open(c, err) && q8_pool_run(&pool, err);
    q8_workers_close(c);
    *ret = !look.other;
    return ok;
}

bool q8_source_check(struct q8_convert *c, struct q8_err *err)
{
    const struct q8_model *m = c->plan->model;
    struct q8_err touched = {0};
    bool same;

    if (!q8_model_same(m, &touched)) {
        /* only the inodes: somebody changed modes or links, or wrote and set the time back */
        same = !q8_model_changed(m);
        if (same && !q8_source_same(c, &same, err))
            return false;
        if (!same) {
            *err = touched;
            return false;
        }
    }
    return !q8_copy_changed(c, true) ||
           q8_fail(err, Q8_EIO,
                   "a file beside the weights in %s changed during the run: run again later",
                   m->dir);
}
