/* plan_index.c - model.safetensors.index.json of the output */
#include "src/convert/plan_parts.h"

#include "src/base/json_write.h"
#include "src/base/text.h"

#include <stdlib.h>
#include <string.h>

/* One output tensor, by what its name is put together from. */
struct entry {
    const char *stem, *suffix;
    uint32_t shard;
};

/* Compares stem + suffix, byte by byte, without joining them. */
static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    const char *p = x->stem, *q = y->stem, *next_p = x->suffix, *next_q = y->suffix;

    for (;; p++, q++) {
        if (!*p && next_p)
            p = next_p, next_p = NULL;
        if (!*q && next_q)
            q = next_q, next_q = NULL;
        if (*p != *q || !*p)
            return (unsigned char)*p - (unsigned char)*q;
    }
}

/* One shard may have "x.SCB" already and another "x.weight". */
static bool check_unique(const struct entry *list, uint64_t count, struct q8_err *err)
{
    char name[256];

    for (uint64_t i = 1; i < count; i++)
        if (compare_entries(&list[i - 1], &list[i]) == 0)
            return q8_fail(err, Q8_EUNSUPPORTED,
                           "two output tensors would be named '%s%s': is the input quantized "
                           "already?",
                           q8_text_escape(list[i].stem, name, sizeof name), list[i].suffix);
    return true;
}

/* All output tensors, sorted by name; sets the sum of their bytes. */
static struct entry *list_entries(struct q8_plan *plan, uint64_t *ret_count, uint64_t *ret_bytes,
                                  struct q8_arena *own, struct q8_err *err)
{
    struct entry *list = q8_alloc(own, plan->jobs, Q8_PARTS * sizeof *list, err);
    uint64_t n = 0;

    *ret_bytes = 0;
    for (uint64_t i = 0; list && i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        for (unsigned p = 0; p < q8_job_parts(job); p++) {
            struct entry e = {job->tensor->name, "", job->shard};
            struct q8_tensor t = *job->tensor;

            if (!job->reason) {
                const struct q8_scheme *scheme = job->as->scheme;

                e.stem = job->module;
                e.suffix = scheme->part[p].suffix;
                if (!q8_part_shape(scheme, &scheme->part[p], q8_job_shape(job, job->rows), &t, err))
                    return NULL;
            }
            list[n++] = e;
            *ret_bytes += t.nbytes;
        }
    }
    if (n)
        qsort(list, n, sizeof *list, compare_entries);
    *ret_count = n;
    return list && check_unique(list, n, err) ? list : NULL;
}

/* Our total_size, and what else the input's index says: total_parameters is still true. */
static void print_metadata(const struct q8_model *m, uint64_t bytes, struct q8_json *j)
{
    q8_json_begin(j, "metadata", '{');
    q8_json_number(j, "total_size", bytes);
    for (uint64_t i = 0; i < m->metadatas; i++)
        if (strcmp(m->metadata[i].key, "total_size") != 0)
            q8_json_raw(j, m->metadata[i].key, m->metadata[i].text);
    q8_json_end(j, '}');
}

static bool print_entries(struct q8_plan *plan, const struct entry *list, uint64_t count,
                          uint64_t bytes, FILE *out, struct q8_err *err)
{
    struct q8_json j = {.out = out, .indent = 2};
    char name[Q8_NAME_BYTES];

    q8_json_begin(&j, NULL, '{');
    print_metadata(plan->model, bytes, &j);
    q8_json_begin(&j, "weight_map", '{');
    for (uint64_t i = 0; i < count; i++) {
        if ((size_t)snprintf(name, sizeof name, "%s%s", list[i].stem, list[i].suffix) >=
            sizeof name)
            return q8_fail(err, Q8_ELIMIT, "a tensor name of more than %zu bytes", sizeof name);
        q8_json_text(&j, name, plan->shard[list[i].shard].name);
    }
    q8_json_end(&j, '}');
    q8_json_end(&j, '}');
    fputc('\n', out);
    return true;
}

bool q8_plan_index(void *self, FILE *out, struct q8_err *err)
{
    struct q8_plan *plan = self;
    struct q8_arena own;
    struct entry *list;
    uint64_t count, bytes;
    bool ok;

    q8_arena_init(&own, UINT64_MAX);
    list = list_entries(plan, &count, &bytes, &own, err);
    ok = list && print_entries(plan, list, count, bytes, out, err);
    q8_arena_clear(&own);
    return ok;
}
