/* report_detail.c - outlier features, cures, and everything about one subject, for people */
#include "src/inspect/report_parts.h"

#include "src/base/text.h"
#include "src/inspect/list.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define BAR 16 /* characters of the histogram */
#define SHOWN_FEATURES 16

char *q8_sparkline(const struct q8_numbers *n, unsigned width, bool utf8, char *text, size_t size)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char ascii[] = "_.-:=+*#";
    const unsigned bins = (unsigned)n->exponents;
    uint64_t height[64] = {0}, most = 1;
    size_t used = 0;

    if (width > 64)
        width = 64;
    for (unsigned i = 0; i < bins; i++) {
        uint64_t *at = &height[bins <= width ? i : (uint64_t)i * width / bins];

        *at += n->histogram[i];
        most = *at > most ? *at : most;
    }
    text[0] = '\0';
    for (unsigned i = 0; i < width && i < bins && used + 4 < size; i++) {
        /* by the logarithm: what is rare is what is looked for */
        const double share = height[i] ? log2((double)height[i]) / (log2((double)most) + 1e-9) : 0;
        const unsigned level = share >= 1 ? 7 : (unsigned)(8 * share);

        if (height[i] == 0)
            used += (size_t)snprintf(text + used, size - used, " ");
        else if (utf8)
            used += (size_t)snprintf(text + used, size - used, "%s", blocks[level]);
        else
            used += (size_t)snprintf(text + used, size - used, "%c", ascii[level]);
    }
    return text;
}

static void print_numbers(const struct q8_subject *s, FILE *out)
{
    const struct q8_numbers *n = &s->numbers;

    fprintf(out, "  from %.6g to %.6g, absmax %.6g, mean %.3g, deviation %.4g, kurtosis %.2f\n",
            n->least, n->most, n->absmax, n->mean, n->deviation, n->kurtosis);
    fprintf(out, "  zeros %" PRIu64 ", denormals %" PRIu64 ", NaN %" PRIu64 ", Inf %" PRIu64 "\n",
            n->zeros, n->denormals, n->nans, n->infinities);
}

static void print_histogram(const struct q8_inspect_print *p, const struct q8_numbers *n, FILE *out)
{
    char text[4 * BAR + 1];

    if (!n->histogram)
        return;
    fprintf(out, "  2^%d %s 2^%d (by exponent, heights logarithmic)\n", n->first_exponent,
            q8_sparkline(n, BAR, p->style.utf8, text, sizeof text),
            n->first_exponent + n->exponents);
}

static void print_matrix(const struct q8_matrix *m, FILE *out)
{
    fprintf(out,
            "  rows: absmax %.4g, %.4g, %.4g (least, median, largest); crest %.2f, %.2f, %.2f\n",
            m->absmax.least, m->absmax.median, m->absmax.most, m->crest.least, m->crest.median,
            m->crest.most);
    if (m->dead || m->unusable)
        fprintf(out, "  rows of zeros %" PRIu64 ", rows with NaN or Inf %" PRIu64 "\n", m->dead,
                m->unusable);
    for (unsigned i = 0; i < m->worsts; i++)
        fprintf(out, "    row %" PRIu64 ": absmax %.4g, crest %.1f\n", m->worst[i].row,
                m->worst[i].absmax, m->worst[i].crest);
    if (!m->have_columns)
        return;
    fprintf(out, "  columns: RMS %.4g, %.4g, %.4g; outliers (z > 4): %" PRIu64 "\n",
            m->column_rms.least, m->column_rms.median, m->column_rms.most, m->outliers);
    for (uint64_t i = 0; i < m->outliers && i < Q8_OUTLIER_COLUMNS; i++)
        fprintf(out,
                "    column %" PRIu64
                ": RMS %.4g, absmax %.4g, z %.1f, absmax of %.1f %% of rows\n",
                m->column[i].column, m->column[i].rms, m->column[i].absmax, m->column[i].z,
                100 * m->column[i].share);
}

static void print_cost(const char *title, const struct q8_cost *cost, FILE *out)
{
    fprintf(out, "  %-8s", title);
    if (cost->obstacle && cost->row != UINT64_MAX)
        fprintf(out, " not possible: %s (row %" PRIu64 ")\n", cost->obstacle, cost->row);
    else if (cost->obstacle)
        fprintf(out, " not possible: %s\n", cost->obstacle);
    else
        fprintf(out, " %6.2f dB %10.4g %14.4g %17.1f %%\n", cost->sqnr, cost->mse, cost->most,
                100 * cost->worst_share);
}

static void print_costs(const struct q8_matrix *m, FILE *out)
{
    fputs("  scheme        SQNR        MSE  largest error  in worst 1 % of rows\n", out);
    for (unsigned c = 0; c < Q8_COSTS; c++)
        print_cost(q8_costs(c)->title, &m->cost[c], out);
}

static void print_codes(const struct q8_subject *s, FILE *out)
{
    const struct q8_code_numbers *n = s->codes;

    fprintf(out,
            "  scales %.4g, %.4g, %.4g (least, median, largest) of %" PRIu64 "; bad: %" PRIu64 "\n",
            n->scale.least, n->scale.median, n->scale.most, n->scales, n->bad_scales);
    fprintf(out,
            "  codes from %d to %d, %u in use, worth %.2f bits; saturated %.3f %%\n"
            "  rows of zeros: %" PRIu64 "\n",
            n->least, n->most, n->used, n->bits, 100 * n->saturated, n->dead);
    if (n->have_reference)
        fprintf(out, "  against the reference: SQNR %.2f dB, MSE %.4g, largest error %.4g\n",
                n->sqnr, n->mse, n->most_error);
}

void q8_inspect_detail(const struct q8_inspect_print *p, const struct q8_subject *s, FILE *out)
{
    char name[1024], shape[256];

    q8_tensor_shape(s->tensor, shape, sizeof shape);
    fprintf(out, "\n%s  %s %s\n", q8_text_escape(s->name, name, sizeof name),
            q8_dtypes[s->tensor->dtype].name, shape);
    if (s->unmeasured) {
        fprintf(out, "  not measured: %s\n", s->unmeasured);
        return;
    }
    print_numbers(s, out);
    print_histogram(p, &s->numbers, out);
    if (s->whole)
        fprintf(out, "  %s\n", s->whole);
    if (s->matrix)
        print_matrix(s->matrix, out);
    if (s->matrix && s->matrix->have_costs)
        print_costs(s->matrix, out);
    if (s->codes)
        print_codes(s, out);
}

/* Numbers in rising order, as runs: "0-3, 7". */
struct runs {
    FILE *out;
    uint64_t first, last;
    bool open, any;
};

static void end_run(struct runs *r)
{
    if (!r->open)
        return;
    fprintf(r->out, "%s%" PRIu64, r->any ? ", " : "", r->first);
    if (r->last > r->first)
        fprintf(r->out, "-%" PRIu64, r->last);
    r->any = true;
    r->open = false;
}

static void add_to_run(struct runs *r, uint64_t number)
{
    if (r->open && number == r->last)
        return;
    if (!r->open || number != r->last + 1) {
        end_run(r);
        r->first = number;
    }
    r->last = number;
    r->open = true;
}

/* The layers in which a feature stands out. */
static void print_layers(const struct q8_outlier_list *list, const struct q8_feature *f, FILE *out)
{
    struct runs runs = {.out = out};

    for (uint64_t i = 0; i < list->hits; i++) {
        const struct q8_feature_source *s = &list->source[list->hit[i].source];

        if (list->hit[i].dimension == f->dimension && s->features == f->features &&
            s->layer != UINT64_MAX)
            add_to_run(&runs, s->layer);
    }
    end_run(&runs);
}

/* Which norms they are seen in, and what reads those; each role once. */
static void print_roles(const struct q8_outlier_list *list, FILE *out)
{
    char name[256];

    for (uint64_t i = 0; i < list->sources; i++) {
        const struct q8_feature_source *s = &list->source[i];
        uint64_t k = 0;

        while (k < i && (list->source[k].outliers == 0 || strcmp(list->source[k].role, s->role)))
            k++;
        if (s->outliers == 0 || k < i)
            continue;
        fprintf(out, "  in %s", q8_text_escape(s->role, name, sizeof name));
        if (s->feeds)
            fprintf(out, ", which %s read%s", q8_text_escape(s->feeds, name, sizeof name),
                    strchr(s->feeds, ',') ? "" : "s");
        fputc('\n', out);
    }
}

static void print_activations(const struct q8_outlier_list *list, FILE *out)
{
    char bytes[32], name[256];

    fprintf(out, "  they touch %.2f %% of the Linear parameters: %s in 16 bit for LLM.int8()\n",
            100 * list->touched, q8_text_bytes(list->decomposed_bytes, bytes, sizeof bytes));
    for (uint64_t i = 0; i < list->missings && i < 3; i++)
        fprintf(out, "  no statistics for %s\n",
                q8_text_escape(list->missing[i], name, sizeof name));
    if (list->missings > 3)
        fprintf(out, "  nor for %" PRIu64 " more\n", list->missings - 3);
}

static void print_found(const struct q8_outlier_list *list, FILE *out)
{
    uint64_t systematic = 0;
    double product = 0;

    while (systematic < list->count && list->feature[systematic].systematic)
        systematic++;
    fprintf(out, "%" PRIu64 " in 25 %% of layers or more, %" PRIu64 " in fewer\n", systematic,
            list->count - systematic);
    fputs("  dimension  factor (least to most)     layers\n", out);
    for (uint64_t i = 0; i < list->count && i < SHOWN_FEATURES; i++) {
        const struct q8_feature *f = &list->feature[i];
        char text[64];

        (void)snprintf(text, sizeof text, "x %.1f (%.1f to %.1f)", f->median, f->least, f->most);
        fprintf(out, "  %9" PRIu64 "  %-24s  %" PRIu64 " of %" PRIu64 ": ", f->dimension, text,
                f->layers, f->of);
        print_layers(list, f, out);
        fputc('\n', out);
    }
    if (list->count > SHOWN_FEATURES)
        fprintf(out, "  and %" PRIu64 " more (--json has all)\n", list->count - SHOWN_FEATURES);
    if (!list->from_activations)
        print_roles(list, out);
    for (uint64_t i = 0; i < systematic; i++)
        product += log(list->feature[i].median);
    if (systematic)
        fprintf(out, "  together: x %.0f (2^%.1f) of the median\n",
                exp(product / (double)systematic), product / (double)systematic / log(2));
}

void q8_inspect_features(const struct q8_inspect *in, FILE *out)
{
    const struct q8_outlier_list *list = &in->outliers;

    fprintf(out, "\nOutlier features, from %s: ",
            list->from_activations ? "the activations" : "the norm gains");
    if (list->count == 0)
        fputs("none\n", out);
    else
        print_found(list, out);
    if (list->from_rms)
        fputs("  (an imatrix has root mean squares: these features reach the threshold, and others "
              "may,\n   whose largest magnitude it does not say)\n",
              out);
    if (list->from_activations)
        print_activations(list, out);
}

void q8_inspect_cures(const struct q8_inspect_print *p, FILE *out)
{
    const struct q8_suggestion *d = p->suggestion;
    char text[1024];

    fprintf(out,
            "\nTo bring all to %g dB (--suggest=FILE writes it): %" PRIu64 " weight%s, %s more\n",
            d->in->options.min_sqnr, d->cures, d->cures == 1 ? "" : "s",
            q8_text_bytes(d->bytes, text, sizeof text));
    for (uint64_t i = 0; i < d->cures && (p->top == 0 || i < p->top); i++) {
        const struct q8_cure *c = &d->cure[i];

        fprintf(out, "  %-14s", c->use ? c->use->name : "float");
        if (isnan(c->before))
            fprintf(out, "    - dB");
        else
            fprintf(out, " %6.2f dB", c->before);
        if (c->use)
            fprintf(out, " -> %6.2f dB", c->after);
        else
            fprintf(out, "%13s", "");
        fprintf(out, "  %s\n",
                q8_text_fit(c->subject->name, p->style.width > 60 ? p->style.width - 42 : 18, text,
                            sizeof text));
    }
    if (p->top && d->cures > p->top)
        fprintf(out, "  and %" PRIu64 " more\n", d->cures - p->top);
}
