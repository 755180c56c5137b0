/* outlier.c - features that stand out, followed across the layers */
#include "src/inspect/outlier_parts.h"

#include "kernels/kernels.h"
#include "src/base/num.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A hit, as it is sorted by feature. */
struct mark {
    uint64_t features, dimension, source;
    double factor;
};

/* A source, as it is sorted by how many features it has. */
struct size {
    uint64_t features, source;
};

int q8_outlier_compare(const void *a, const void *b)
{
    const struct q8_feature_source *x = a, *y = b;

    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

bool q8_outlier_median(double *ret, const float *value, uint64_t n, struct q8_arena *scratch,
                       struct q8_err *err)
{
    float *sorted = q8_alloc(scratch, n, sizeof *sorted, err);
    uint64_t count = 0;

    if (!sorted)
        return false;
    for (uint64_t i = 0; i < n; i++)
        if (!isnan(value[i]))
            sorted[count++] = fabsf(value[i]);
    qsort(sorted, count, sizeof *sorted, compare_floats);
    *ret = count ? (double)sorted[(count - 1) / 2] : 0;
    return true;
}

bool q8_outlier_add(struct q8_outlier_builder *b, const struct q8_feature_source *source,
                    const float *value, double threshold, struct q8_err *err)
{
    struct q8_outlier_list *list = &b->list;
    struct q8_feature_source *sources =
        q8_grow(b->mem, list->source, list->sources, &b->source_room, sizeof *sources, err);

    if (!sources)
        return false;
    list->source = sources;
    sources[list->sources] = *source;
    sources[list->sources].outliers = 0;
    for (uint64_t i = 0; i < source->features; i++) {
        double size = fabs((double)value[i]);
        struct q8_feature_hit *hits;

        if (!(size >= threshold))
            continue;
        hits = q8_grow(b->mem, list->hit, list->hits, &b->hit_room, sizeof *hits, err);
        if (!hits)
            return false;
        list->hit = hits;
        hits[list->hits++] =
            (struct q8_feature_hit){list->sources, i, (double)value[i],
                                    source->median > 0 ? size / source->median : INFINITY};
        sources[list->sources].outliers++;
    }
    list->sources++;
    return true;
}

static int compare_u64(uint64_t x, uint64_t y)
{
    return x < y ? -1 : x > y;
}

static int compare_marks(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    int order = compare_u64(x->features, y->features);

    order = order ? order : compare_u64(x->dimension, y->dimension);
    return order ? order : compare_u64(x->source, y->source);
}

static int compare_sizes(const void *a, const void *b)
{
    const struct size *x = a, *y = b;
    int order = compare_u64(x->features, y->features);

    return order ? order : compare_u64(x->source, y->source);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static int compare_features(const void *a, const void *b)
{
    const struct q8_feature *x = a, *y = b;

    if (x->systematic != y->systematic)
        return x->systematic ? -1 : 1;
    if (x->sources != y->sources)
        return x->sources > y->sources ? -1 : 1;
    if (x->median < y->median || x->median > y->median)
        return x->median > y->median ? -1 : 1;
    return x->features != y->features ? compare_u64(x->features, y->features)
                                      : compare_u64(x->dimension, y->dimension);
}

/*
 * Whether the source is the first of its layer, when the sources are taken in order and `before` is
 * the one before it.  A layer is the path up to its number: the 0th of an encoder is not that of
 * the decoder.
 */
static bool starts_layer(const struct q8_feature_source *s, const struct q8_feature_source *before)
{
    ptrdiff_t n = s->role - s->name;

    return s->layer != UINT64_MAX && !(before && before->role - before->name == n &&
                                       memcmp(before->name, s->name, (size_t)n) == 0);
}

/* The layers with sources of `features` features.  Takes them off *size, smaller ones too. */
static uint64_t count_layers(const struct q8_outlier_list *list, const struct size **size,
                             const struct size *end, uint64_t features)
{
    const struct q8_feature_source *before = NULL;
    uint64_t layers = 0;

    for (; *size < end && (*size)->features <= features; ++*size)
        if ((*size)->features == features) {
            const struct q8_feature_source *s = &list->source[(*size)->source];

            layers += starts_layer(s, before);
            before = s;
        }
    return layers;
}

/* One feature from its marks [n], which are in the order of the sources. */
static struct q8_feature make_feature(const struct q8_outlier_list *list, const struct mark *mark,
                                      uint64_t n, uint64_t layers, double *factor)
{
    struct q8_feature f = {.dimension = mark->dimension, .features = mark->features};

    f.of = layers;
    f.sources = n;
    for (uint64_t i = 0; i < n; i++) {
        const struct q8_feature_source *s = &list->source[mark[i].source];

        f.layers += starts_layer(s, i ? &list->source[mark[i - 1].source] : NULL);
        factor[i] = mark[i].factor;
    }
    qsort(factor, n, sizeof *factor, compare_doubles);
    f.least = factor[0];
    f.median = factor[(n - 1) / 2];
    f.most = factor[n - 1];
    f.systematic = f.of > 0 && (double)f.layers >= Q8_LAYER_SHARE * (double)f.of;
    return f;
}

static bool follow(struct q8_outlier_builder *b, struct q8_arena *scratch, struct q8_err *err)
{
    struct q8_outlier_list *list = &b->list;
    struct mark *mark = q8_alloc(scratch, list->hits, sizeof *mark, err);
    struct size *sizes = q8_alloc(scratch, list->sources, sizeof *sizes, err);
    double *factor = q8_alloc(scratch, list->sources, sizeof *factor, err);
    const struct size *size = sizes;
    uint64_t layers = 0, room = 0;

    if (!mark || !sizes || !factor)
        return false;
    for (uint64_t i = 0; i < list->hits; i++) {
        const struct q8_feature_hit *hit = &list->hit[i];

        mark[i] = (struct mark){list->source[hit->source].features, hit->dimension, hit->source,
                                hit->factor};
    }
    for (uint64_t i = 0; i < list->sources; i++)
        sizes[i] = (struct size){list->source[i].features, i};
    qsort(mark, list->hits, sizeof *mark, compare_marks);
    qsort(sizes, list->sources, sizeof *sizes, compare_sizes);
    for (uint64_t i = 0, n; i < list->hits; i += n) {
        struct q8_feature *grown =
            q8_grow(b->mem, list->feature, list->count, &room, sizeof *grown, err);

        if (!grown)
            return false;
        list->feature = grown;
        for (n = 1; i + n < list->hits && mark[i + n].features == mark[i].features &&
                    mark[i + n].dimension == mark[i].dimension;)
            n++;
        if (i == 0 || mark[i - 1].features != mark[i].features)
            layers = count_layers(list, &size, sizes + list->sources, mark[i].features);
        grown[list->count++] = make_feature(list, &mark[i], n, layers, factor);
    }
    if (list->count)
        qsort(list->feature, list->count, sizeof *list->feature, compare_features);
    return true;
}

bool q8_outlier_finish(struct q8_outlier_list *ret, struct q8_outlier_builder *b,
                       struct q8_err *err)
{
    struct q8_arena scratch;
    bool ok;

    q8_arena_init(&scratch, b->mem->limit);
    ok = follow(b, &scratch, err);
    q8_arena_clear(&scratch);
    if (ok)
        *ret = b->list;
    return ok;
}
