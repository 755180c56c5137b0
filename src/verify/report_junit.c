/*
 * report_junit.c - what q8-verify found, as the JUnit XML of CI servers
 *
 *   <testsuites tests= failures= errors=>
 *     <testsuite name="q8-verify" ...>
 *       <testcase classname="model-int8" name="(model)"/>
 *       <testcase classname="model-int8" name="model.layers.0.mlp.up_proj">
 *         <failure type="rows-swapped" message="first of them">all of them, a line each</failure>
 *         <system-out>numbers and notes</system-out>
 *
 * A run that could not judge has an <error> in the case of the model in place of all that.
 *
 * Jenkins' schema is junit-10.xsd of its xunit plugin.  GitLab tells cases of two pipelines apart
 * by classname and name, and shows the first <failure> only; actions for GitHub group cases by
 * classname.  So the class is the last part of the quantized model's path: two models of one job
 * stay apart, and a case keeps its name when the job runs in another folder.
 */
#include "src/verify/report_junit.h"

#include "src/verify/report.h"

#include "src/report/escape.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* The file: cases are counted first, then written. */
struct suite {
    const struct q8_verify *v;
    FILE *out; /* NULL: only count */
    const char *class_name;
    uint64_t cases, failures; /* so far */
};

/* A name from a file: the escapes of HTML leave nothing that XML 1.0 does not allow. */
static void put(const struct suite *s, const char *text)
{
    q8_html_text(s->out, text);
}

static void put_finding(const struct suite *s, const struct q8_finding *f, bool with_name)
{
    fprintf(s->out, "%s %s: ", q8_level_name(f->level), f->kind);
    if (with_name) {
        put(s, f->name);
        fputs(": ", s->out);
    }
    put(s, f->text);
    fputc('\n', s->out);
}

/* All that fails about a name as one failure; whether there was any. */
static bool put_failure(const struct suite *s, const char *name)
{
    const struct q8_finding *first = NULL;

    for (int level = 0; level < Q8_LEVELS; level++) {
        uint64_t count;
        const struct q8_finding *f = q8_verify_about(s->v, (enum q8_level)level, name, &count);

        for (; count; f++, count--) {
            if (!f->fails)
                continue;
            if (s->out && !first) {
                fprintf(s->out, "<failure type=\"%s\" message=\"", f->kind);
                put(s, f->text);
                fputs("\">", s->out);
            }
            first = f;
            if (s->out)
                put_finding(s, f, false);
        }
    }
    if (s->out && first)
        fputs("</failure>", s->out);
    return first != NULL;
}

static void put_notes(const struct suite *s, const char *name)
{
    for (int level = 0; level < Q8_LEVELS; level++) {
        uint64_t count;
        const struct q8_finding *f = q8_verify_about(s->v, (enum q8_level)level, name, &count);

        for (; count; f++, count--)
            if (!f->fails)
                put_finding(s, f, false);
    }
}

static void put_sqnr(const struct suite *s, const char *what, double sqnr)
{
    if (isnan(sqnr))
        fprintf(s->out, "%s: no SQNR\n", what);
    else
        fprintf(s->out, "%s: SQNR %.2f dB\n", what, sqnr);
}

static void put_layer(const struct suite *s, const struct q8_layer *layer)
{
    if (layer->have_weights)
        put_sqnr(s, q8_level_name(Q8_LEVEL_WEIGHTS), layer->weights.sqnr);
    if (layer->have_matmul)
        put_sqnr(s, q8_level_name(Q8_LEVEL_MATMUL), layer->matmul.sqnr);
    if (layer->unmeasured) {
        fprintf(s->out, "%s: left out: ", q8_level_name(Q8_LEVEL_MATMUL));
        put(s, layer->unmeasured);
        fputc('\n', s->out);
    }
    put_notes(s, layer->module);
}

/* A case of its own where it fails; its notes are the model's where not. */
static bool is_other(const struct suite *s, const char *name)
{
    return strcmp(name, Q8_WHOLE_MODEL) != 0 && !q8_verify_layer(s->v, name);
}

/* Notes about the whole model, and about what has no case. */
static void put_model(const struct suite *s)
{
    const struct q8_findings *f = &s->v->findings;
    const struct suite quiet = {.v = s->v};

    put_notes(s, Q8_WHOLE_MODEL);
    for (uint64_t i = 0; i < f->count; i++)
        if (!f->list[i].fails && is_other(s, f->list[i].name) &&
            !put_failure(&quiet, f->list[i].name))
            put_finding(s, &f->list[i], true);
}

/* One case, about a layer, about what is none, or about the whole model. */
static void put_case(struct suite *s, const char *name)
{
    const struct q8_layer *layer = q8_verify_layer(s->v, name);

    s->cases++;
    if (!s->out) {
        s->failures += put_failure(s, name);
        return;
    }
    fputs("<testcase classname=\"", s->out);
    put(s, s->class_name);
    fputs("\" name=\"", s->out);
    put(s, name);
    fputs("\">", s->out);
    s->failures += put_failure(s, name);
    fputs("<system-out>", s->out);
    if (layer)
        put_layer(s, layer);
    else if (strcmp(name, Q8_WHOLE_MODEL) == 0)
        put_model(s);
    else
        put_notes(s, name);
    fputs("</system-out></testcase>\n", s->out);
}

/* Whether an earlier finding about that name fails: its case is there. */
static bool had_case(const struct suite *s, uint64_t i)
{
    const struct q8_finding *f = &s->v->findings.list[i];

    for (int level = 0; level <= (int)f->level; level++) {
        uint64_t count;
        const struct q8_finding *other =
            q8_verify_about(s->v, (enum q8_level)level, f->name, &count);

        for (; count && other < f; other++, count--)
            if (other->fails)
                return true;
    }
    return false;
}

static void put_cases(struct suite *s)
{
    const struct q8_verify *v = s->v;

    put_case(s, Q8_WHOLE_MODEL);
    for (uint64_t i = 0; i < v->findings.count; i++) {
        const struct q8_finding *f = &v->findings.list[i];

        if (f->fails && is_other(s, f->name) && !had_case(s, i))
            put_case(s, f->name);
    }
    for (uint64_t i = 0; i < v->layers; i++)
        put_case(s, v->layer[i].module);
}

/* The last part of a path; all of it where that says nothing. */
static const char *last_part(const char *path, char *text, size_t size)
{
    size_t end = strlen(path), first;

    while (end > 1 && path[end - 1] == '/')
        end--;
    first = end;
    while (first > 0 && path[first - 1] != '/')
        first--;
    (void)snprintf(text, size, "%.*s", (int)(end - first), path + first);
    return strcmp(text, "") == 0 || strcmp(text, ".") == 0 || strcmp(text, "..") == 0 ? path : text;
}

bool q8_verify_junit(const struct q8_verify *v, FILE *out, struct q8_err *err)
{
    char text[512];
    struct suite count = {.v = v}, s = {.v = v, .out = out};

    s.class_name = last_part(v->options.quantized->path, text, sizeof text);
    put_cases(&count);
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuites tests=\"%" PRIu64 "\" failures=\"%" PRIu64 "\" errors=\"0\">\n"
            "<testsuite name=\"q8-verify\" tests=\"%" PRIu64 "\" failures=\"%" PRIu64
            "\" errors=\"0\" skipped=\"0\">\n",
            count.cases, count.failures, count.cases, count.failures);
    put_cases(&s);
    fputs("</testsuite>\n</testsuites>\n", out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the JUnit report");
}

void q8_verify_junit_error(FILE *out, const char *model, const struct q8_err *err)
{
    const struct suite s = {.out = out};
    char text[512];

    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<testsuites tests=\"1\" failures=\"0\" errors=\"1\">\n"
          "<testsuite name=\"q8-verify\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n"
          "<testcase classname=\"",
          out);
    put(&s, model ? last_part(model, text, sizeof text) : "q8-verify");
    fputs("\" name=\"" Q8_WHOLE_MODEL "\">", out);
    fprintf(out, "<error type=\"exit-%d\" message=\"", err->code);
    put(&s, err->text);
    fputs("\">", out);
    put(&s, err->text);
    fputs("</error></testcase>\n</testsuite>\n</testsuites>\n", out);
}
