/* plan_layout.c - sizes and offsets of the output shards, and the list of all output files */
#include "src/convert/plan_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/convert/manifest.h"
#include "src/convert/output/publish.h"
#include "src/model/coded/decode.h"
#include "src/model/folder/folder.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory for the header of one output shard, at most; the input's header was at most 100 MB. */
#define LAYOUT_LIMIT (UINT64_C(1) << 30)

#define BLOCK 4096 /* bytes in which most file systems hand out disk */

/* Which part of which job an output tensor is; its number rides in q8_tensor.shard. */
struct origin {
    uint64_t job;
    unsigned part;
};

unsigned q8_job_parts(const struct q8_job *job)
{
    unsigned n = 0;

    if (job->reason)
        return 1;
    while (n < Q8_PARTS && job->as->scheme->part[n].kind != Q8_PART_NONE)
        n++;
    return n;
}

const char *q8_job_part(const struct q8_job *job, unsigned part, struct q8_tensor *ret, char *text,
                        size_t size, struct q8_err *err)
{
    const struct q8_scheme *scheme;

    if (job->reason) {
        *ret = *job->tensor;
        ret->strided = false;
        return job->tensor->name;
    }
    scheme = job->as->scheme;
    if (!q8_part_shape(scheme, &scheme->part[part], q8_job_shape(job, job->rows), ret, err))
        return NULL;
    if ((size_t)snprintf(text, size, "%s%s", job->module, scheme->part[part].suffix) >= size) {
        char shown[100];

        q8_fail(err, Q8_ELIMIT, "the name of tensor '%s' has more than the %zu bytes that q8 takes",
                q8_text_escape(job->module, shown, sizeof shown), size - 1);
        return NULL;
    }
    return text;
}

uint64_t q8_plan_parts(const struct q8_plan *plan, uint32_t number)
{
    uint64_t count = 0;

    for (uint64_t j = 0; j < plan->jobs; j++)
        if (plan->job[j].shard == number)
            count += q8_job_parts(&plan->job[j]);
    return count;
}

/* All output tensors of one shard. */
static bool list_outputs(const struct q8_plan *plan, uint32_t number, struct q8_index *ix,
                         struct origin **ret_origin, struct q8_arena *mem, struct q8_err *err)
{
    uint64_t count = q8_plan_parts(plan, number);
    struct origin *origin = q8_alloc(mem, count, sizeof *origin, err);
    char text[Q8_NAME_BYTES];

    ix->tensor = q8_alloc(mem, count, sizeof *ix->tensor, err);
    if (!origin || !ix->tensor)
        return false;
    for (uint64_t j = 0; j < plan->jobs; j++) {
        const struct q8_job *job = &plan->job[j];

        if (job->shard != number)
            continue;
        for (unsigned p = 0; p < q8_job_parts(job); p++) {
            struct q8_tensor t;
            const char *name = q8_job_part(job, p, &t, text, sizeof text, err);

            t.name = name == text ? q8_strndup(mem, text, strlen(text), err) : name;
            if (!t.name)
                return false;
            t.shard = (uint32_t)ix->count;
            origin[ix->count] = (struct origin){j, p};
            ix->tensor[ix->count++] = t;
        }
    }
    *ret_origin = origin;
    return true;
}

/* An input that has "x.weight" and "x.SCB" already would give two tensors of one name. */
static bool check_names(struct q8_index *ix, struct q8_err *err)
{
    const char *twice;
    char name[256];

    q8_index_sort(ix);
    twice = q8_index_twice(ix);
    return !twice || q8_fail(err, Q8_EUNSUPPORTED,
                             "two output tensors would be named '%s': is the input "
                             "quantized already?",
                             q8_text_escape(twice, name, sizeof name));
}

bool q8_plan_header(struct q8_plan *plan, uint32_t number, struct q8_sink *sink, struct q8_err *err)
{
    struct q8_out *out = &plan->shard[number];
    /* else the metadata is another's; the output of a float target always says what it is */
    const bool same = out->format == out->source->format &&
                      (plan->options.target->scheme || out->source->have_meta);
    const struct q8_meta *meta = same ? out->source->meta : out->format->meta;
    struct q8_index ix = {.metas = same ? out->source->metas : out->format->metas};
    struct origin *origin = NULL;
    struct q8_arena own;
    bool ok;

    q8_arena_init(&own, LAYOUT_LIMIT);
    ix.have_meta = same ? out->source->have_meta : ix.metas > 0;
    ix.meta = q8_alloc(&own, ix.metas + out->source->aliases + 1, sizeof *ix.meta, err);
    ok = ix.meta && list_outputs(plan, number, &ix, &origin, &own, err) && check_names(&ix, err);
    if (ok && ix.metas)
        memcpy(ix.meta, meta, ix.metas * sizeof *ix.meta);
    for (uint64_t i = 0; ok && i < out->source->aliases; i++)
        if (!ix.metas || strcmp(out->source->alias[i].key, ix.meta[0].key) != 0) /* "format" */
            ix.meta[ix.metas++] = out->source->alias[i];
    ix.have_meta |= ix.metas > 0;
    ok = ok && out->format->print(&ix, sink, &out->bytes, &own, err);
    for (uint64_t i = 0; ok && i < ix.count; i++)
        plan->job[origin[ix.tensor[i].shard].job].offset[origin[ix.tensor[i].shard].part] =
            ix.tensor[i].offset;
    if (own.used > plan->header_memory)
        plan->header_memory = own.used;
    q8_arena_clear(&own);
    return ok || q8_fail_in(err, out->name);
}

static void add_file(struct q8_plan *plan, const char *name, uint64_t bytes)
{
    plan->file[plan->files++] = (struct q8_out){.name = name, .bytes = bytes};
}

/* The size of a text that is printed when the rest is there. */
static bool add_printed(struct q8_plan *plan, const char *name, const struct q8_printer *printer,
                        struct q8_err *err)
{
    uint64_t bytes;

    if (!q8_file_print(NULL, printer, &bytes, err))
        return false;
    add_file(plan, name, bytes);
    return true;
}

/* Digests have a fixed length, so the manifest's size is known before they are. */
static bool add_manifest(struct q8_plan *plan, struct q8_err *err)
{
    struct q8_manifest manifest = {.plan = plan};
    uint64_t sums = 0;

    plan->hashed = plan->files;
    if (!add_printed(plan, Q8_MANIFEST, &(struct q8_printer){q8_manifest_print, &manifest}, err))
        return false;
    for (uint64_t i = 0; i < plan->hashed; i++)
        sums += q8_claim_sum_bytes(plan->file[i].name);
    if (plan->options.sha256)
        add_file(plan, Q8_SUMS, sums);
    return true;
}

/* Where "-00001-of-00002" begins in front of the suffix of that length, or the suffix itself. */
static size_t find_part(const char *name, size_t suffix)
{
    const size_t end = strlen(name) - suffix, part = strlen("-00001-of-00002");

    return end > part && fnmatch("-[0-9]*-of-[0-9]*", name + end - part, 0) == 0 ? end - part : end;
}

/*
 * The name that a file of one format has in another: its stem, if it has that, and its suffix, the
 * last in the name of the first of several that is there.  Of a format without a stem the number of
 * the part is kept, and no more.
 */
static const char *rename_file(const char *name, const struct q8_format *from,
                               const struct q8_format *to, struct q8_arena *mem, struct q8_err *err)
{
    const size_t stem = from->stem ? strlen(from->stem) : find_part(name, strlen(from->suffix));
    const bool known = !from->stem || strncmp(name, from->stem, stem) == 0;
    const char *begin = known ? name + stem : name, *end = NULL, *suffix;

    for (size_t i = 0; !end && (suffix = q8_format_suffix(from, i)); i++)
        for (const char *at = begin; (at = strstr(at, suffix)); at++)
            end = at;
    return end ? q8_sprintf(mem, err, "%s%.*s%s%s", known ? to->stem : "", (int)(end - begin),
                            begin, to->suffix, end + strlen(suffix))
               : name;
}

/* Adds the weight file that the tensors of that one go to. */
static bool add_shard(struct q8_plan *plan, const struct q8_shard *source, struct q8_arena *mem,
                      struct q8_err *err)
{
    const struct q8_format *format = q8_format_find(plan->options.target->container);
    const char *name;

    assert(format);
    name = rename_file(q8_text_leaf(source->name), source->format, format, mem, err);
    if (!name)
        return false;
    for (uint32_t i = 0; i < plan->shards; i++)
        if (strcmp(plan->shard[i].name, name) == 0)
            return q8_fail(err, Q8_EUNSUPPORTED, "two output files would be named '%s'", name);
    plan->file[plan->files++] = (struct q8_out){.name = name, .format = format, .source = source};
    plan->shards++;
    return true;
}

/*
 * The weight files: one for each of the input, with its tensors.  One of which nothing is left, for
 * it held scales alone, becomes none.
 */
static bool add_shards(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *m = plan->model;
    const struct q8_format *format = q8_format_find(plan->options.target->container);
    uint32_t *number = q8_alloc(mem, m->shards, sizeof *number, err); /* in the output, from 1 */

    if (!number)
        return false;
    plan->shard = plan->file;
    for (uint32_t i = 0; i < m->shards; i++)
        number[i] = 1;
    for (uint64_t i = 0; i < m->raw.count; i++)
        if (q8_coded_of(m, &m->raw.tensor[i]))
            number[m->raw.tensor[i].shard] = 0;
    for (uint64_t j = 0; j < plan->jobs; j++)
        number[plan->job[j].tensor->shard] = 1;
    for (uint32_t i = 0; i < m->shards; i++) {
        if (number[i] && !add_shard(plan, &m->shard[i], mem, err))
            return false;
        number[i] = plan->shards;
    }
    for (uint64_t j = 0; j < plan->jobs; j++)
        plan->job[j].shard = number[plan->job[j].tensor->shard] - 1;
    if (m->index_name)
        plan->index_name = rename_file(m->index_name, m->shard[0].format, format, mem, err);
    else if (m->shards > 1 && !m->shard[0].format->stem) /* its parts need no index, these do */
        plan->index_name = q8_sprintf(mem, err, "%s%s" Q8_INDEX, format->stem, format->suffix);
    return !err->code;
}

bool q8_plan_layout(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_model *m = plan->model;
    struct q8_printer index = {q8_plan_index, plan};

    plan->file = q8_alloc(mem, m->shards + plan->sides + 4, sizeof *plan->file, err);
    if (!plan->file)
        return false;
    if (!add_shards(plan, mem, err))
        return false;
    for (uint32_t i = 0; i < plan->shards; i++)
        if (!q8_plan_header(plan, i, NULL, err))
            return false;
    for (uint64_t i = 0; i < plan->sides; i++)
        plan->file[plan->files++] = plan->side[i];
    if (plan->config)
        add_file(plan, Q8_CONFIG, strlen(plan->config));
    if ((plan->index_name && !add_printed(plan, plan->index_name, &index, err)) ||
        !add_manifest(plan, err))
        return false;
    for (uint64_t i = 0; i < plan->files; i++) {
        plan->total.output_bytes += plan->file[i].bytes;
        plan->total.disk_bytes += q8_div_up(plan->file[i].bytes, BLOCK) * BLOCK;
    }
    return true;
}
