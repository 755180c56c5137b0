/* compare.c - what differs between two checkpoints: all items among threads, sorted and counted */
#include "src/compare/compare.h"

#include "src/compare/config.h"
#include "src/compare/match.h"
#include "src/compare/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A run under way. */
struct run {
    struct q8_compare *result;
    struct q8_comparer *comparer; /* one per thread */
    struct q8_sized *order;       /* [todo] items with data, largest first */
    uint64_t todo, bytes;
};

static bool order_items(struct run *run, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_compare *r = run->result;

    run->order = q8_alloc(mem, r->items, sizeof *run->order, err);
    if (!run->order)
        return false;
    for (uint64_t i = 0; i < r->items; i++)
        if (q8_compared_has_data(&r->item[i])) {
            run->order[run->todo++] = (struct q8_sized){q8_compared_bytes(&r->item[i]), i};
            run->bytes += q8_compared_bytes(&r->item[i]);
        }
    q8_pool_sort(run->order, run->todo);
    return true;
}

/* Denormals count: they may be all that differs. */
static bool run_item(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                     struct q8_err *err)
{
    struct run *run = self;
    const bool flushed = q8_denormals_flush(false);
    const bool ok =
        q8_comparer_run(&run->comparer[worker], &run->result->item[run->order[i].item], pool, err);

    (void)q8_denormals_flush(flushed);
    return ok;
}

static bool compare_items(struct q8_compare *r, struct q8_arena *mem, struct q8_err *err)
{
    struct run run = {.result = r};
    struct q8_pool pool = {
        .threads = r->options.threads, .watch = r->options.watch, .item = run_item, .self = &run};
    bool ok = order_items(&run, mem, err);

    run.comparer = q8_alloc(mem, r->options.threads, sizeof *run.comparer, err);
    ok = ok && run.comparer;
    for (unsigned i = 0; ok && i < r->options.threads; i++)
        ok = q8_comparer_open(&run.comparer[i], r, err);
    pool.progress = (struct q8_progress){"comparing tensors", 0, run.todo, 0, run.bytes};
    ok = ok && q8_pool_run(&pool, err);
    for (unsigned i = 0; run.comparer && i < r->options.threads; i++)
        q8_comparer_close(&run.comparer[i]);
    return ok;
}

/* The largest relative difference first, NaN before all. */
static int compare_items_for_report(const void *a, const void *b)
{
    const struct q8_compared *x = a, *y = b;

    if (x->verdict != y->verdict)
        return x->verdict < y->verdict ? -1 : 1;
    if (x->verdict == Q8_OTHER_VALUES) {
        const double m = isnan(x->relative) ? INFINITY : x->relative;
        const double n = isnan(y->relative) ? INFINITY : y->relative;

        if (isnan(x->relative) != isnan(y->relative))
            return isnan(x->relative) ? -1 : 1;
        if (m != n)
            return m > n ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

/* NaN is above every tolerance. */
static bool is_different(const struct q8_compared *c, double tolerance)
{
    if (c->verdict < Q8_OTHER_VALUES || (c->type_changed && !(tolerance > 0)))
        return true;
    return c->verdict == Q8_OTHER_VALUES && (!c->have_numbers || !(c->relative <= tolerance));
}

static void count(struct q8_compare *r)
{
    for (uint64_t i = 0; i < r->items; i++) {
        struct q8_compared *c = &r->item[i];

        c->different = is_different(c, r->options.tolerance);
        r->differing += c->different;
        r->type_changes += c->type_changed;
        r->count[c->verdict]++;
    }
    r->different = r->differing || r->changes;
    if (r->items)
        qsort(r->item, r->items, sizeof *r->item, compare_items_for_report);
}

bool q8_compare_run(struct q8_compare *ret, const struct q8_compare_options *options,
                    struct q8_arena *mem, struct q8_err *err)
{
    struct q8_compare r = {.options = *options};

    if (!q8_compare_pair(&r, mem, err) || !q8_compare_config(&r, mem, err) ||
        !compare_items(&r, mem, err) || !q8_model_same(options->a, err) ||
        !q8_model_same(options->b, err))
        return false;
    count(&r);
    *ret = r;
    return true;
}
