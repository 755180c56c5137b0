/* report.c - what every report of q8-verify asks: the worst offenders, sums over layers */
#include "src/verify/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const struct q8_layer *q8_verify_layer(const struct q8_verify *v, const char *module)
{
    uint64_t first = 0, end = v->layers;

    while (first < end) {
        const uint64_t middle = first + (end - first) / 2;
        const int order = strcmp(module, v->layer[middle].module);

        if (order == 0)
            return &v->layer[middle];
        if (order < 0)
            end = middle;
        else
            first = middle + 1;
    }
    return NULL;
}

/* Findings before the first one of that level with that name, or a later place. */
static uint64_t lower_bound(const struct q8_findings *f, enum q8_level level, const char *name)
{
    uint64_t first = 0, end = f->count;

    while (first < end) {
        const uint64_t middle = first + (end - first) / 2;
        const struct q8_finding *here = &f->list[middle];
        const bool before =
            here->level != level ? here->level < level : strcmp(here->name, name) < 0;

        if (before)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

const struct q8_finding *q8_verify_about(const struct q8_verify *v, enum q8_level level,
                                         const char *name, uint64_t *ret_count)
{
    const struct q8_findings *f = &v->findings;
    const uint64_t first = lower_bound(f, level, name);
    uint64_t end = first;

    while (end < f->count && f->list[end].level == level && strcmp(f->list[end].name, name) == 0)
        end++;
    *ret_count = end - first;
    return f->list ? f->list + first : NULL;
}

/* What has no number is worse than any. */
static double badness(double sqnr)
{
    return isnan(sqnr) ? -(double)INFINITY : sqnr;
}

static double sqnr_of(const struct q8_verify *v, const struct q8_finding *f)
{
    const struct q8_layer *layer = q8_verify_layer(v, f->name);

    if (layer && f->level == Q8_LEVEL_MATMUL && layer->have_matmul)
        return badness(layer->matmul.sqnr);
    if (layer && layer->have_weights)
        return badness(layer->weights.sqnr);
    return -(double)INFINITY;
}

bool q8_verify_is_limit(const struct q8_finding *f)
{
    return strncmp(f->kind, "min-", 4) == 0 || strncmp(f->kind, "max-", 4) == 0 ||
           strcmp(f->kind, "drop") == 0;
}

/* A finding among the worst so far. */
struct offender {
    uint64_t number;
    double sqnr;
};

static bool is_worse(const struct q8_verify *v, const struct offender *a, const struct offender *b)
{
    const struct q8_finding *x = &v->findings.list[a->number];
    const struct q8_finding *y = &v->findings.list[b->number];

    if (x->level != y->level)
        return x->level < y->level;
    if (a->sqnr != b->sqnr)
        return a->sqnr < b->sqnr;
    if (strcmp(x->name, y->name) == 0 && q8_verify_is_limit(x) != q8_verify_is_limit(y))
        return q8_verify_is_limit(y);
    return a->number < b->number;
}

/* Puts it in its place; the other one of its name goes, or it stays out. */
static unsigned insert(const struct q8_verify *v, struct offender *list, unsigned n, unsigned most,
                       const struct offender *new)
{
    const char *name = v->findings.list[new->number].name;
    unsigned same = 0, k;

    while (same < n && strcmp(v->findings.list[list[same].number].name, name) != 0)
        same++;
    if (same < n && !is_worse(v, new, &list[same]))
        return n;
    if (same == n && n < most)
        n++;
    else if (same == n && !is_worse(v, new, &list[--same]))
        return n;
    for (k = same; k > 0 && is_worse(v, new, &list[k - 1]); k--)
        list[k] = list[k - 1];
    list[k] = *new;
    return n;
}

unsigned q8_verify_worst(const struct q8_verify *v, uint64_t *worst, unsigned most)
{
    struct offender list[Q8_VERIFY_OFFENDERS];
    unsigned n = 0;

    if (most > Q8_VERIFY_OFFENDERS)
        most = Q8_VERIFY_OFFENDERS;
    for (uint64_t i = 0; i < v->findings.count && most; i++) {
        const struct q8_finding *f = &v->findings.list[i];

        if (f->fails)
            n = insert(v, list, n, most, &(struct offender){i, sqnr_of(v, f)});
    }
    for (unsigned k = 0; k < n; k++)
        worst[k] = list[k].number;
    return n;
}

static void sum_matmul(struct q8_verify_common *c, const struct q8_layer *layer)
{
    const struct q8_matmul *m = &layer->matmul;

    if (!c->matmul || badness(m->sqnr) < badness(c->matmul->matmul.sqnr))
        c->matmul = layer;
    if (!c->multiplied++ || m->tokens < c->tokens_least)
        c->tokens_least = m->tokens;
    if (m->tokens > c->tokens_most)
        c->tokens_most = m->tokens;
    c->mode[m->mode]++;
    c->from[m->from]++;
    c->outliers += m->outliers;
    if (m->mode != Q8_MODE_W8A8 && m->mode != Q8_MODE_W8A16) {
        c->threshold_least = fmin(c->threshold_least, m->threshold); /* passes over a NaN */
        c->threshold_most = fmax(c->threshold_most, m->threshold);
    }
}

void q8_verify_sum(const struct q8_verify *v, struct q8_verify_common *ret)
{
    *ret = (struct q8_verify_common){.threshold_least = (double)NAN, .threshold_most = (double)NAN};
    for (uint64_t i = 0; i < v->layers; i++) {
        const struct q8_layer *layer = &v->layer[i];

        if (layer->have_weights) {
            ret->measured++;
            if (!ret->weights || badness(layer->weights.sqnr) < badness(ret->weights->weights.sqnr))
                ret->weights = layer;
        }
        if (layer->have_matmul)
            sum_matmul(ret, layer);
        if (layer->unmeasured && !ret->unmeasured++)
            ret->why = layer->unmeasured;
    }
}

/* Names with a count each; the name alone where it is all there is. */
static char *list_counts(const uint64_t *count, unsigned n, const char *(*name)(unsigned),
                         bool bare, char *text, size_t size)
{
    unsigned kinds = 0;
    size_t used = 0;

    *text = '\0';
    for (unsigned i = 0; i < n; i++)
        kinds += count[i] > 0;
    for (unsigned i = 0; i < n && used < size; i++) {
        int length = 0;

        if (count[i] && kinds == 1 && bare)
            length = snprintf(text, size, "%s", name(i));
        else if (count[i])
            length = snprintf(text + used, size - used, "%s%s: %" PRIu64, used ? ", " : "", name(i),
                              count[i]);
        used += (size_t)length;
    }
    return text;
}

static const char *name_mode(unsigned i)
{
    return q8_mode_name((enum q8_mode)i);
}

static const char *name_source(unsigned i)
{
    return q8_activations_kind_name((enum q8_activations_kind)i);
}

char *q8_verify_modes(const struct q8_verify_common *c, char *text, size_t size)
{
    return list_counts(c->mode, Q8_MODES, name_mode, true, text, size);
}

char *q8_verify_sources(const struct q8_verify_common *c, char *text, size_t size)
{
    return list_counts(c->from, Q8_ACTIVATIONS_KINDS, name_source, false, text, size);
}
