/* measure.c - one thread's measuring of one tensor after another: rows in, numbers out */
#include "src/inspect/measure_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/floats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Source per tile: with its rows as floats it stays in the L2 cache. */
#define TILE_BYTES (UINT64_C(128) << 10)

#define INFINITY_BITS 0x7f800000u

void q8_measure_fit(struct q8_measure *g, const struct q8_subject *s)
{
    g->walk.tile_bytes = g->reference.tile_bytes = TILE_BYTES;
    g->walk.room = q8_max(g->walk.room, 1);
    q8_walk_fit(&g->walk, &s->view);
    g->tile = q8_max(g->tile, q8_walk_rows(&g->walk, &s->view) * s->view.cols);
    g->cols = q8_max(g->cols, s->view.cols);
    if (s->matrix)
        g->rows = q8_max(g->rows, s->view.rows);
    if (s->stored)
        g->walk.stored = &g->in->stored;
    if (s->reference.tensor) {
        q8_walk_fit(&g->reference, &s->reference);
        g->wants = q8_max(g->wants, q8_walk_rows(&g->reference, &s->reference) * s->reference.cols);
    }
}

bool q8_measure_open(struct q8_measure *g, struct q8_err *err)
{
    const uint64_t groups = q8_div_up(g->cols, Q8_MEASURE_GROUP);
    struct q8_arena *mem = &g->mem;

    q8_arena_init(mem, UINT64_MAX);
    q8_kernels_init(&g->kernels, g->in->options.isa);
    g->walk.kernels = &g->kernels;
    g->walk.infinite = g->reference.infinite = true;
    g->floats = q8_alloc(mem, g->tile, sizeof *g->floats, err);
    g->wanted = q8_alloc(mem, g->wants, sizeof *g->wanted, err);
    g->spare = q8_alloc(mem, g->cols, sizeof *g->spare, err);
    g->absmax = q8_alloc(mem, groups, sizeof *g->absmax, err);
    g->factor = q8_alloc(mem, groups, sizeof *g->factor, err);
    g->step = q8_alloc(mem, groups, sizeof *g->step, err);
    g->columns.sum = q8_alloc(mem, g->cols, sizeof *g->columns.sum, err);
    g->columns.sum2 = q8_alloc(mem, g->cols, sizeof *g->columns.sum2, err);
    g->columns.absmax = q8_alloc(mem, g->cols, sizeof *g->columns.absmax, err);
    g->hits = q8_alloc(mem, g->cols, sizeof *g->hits, err);
    g->row_absmax = q8_alloc(mem, g->rows, sizeof *g->row_absmax, err);
    g->row_crest = q8_alloc(mem, g->rows, sizeof *g->row_crest, err);
    g->ranks = q8_alloc(mem, q8_max(g->rows, g->cols), sizeof *g->ranks, err);
    g->scale = q8_alloc(mem, g->walk.stored ? Q8_SCALES_KEPT : 0, sizeof *g->scale, err);
    for (unsigned c = 0; c < Q8_COSTS; c++)
        g->row_err2[c] = q8_alloc(mem, g->rows, sizeof *g->row_err2[c], err);
    return !err->code && q8_walk_open(&g->walk, mem, err) &&
           (!g->wants || q8_walk_open(&g->reference, mem, err));
}

void q8_measure_close(struct q8_measure *g)
{
    q8_arena_clear(&g->mem);
}

/* Joins two sets of sums.  Source: Pebay 2008, SAND2008-6212, equations 2.1, 3.1. */
static void join(struct q8_central *a, const struct q8_central *b)
{
    double n = a->n + b->n, d = b->mean - a->mean, dn, dn2;
    struct q8_central c = {n, 0, 0, 0, 0};

    if (b->n == 0)
        return;
    dn = d / n;
    dn2 = dn * dn;
    c.mean = a->mean + b->n * dn;
    c.m2 = a->m2 + b->m2 + d * dn * a->n * b->n;
    c.m3 = a->m3 + b->m3 + d * dn2 * a->n * b->n * (a->n - b->n) +
           3 * dn * (a->n * b->m2 - b->n * a->m2);
    c.m4 = a->m4 + b->m4 + d * dn * dn2 * a->n * b->n * (a->n * a->n - a->n * b->n + b->n * b->n) +
           6 * dn2 * (a->n * a->n * b->m2 + b->n * b->n * a->m2) +
           4 * dn * (a->n * b->m3 - b->n * a->m3);
    *a = c;
}

/* Sums about a pivot, as sums about the mean. */
static struct q8_central about_mean(const struct q8_moments *s, double n, double pivot)
{
    double m = s->s1 / n;

    return (struct q8_central){n, pivot + m, s->s2 - s->s1 * m,
                               s->s3 - 3 * m * s->s2 + 2 * m * m * s->s1,
                               s->s4 - 4 * m * s->s3 + 6 * m * m * s->s2 - 3 * m * m * m * s->s1};
}

/*
 * Adds finite elements to the numbers; returns the sum of their squares.  The pivot is the mean so
 * far, which keeps the sums about it free of cancellation.
 */
static double add_numbers(struct q8_measure *g, const float *x, uint64_t n)
{
    struct q8_moments s;
    double pivot = g->central.mean, sum2;
    struct q8_central more;

    if (n == 0)
        return 0;
    g->kernels.histogram(&g->histogram, x, n);
    if (g->central.n == 0) {
        g->kernels.moments(&s, x, n, 0);
        pivot = s.s1 / (double)n;
    }
    g->kernels.moments(&s, x, n, pivot);
    more = about_mean(&s, (double)n, pivot);
    join(&g->central, &more);
    sum2 = s.s2 + 2 * pivot * s.s1 + (double)n * pivot * pivot;
    if (sum2 < (double)n * pivot * pivot / 16) { /* a small row behind large ones cancels */
        g->kernels.moments(&s, x, n, 0);
        sum2 = s.s2;
    }
    return sum2;
}

/* Counts what is not finite and moves the rest to g->spare; returns how much that is. */
static uint64_t leave_out(struct q8_measure *g, const float *x, uint64_t n)
{
    uint64_t kept = 0;

    for (uint64_t i = 0; i < n; i++)
        if (isnan(x[i]))
            g->subject->numbers.nans++;
        else if (isinf(x[i]))
            g->subject->numbers.infinities++;
        else
            g->spare[kept++] = x[i];
    return kept;
}

/* The first column that holds the row's largest magnitude. */
static uint64_t find_most(const struct q8_measure *g, const float *x, uint64_t n, uint32_t most)
{
    uint64_t group = 0, i;

    while (g->absmax[group] != most)
        group++;
    for (i = group * Q8_MEASURE_GROUP; i + 1 < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        if ((bits & 0x7fffffff) == most)
            break;
    }
    return i;
}

/* One row that is finite: its place among the rows, and what the schemes do to it. */
static void add_row(struct q8_measure *g, const float *x, uint64_t row, uint32_t most, double sum2)
{
    struct q8_matrix *m = g->subject->matrix;
    const uint64_t n = g->subject->view.cols;
    struct q8_row_mark mark = {.row = row, .absmax = (double)q8_bits_to_float(Q8_FLOAT_F32, most)};
    unsigned k = m->worsts;

    g->row_absmax[g->usable++] = mark.absmax;
    m->dead += most == 0;
    if (most != 0) {
        mark.crest = mark.absmax / sqrt(sum2 / (double)n);
        g->row_crest[g->live++] = mark.crest;
    }
    if (most != 0 && m->have_columns)
        g->hits[find_most(g, x, n, most)]++;
    while (k > 0 && m->worst[k - 1].absmax < mark.absmax)
        k--;
    if (k < Q8_WORST_ROWS) {
        m->worsts += m->worsts < Q8_WORST_ROWS;
        memmove(m->worst + k + 1, m->worst + k, (m->worsts - 1 - k) * sizeof *m->worst);
        m->worst[k] = mark;
    }
    if (m->have_costs)
        q8_measure_costs(g, x, row, most);
}

/* Whether the row was all finite. */
static bool take_row(struct q8_measure *g, const float *x, uint64_t row)
{
    struct q8_subject *s = g->subject;
    const uint64_t n = s->view.cols, groups = q8_div_up(n, Q8_MEASURE_GROUP);
    uint32_t most = 0;
    double sum2;

    g->kernels.absmax[Q8_FLOAT_F32](g->absmax, x, n, Q8_MEASURE_GROUP);
    for (uint64_t i = 0; i < groups; i++)
        most = g->absmax[i] > most ? g->absmax[i] : most;
    if (most >= INFINITY_BITS) {
        s->numbers.sum2 += add_numbers(g, g->spare, leave_out(g, x, n));
        if (s->matrix && s->matrix->unusable++ == 0)
            q8_measure_refuse(g, row);
        return false;
    }
    sum2 = add_numbers(g, x, n);
    s->numbers.sum2 += sum2;
    if (s->matrix)
        add_row(g, x, row, most, sum2);
    return true;
}

/* A tile of rows as floats. */
static void take_rows(struct q8_measure *g, const float *x, uint64_t row, uint64_t rows)
{
    const uint64_t cols = g->subject->view.cols;
    const bool columns = g->subject->matrix && g->subject->matrix->have_columns;
    uint64_t first = 0; /* of a run of finite rows */

    for (uint64_t r = 0; r < rows; r++) {
        if (take_row(g, x + r * cols, row + r))
            continue;
        if (columns)
            g->kernels.columns(&g->columns, x + first * cols, r - first, cols);
        first = r + 1;
    }
    if (columns)
        g->kernels.columns(&g->columns, x + first * cols, rows - first, cols);
}

static bool take_tile(void *self, void *rows, uint64_t row, uint64_t n, struct q8_err *err)
{
    struct q8_measure *g = self;

    if (g->subject->stored) {
        if (!q8_measure_codes(g, rows, row, n, err))
            return false;
        take_rows(g, rows, row, n);
    } else {
        g->kernels.widen[g->type](g->floats, rows, n * g->subject->view.cols);
        take_rows(g, g->floats, row, n);
    }
    return true;
}

/* Forgets the tensor before. */
static void begin(struct q8_measure *g, struct q8_subject *s)
{
    const uint64_t cols = s->view.cols;

    g->subject = s;
    g->type = s->stored ? Q8_FLOAT_F32 : q8_dtype_float(s->tensor->dtype);
    g->central = (struct q8_central){0};
    g->histogram = (struct q8_histogram){.least = INT32_MAX, .most = INT32_MIN};
    g->usable = g->live = g->scales = g->kept = 0;
    memset(g->cost, 0, sizeof g->cost);
    memset(g->tally, 0, sizeof g->tally);
    g->diff = (struct q8_diff){0};
    memset(g->columns.sum, 0, cols * sizeof *g->columns.sum);
    memset(g->columns.sum2, 0, cols * sizeof *g->columns.sum2);
    memset(g->columns.absmax, 0, cols * sizeof *g->columns.absmax);
    memset(g->hits, 0, cols * sizeof *g->hits);
}

/* What the pieces of one length leave over of a tensor that is measured as a whole. */
static bool run_rest(struct q8_measure *g, const struct q8_visit *visit, struct q8_pool *pool,
                     struct q8_err *err)
{
    const struct q8_view whole = g->subject->view;
    const uint64_t done = whole.rows * whole.cols;
    struct q8_view rest = {.tensor = whole.tensor, .first = done, .rows = 1};
    bool ok;

    rest.cols = q8_tensor_elements(whole.tensor) - done;
    if (rest.cols == 0)
        return true;
    g->subject->view = rest; /* rows are as long as the view says */
    ok = q8_walk_run(&g->walk, g->in->model, &rest, visit, pool, err);
    g->subject->view = whole;
    return ok;
}

bool q8_measure_run(struct q8_measure *g, struct q8_subject *s, struct q8_pool *pool,
                    struct q8_err *err)
{
    const struct q8_visit visit = {.tile = take_tile, .self = g};
    char place[512], name[384];

    begin(g, s);
    if (!q8_walk_run(&g->walk, g->in->model, &s->view, &visit, pool, err) ||
        (!s->matrix && !s->stored && !run_rest(g, &visit, pool, err))) {
        (void)snprintf(place, sizeof place, "%s: tensor '%s'",
                       g->in->model->shard[s->tensor->shard].name,
                       q8_text_escape(s->tensor->name, name, sizeof name));
        return err->code == Q8_EINPUT ? q8_fail_in(err, place) : false;
    }
    q8_measure_end(g);
    if (s->stored)
        q8_measure_codes_end(g);
    return true;
}
