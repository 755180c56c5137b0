/* report.c - what happened, or would, for people */
#include "src/convert/report.h"

#include "src/base/text.h"
#include "src/convert/convert_parts.h"
#include "src/convert/plan_parts.h"
#include "src/model/coded/decode.h"
#include "src/scheme/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *q8_job_action(const struct q8_job *job)
{
    if (!job->reason)
        return "int8";
    if (!job->tensor->coded)
        return "copy";
    return q8_coded_is_quantized(job->tensor->coded) ? "float" : "cast";
}

static int compare_kept(const void *a, const void *b)
{
    const struct q8_kept *x = a, *y = b;

    if (x->parameters != y->parameters)
        return x->parameters < y->parameters ? 1 : -1;
    return strcmp(x->reason, y->reason);
}

unsigned q8_report_kept(const struct q8_plan *plan, struct q8_kept kept[Q8_KEPT_MAX])
{
    unsigned n = 0, k;

    for (uint64_t i = 0; i < plan->jobs; i++) {
        const struct q8_job *job = &plan->job[i];

        if (!job->reason)
            continue;
        for (k = 0; k < n && strcmp(kept[k].reason, job->reason) != 0; k++)
            continue;
        if (k == Q8_KEPT_MAX)
            continue;
        if (k == n)
            kept[n++] = (struct q8_kept){job->reason, 0, 0};
        kept[k].tensors++;
        kept[k].parameters += q8_tensor_elements(job->tensor);
    }
    qsort(kept, n, sizeof *kept, compare_kept);
    return n;
}

struct q8_constants q8_report_constants(const struct q8_convert *c)
{
    struct q8_constants all = {0};

    for (uint64_t i = 0; i < c->plan->jobs; i++)
        if (c->result[i].constant)
            q8_constants_add(&all, c->plan->job[i].module ? c->plan->job[i].module
                                                          : c->plan->job[i].tensor->name);
    return all;
}

struct q8_stats q8_report_stats(const struct q8_convert *c)
{
    struct q8_stats all = {0};

    for (uint64_t i = 0; i < c->plan->jobs; i++) {
        all.err2 += c->result[i].stats.err2;
        all.val2 += c->result[i].stats.val2;
        all.zero_rows += c->result[i].stats.zero_rows;
        all.moved += c->result[i].stats.moved;
    }
    return all;
}

/* Of weights that were int8 already: how many codes are others now. */
static void print_moved(const struct q8_convert *c, uint64_t moved, FILE *out)
{
    uint64_t codes = 0;
    char a[32], b[32];

    for (uint64_t i = 0; i < c->plan->jobs; i++)
        if (q8_job_recodes(&c->plan->job[i]))
            codes += c->plan->job[i].rows * c->plan->job[i].cols;
    if (codes)
        fprintf(out, "codes that moved: %s of the %s that were int8 in the input\n",
                q8_text_count(moved, a, sizeof a), q8_text_count(codes, b, sizeof b));
}

/* The schemes beside the main one. */
static void print_groups(const struct q8_plan *plan, FILE *out)
{
    char count[32];

    for (uint64_t i = 1; i < plan->groups; i++)
        fprintf(out, "  %8s  of them as %s: %" PRIu64 " module%s\n",
                q8_text_count(plan->group[i].parameters, count, sizeof count),
                plan->group[i].target->name, plan->group[i].modules,
                plan->group[i].modules == 1 ? "" : "s");
}

/* What becomes of the tensors that are not int8: "in 3 tensors REASON" with those words. */
static void print_kept(const struct q8_plan *plan, const char *before, const char *behind,
                       FILE *out)
{
    struct q8_kept kept[Q8_KEPT_MAX];
    unsigned n = q8_report_kept(plan, kept);
    char count[32];

    for (unsigned i = 0; i < n; i++)
        fprintf(out, "  %8s  %s %" PRIu64 " tensor%s%s %s\n",
                q8_text_count(kept[i].parameters, count, sizeof count), before, kept[i].tensors,
                kept[i].tensors == 1 ? "" : "s", behind, kept[i].reason);
}

/* Whether speculative decoding has what it needs: it is easily lost on the way. */
static void print_drafts(const struct q8_plan *plan, FILE *out)
{
    if (plan->total.drafts)
        fprintf(out, "draft layers (MTP): kept, %" PRIu64 " tensors\n", plan->total.drafts);
    else if (plan->keep.sections.drafts)
        fprintf(out, "draft layers (MTP): absent, though config.json counts %" PRIu64 "\n",
                plan->keep.sections.drafts);
}

static void print_files(const struct q8_report *r, FILE *out)
{
    char name[256], size[32];

    for (uint64_t i = 0; i < r->plan->lefts; i++)
        fprintf(out, "left behind: %s (%s)\n",
                q8_text_escape(r->plan->left[i].name, name, sizeof name), r->plan->left[i].reason);
    if (r->plan->model->bare && !r->plan->model->config && r->plan->quantization)
        fprintf(out, "a config.json must get \"quantization_config\": %s\n", r->plan->quantization);
    for (uint64_t i = 0; !r->convert && i < r->plan->files; i++)
        fprintf(out, "file %s: %" PRIu64 " bytes (%s)\n",
                q8_text_escape(r->plan->file[i].name, name, sizeof name), r->plan->file[i].bytes,
                q8_text_bytes(r->plan->file[i].bytes, size, sizeof size));
}

/* What became int8, or would, and what stays. */
static void print_int8(const struct q8_report *r, FILE *out)
{
    const struct q8_totals *t = &r->plan->total;
    char a[32], b[32];

    fprintf(out,
            "  %8s  of %s parameters %s int8: %" PRIu64 " modules, %.1f %% of the Linear ones\n",
            q8_text_count(t->int8, a, sizeof a), q8_text_count(t->parameters, b, sizeof b),
            r->convert ? "became" : "become", t->modules, q8_plan_coverage(r->plan));
    print_groups(r->plan, out);
    if (t->carried)
        fprintf(out,
                "  %8s  of them carried over, %" PRIu64 " weight%s: the codes are those of the "
                "input, nothing is rounded\n",
                q8_text_count(t->int8_carried, a, sizeof a), t->carried,
                t->carried == 1 ? "" : "s");
    if (t->twice)
        fprintf(out, "  %8s  of them rounded twice, %" PRIu64 " weight%s: %s\n",
                q8_text_count(t->int8_twice, a, sizeof a), t->twice, t->twice == 1 ? "" : "s",
                r->plan->schemes);
    print_kept(r->plan, "stay as they are,", ":", out);
    print_drafts(r->plan, out);
}

static void print_totals(const struct q8_report *r, FILE *out)
{
    const struct q8_totals *t = &r->plan->total;
    char a[32], b[32];

    if (r->plan->options.target->scheme)
        print_int8(r, out);
    else
        print_kept(r->plan, "in", "", out);
    print_files(r, out);
    fprintf(out, "size: %s in, %s out\n", q8_text_bytes(r->plan->model->bytes, a, sizeof a),
            q8_text_bytes(t->output_bytes, b, sizeof b));
}

static double stats_sqnr(const struct q8_stats *stats)
{
    return q8_sqnr(stats->val2, stats->err2);
}

unsigned q8_report_worst(const struct q8_convert *c, uint64_t worst[Q8_WORST])
{
    unsigned n = 0;

    for (uint64_t i = 0; i < c->plan->jobs; i++) {
        double sqnr = stats_sqnr(&c->result[i].stats);
        unsigned k = n;

        if (c->plan->job[i].reason || c->plan->job[i].carry)
            continue;
        while (k > 0 && sqnr < stats_sqnr(&c->result[worst[k - 1]].stats))
            k--;
        if (k == Q8_WORST)
            continue;
        n += n < Q8_WORST;
        memmove(worst + k + 1, worst + k, (n - 1 - k) * sizeof *worst);
        worst[k] = i;
    }
    return n;
}

static void print_worst(const struct q8_convert *c, FILE *out)
{
    uint64_t worst[Q8_WORST];
    unsigned n = q8_report_worst(c, worst);
    char name[256];

    fprintf(out, "lowest SQNR:\n");
    for (unsigned k = 0; k < n; k++)
        fprintf(out, "  %6.2f dB  %s\n", stats_sqnr(&c->result[worst[k]].stats),
                q8_text_escape(c->plan->job[worst[k]].module, name, sizeof name));
}

bool q8_report_text(const struct q8_report *r, FILE *out, struct q8_err *err)
{
    const struct q8_convert *c = r->convert;
    struct q8_stats all = q8_report_stats(c);
    char a[32], b[32], from[512], to[512];

    fprintf(out, "%s -> %s (%s)\n", q8_text_escape(r->plan->model->path, from, sizeof from),
            q8_text_escape(r->output, to, sizeof to), r->plan->options.target->name);
    print_totals(r, out);
    if (c->finished) {
        fputs("the output is there already, whole and of this input: nothing was written\n", out);
        return !ferror(out) || q8_fail_errno(err, "cannot write the summary");
    }
    if (c->options.measure && r->plan->total.carried < r->plan->total.modules) {
        print_worst(c, out);
        fprintf(out, "SQNR of all int8 weights: %.2f dB%s\n", stats_sqnr(&all),
                r->plan->total.twice ? ", against the stored values" : "");
        print_moved(c, all.moved, out);
    }
    if (r->plan->options.target->scheme)
        fprintf(out, "rows of zeros: %" PRIu64 "\n", all.zero_rows);
    if (c->kept)
        fprintf(out, "kept from the interrupted run: %" PRIu64 " tensors\n", c->kept);
    fprintf(out, "time: %s, %s/s of input\n", q8_text_seconds(c->seconds, a, sizeof a),
            q8_text_bytes((uint64_t)((double)r->plan->model->bytes / (c->seconds + 1e-9)), b,
                          sizeof b));
    return !ferror(out) || q8_fail_errno(err, "cannot write the summary");
}

bool q8_report_plan(const struct q8_report *r, FILE *out, struct q8_err *err)
{
    char a[32], b[32], name[256], shape[200];

    for (uint64_t i = 0; i < r->plan->jobs; i++) {
        const struct q8_job *job = &r->plan->job[i];
        const char *note = job->reason;

        if (!note && job->as != r->plan->options.target)
            note = job->as->name;
        if (!note && job->carry)
            note = "carried over";
        q8_tensor_shape(job->tensor, shape, sizeof shape);
        fprintf(out, "%-5s %s %s %s%s%s\n", q8_job_action(job),
                q8_text_escape(job->reason ? job->tensor->name : job->module, name, sizeof name),
                q8_dtypes[job->tensor->dtype].name, shape, note ? "  # " : "", note ? note : "");
    }
    print_totals(r, out);
    fprintf(out, "memory: %s at most\ndisk: %s needed, %s free\n",
            q8_text_bytes(r->memory_bytes, a, sizeof a),
            q8_text_bytes(r->plan->total.disk_bytes, b, sizeof b),
            r->free_bytes == Q8_FREE_UNKNOWN ? "an unknown amount"
                                             : q8_text_bytes(r->free_bytes, name, sizeof name));
    return !ferror(out) || q8_fail_errno(err, "cannot write the plan");
}
