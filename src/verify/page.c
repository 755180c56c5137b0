/* page.c - the page of q8-verify --html: the verdict, its summary, and what was found */
#include "src/report/page.h"
#include "src/verify/page.h"

#include "src/verify/page_layers.h"
#include "src/verify/report.h"

#include "src/base/text.h"
#include "src/model/coded/decode.h"

#include <inttypes.h>
#include <math.h>

#define MEMORY_LIMIT (UINT64_C(1) << 30) /* for lists of rows: their names, and 100 bytes each */
#define FINDINGS 1000 /* rows of the table: a browser shows them at once; --json has all */

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void put_verdict(const struct q8_verify *v, FILE *out)
{
    const uint64_t failing = q8_findings_failing(&v->findings);

    fprintf(out, "<p class=\"verdict %s\"><b>%s</b> ", v->failed ? "fail" : "pass",
            v->failed ? "FAIL" : "PASS");
    if (v->failed)
        fprintf(out,
                "<span>%" PRIu64 " finding%s, %" PRIu64 " of %" PRIu64 " layer%s fail%s</span>",
                failing, plural(failing), v->total.failing_layers, v->layers, plural(v->layers),
                v->total.failing_layers == 1 ? "s" : "");
    else
        fprintf(out, "<span>%" PRIu64 " layer%s, down to %s</span>", v->layers, plural(v->layers),
                q8_level_name(v->options.level));
    fputs("</p>\n", out);
}

/* How it was multiplied, and with what. */
static void put_products(const struct q8_verify *v, const struct q8_verify_common *c, FILE *out)
{
    char text[256];

    fprintf(out, "<span>%s", q8_verify_modes(c, text, sizeof text));
    if (c->threshold_most > 0)
        fprintf(out, ", threshold %g", c->threshold_most);
    else if (!isnan(c->threshold_most))
        fputs(", no outlier columns apart", out);
    fprintf(out, "</span><span>%" PRIu64 " token%s, seed %" PRIu64 "</span><span>%s</span>",
            c->tokens_most, plural(c->tokens_most), v->options.activations.seed,
            q8_verify_sources(c, text, sizeof text));
    if (v->engine) {
        fprintf(out, "<span>on %s%s", v->engine, *v->options.device.name ? ", " : "");
        q8_html_text(out, v->options.device.name);
        fputs("</span>", out);
    }
    if (v->options.activations.path) {
        fputs("<span>activations ", out);
        q8_html_name(out, v->options.activations.path);
        fputs("</span>", out);
    }
}

static void put_subtitle(const struct q8_verify *v, const struct q8_verify_common *c, FILE *out)
{
    const char *class_name = v->arch.class_name ? v->arch.class_name : v->arch.model_type;
    char schemes[200];

    fputs("<p class=\"sub\">", out);
    q8_html_path(out, v->options.quantized->path);
    fputs("<span>reference ", out);
    q8_html_name(out, v->options.reference->path);
    fputs("</span>", out);
    if (class_name) {
        fputs("<span>", out);
        q8_html_text(out, class_name);
        fputs("</span>", out);
    }
    if (v->pairs.stored_b.layout)
        fprintf(out, "<span>int8: %s</span>", q8_layouts[v->pairs.stored_b.layout].name);
    else if (v->options.quantized->decoded)
        fprintf(out, "<span>%s</span>",
                q8_model_schemes(v->options.quantized, schemes, sizeof schemes));
    fprintf(out, "<span>level %s</span>", q8_level_name(v->options.level));
    if (c->multiplied)
        put_products(v, c, out);
    fputs("</p>\n", out);
}

/* The SQNR of one level, of all and of the worst. */
static void put_sqnr(FILE *out, const char *label, double all, const char *of, double worst)
{
    fprintf(out, "<div><dt>%s</dt><dd>", label);
    q8_html_number(out, Q8_HTML_DECIBEL, all);
    fprintf(out, " dB<small>%s, worst ", of);
    q8_html_number(out, Q8_HTML_DECIBEL, worst);
    fputs(" dB</small></dd></div>\n", out);
}

static void put_facts(const struct q8_verify *v, const struct q8_verify_common *c, FILE *out)
{
    const struct q8_verify_totals *t = &v->total;
    const uint64_t failing = q8_findings_failing(&v->findings);
    char value[64], more[64];

    fputs("<dl class=\"facts\">\n", out);
    (void)snprintf(value, sizeof value, "%" PRIu64, t->failing_layers);
    (void)snprintf(more, sizeof more, "of %" PRIu64 " int8 weight%s fail%s", v->layers,
                   plural(v->layers), t->failing_layers == 1 ? "s" : "");
    q8_html_fact(out, "failing-layers", "Failing", value, more, t->failing_layers > 0);
    (void)snprintf(value, sizeof value, "%" PRIu64, failing);
    (void)snprintf(more, sizeof more, "and %" PRIu64 " note%s", v->findings.count - failing,
                   plural(v->findings.count - failing));
    q8_html_fact(out, "failing-findings", "Findings", value, more, failing > 0);
    (void)snprintf(value, sizeof value, "%.1f %%", t->coverage);
    q8_html_fact(out, "coverage", "Coverage", value, "of the Linear parameters are int8", false);
    (void)snprintf(value, sizeof value, "%" PRIu64, t->same);
    (void)snprintf(more, sizeof more, "of %" PRIu64 " float tensor%s the same, byte by byte",
                   t->carried, plural(t->carried));
    q8_html_fact(out, "carried", "Carried over", value, more, t->same < t->carried);
    if (c->weights)
        put_sqnr(out, "SQNR of weights", t->weights_sqnr, "of all together",
                 c->weights->weights.sqnr);
    if (c->matmul)
        put_sqnr(out, "SQNR of products", t->matmul_sqnr, "on average", c->matmul->matmul.sqnr);
    fputs("</dl>\n", out);
}

static void put_finding(const struct q8_finding *f, FILE *out)
{
    fprintf(out, "<tr%s><th scope=\"row\">", f->fails ? " class=\"low\"" : "");
    q8_html_name(out, f->name);
    fputs("</th><td class=\"words\">", out);
    q8_html_text(out, f->text);
    fprintf(out, "</td><td>%s</td><td>%s</td><td>%s</td></tr>\n", q8_level_name(f->level), f->kind,
            f->fails ? "fails" : "note");
}

/* What fails comes first. */
static void put_findings(const struct q8_verify *v, FILE *out)
{
    const struct q8_findings *f = &v->findings;
    uint64_t shown = 0;

    if (!f->count)
        return;
    fputs("<section id=\"findings\"><h2>Findings</h2>\n"
          "<div class=\"box\" tabindex=\"0\" role=\"region\" aria-labelledby=\"findings-caption\">"
          "<table class=\"list findings\"><caption id=\"findings-caption\">What was expected, and "
          "what was found. Notes do not fail.</caption>\n<thead><tr><th scope=\"col\">Name</th>"
          "<th scope=\"col\">Reason</th><th scope=\"col\">Level</th><th scope=\"col\">Kind</th>"
          "<th scope=\"col\">Verdict</th></tr></thead>\n<tbody>\n",
          out);
    for (int fails = 1; fails >= 0; fails--)
        for (uint64_t i = 0; i < f->count; i++)
            if (f->list[i].fails == fails && shown < FINDINGS) {
                put_finding(&f->list[i], out);
                shown++;
            }
    fputs("</tbody></table></div>\n", out);
    if (f->count > shown)
        fprintf(out, "<p>And %" PRIu64 " more: <code>q8-verify --json</code> has all.</p>\n",
                f->count - shown);
    fputs("</section>\n", out);
}

/* The sections, and the data of the script. */
static bool put_sections(const struct q8_verify *v, const struct q8_verify_common *common,
                         FILE *out, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_html_layers layers;

    if (!q8_html_layers_make(&layers, v, mem, err))
        return false;
    fputs("<section id=\"summary\"><h2>Summary</h2>\n", out);
    put_facts(v, common, out);
    fputs("</section>\n", out);
    put_findings(v, out);
    q8_page_map(out, &layers.rows);
    if (!q8_html_layers(&layers.rows, out, mem, err))
        return false;
    q8_html_end(out);
    return q8_html_layer_data(&layers.rows, out, mem, err);
}

bool q8_verify_page(const struct q8_verify *v, FILE *out, struct q8_err *err)
{
    struct q8_verify_common common;
    struct q8_arena mem;
    bool ok;

    q8_arena_init(&mem, MEMORY_LIMIT);
    q8_verify_sum(v, &common);
    q8_html_open(out, "q8-verify", v->options.quantized->path);
    put_verdict(v, out);
    put_subtitle(v, &common, out);
    q8_html_main(out);
    ok = put_sections(v, &common, out, &mem, err);
    if (ok)
        q8_html_close(out);
    q8_arena_clear(&mem);
    return ok && (!ferror(out) || q8_fail_errno(err, "cannot write the page"));
}
