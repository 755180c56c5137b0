/* outlier_stats.c - which features activation statistics make stand out, and at what cost */
#include "src/inspect/outlier_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/select.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A vector and the module that it belongs to. */
struct measured {
    struct q8_feature_source source; /* first: q8_outlier_compare */
    const struct q8_statistic *entry;
    uint64_t rows;
};

/* Finds the module of every entry; `ret` is in the order of layers. */
static bool match(struct measured *ret, const struct q8_statistics *acts,
                  const struct q8_weight_list *m, struct q8_arena *scratch, struct q8_err *err)
{
    const struct q8_weight **module = q8_alloc(scratch, acts->count, sizeof *module, err);

    if (!module || !q8_statistics_match(module, acts, m, scratch, err))
        return false;
    for (uint64_t i = 0; i < acts->count; i++) {
        const struct q8_statistic *entry = &acts->entry[i];
        struct q8_feature_source s = {.name = entry->module, .features = entry->features};

        s.layer = q8_path_layer(s.name, &s.role);
        ret[i] = (struct measured){s, entry, module[i]->view.rows};
    }
    if (acts->count)
        qsort(ret, acts->count, sizeof *ret, q8_outlier_compare);
    return true;
}

/* What LLM.int8() keeps in 16 bits: the outlier columns of each module. */
static bool add_costs(struct q8_outlier_list *list, const struct measured *measured,
                      const struct q8_weight_list *m, struct q8_err *err)
{
    double touched = 0, all = 0;

    for (uint64_t i = 0; i < list->sources; i++) {
        uint64_t bytes;

        if (!q8_mul(list->source[i].outliers, measured[i].rows, &bytes) ||
            !q8_mul(bytes, 2, &bytes) ||
            !q8_add(list->decomposed_bytes, bytes, &list->decomposed_bytes))
            return q8_fail(err, Q8_ELIMIT, "its outlier columns have more than 2^64 bytes");
        touched += (double)bytes / 2;
    }
    for (uint64_t i = 0; i < m->count; i++)
        all += (double)m->weight[i].view.rows * (double)m->weight[i].view.cols;
    list->touched = all > 0 ? touched / all : 0;
    return true;
}

/* Modules that have no entry; both lists are by name. */
static bool find_missing(struct q8_outlier_list *list, const struct q8_statistics *acts,
                         const struct q8_weight_list *m, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t at = 0;

    list->missing =
        q8_alloc(mem, m->count - q8_min(acts->count, m->count), sizeof *list->missing, err);
    if (!list->missing)
        return false;
    for (uint64_t i = 0; i < m->count; i++)
        if (at < acts->count && strcmp(acts->entry[at].module, m->weight[i].module) == 0)
            at++;
        else
            list->missing[list->missings++] = m->weight[i].module;
    return true;
}

static bool build(struct q8_outlier_builder *b, const struct q8_statistics *acts,
                  const struct q8_weight_list *m, double threshold, struct q8_err *err)
{
    struct q8_arena names, scratch;
    struct measured *measured;
    bool ok;

    q8_arena_init(&names, b->mem->limit);
    q8_arena_init(&scratch, b->mem->limit);
    measured = q8_alloc(&names, acts->count, sizeof *measured, err);
    ok = measured && match(measured, acts, m, &scratch, err);
    for (uint64_t i = 0; ok && i < acts->count; i++) {
        struct q8_feature_source *s = &measured[i].source;
        const float *absmax = measured[i].entry->absmax;

        ok = q8_outlier_median(&s->median, absmax, s->features, &scratch, err) &&
             q8_outlier_add(b, s, absmax, threshold > 0 ? threshold : NAN, err);
        q8_arena_clear(&scratch);
    }
    ok =
        ok && add_costs(&b->list, measured, m, err) && find_missing(&b->list, acts, m, b->mem, err);
    q8_arena_clear(&scratch);
    q8_arena_clear(&names);
    return ok;
}

bool q8_outlier_stats(struct q8_outlier_list *ret, const struct q8_statistics *acts,
                      const struct q8_weight_list *weights, double threshold, struct q8_arena *mem,
                      struct q8_err *err)
{
    struct q8_outlier_builder b = {.list = {.from_activations = true, .from_rms = acts->rms},
                                   .mem = mem};

    return (build(&b, acts, weights, threshold, err) && q8_outlier_finish(ret, &b, err)) ||
           q8_fail_in(err, acts->path);
}
