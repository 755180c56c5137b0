/* page_table.c - the table of all subjects that are shown */
#include "src/inspect/page_parts.h"

#include <inttypes.h>
#include <math.h>

static double get_crest(const struct q8_inspect *in, const struct q8_subject *s, unsigned which)
{
    (void)in, (void)which;
    return s->unmeasured || !s->matrix ? (double)NAN : s->matrix->crest.most;
}

static double get_cost(const struct q8_inspect *in, const struct q8_subject *s, unsigned which)
{
    const struct q8_matrix *m = s->matrix;

    (void)in;
    if (s->unmeasured || !m || !m->have_costs || m->cost[which].obstacle)
        return (double)NAN;
    return m->cost[which].sqnr;
}

static double get_reference(const struct q8_inspect *in, const struct q8_subject *s, unsigned which)
{
    (void)in, (void)which;
    if (s->unmeasured || !s->codes || !s->codes->have_reference)
        return (double)NAN;
    return s->codes->sqnr;
}

static double get_outliers(const struct q8_inspect *in, const struct q8_subject *s, unsigned which)
{
    (void)in, (void)which;
    if (s->unmeasured || !s->matrix || !s->matrix->have_columns)
        return (double)NAN;
    return (double)s->matrix->outliers;
}

static double get_bad(const struct q8_inspect *in, const struct q8_subject *s, unsigned which)
{
    (void)in, (void)which;
    if (s->unmeasured)
        return (double)NAN;
    return (double)s->numbers.nans + (double)s->numbers.infinities;
}

/* Before the costs, and behind them. */
static const struct q8_html_quantity before[] = {
    {"Absmax", "largest magnitude", Q8_HTML_PLAIN, q8_html_absmax, 0},
    {"Crest", "largest absmax / RMS of a row", Q8_HTML_PLAIN, get_crest, 0},
    {"SQNR reference", "dB, against --reference", Q8_HTML_DECIBEL, get_reference, 0},
};

static const struct q8_html_quantity behind[] = {
    {"Outlier columns", "columns whose RMS is over 4 standard deviations out", Q8_HTML_COUNT,
     get_outliers, 0},
    {"Scale least", "smallest step of a code", Q8_HTML_PLAIN, q8_html_codes, Q8_HTML_SCALE_LEAST},
    {"Scale most", "largest step of a code", Q8_HTML_PLAIN, q8_html_codes, Q8_HTML_SCALE_MOST},
    {"Saturated", "share of codes at the ends of their range", Q8_HTML_PERCENT, q8_html_codes,
     Q8_HTML_SATURATED},
    {"Codes used", "different codes in use", Q8_HTML_COUNT, q8_html_codes, Q8_HTML_USED},
    {"Bits", "entropy of the codes", Q8_HTML_BITS, q8_html_codes, Q8_HTML_ENTROPY},
    {"NaN/Inf", "elements that are not finite", Q8_HTML_COUNT, get_bad, 0},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define COLUMNS (COUNT(before) + Q8_COSTS + COUNT(behind))

/* The columns that this model has something for, in *ret [COLUMNS]; how many. */
static unsigned choose_columns(const struct q8_inspect *in, struct q8_html_quantity *ret)
{
    struct q8_html_quantity all[COLUMNS];
    unsigned n = 0, chosen = 0;

    for (size_t i = 0; i < COUNT(before); i++)
        all[n++] = before[i];
    for (unsigned i = 0; i < Q8_COSTS; i++)
        all[n++] =
            (struct q8_html_quantity){q8_costs(i)->title, "SQNR, dB", Q8_HTML_DECIBEL, get_cost, i};
    for (size_t i = 0; i < COUNT(behind); i++)
        all[n++] = behind[i];
    for (unsigned i = 0; i < n; i++)
        if (q8_html_has(in, &all[i]))
            ret[chosen++] = all[i];
    return chosen;
}

static void put_head(const struct q8_html_page *page, const struct q8_html_quantity *column,
                     unsigned columns)
{
    FILE *out = page->out;

    fputs("<thead><tr><th scope=\"col\" aria-sort=\"ascending\">Name</th>"
          "<th scope=\"col\">Type</th><th scope=\"col\">Shape</th>",
          out);
    for (unsigned c = 0; c < columns; c++) {
        bool cost = column[c].value == get_cost;
        bool mine = cost && page->in->options.target &&
                    column[c].which == q8_cost_of(page->in->options.target);

        fprintf(out, "<th scope=\"col\" class=\"n%s\" title=\"", mine ? " mine" : "");
        q8_html_text(out, column[c].help);
        fputs(cost ? "\"><small>SQNR</small> " : "\">", out);
        q8_html_text(out, column[c].title);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n", out);
}

/* The matrix that is measured, or the tensor's own shape. */
static void put_shape(FILE *out, const struct q8_subject *s)
{
    char shape[200];

    if (s->stored) {
        fprintf(out, "[%" PRIu64 ", %" PRIu64 "]", s->stored->rows, s->stored->cols);
    } else if (s->tensor->rank == 3 && s->matrix) { /* one expert of many */
        fprintf(out, "[%" PRIu64 ", %" PRIu64 "]", s->view.rows, s->view.cols);
    } else {
        q8_tensor_shape(s->tensor, shape, sizeof shape);
        fputs(shape, out);
    }
}

static void put_row(const struct q8_html_page *page, const struct q8_subject *s,
                    const struct q8_html_quantity *column, unsigned columns)
{
    FILE *out = page->out;

    fprintf(out, "<tr%s><th scope=\"row\">",
            q8_html_below(page->in, s)                 ? " class=\"low\""
            : s->numbers.nans || s->numbers.infinities ? " class=\"bad\""
                                                       : "");
    q8_html_name(out, s->name);
    if (s->unmeasured) {
        fputs(" <small>", out);
        q8_html_text(out, s->unmeasured);
        fputs("</small>", out);
    }
    fprintf(out, "</th><td>%s</td><td>", q8_dtypes[s->tensor->dtype].name);
    put_shape(out, s);
    fputs("</td>", out);
    for (unsigned c = 0; c < columns; c++) {
        fputs("<td>", out);
        q8_html_number(out, column[c].form, column[c].value(page->in, s, column[c].which));
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

/* For the script, which shows it. */
static void put_search(const struct q8_html_page *page, uint64_t shown)
{
    FILE *out = page->out;

    fputs("<form class=\"find\" role=\"search\" hidden>"
          "<label>Search <input type=\"search\" id=\"find\" autocomplete=\"off\""
          " spellcheck=\"false\" placeholder=\"layers.3 down_proj\"></label>",
          out);
    if (q8_html_judges(page->in))
        fprintf(out, "<label><input type=\"checkbox\" id=\"low\"> only below %.4g dB</label>",
                page->in->options.min_sqnr);
    fprintf(out,
            "<output id=\"found\" aria-live=\"polite\">%" PRIu64 " of %" PRIu64
            "</output></form>\n",
            shown, shown);
}

void q8_html_table(const struct q8_html_page *page)
{
    struct q8_html_quantity column[COLUMNS];
    unsigned columns = choose_columns(page->in, column);
    FILE *out = page->out;
    uint64_t shown = 0;

    for (uint64_t i = 0; i < page->in->subjects; i++)
        shown += page->in->subject[i].shown;
    fputs("<section id=\"tensors\"><h2>Tensors</h2>\n", out);
    put_search(page, shown);
    fputs("<div class=\"box\" tabindex=\"0\" role=\"region\" aria-labelledby=\"rows-caption\">"
          "<table id=\"rows\" class=\"list\"><caption id=\"rows-caption\">Tensors and weights, by "
          "name. A bar at the left marks ",
          out);
    if (q8_html_judges(page->in))
        fprintf(out, "an SQNR below %.4g dB, or ", page->in->options.min_sqnr);
    fputs("NaN and Inf.</caption>\n", out);
    put_head(page, column, columns);
    fputs("<tbody>\n", out);
    for (uint64_t i = 0; i < page->in->subjects; i++)
        if (page->in->subject[i].shown)
            put_row(page, &page->in->subject[i], column, columns);
    fputs("</tbody></table></div></section>\n", out);
}
