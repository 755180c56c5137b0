/* report_text.c - what q8-verify found, for people: each level, the worst, the verdict */
#include "src/verify/report_text.h"

#include "src/verify/report.h"

#include "src/base/text.h"
#include "src/verify/integrity/digests.h"
#include "src/verify/runtime/runtime.h"
#include "src/model/coded/decode.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NOTES 5   /* that are shown */
#define KINDS 3   /* of failing findings that the last line counts */
#define INDENT 11 /* columns before what a line says */

/* "41.23 dB", "inf dB", or "no SQNR"; 32 bytes will do. */
static const char *show_db(double db, char *text, size_t size)
{
    if (isnan(db))
        return "no SQNR";
    (void)snprintf(text, size, "%.2f dB", db);
    return text;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_models(const struct q8_verify *v, FILE *out)
{
    char name[1024];

    fputs(q8_text_escape(v->options.quantized->path, name, sizeof name), out);
    if (v->pairs.stored_b.layout)
        fprintf(out, " (%s)", q8_layouts[v->pairs.stored_b.layout].name);
    else if (v->options.quantized->decoded)
        fprintf(out, " (%s)", q8_model_schemes(v->options.quantized, name, sizeof name));
    fprintf(out, " against %s", q8_text_escape(v->options.reference->path, name, sizeof name));
    if (v->arch.class_name)
        fprintf(out, " (%s)", q8_text_escape(v->arch.class_name, name, sizeof name));
    fputc('\n', out);
}

static void print_integrity(const struct q8_verify *v, FILE *out)
{
    const struct q8_verify_totals *t = &v->total;
    const uint64_t files = v->files;

    fprintf(out, "%-*s", INDENT, q8_level_name(Q8_LEVEL_INTEGRITY));
    if (t->same == t->carried)
        fprintf(out, "%" PRIu64 " tensor%s carried over, byte by byte the same", t->carried,
                plural(t->carried));
    else
        fprintf(out,
                "%" PRIu64 " of %" PRIu64 " tensors carried over byte by byte, %" PRIu64
                " differ%s",
                t->same, t->carried, t->carried - t->same, t->carried - t->same == 1 ? "s" : "");
    if (files)
        fprintf(out, "; manifest: %" PRIu64 " file%s\n", files, plural(files));
    else
        fputs("; no manifest\n", out);
}

/* The judged runtimes of one outcome, behind its word. */
static void print_outcome(const struct q8_verify *v, enum q8_outcome outcome, bool *behind,
                          FILE *out)
{
    const char *lead = q8_outcome_name(outcome);

    for (enum q8_reader reader = 0; reader < Q8_READERS; reader++) {
        const struct q8_runtime *runtime = &v->runtime[reader];

        if (!runtime->judged || runtime->outcome != outcome)
            continue;
        if (lead)
            fprintf(out, "%s%s: ", *behind ? "; " : "", lead);
        fprintf(out, "%s%s", lead ? "" : ", ", q8_reader_title(reader));
        lead = NULL;
        *behind = true;
    }
}

/* Who loads it; why not is told where it was asked for. */
static void print_runtimes(const struct q8_verify *v, FILE *out)
{
    bool any = false, behind = false;

    for (enum q8_reader reader = 0; reader < Q8_READERS; reader++)
        any = any || v->runtime[reader].judged;
    if (!any)
        return;
    fprintf(out, "%-*s", INDENT, "runtimes");
    print_outcome(v, Q8_OUTCOME_LOADS, &behind, out);
    print_outcome(v, Q8_OUTCOME_UNKNOWN, &behind, out);
    print_outcome(v, Q8_OUTCOME_FAILS, &behind, out);
    fputc('\n', out);
}

/* The lowest SQNR and who has it, in what is left of the line. */
static void print_worst(const struct q8_layer *layer, double sqnr, const char *lead, unsigned width,
                        FILE *out)
{
    char name[1024], db[32];
    const char *text = show_db(sqnr, db, sizeof db);
    const size_t used = INDENT + strlen(lead) + strlen(", worst : ") + strlen(text);

    fprintf(out, "%*s%s, worst %s: %s\n", INDENT, "", lead, text,
            q8_text_fit(layer->module, width > used + 16 ? width - (unsigned)used : 16, name,
                        sizeof name));
}

static void print_weights(const struct q8_verify *v, const struct q8_verify_common *c,
                          unsigned width, FILE *out)
{
    char db[32];

    fprintf(out, "%-*s%" PRIu64 " %s weight%s, %.1f %% of the Linear parameters%s\n", INDENT,
            q8_level_name(Q8_LEVEL_WEIGHTS), v->layers,
            v->options.quantized->decoded ? "quantized" : "int8", plural(v->layers),
            v->total.coverage, v->options.level < Q8_LEVEL_WEIGHTS ? "; not compared" : "");
    if (c->weights)
        print_worst(c->weights, c->weights->weights.sqnr,
                    show_db(v->total.weights_sqnr, db, sizeof db), width, out);
}

static void print_mode(const struct q8_verify *v, const struct q8_verify_common *c, FILE *out)
{
    char text[256];

    fprintf(out, "%*s%s", INDENT, "", q8_verify_modes(c, text, sizeof text));
    if (c->threshold_most > 0 && c->threshold_least < c->threshold_most)
        fprintf(out, ", thresholds %g to %g", c->threshold_least, c->threshold_most);
    else if (c->threshold_most > 0)
        fprintf(out, ", threshold %g", c->threshold_most);
    if (c->threshold_most > 0)
        fprintf(out, ": %" PRIu64 " column%s in 16 bit", c->outliers, plural(c->outliers));
    else if (!isnan(c->threshold_most))
        fputs(", no outlier columns apart", out);
    if (v->engine)
        fprintf(out, "; %s", v->engine);
    if (v->engine && *v->options.device.name)
        fprintf(out, " (%s)", v->options.device.name);
    fputc('\n', out);
}

static void print_matmul(const struct q8_verify *v, const struct q8_verify_common *c,
                         unsigned width, FILE *out)
{
    char text[256], db[32];

    if (v->options.level < Q8_LEVEL_MATMUL)
        return;
    fprintf(out, "%-*s", INDENT, q8_level_name(Q8_LEVEL_MATMUL));
    if (!c->multiplied)
        fputs("no weight was multiplied\n", out);
    else {
        fprintf(out, "%" PRIu64, c->tokens_least);
        if (c->tokens_most > c->tokens_least)
            fprintf(out, " to %" PRIu64, c->tokens_most);
        fprintf(out, " token%s, %s\n", plural(c->tokens_most),
                q8_verify_sources(c, text, sizeof text));
        print_mode(v, c, out);
        (void)snprintf(text, sizeof text, "mean %s", show_db(v->total.matmul_sqnr, db, sizeof db));
        print_worst(c->matmul, c->matmul->matmul.sqnr, text, width, out);
    }
    if (c->unmeasured)
        fprintf(out, "%*s%" PRIu64 " weight%s left out: %s\n", INDENT, "", c->unmeasured,
                plural(c->unmeasured), c->why);
}

/* One line, however long: whoever greps a log for a name finds the reason beside it. */
static void print_finding(const struct q8_finding *f, const char *lead, FILE *out)
{
    char text[2048];

    fprintf(out, "%-*s%s: ", INDENT, lead, q8_text_escape(f->name, text, sizeof text));
    fprintf(out, "%s\n", q8_text_escape(f->text, text, sizeof text));
}

/* What keeps a runtime that nobody asked for from loading it is one word above. */
static bool is_told(const struct q8_verify *v, const struct q8_finding *f)
{
    return !f->runtimes || f->runtimes & v->options.runtimes;
}

static void print_notes(const struct q8_verify *v, FILE *out)
{
    uint64_t notes = 0;

    for (uint64_t i = 0; i < v->findings.count; i++)
        if (!v->findings.list[i].fails && is_told(v, &v->findings.list[i]) && notes++ < NOTES)
            print_finding(&v->findings.list[i], "note", out);
    if (notes > NOTES)
        fprintf(out, "%*sand %" PRIu64 " more (--json has all)\n", INDENT, "", notes - NOTES);
}

static void print_offenders(const struct q8_verify *v, uint64_t failing, FILE *out)
{
    uint64_t worst[Q8_VERIFY_OFFENDERS];
    const unsigned n = q8_verify_worst(v, worst, Q8_VERIFY_OFFENDERS);

    fputc('\n', out);
    for (unsigned i = 0; i < n; i++) {
        const struct q8_finding *f = &v->findings.list[worst[i]];

        print_finding(f, q8_level_name(f->level), out);
    }
    if (failing > n)
        fprintf(out, "%*sand %" PRIu64 " more (--json has all)\n", INDENT, "", failing - n);
    fputc('\n', out);
}

/* The first kinds of failing findings, and how many there are of each. */
struct kinds {
    const char *kind[KINDS];
    uint64_t count[KINDS], others;
    unsigned n;
};

static void count_kinds(const struct q8_verify *v, bool limits, struct kinds *k)
{
    for (uint64_t i = 0; i < v->findings.count; i++) {
        const struct q8_finding *f = &v->findings.list[i];
        unsigned at = 0;

        if (!f->fails || q8_verify_is_limit(f) != limits)
            continue;
        while (at < k->n && strcmp(k->kind[at], f->kind) != 0)
            at++;
        if (at == KINDS) {
            k->others++;
            continue;
        }
        k->kind[at] = f->kind;
        k->count[at]++;
        k->n += at == k->n;
    }
}

/* "2 rows-swapped, 1 min-sqnr": what tells more than a limit comes first. */
static void print_kinds(const struct q8_verify *v, FILE *out)
{
    struct kinds k = {0};

    count_kinds(v, false, &k);
    count_kinds(v, true, &k);
    for (unsigned i = 0; i < k.n; i++)
        fprintf(out, "%s%" PRIu64 " %s", i ? ", " : "", k.count[i], k.kind[i]);
    if (k.others)
        fprintf(out, ", %" PRIu64 " other%s", k.others, plural(k.others));
}

static void print_verdict(const struct q8_verify *v, FILE *out)
{
    const uint64_t failing = q8_findings_failing(&v->findings);

    if (!v->failed) {
        fputs("PASS\n", out);
        return;
    }
    print_offenders(v, failing, out);
    fprintf(out, "FAIL: %" PRIu64 " of %" PRIu64 " layer%s: ", v->total.failing_layers, v->layers,
            plural(v->layers));
    print_kinds(v, out);
    fputc('\n', out);
}

bool q8_verify_text(const struct q8_verify *v, FILE *out, unsigned width, struct q8_err *err)
{
    struct q8_verify_common common;

    q8_verify_sum(v, &common);
    print_models(v, out);
    print_integrity(v, out);
    print_runtimes(v, out);
    print_weights(v, &common, width, out);
    print_matmul(v, &common, width, out);
    print_notes(v, out);
    print_verdict(v, out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the report");
}
