/* outlier_stats.c - which features activation statistics make stand out, and at what cost */
#include "src/inspect/outlier_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/select.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the entries are held against. */
struct modules {
    const struct q8_outlier_module *module; /* [count], by name */
    uint64_t count;
};

/* A vector and the module that it belongs to. */
struct measured {
    struct q8_feature_source source; /* first: q8_outlier_compare */
    const struct q8_statistic *entry;
    uint64_t rows;
};

static const struct q8_outlier_module *find_module(const struct modules *m, const char *name)
{
    uint64_t low = 0, high = m->count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int order = strcmp(m->module[middle].name, name);

        if (order == 0)
            return &m->module[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const char *module_name(void *self, uint64_t i)
{
    return ((const struct modules *)self)->module[i].name;
}

/* Whether every entry fits a module once `prefix` is in front of it. */
static bool all_fit_with(const struct q8_statistics *acts, const struct modules *m,
                         const char *prefix, struct q8_arena *scratch)
{
    struct q8_err none = {0};

    for (uint64_t i = 0; i < acts->count; i++) {
        const char *name = q8_sprintf(scratch, &none, "%s%s", prefix, acts->entry[i].module);

        if (!name || !find_module(m, name))
            return false;
    }
    return true;
}

/* Whether every entry fits a module without the first n bytes, which all have alike. */
static bool all_fit_without(const struct q8_statistics *acts, const struct modules *m, size_t n)
{
    const char *first = acts->entry[0].module;

    for (uint64_t i = 0; i < acts->count; i++)
        if (strncmp(acts->entry[i].module, first, n) != 0 ||
            !find_module(m, acts->entry[i].module + n))
            return false;
    return true;
}

/* One prefix too few or too many in all names: a sentence about that.  False when it is not so. */
static bool fail_prefix(const struct q8_statistics *acts, const struct modules *m,
                        struct q8_arena *scratch, struct q8_err *err)
{
    const char *first = acts->entry[0].module;
    size_t length = strlen(first);
    char shown[200];

    for (const char *dot = strchr(first, '.'); dot; dot = strchr(dot + 1, '.'))
        if (all_fit_without(acts, m, (size_t)(dot + 1 - first))) {
            const char *prefix = q8_strndup(scratch, first, (uint64_t)(dot + 1 - first), err);

            if (prefix)
                q8_fail(err, Q8_EINPUT,
                        "all its names begin with '%s', which those of the model do not; take it "
                        "off the names in the file",
                        q8_text_escape(prefix, shown, sizeof shown));
            return true;
        }
    for (uint64_t i = 0; i < m->count; i++) {
        size_t n = strlen(m->module[i].name);
        const char *prefix;

        if (n <= length + 1 || m->module[i].name[n - length - 1] != '.' ||
            strcmp(m->module[i].name + n - length, first) != 0)
            continue;
        prefix = q8_strndup(scratch, m->module[i].name, n - length, err);
        if (prefix && !all_fit_with(acts, m, prefix, scratch))
            return false;
        if (prefix)
            q8_fail(err, Q8_EINPUT,
                    "all its names lack the '%s' that those of the model begin with; put it in "
                    "front of the names in the file",
                    q8_text_escape(prefix, shown, sizeof shown));
        return true;
    }
    return false;
}

static bool fail_unknown(const struct q8_statistics *acts, const char *name, struct modules *m,
                         struct q8_arena *scratch, struct q8_err *err)
{
    char nearest[Q8_NEAREST * 152], shown[200];

    if (fail_prefix(acts, m, scratch, err))
        return false;
    return q8_fail(err, Q8_EINPUT, "'%s' is not a Linear module of the model; nearest: %s",
                   q8_text_escape(name, shown, sizeof shown),
                   q8_select_nearest(name, m->count, module_name, m, nearest));
}

bool q8_outlier_match(const struct q8_outlier_module **ret, const struct q8_statistics *acts,
                      const struct q8_outlier_module *module, uint64_t count,
                      struct q8_arena *scratch, struct q8_err *err)
{
    struct modules m = {module, count};
    char shown[200];

    for (uint64_t i = 0; i < acts->count; i++) {
        const struct q8_statistic *entry = &acts->entry[i];

        ret[i] = find_module(&m, entry->module);
        if (!ret[i])
            return fail_unknown(acts, entry->module, &m, scratch, err);
        if (ret[i]->cols != entry->features)
            return q8_fail(
                err, Q8_EINPUT,
                "'%s': %" PRIu64 " values, but the module has %" PRIu64 " input features",
                q8_text_escape(entry->module, shown, sizeof shown), entry->features, ret[i]->cols);
    }
    return true;
}

/* Finds the module of every entry; `ret` is in the order of layers. */
static bool match(struct measured *ret, const struct q8_statistics *acts, struct modules *m,
                  struct q8_arena *scratch, struct q8_err *err)
{
    const struct q8_outlier_module **module = q8_alloc(scratch, acts->count, sizeof *module, err);

    if (!module || !q8_outlier_match(module, acts, m->module, m->count, scratch, err))
        return false;
    for (uint64_t i = 0; i < acts->count; i++) {
        const struct q8_statistic *entry = &acts->entry[i];
        struct q8_feature_source s = {.name = entry->module, .features = entry->features};

        s.layer = q8_path_layer(s.name, &s.role);
        ret[i] = (struct measured){s, entry, module[i]->rows};
    }
    if (acts->count)
        qsort(ret, acts->count, sizeof *ret, q8_outlier_compare);
    return true;
}

/* What LLM.int8() keeps in 16 bits: the outlier columns of each module. */
static bool add_costs(struct q8_outlier_list *list, const struct measured *measured,
                      const struct modules *m, struct q8_err *err)
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
        all += (double)m->module[i].rows * (double)m->module[i].cols;
    list->touched = all > 0 ? touched / all : 0;
    return true;
}

/* Modules that have no entry; both lists are by name. */
static bool find_missing(struct q8_outlier_list *list, const struct q8_statistics *acts,
                         const struct modules *m, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t at = 0;

    list->missing =
        q8_alloc(mem, m->count - q8_min(acts->count, m->count), sizeof *list->missing, err);
    if (!list->missing)
        return false;
    for (uint64_t i = 0; i < m->count; i++)
        if (at < acts->count && strcmp(acts->entry[at].module, m->module[i].name) == 0)
            at++;
        else
            list->missing[list->missings++] = m->module[i].name;
    return true;
}

static bool build(struct q8_outlier_builder *b, const struct q8_statistics *acts, struct modules *m,
                  double threshold, struct q8_err *err)
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
                      const struct q8_outlier_module *module, uint64_t count, double threshold,
                      struct q8_arena *mem, struct q8_err *err)
{
    struct q8_outlier_builder b = {.list.from_activations = true, .mem = mem};
    struct modules m = {module, count};

    return (build(&b, acts, &m, threshold, err) && q8_outlier_finish(ret, &b, err)) ||
           q8_fail_in(err, acts->path);
}
