/* inspect.c - the threads that measure, and the sums over what they found */
#include "src/inspect/inspect.h"

#include "src/base/clock.h"
#include "src/forward/imatrix.h"
#include "src/inspect/measure_parts.h"
#include "src/inspect/numbers.h"
#include "src/scheme/error.h"
#include "src/inspect/outlier_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One run of the threads. */
struct run {
    struct q8_inspect *in;
    struct q8_measure *measure; /* one per thread */
    struct q8_sized *order;     /* the subjects that are measured, largest first */
    uint64_t count;             /* how many */
    pthread_mutex_t lock;       /* for mem: histograms are as long as they need be */
    struct q8_arena *mem;
};

/* Bytes that the walk reads for a subject. */
static uint64_t source_bytes(const struct q8_subject *s)
{
    return s->stored ? s->numbers.elements * sizeof(float)
                     : s->numbers.elements * q8_dtype_size(s->tensor->dtype);
}

/* What is measured, largest first. */
static bool order_subjects(struct run *r, uint64_t *ret_bytes, struct q8_err *err)
{
    const struct q8_inspect *in = r->in;

    r->order = q8_alloc(r->mem, in->subjects, sizeof *r->order, err);
    if (!r->order)
        return false;
    *ret_bytes = 0;
    for (uint64_t i = 0; i < in->subjects; i++)
        if (in->subject[i].shown && !in->subject[i].unmeasured) {
            r->order[r->count++] = (struct q8_sized){source_bytes(&in->subject[i]), i};
            *ret_bytes += source_bytes(&in->subject[i]);
        }
    q8_pool_sort(r->order, r->count);
    return true;
}

/* The bins in use, out of those that the thread will use again. */
static bool keep_histogram(struct run *r, const struct q8_histogram *h, struct q8_numbers *n,
                           struct q8_err *err)
{
    int first = 0, last = 255;
    uint64_t lowest = h->count[0] - h->zeros; /* float denormals stand below 2^-126 */

    while (first < 255 && (first ? h->count[first] : lowest) == 0)
        first++;
    while (last > first && h->count[last] == 0)
        last--;
    if ((first ? h->count[first] : lowest) == 0)
        return true;
    pthread_mutex_lock(&r->lock);
    n->histogram = q8_alloc(r->mem, (uint64_t)(last - first + 1), sizeof *n->histogram, err);
    pthread_mutex_unlock(&r->lock);
    if (!n->histogram)
        return false;
    n->first_exponent = first - 127;
    n->exponents = last - first + 1;
    memcpy(n->histogram, h->count + first, (size_t)n->exponents * sizeof *n->histogram);
    if (first == 0)
        n->histogram[0] = lowest;
    return true;
}

static bool run_item(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                     struct q8_err *err)
{
    struct run *r = self;
    struct q8_measure *g = &r->measure[worker];
    struct q8_subject *s = &r->in->subject[r->order[i].item];

    return q8_measure_run(g, s, pool, err) && keep_histogram(r, &g->histogram, &s->numbers, err);
}

static bool open_measures(struct run *r, struct q8_err *err)
{
    struct q8_measure *first;

    r->measure = q8_alloc(r->mem, r->in->options.threads, sizeof *r->measure, err);
    if (!r->measure)
        return false;
    first = &r->measure[0];
    first->in = r->in;
    for (uint64_t i = 0; i < r->count; i++)
        q8_measure_fit(first, &r->in->subject[r->order[i].item]);
    for (unsigned i = 1; i < r->in->options.threads; i++)
        r->measure[i] = *first;
    for (unsigned i = 0; i < r->in->options.threads; i++)
        if (!q8_measure_open(&r->measure[i], err))
            return false;
    return true;
}

/* Adds a weight that becomes int8 to the sums of the schemes that take it. */
static void add_total(const struct q8_subject *s, double err2[Q8_COSTS], double val2[Q8_COSTS])
{
    for (unsigned c = 0; c < Q8_COSTS; c++)
        if (!s->matrix->cost[c].obstacle) {
            err2[c] += s->matrix->cost[c].mse * (double)s->numbers.elements;
            val2[c] += s->numbers.sum2;
        }
}

static void add_totals(struct q8_inspect *in)
{
    double err2[Q8_COSTS] = {0}, val2[Q8_COSTS] = {0};

    for (uint64_t i = 0; i < in->subjects; i++) {
        const struct q8_subject *s = &in->subject[i];
        const double sqnr = q8_subject_sqnr(in, s);

        if (!s->shown)
            continue;
        in->total.bad += s->numbers.nans + s->numbers.infinities > 0;
        in->total.constant += q8_subject_constant(s);
        in->total.below += sqnr < in->options.min_sqnr;
        if (s->int8 && s->matrix && s->matrix->have_costs)
            add_total(s, err2, val2);
    }
    for (unsigned c = 0; c < Q8_COSTS; c++)
        in->total.sqnr[c] = val2[c] == 0 ? NAN : q8_sqnr(val2[c], err2[c]);
}

static bool is_linear(const struct q8_subject *s)
{
    return s->stored || (s->matrix && s->matrix->have_costs && !s->experts);
}

static int compare_modules(const void *a, const void *b)
{
    return strcmp(((const struct q8_weight *)a)->module, ((const struct q8_weight *)b)->module);
}

/* Features that stand out: from the statistics when there are any, else from the norm gains. */
static bool find_outliers(struct q8_inspect *in, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_weight_list list = {.model = in->model, .arch = &in->arch};
    struct q8_statistics acts;

    if (!in->options.acts)
        return q8_outlier_norms(&in->outliers, in->model, &in->arch, mem, err);
    list.weight = q8_alloc(mem, in->subjects, sizeof *list.weight, err);
    for (uint64_t i = 0; list.weight && i < in->subjects; i++) {
        const struct q8_subject *s = &in->subject[i];

        if (is_linear(s))
            list.weight[list.count++] =
                (struct q8_weight){.module = s->name, .kind = s->kind, .view = s->view};
    }
    if (list.count) /* experts come by number, 10 behind 9 */
        qsort(list.weight, list.count, sizeof *list.weight, compare_modules);
    return list.weight && q8_imatrix_fit(&acts, in->options.acts, &list, mem, err) &&
           q8_outlier_stats(&in->outliers, &acts, &list, in->options.threshold, mem, err);
}

static bool measure(struct run *r, struct q8_err *err)
{
    struct q8_inspect *in = r->in;
    struct q8_pool pool = {
        .threads = in->options.threads, .watch = in->options.watch, .item = run_item, .self = r};
    uint64_t bytes = 0;
    bool ok = order_subjects(r, &bytes, err) && open_measures(r, err);

    pool.progress = (struct q8_progress){"measuring tensors", 0, r->count, 0, bytes};
    ok = ok && q8_pool_run(&pool, err);
    for (unsigned i = 0; r->measure && i < in->options.threads; i++)
        q8_measure_close(&r->measure[i]);
    return ok;
}

bool q8_inspect_run(struct q8_inspect *ret, const struct q8_model *model,
                    const struct q8_inspect_options *options, struct q8_arena *mem,
                    struct q8_err *err)
{
    struct run r = {.in = ret, .mem = mem};
    double begin = q8_now();
    bool ok;

    if (!q8_inspect_list(ret, model, options, mem, err))
        return false;
    pthread_mutex_init(&r.lock, NULL);
    ok = find_outliers(ret, mem, err) && measure(&r, err) && q8_model_same(model, err);
    pthread_mutex_destroy(&r.lock);
    if (ok)
        add_totals(ret);
    ret->total.seconds = q8_now() - begin;
    return ok;
}
