/* page_table.c - the table of all subjects that are shown */
#include "src/inspect/page_parts.h"

#include <inttypes.h>

static void put_head(const struct q8_html_page *page, const struct q8_column *column,
                     unsigned columns)
{
    FILE *out = page->out;

    fputs("<thead><tr><th scope=\"col\" aria-sort=\"ascending\">Name</th>"
          "<th scope=\"col\">Type</th><th scope=\"col\">Shape</th>",
          out);
    for (unsigned c = 0; c < columns; c++) {
        struct q8_column head = column[c];
        bool cost = q8_number_is_cost(&head);
        bool mine =
            cost && page->in->options.target && head.which == q8_cost_of(page->in->options.target);

        if (!cost)
            head.group = NULL; /* a heading of the details */
        q8_column_head(out, &head, mine ? "n mine" : "n");
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
                    const struct q8_column *column, unsigned columns)
{
    FILE *out = page->out;

    fprintf(out, "<tr%s><th scope=\"row\">",
            q8_subject_below(page->in, s)              ? " class=\"low\""
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
    for (unsigned c = 0; c < columns; c++)
        q8_column_cell(out, &column[c], page->in, s);
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
    if (q8_inspect_judges(page->in))
        fprintf(out, "<label><input type=\"checkbox\" id=\"low\"> only below %.4g dB</label>",
                page->in->options.min_sqnr);
    fprintf(out,
            "<output id=\"found\" aria-live=\"polite\">%" PRIu64 " of %" PRIu64
            "</output></form>\n",
            shown, shown);
}

void q8_html_table(const struct q8_html_page *page)
{
    struct q8_column column[Q8_NUMBERS];
    unsigned columns = q8_numbers_used(page->in, column, q8_numbers_choose(column, Q8_IN_TABLE));
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
    if (q8_inspect_judges(page->in))
        fprintf(out, "an SQNR below %.4g dB, or ", page->in->options.min_sqnr);
    fputs("NaN and Inf.</caption>\n", out);
    put_head(page, column, columns);
    fputs("<tbody>\n", out);
    for (uint64_t i = 0; i < page->in->subjects; i++)
        if (page->in->subject[i].shown)
            put_row(page, &page->in->subject[i], column, columns);
    fputs("</tbody></table></div></section>\n", out);
}
