/* manifest.c - q8-manifest.json: what was written from what; no time, no host, no path */
#include "src/convert.h"

#include "src/base/json.h"

#include <stdlib.h>

static void print_sources(const struct q8_convert *c, struct q8_json *j)
{
    const struct q8_model *m = c->plan->model;

    q8_json_begin(j, "sources", '[');
    for (uint32_t i = 0; i < m->shards; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "name", m->shard[i].name);
        q8_json_number(j, "bytes", m->shard[i].file.size);
        q8_json_text(j, "header_xxh3_128", m->shard[i].header);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void print_options(const struct q8_convert *c, struct q8_json *j)
{
    static const char *const verbs[] = {"skip", "only", "also"};
    const struct q8_select *select = c->plan->options.select;

    q8_json_begin(j, "patterns", '[');
    for (uint64_t i = 0; i < select->count; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, verbs[select->pattern[i].verb], select->pattern[i].text);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void print_files(const struct q8_convert *c, struct q8_json *j)
{
    q8_json_begin(j, "files", '[');
    for (uint64_t i = 0; i < c->writtens; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "name", c->written[i].name);
        q8_json_number(j, "bytes", c->written[i].bytes);
        q8_json_text(j, "xxh3_128", c->written[i].xxh);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static bool print_tensors(const struct q8_convert *c, struct q8_json *j, struct q8_err *err)
{
    q8_json_begin(j, "tensors", '[');
    for (uint64_t i = 0; i < c->plan->jobs; i++) {
        const struct q8_job *job = &c->plan->job[i];

        for (unsigned p = 0; p < q8_job_parts(c->plan, job); p++) {
            char text[4096];
            struct q8_tensor t;
            const char *name = q8_job_part(c->plan, job, p, &t, text, sizeof text, err);

            if (!name)
                return false;
            q8_json_begin(j, NULL, '{');
            q8_json_text(j, "name", name);
            q8_json_text(j, "xxh3_128", c->result[i].part[p]);
            q8_json_text(j, "source", job->tensor->name);
            if (!job->reason && job->tensor->rank == 3) {
                q8_json_number(j, "first_row", job->first_row);
                q8_json_number(j, "rows", job->rows);
            }
            q8_json_text(j, "source_xxh3_128", c->result[i].source);
            q8_json_end(j, '}');
        }
    }
    q8_json_end(j, ']');
    return true;
}

char *q8_manifest_text(const struct q8_convert *c, struct q8_err *err)
{
    char *text = NULL, *copy = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct q8_json j = {.out = out, .indent = 1};
    bool ok;

    if (!out) {
        q8_fail_errno(err, "cannot make the manifest");
        return NULL;
    }
    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "schema", "q8-manifest/1");
    q8_json_text(&j, "version", Q8_VERSION);
    q8_json_text(&j, "target", c->plan->options.target->name);
    print_options(c, &j);
    print_sources(c, &j);
    print_files(c, &j);
    ok = print_tensors(c, &j, err);
    q8_json_end(&j, '}');
    fputc('\n', out);
    if (fclose(out) != 0)
        ok = q8_fail(err, Q8_ELIMIT, "out of memory for the manifest");
    if (ok)
        copy = q8_strndup(c->mem, text, size, err);
    free(text);
    return copy;
}
