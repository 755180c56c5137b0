/* manifest.c - q8-manifest.json: what was written from what; no time, no host, no path */
#include "src/convert/manifest.h"

#include "src/base/json_write.h"
#include "src/convert/output/claim.h"
#include "src/convert/plan_parts.h"

/* A digest; NULL, one that is not known yet, takes the same room. */
static void print_digest(struct q8_json *j, const char *key, const struct q8_digest *d)
{
    static const struct q8_digest unknown;
    char text[Q8_DIGEST_TEXT];

    q8_json_text(j, key, q8_digest_text(d ? d : &unknown, text));
}

static void print_sources(const struct q8_manifest *m, struct q8_json *j)
{
    const struct q8_model *model = m->plan->model;

    q8_json_begin(j, "sources", '[');
    for (uint32_t i = 0; i < model->shards; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "name", model->shard[i].name);
        q8_json_number(j, "bytes", model->shard[i].file.size);
        print_digest(j, "header_xxh3_128", &model->shard[i].header);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void print_options(const struct q8_manifest *m, struct q8_json *j)
{
    const struct q8_select *select = m->plan->options.select;

    q8_json_begin(j, "patterns", '[');
    for (uint64_t i = 0; i < select->count; i++) {
        const struct q8_pattern *p = &select->pattern[i];

        q8_json_begin(j, NULL, '{');
        q8_json_text(j, q8_verb_name(p->verb), p->text);
        if (p->target)
            q8_json_text(j, "target", p->target);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void print_files(const struct q8_manifest *m, struct q8_json *j)
{
    q8_json_begin(j, "files", '[');
    for (uint64_t i = 0; i < m->plan->hashed; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "name", m->plan->file[i].name);
        q8_json_number(j, "bytes", m->plan->file[i].bytes);
        print_digest(j, "xxh3_128", m->written ? &m->written[i].xxh : NULL);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static bool print_tensors(const struct q8_manifest *m, struct q8_json *j, struct q8_err *err)
{
    q8_json_begin(j, "tensors", '[');
    for (uint64_t i = 0; i < m->plan->jobs; i++) {
        const struct q8_job *job = &m->plan->job[i];

        for (unsigned p = 0; p < q8_job_parts(job); p++) {
            char text[Q8_NAME_BYTES];
            struct q8_tensor t;
            const char *name = q8_job_part(job, p, &t, text, sizeof text, err);

            if (!name)
                return false;
            q8_json_begin(j, NULL, '{');
            q8_json_text(j, "name", name);
            print_digest(j, "xxh3_128", m->result ? &m->result[i].part[p] : NULL);
            q8_json_text(j, "source", job->tensor->name);
            if (job->as && job->as != m->plan->options.target)
                q8_json_text(j, "target", job->as->name);
            if (job->carry)
                q8_json_flag(j, "carried", true);
            if (!job->reason && job->tensor->rank == 3) {
                q8_json_number(j, "first_row", job->first_row);
                q8_json_number(j, "rows", job->rows);
            }
            print_digest(j, "source_xxh3_128", m->result ? &m->result[i].source : NULL);
            q8_json_end(j, '}');
        }
    }
    q8_json_end(j, ']');
    return true;
}

bool q8_manifest_print(void *self, FILE *out, struct q8_err *err)
{
    const struct q8_manifest *m = self;
    struct q8_json j = {.out = out, .indent = 1};
    bool ok;

    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "schema", Q8_MANIFEST_SCHEMA);
    q8_json_text(&j, "version", Q8_VERSION);
    q8_json_text(&j, "target", m->plan->options.target->name);
    print_options(m, &j);
    print_sources(m, &j);
    print_files(m, &j);
    ok = print_tensors(m, &j, err);
    q8_json_end(&j, '}');
    fputc('\n', out);
    return ok;
}
