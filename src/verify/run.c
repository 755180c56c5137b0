/* run.c - all data of a verification, shared among threads */
#include "src/verify/diagnose/diagnose.h"
#include "src/compare/values.h"
#include "src/verify/check_parts.h"

#include "src/base/num.h"
#include "src/verify/gate.h"
#include "src/verify/integrity/digests.h"
#include "src/verify/verify_parts.h"

#include <math.h>
#include <string.h>

/* What an item of the work is. */
enum work { CARRIED, FILE_DIGEST, LAYER, DIAGNOSIS };

struct item {
    enum work work;
    uint64_t number; /* of the pair, the file, the layer */
    bool fails;      /* of a diagnosis */
};

/* One run of the threads. */
struct run {
    struct q8_verify *v;
    struct q8_activations activations;
    struct q8_comparer *comparer; /* one per thread */
    struct q8_checker *weigher;   /* one per thread */
    struct item *item;
    uint64_t items;
    struct q8_sized *order; /* of the items, largest first */
    uint64_t bytes;
};

static void add_item(struct run *r, enum work work, uint64_t number, bool fails, uint64_t bytes)
{
    r->order[r->items] = (struct q8_sized){bytes, r->items};
    r->item[r->items++] = (struct item){work, number, fails};
    r->bytes += bytes;
}

/* Bytes that the walks count for a layer. */
static uint64_t layer_bytes(const struct q8_layer *l)
{
    return l->item->b.stored ? l->item->b.rows * l->item->b.cols * sizeof(float)
                             : l->item->b.tensor->nbytes;
}

static bool open_list(struct run *r, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_verify *v = r->v;
    const uint64_t files = v->files;

    r->item = q8_alloc(mem, v->pairs.items + files, sizeof *r->item, err);
    r->order = q8_alloc(mem, v->pairs.items + files, sizeof *r->order, err);
    return r->item && r->order;
}

static void list_work(struct run *r)
{
    const struct q8_verify *v = r->v;

    for (uint64_t i = 0; i < v->pairs.items; i++) {
        const struct q8_compared *c = &v->pairs.item[i];

        if (!c->a.stored && !c->b.stored && !q8_verify_is_decoded(c) && q8_compared_has_data(c))
            add_item(r, CARRIED, i, false, q8_compared_bytes(c));
    }
    for (uint64_t i = 0; i < v->files; i++)
        add_item(r, FILE_DIGEST, i, false, q8_integrity_file_bytes(v, i));
    for (uint64_t i = 0; i < v->layers; i++)
        add_item(r, LAYER, i, false, layer_bytes(&v->layer[i]));
}

/* The layers that level 2 found fault with, and whether the gate lets them pass all the same. */
static bool list_diagnoses(struct run *r, struct q8_err *err)
{
    const struct q8_verify *v = r->v;

    r->items = r->bytes = 0;
    for (uint64_t i = 0; i < v->layers; i++) {
        const struct q8_layer *l = &v->layer[i];
        const struct q8_weights *w = &l->weights;
        const struct q8_threshold *off, *scale;

        if (!l->have_weights || (w->off == 0 && w->scales_off == 0))
            continue;
        off = q8_gate_ask(v->options.gate, Q8_WEIGHTS_OFF, l->module, err);
        scale = q8_gate_ask(v->options.gate, Q8_WEIGHTS_SCALE, l->module, err);
        if (!off || !scale)
            return false;
        add_item(r, DIAGNOSIS, i, !(w->off_nearest <= off->value && w->scale_off <= scale->value),
                 layer_bytes(l));
    }
    return true;
}

static bool run_item(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                     struct q8_err *err)
{
    struct run *r = self;
    const struct item *item = &r->item[r->order[i].item];
    struct q8_verify *v = r->v;

    switch (item->work) {
    case CARRIED:
        return q8_comparer_run(&r->comparer[worker], &v->pairs.item[item->number], pool, err);
    case FILE_DIGEST: return q8_integrity_file(v, item->number, pool, err);
    case LAYER: return q8_checker_run(&r->weigher[worker], &v->layer[item->number], pool, err);
    default: return q8_diagnose(v, &v->layer[item->number], item->fails, pool, err);
    }
}

static bool run_pool(struct run *r, const char *phase, struct q8_err *err)
{
    struct q8_pool pool = {.threads = r->v->options.threads,
                           .watch = r->v->options.watch,
                           .item = run_item,
                           .self = r,
                           .progress = {phase, 0, r->items, 0, r->bytes}};

    q8_pool_sort(r->order, r->items);
    return q8_pool_run(&pool, err);
}

/* The activations, for the layers that level 3 is for. */
static bool open_activations(struct run *r, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_verify *v = r->v;

    if (!q8_activations_open(&r->activations, &v->options.activations, &v->weights, mem, err))
        return false;
    v->activations = r->activations.digest;
    return true;
}

static bool open_each(struct run *r, struct q8_err *err)
{
    bool ok = true;

    for (unsigned i = 0; ok && i < r->v->options.threads; i++)
        ok = q8_checker_engine(&r->weigher[i], err);
    return ok;
}

/* An engine for each thread, all on one device: the report tells of one. */
static bool open_engines(struct run *r, struct q8_err *err)
{
    struct q8_device *device = &r->v->options.device;
    struct q8_err why = {0};

    if (!device->automatic)
        return open_each(r, err);
    if (open_each(r, &why))
        return true;
    for (unsigned i = 0; i < r->v->options.threads; i++)
        q8_checker_leave_engine(&r->weigher[i]);
    q8_device_fall_back(device, why.text);
    return open_each(r, err);
}

static bool open_workers(struct run *r, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_verify *v = r->v;
    const unsigned threads = v->options.threads;
    struct q8_checker first = {.v = v};
    bool ok;

    r->comparer = q8_alloc(mem, threads, sizeof *r->comparer, err);
    r->weigher = q8_alloc(mem, threads, sizeof *r->weigher, err);
    ok = r->comparer && r->weigher;
    if (ok && v->options.level == Q8_LEVEL_MATMUL) {
        ok = open_activations(r, mem, err);
        first.activations = &r->activations;
    }
    for (uint64_t i = 0; ok && i < v->layers; i++) {
        uint64_t tokens = 0;

        if (first.activations)
            (void)q8_activations_find(&r->activations, v->layer[i].module, &tokens);
        q8_checker_fit(&first, &v->layer[i], tokens);
    }
    for (unsigned i = 0; ok && i < threads; i++) {
        r->weigher[i] = first;
        ok = q8_checker_open(&r->weigher[i], err) &&
             q8_comparer_open(&r->comparer[i], &v->pairs, err);
    }
    ok = ok && (!first.activations || open_engines(r, err));
    if (ok && first.activations && v->layers)
        v->engine = r->weigher[0].engine.name;
    return ok;
}

static void close_workers(struct run *r)
{
    for (unsigned i = 0; r->comparer && r->weigher && i < r->v->options.threads; i++) {
        q8_checker_close(&r->weigher[i]);
        q8_comparer_close(&r->comparer[i]);
    }
    q8_activations_close(&r->activations);
}

bool q8_verify_data(struct q8_verify *v, struct q8_arena *mem, struct q8_err *err)
{
    struct run r = {.v = v};
    bool ok = open_list(&r, mem, err) && open_workers(&r, mem, err);

    if (ok)
        list_work(&r);
    ok = ok && run_pool(&r, "verifying tensors", err);
    close_workers(&r);
    ok = ok && list_diagnoses(&r, err);
    return ok && (r.items == 0 || run_pool(&r, "looking for the cause", err));
}
