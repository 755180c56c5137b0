/* report_json.c - the report for machines, schema q8-convert/1 */
#include "src/convert/report_json.h"

#include "src/base/json_write.h"
#include "src/convert/convert_parts.h"
#include "src/convert/plan_parts.h"
#include "src/scheme/error.h"

/* null when it was not measured */
static void print_sqnr(const struct q8_report *r, const struct q8_stats *stats, struct q8_json *j)
{
    if (r->convert->options.measure && !r->convert->finished && r->plan->options.target->scheme)
        q8_json_double(j, "sqnr_db", q8_sqnr(stats->val2, stats->err2));
    else
        q8_json_text(j, "sqnr_db", NULL);
}

static bool print_outputs(const struct q8_job *job, struct q8_json *j, struct q8_err *err)
{
    q8_json_begin(j, "outputs", '[');
    for (unsigned p = 0; p < q8_job_parts(job); p++) {
        char text[Q8_NAME_BYTES];
        struct q8_tensor t;
        const char *name = q8_job_part(job, p, &t, text, sizeof text, err);

        if (!name)
            return false;
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "name", name);
        q8_json_text(j, "dtype", q8_dtypes[t.dtype].name);
        q8_json_numbers(j, "shape", t.dim, t.rank);
        q8_json_number(j, "bytes", t.nbytes);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
    return true;
}

static bool print_job(const struct q8_report *r, uint64_t i, struct q8_json *j, struct q8_err *err)
{
    const struct q8_job *job = &r->plan->job[i];

    q8_json_begin(j, NULL, '{');
    q8_json_text(j, "name", job->tensor->name);
    q8_json_text(j, "file", r->plan->shard[job->shard].name);
    q8_json_text(j, "dtype", q8_dtypes[job->tensor->dtype].name);
    q8_json_numbers(j, "shape", job->tensor->dim, job->tensor->rank);
    q8_json_text(j, "action", q8_job_action(job));
    if (job->reason) {
        q8_json_text(j, "reason", job->reason);
    } else {
        q8_json_text(j, "module", job->module);
        if (job->as != r->plan->options.target)
            q8_json_text(j, "target", job->as->name);
        if (job->carry)
            q8_json_flag(j, "carried", true);
        if (job->tensor->rank == 3) {
            q8_json_number(j, "first_row", job->first_row);
            q8_json_number(j, "rows", job->rows);
        }
    }
    if (!print_outputs(job, j, err))
        return false;
    if (r->convert && !job->reason) {
        print_sqnr(r, &r->convert->result[i].stats, j);
        if (!r->convert->finished)
            q8_json_number(j, "zero_rows", r->convert->result[i].stats.zero_rows);
        if (!r->convert->finished && r->convert->options.measure && q8_job_recodes(job))
            q8_json_number(j, "codes_moved", r->convert->result[i].stats.moved);
    }
    if (r->convert && r->convert->result[i].constant)
        q8_json_flag(j, "constant", true);
    q8_json_end(j, '}');
    return true;
}

static void print_totals(const struct q8_report *r, struct q8_json *j)
{
    const struct q8_totals *t = &r->plan->total;

    q8_json_begin(j, "totals", '{');
    q8_json_number(j, "tensors", r->plan->model->index.count);
    q8_json_number(j, "parameters", t->parameters);
    q8_json_number(j, "parameters_linear", t->linear);
    q8_json_number(j, "parameters_int8", t->int8);
    q8_json_number(j, "modules_int8", t->modules);
    q8_json_number(j, "weights_carried", t->carried);
    q8_json_number(j, "weights_rounded_twice", t->twice);
    q8_json_number(j, "tensors_draft", t->drafts);
    q8_json_double(j, "coverage_percent", q8_plan_coverage(r->plan));
    q8_json_number(j, "input_bytes", r->plan->model->bytes);
    q8_json_number(j, "output_bytes", t->output_bytes);
    q8_json_number(j, "peak_memory_bytes", r->memory_bytes);
    q8_json_number(j, "disk_needed_bytes", t->disk_bytes);
    if (r->free_bytes == Q8_FREE_UNKNOWN)
        q8_json_text(j, "disk_free_bytes", NULL);
    else
        q8_json_number(j, "disk_free_bytes", r->free_bytes);
    if (r->convert) {
        struct q8_stats all = q8_report_stats(r->convert);

        if (r->convert->finished)
            q8_json_flag(j, "finished_before", true);
        q8_json_number(j, "tensors_resumed", r->convert->kept);
        if (!r->convert->finished) {
            q8_json_number(j, "zero_rows", all.zero_rows);
            q8_json_number(j, "codes_moved", all.moved);
            q8_json_number(j, "weights_constant", q8_report_constants(r->convert).count);
        }
        print_sqnr(r, &all, j);
        q8_json_double(j, "seconds", r->convert->seconds);
        q8_json_double(j, "bytes_per_second",
                       (double)r->plan->model->bytes / (r->convert->seconds + 1e-9));
    }
    q8_json_end(j, '}');
}

/* The modules with the lowest SQNR, worst first. */
static void print_worst(const struct q8_report *r, struct q8_json *j)
{
    uint64_t worst[Q8_WORST];
    unsigned n = q8_report_worst(r->convert, worst);

    q8_json_begin(j, "worst", '[');
    for (unsigned k = 0; k < n; k++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "module", r->plan->job[worst[k]].module);
        print_sqnr(r, &r->convert->result[worst[k]].stats, j);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void print_lists(const struct q8_report *r, struct q8_json *j)
{
    struct q8_kept kept[Q8_KEPT_MAX];
    unsigned n = q8_report_kept(r->plan, kept);

    q8_json_begin(j, "kept", '[');
    for (unsigned i = 0; i < n; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "reason", kept[i].reason);
        q8_json_number(j, "tensors", kept[i].tensors);
        q8_json_number(j, "parameters", kept[i].parameters);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
    q8_json_begin(j, "warnings", '[');
    for (uint64_t i = 0; i < r->plan->warnings; i++)
        q8_json_text(j, NULL, r->plan->warning[i]);
    q8_json_end(j, ']');
    q8_json_begin(j, "left", '[');
    for (uint64_t i = 0; i < r->plan->lefts; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "name", r->plan->left[i].name);
        q8_json_text(j, "reason", r->plan->left[i].reason);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void print_files(const struct q8_plan *plan, struct q8_json *j)
{
    q8_json_begin(j, "files", '[');
    for (uint64_t i = 0; i < plan->files; i++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "name", plan->file[i].name);
        q8_json_number(j, "bytes", plan->file[i].bytes);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

bool q8_report_json(const struct q8_report *r, FILE *out, struct q8_err *err)
{
    struct q8_json j = {.out = out, .indent = 1};

    q8_json_begin(&j, NULL, '{');
    q8_json_text(&j, "schema", "q8-convert/1");
    q8_json_text(&j, "version", Q8_VERSION);
    q8_json_flag(&j, "dry_run", !r->convert);
    q8_json_text(&j, "input", r->plan->model->path);
    q8_json_text(&j, "output", r->output);
    q8_json_text(&j, "target", r->plan->options.target->name);
    q8_json_text(&j, "model_type", r->plan->arch.model_type);
    q8_json_text(&j, "architecture", r->plan->arch.class_name);
    q8_json_flag(&j, "architecture_known", r->plan->arch.known);
    q8_json_text(&j, "quantized_by", r->plan->schemes);
    print_totals(r, &j);
    print_lists(r, &j);
    if (r->convert && r->convert->options.measure && !r->convert->finished &&
        r->plan->options.target->scheme)
        print_worst(r, &j);
    print_files(r->plan, &j);
    q8_json_raw(&j, "quantization_config", r->plan->quantization ? r->plan->quantization : "null");
    q8_json_begin(&j, "tensors", '[');
    for (uint64_t i = 0; i < r->plan->jobs; i++)
        if (!print_job(r, i, &j, err))
            return false;
    q8_json_end(&j, ']');
    q8_json_end(&j, '}');
    fputc('\n', out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the report");
}
