/* plan_layout.c - sizes and offsets of the output shards, and the text of the index file */
#include "src/plan.h"

#include "formats/format.h"
#include "src/base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory for the header of one output shard, at most; the input's header was at most 100 MB. */
#define LAYOUT_LIMIT (UINT64_C(1) << 30)

/* Which part of which job an output tensor is; its number rides in q8_tensor.shard. */
struct origin {
    uint64_t job;
    unsigned part;
};

unsigned q8_job_parts(const struct q8_plan *plan, const struct q8_job *job)
{
    unsigned n = 0;

    if (job->reason)
        return 1;
    while (n < Q8_PARTS && plan->options.target->scheme.part[n].kind != Q8_PART_NONE)
        n++;
    return n;
}

const char *q8_job_part(const struct q8_plan *plan, const struct q8_job *job, unsigned part,
                        struct q8_tensor *ret, char *text, size_t size, struct q8_err *err)
{
    const struct q8_scheme *scheme = &plan->options.target->scheme;

    if (job->reason) {
        *ret = *job->tensor;
        return job->tensor->name;
    }
    if (!q8_part_shape(scheme, &scheme->part[part], job->tensor->dtype, job->rows, job->cols, ret,
                       err))
        return NULL;
    if ((size_t)snprintf(text, size, "%s%s", job->module, scheme->part[part].suffix) >= size) {
        q8_fail(err, Q8_ELIMIT, "a tensor name of more than %zu bytes", size);
        return NULL;
    }
    return text;
}

/* All output tensors of one shard. */
static bool list_outputs(const struct q8_plan *plan, uint32_t number, struct q8_index *ix,
                         struct origin **ret_origin, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t room = 0;
    struct origin *origin = NULL;
    char text[4096];

    for (uint64_t j = 0; j < plan->jobs; j++) {
        const struct q8_job *job = &plan->job[j];

        if (job->tensor->shard != number)
            continue;
        for (unsigned p = 0; p < q8_job_parts(plan, job); p++) {
            struct q8_tensor t;
            const char *name = q8_job_part(plan, job, p, &t, text, sizeof text, err);

            origin = name ? q8_grow(mem, origin, ix->count, &room, sizeof *origin, err) : NULL;
            if (!origin)
                return false;
            origin[ix->count] = (struct origin){j, p};
            t.name = name == text ? q8_strndup(mem, text, strlen(text), err) : name;
            t.shard = (uint32_t)ix->count;
            if (!t.name || !q8_index_add(ix, &t, mem, err))
                return false;
        }
    }
    *ret_origin = origin;
    return true;
}

bool q8_plan_header(struct q8_plan *plan, uint32_t number,
                    struct q8_err *err, bool (*write)(void *self, uint64_t off, const void *buf,
                                                      uint64_t n, struct q8_err *err),
                    void *self)
{
    const struct q8_shard *shard = &plan->model->shard[number];
    struct q8_index ix = {.metas = shard->metas, .have_meta = shard->have_meta};
    struct q8_sink sink = {.write = write, .self = self};
    struct origin *origin = NULL;
    struct q8_arena own;
    bool ok;

    q8_arena_init(&own, LAYOUT_LIMIT);
    ix.meta = q8_alloc(&own, shard->metas + 1, sizeof *ix.meta, err);
    ok = ix.meta && list_outputs(plan, number, &ix, &origin, &own, err);
    if (ok && shard->metas)
        memcpy(ix.meta, shard->meta, shard->metas * sizeof *ix.meta);
    ok = ok && q8_format_find("safetensors")->print(&ix, write ? &sink : NULL,
                                                    &plan->shard[number].bytes, &own, err);
    for (uint64_t i = 0; ok && i < ix.count; i++)
        plan->job[origin[ix.tensor[i].shard].job].offset[origin[ix.tensor[i].shard].part] =
            ix.tensor[i].offset;
    q8_arena_clear(&own);
    return ok || q8_fail_in(err, shard->name);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Writes {"metadata": {"total_size": N}, "weight_map": {...}}, keys sorted.  formats.md 1.1.6. */
static bool print_index(const struct q8_plan *plan, FILE *out, struct q8_arena *own,
                        struct q8_err *err)
{
    uint64_t count = 0, room = 0, total = 0;
    const char **entry = NULL;   /* the tensor name; its shard's name follows behind the NUL */
    struct q8_json j = {.out = out, .indent = 2};
    char text[4096];

    for (uint64_t i = 0; i < plan->jobs; i++)
        for (unsigned p = 0; p < q8_job_parts(plan, &plan->job[i]); p++) {
            struct q8_tensor t;
            const char *name = q8_job_part(plan, &plan->job[i], p, &t, text, sizeof text, err);

            entry = name ? q8_grow(own, entry, count, &room, sizeof *entry, err) : NULL;
            if (!entry)
                return false;
            total += t.nbytes;
            entry[count] = q8_sprintf(own, err, "%s%c%s", name, 0,
                                      plan->shard[plan->job[i].tensor->shard].name);
            if (!entry[count++])
                return false;
        }
    qsort(entry, count, sizeof *entry, compare_entries);
    q8_json_begin(&j, NULL, '{');
    q8_json_begin(&j, "metadata", '{');
    q8_json_number(&j, "total_size", total);
    q8_json_end(&j, '}');
    q8_json_begin(&j, "weight_map", '{');
    for (uint64_t i = 0; i < count; i++)
        q8_json_text(&j, entry[i], entry[i] + strlen(entry[i]) + 1);
    q8_json_end(&j, '}');
    q8_json_end(&j, '}');
    fputc('\n', out);
    return true;
}

static bool make_index(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_arena own;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool ok;

    if (!out)
        return q8_fail_errno(err, "cannot make the index file");
    q8_arena_init(&own, LAYOUT_LIMIT);
    ok = print_index(plan, out, &own, err);
    if (fclose(out) != 0 && ok)
        ok = q8_fail(err, Q8_ELIMIT, "out of memory for the index file");
    if (ok) {
        plan->index = q8_strndup(mem, text, size, err);
        ok = plan->index != NULL;
    }
    free(text);
    q8_arena_clear(&own);
    return ok;
}

bool q8_plan_layout(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *m = plan->model;

    plan->shard = q8_alloc(mem, m->shards, sizeof *plan->shard, err);
    if (!plan->shard)
        return false;
    for (uint32_t i = 0; i < m->shards; i++) {
        plan->shard[i].name = m->shard[i].name;
        if (!q8_plan_header(plan, i, err, NULL, NULL))
            return false;
        plan->total.output_bytes += plan->shard[i].bytes;
    }
    if (m->index_name && !make_index(plan, mem, err))
        return false;
    plan->total.output_bytes += plan->index ? strlen(plan->index) : 0;
    plan->total.output_bytes += plan->config ? strlen(plan->config) : 0;
    return true;
}
