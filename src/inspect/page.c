/* page.c - the page of q8-inspect --html: its heading, its summary, and what to change */
#include "src/inspect/page.h"

#include "src/base/text.h"
#include "src/inspect/page_parts.h"
#include "src/base/memo.h"
#include "src/model/coded/decode.h"

#include <inttypes.h>
#include <math.h>

#define CURES 500                        /* rows of what to change: a browser shows them at once */
#define MEMORY_LIMIT (UINT64_C(1) << 30) /* for lists of rows: their names, and 100 bytes each */

/* Weights that need attention. */
static void put_below(const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    char label[32], value[32], more[64];

    (void)snprintf(label, sizeof label, "Below %.4g dB", in->options.min_sqnr);
    (void)snprintf(value, sizeof value, "%" PRIu64, in->total.below);
    if (in->stored.count)
        (void)snprintf(more, sizeof more, "of the weights, against the reference");
    else
        (void)snprintf(more, sizeof more, "of the weights, with %s", in->options.target->name);
    q8_html_fact(page->out, "below", label, value, more, in->total.below > 0);
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
    q8_html_fact(out, "tensors-total", "Tensors", a, "", false);
    q8_html_fact(out, "parameters", "Parameters", q8_text_count(t->parameters, a, sizeof a), "",
                 false);
    (void)snprintf(a, sizeof a, "%.1f %%",
                   t->parameters ? 100 * (double)t->linear / (double)t->parameters : 0);
    q8_html_fact(out, "linear", "Linear", a, "of the parameters are multiplied", false);
    if (q8_inspect_judges(in))
        put_below(page);
    (void)snprintf(a, sizeof a, "%" PRIu64, t->bad);
    q8_html_fact(out, "bad", "NaN or Inf", a, t->bad == 1 ? "tensor has one" : "tensors have one",
                 t->bad > 0);
    (void)snprintf(a, sizeof a, "%" PRIu64, t->constant);
    if (t->constant)
        q8_html_fact(out, "constant", "Constant", a,
                     t->constant == 1 ? "weight is one number: was the file downloaded whole?"
                                      : "weights are one number: was the file downloaded whole?",
                     true);
    (void)snprintf(a, sizeof a, "%" PRIu64, in->outliers.count);
    (void)snprintf(b, sizeof b, "%" PRIu64 " in a quarter of the layers or more", systematic);
    q8_html_fact(out, "outlier-features", "Outlier features", a, systematic ? b : "", false);
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

/* ---- what is suggested ---- */

static void put_cure(const struct q8_html_page *page, const struct q8_cure *cure)
{
    FILE *out = page->out;
    char text[32];

    fputs("<tr><th scope=\"row\">", out);
    q8_html_name(out, cure->subject->name);
    fputs("</th><td class=\"t\">", out);
    if (cure->use)
        fprintf(out, "use %s", cure->use->name);
    else
        fputs("leave float", out);
    fputs("</td><td>", out);
    q8_html_number(out, Q8_HTML_DECIBEL, cure->before);
    fputs("</td><td>", out);
    q8_html_number(out, Q8_HTML_DECIBEL, cure->after);
    fprintf(out, "</td><td>%s</td><td class=\"t\">", q8_text_bytes(cure->bytes, text, sizeof text));
    if (cure->with) {
        fputs("goes with its group ", out);
        q8_html_text(out, cure->with);
    } else {
        fprintf(out, "below %.4g dB", page->in->options.min_sqnr);
    }
    fputs("</td></tr>\n", out);
}

static void put_cure_table(const struct q8_html_page *page)
{
    const struct q8_suggestion *d = page->suggestion;
    FILE *out = page->out;

    fputs("<div class=\"box\" tabindex=\"0\" role=\"region\" aria-labelledby=\"cure-caption\">"
          "<table id=\"cures\" class=\"list\"><caption id=\"cure-caption\">The cheapest cure of "
          "each weight</caption>\n"
          "<thead><tr><th scope=\"col\">Weight</th><th scope=\"col\">Cure</th>"
          "<th scope=\"col\" class=\"n\">dB before</th><th scope=\"col\" class=\"n\">dB after</th>"
          "<th scope=\"col\" class=\"n\">Extra bytes</th><th scope=\"col\">Reason</th></tr></thead>"
          "\n<tbody>\n",
          out);
    for (uint64_t i = 0; i < d->cures && i < CURES; i++)
        put_cure(page, &d->cure[i]);
    fputs("</tbody></table></div>\n", out);
}

static bool put_overrides(const struct q8_html_page *page)
{
    struct q8_memo memo;

    if (!q8_memo_open(&memo, page->mem, page->err))
        return false;
    q8_suggest_print(page->suggestion, memo.out);
    if (!q8_memo_close(&memo, page->err))
        return false;
    fputs("<h3 id=\"overrides-title\">File for <code>q8-convert --overrides</code></h3>\n"
          "<pre id=\"overrides\" tabindex=\"0\" role=\"region\""
          " aria-labelledby=\"overrides-title\">",
          page->out);
    for (char *line = memo.text; *line;) { /* newlines and tabs are no hidden characters here */
        char *end = line;

        for (; *end && *end != '\n'; end++)
            if (*end == '\t')
                *end = ' ';
        if (*end)
            *end++ = '\0';
        q8_html_text(page->out, line);
        fputc('\n', page->out);
        line = end;
    }
    fputs("</pre>\n", page->out);
    return true;
}

static bool put_cures(const struct q8_html_page *page)
{
    const struct q8_suggestion *d = page->suggestion;
    FILE *out = page->out;
    char text[32];

    if (!d)
        return true;
    fputs("<section id=\"doctor\"><h2>What to change</h2>\n", out);
    if (!d->cures) {
        fprintf(out, "<p>Nothing: no weight is below %.4g dB.</p></section>\n",
                page->in->options.min_sqnr);
        return true;
    }
    fprintf(out,
            "<p>%" PRIu64 " weight%s below %.4g dB, or bound to one that is. All cures together"
            " take %s more than the target alone.</p>\n",
            d->cures, d->cures == 1 ? " is" : "s are", page->in->options.min_sqnr,
            q8_text_bytes(d->bytes, text, sizeof text));
    put_cure_table(page);
    if (d->cures > CURES)
        fprintf(out,
                "<p>And %" PRIu64 " more: <code>q8-inspect --suggest=FILE</code> writes all.</p>\n",
                d->cures - CURES);
    else if (!put_overrides(page))
        return false;
    fputs("</section>\n", out);
    return true;
}

/* The model's class, its size, and what it is measured for. */
static void put_subtitle(const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    const char *class_name = in->arch.class_name ? in->arch.class_name : in->arch.model_type;
    FILE *out = page->out;
    char text[32], schemes[200];

    fputs("<p class=\"sub\">", out);
    q8_html_path(out, in->model->path);
    if (class_name) {
        fputs("<span>", out);
        q8_html_text(out, class_name);
        fputs("</span>", out);
    }
    fprintf(out, "<span>%s</span>", q8_text_bytes(in->model->bytes, text, sizeof text));
    if (in->stored.layout) {
        fputs("<span>int8: ", out);
        q8_html_text(out, q8_layouts[in->stored.layout].name);
        fputs("</span>", out);
    } else if (in->options.target) {
        fprintf(out, "<span>for %s</span>", in->options.target->name);
    }
    if (in->model->decoded) {
        fputs("<span>from ", out);
        q8_html_text(out, q8_model_schemes(in->model, schemes, sizeof schemes));
        fputs("</span>", out);
    }
    if (in->options.reference) {
        fputs("<span>reference ", out);
        q8_html_name(out, in->options.reference->path);
        fputs("</span>", out);
    }
    fputs("</p>\n", out);
}

/* The sections, and the data of the script. */
static bool put_sections(const struct q8_html_page *page)
{
    struct q8_html_rows rows;

    if (!q8_html_rows_make(&rows, page))
        return false;
    put_summary(page);
    q8_page_map(page->out, &rows.rows);
    q8_html_features(page);
    if (!put_cures(page) || !q8_html_table(page, &rows.rows))
        return false;
    q8_html_end(page->out);
    return q8_html_data(page, &rows.rows);
}

bool q8_inspect_page(const struct q8_inspect *in, const struct q8_suggestion *suggestion, FILE *out,
                     struct q8_err *err)
{
    struct q8_arena mem;
    struct q8_html_page page = {in, suggestion, out, &mem, err};
    bool ok;

    q8_arena_init(&mem, MEMORY_LIMIT);
    q8_html_open(out, "q8-inspect", in->model->path);
    put_subtitle(&page);
    q8_html_main(out);
    ok = put_sections(&page);
    if (ok)
        q8_html_close(out);
    q8_arena_clear(&mem);
    return ok && (!ferror(out) || q8_fail_errno(err, "cannot write the page"));
}
