/* html.c - the page of q8-inspect --html: its frame and its summary */
#include "src/html.h"

#include "src/base/text.h"
#include "src/html_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* for the lists of the heat map: 48 bytes for each subject */
#define MEMORY_LIMIT (UINT64_C(1) << 30)

/* No fetch of any kind, whatever gets past the escapes. */
#define POLICY                                                                                     \
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "   \
    "base-uri 'none'; form-action 'none'"

/* One number of the summary, with what it counts, in another colour when it should be 0. */
static void put_fact(FILE *out, const char *id, const char *label, const char *value,
                     const char *more)
{
    bool alarm = (strcmp(id, "below") == 0 || strcmp(id, "bad") == 0) && strcmp(value, "0") != 0;

    fprintf(out, "<div%s><dt>%s</dt><dd id=\"%s\">%s", alarm ? " class=\"alarm\"" : "", label, id,
            value);
    if (*more)
        fprintf(out, "<small>%s</small>", more);
    fputs("</dd></div>\n", out);
}

/* Weights that need attention. */
static void put_below(const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    char label[32], value[32], more[64];

    (void)snprintf(label, sizeof label, "Below %.4g dB", in->options.min_sqnr);
    (void)snprintf(value, sizeof value, "%" PRIu64, in->total.below);
    if (in->coded.count)
        (void)snprintf(more, sizeof more, "of the weights, against the reference");
    else
        (void)snprintf(more, sizeof more, "of the weights, with %s", in->options.target->name);
    put_fact(page->out, "below", label, value, more);
}

static void put_facts(const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    const struct q8_inspect_totals *t = &in->total;
    FILE *out = page->out;
    uint64_t systematic = 0;
    char a[64], b[64];

    for (uint64_t i = 0; i < in->outliers.count; i++)
        systematic += in->outliers.feature[i].systematic;
    fputs("<dl class=\"facts\">\n", out);
    (void)snprintf(a, sizeof a, "%" PRIu64, t->tensors);
    put_fact(out, "tensors-total", "Tensors", a, "");
    put_fact(out, "parameters", "Parameters", q8_text_count(t->parameters, a, sizeof a), "");
    (void)snprintf(a, sizeof a, "%.1f %%",
                   t->parameters ? 100 * (double)t->linear / (double)t->parameters : 0);
    put_fact(out, "linear", "Linear", a, "of the parameters are multiplied");
    if (q8_html_judges(in))
        put_below(page);
    (void)snprintf(a, sizeof a, "%" PRIu64, t->bad);
    put_fact(out, "bad", "NaN or Inf", a, t->bad == 1 ? "tensor has one" : "tensors have one");
    (void)snprintf(a, sizeof a, "%" PRIu64, in->outliers.count);
    (void)snprintf(b, sizeof b, "%" PRIu64 " in a quarter of the layers or more", systematic);
    put_fact(out, "outlier-features", "Outlier features", a, systematic ? b : "");
    fputs("</dl>\n", out);
}

/* The SQNR of everything, per scheme: a bar each, from 0 to 60 dB. */
static void put_schemes(const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    FILE *out = page->out;
    unsigned shown = 0;

    for (unsigned i = 0; i < Q8_COSTS; i++) {
        const struct q8_target *row = q8_costs(i);
        double sqnr = in->total.sqnr[i];
        bool mine = in->options.target && q8_cost_of(in->options.target) == i;

        if (isnan(sqnr))
            continue;
        if (!shown++)
            fputs("<table class=\"schemes\"><caption>SQNR of all that becomes int8</caption>\n"
                  "<thead><tr><th scope=\"col\">Scheme</th><th scope=\"col\">dB</th>"
                  "<th scope=\"col\"><span class=\"quiet\">0 to 60 dB</span></th></tr></thead>\n"
                  "<tbody>\n",
                  out);
        fprintf(out, "<tr%s><th scope=\"row\">", mine ? " class=\"mine\"" : "");
        q8_html_text(out, row->title);
        fprintf(out, " <small>%s</small></th><td>", mine ? in->options.target->name : row->name);
        q8_html_number(out, Q8_HTML_DECIBEL, sqnr);
        fprintf(out,
                "</td><td><span class=\"bar\" aria-hidden=\"true\"><i style=\"width:%.1f%%\"></i>"
                "</span></td></tr>\n",
                100 * fmax(0, fmin(sqnr, 60)) / 60);
    }
    if (shown)
        fputs("</tbody></table>\n", out);
}

/* What there is to know in one screen. */
static void put_summary(const struct q8_html_page *page)
{
    fputs("<section id=\"summary\"><h2>Summary</h2>\n", page->out);
    put_facts(page);
    put_schemes(page);
    fputs("</section>\n", page->out);
}

static void put_head(const struct q8_html_page *page)
{
    FILE *out = page->out;

    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"" POLICY "\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta name=\"generator\" content=\"q8-inspect " Q8_VERSION "\">\n<title>",
          out);
    q8_html_text(out, page->in->model->path);
    fputs(" \xe2\x80\x93 q8-inspect</title>\n<style>\n", out);
    fputs(q8_page_css, out);
    fputs("</style>\n</head>\n", out);
}

/* The model's class, its size, and what it is measured for. */
static void put_subtitle(const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    const char *class_name = in->arch.class_name ? in->arch.class_name : in->arch.model_type;
    FILE *out = page->out;
    char text[32];

    fputs("<p class=\"sub\">", out);
    if (class_name) {
        fputs("<span>", out);
        q8_html_text(out, class_name);
        fputs("</span>", out);
    }
    fprintf(out, "<span>%s</span>", q8_text_bytes(in->model->bytes, text, sizeof text));
    if (in->coded.layout) {
        fputs("<span>int8: ", out);
        q8_html_text(out, in->coded.layout);
        fputs("</span>", out);
    } else if (in->options.target) {
        fprintf(out, "<span>for %s</span>", in->options.target->name);
    }
    if (in->options.reference) {
        fputs("<span>reference ", out);
        q8_html_name(out, in->options.reference->path);
        fputs("</span>", out);
    }
    fputs("</p>\n", out);
}

static void put_header(const struct q8_html_page *page)
{
    FILE *out = page->out;

    fputs("<body>\n<header><p class=\"tool\">q8-inspect</p>\n<h1>", out);
    q8_html_name(out, page->in->model->path);
    fputs("</h1>\n", out);
    put_subtitle(page);
    fputs("<nav aria-label=\"Sections\" hidden></nav></header>\n<main>\n", out);
}

/* Empty: the script fills it when a weight is chosen. */
static void put_footer(const struct q8_html_page *page)
{
    FILE *out = page->out;

    fputs("</main>\n<dialog id=\"details\" aria-labelledby=\"details-title\"></dialog>\n"
          "<noscript><p class=\"note\">Histograms, worst rows and outlier columns need JavaScript;"
          " <code>q8-inspect --json</code> prints them too.</p></noscript>\n"
          "<footer><p>q8 " Q8_VERSION "</p></footer>\n",
          out);
    q8_html_data(page);
    fputs("<script>\n", out);
    fputs(q8_page_js, out);
    fputs("</script>\n</body>\n</html>\n", out);
}

bool q8_html_inspect(const struct q8_inspect *in, const struct q8_doctor *doctor, FILE *out,
                     struct q8_err *err)
{
    struct q8_arena mem;
    struct q8_html_page page = {in, doctor, out, &mem, err};
    bool ok;

    q8_arena_init(&mem, MEMORY_LIMIT);
    put_head(&page);
    put_header(&page);
    put_summary(&page);
    ok = q8_html_grid(&page);
    if (ok)
        q8_html_features(&page);
    ok = ok && q8_html_cures(&page);
    if (ok) {
        q8_html_table(&page);
        put_footer(&page);
    }
    q8_arena_clear(&mem);
    return ok && (!ferror(out) || q8_fail_errno(err, "cannot write the page"));
}
