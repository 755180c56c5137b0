/*
 * page_data.c - what the script draws of a tensor's details, as JSON
 *
 * Beside what src/report/rows_data.h describes:
 *
 *   "schemes"  [title], of "c"; "scheme": the index of the target's
 *   "values"   [[heading, title, form]], of "v"
 *
 * and in the details of a row, of whose members all may be missing:
 *
 *   "v"     a number for each of "values"; null: it has none
 *   "h"     first exponent, count, count, ...
 *   "c"     for each scheme: [sqnr, mse, most, worst share], or why not
 *   "r"     worst rows, [row, absmax, crest] each
 *   "k"     outlier columns, [column, rms, absmax, z, share] each
 */
#include "src/inspect/page_parts.h"
#include "src/report/rows_data.h"

static void put_doubles(struct q8_json *j, const double *value, unsigned n)
{
    q8_json_begin(j, NULL, '[');
    for (unsigned i = 0; i < n; i++)
        q8_column_script(j, NULL, value[i]);
    q8_json_end(j, ']');
}

static void put_histogram(struct q8_json *j, const struct q8_numbers *n)
{
    q8_json_begin(j, "h", '[');
    q8_json_double(j, NULL, n->first_exponent);
    for (int i = 0; i < n->exponents; i++)
        q8_json_number(j, NULL, n->histogram[i]);
    q8_json_end(j, ']');
}

static void put_costs(struct q8_json *j, const struct q8_matrix *m)
{
    q8_json_begin(j, "c", '[');
    for (const struct q8_cost *c = m->cost; c < m->cost + Q8_COSTS; c++)
        if (c->obstacle)
            q8_json_text(j, NULL, c->obstacle);
        else
            put_doubles(j, (double[]){c->sqnr, c->mse, c->most, c->worst_share}, 4);
    q8_json_end(j, ']');
}

static void put_marks(struct q8_json *j, const struct q8_matrix *m)
{
    q8_json_begin(j, "r", '[');
    for (const struct q8_row_mark *r = m->worst; r < m->worst + m->worsts; r++)
        put_doubles(j, (double[]){(double)r->row, r->absmax, r->crest}, 3);
    q8_json_end(j, ']');
    if (!m->have_columns || !m->outliers)
        return;
    q8_json_begin(j, "k", '[');
    for (unsigned i = 0; i < m->outliers && i < Q8_OUTLIER_COLUMNS; i++) {
        const struct q8_column_mark *k = &m->column[i];

        put_doubles(j, (double[]){(double)k->column, k->rms, k->absmax, k->z, k->share}, 5);
    }
    q8_json_end(j, ']');
}

void q8_html_details(struct q8_json *j, const void *inspect, const void *subject)
{
    const struct q8_subject *s = subject;
    struct q8_column column[Q8_NUMBERS];
    const unsigned columns = q8_numbers_choose(column, Q8_IN_DETAILS);

    if (s->unmeasured)
        return;
    q8_json_begin(j, "v", '[');
    for (unsigned i = 0; i < columns; i++)
        q8_column_script(j, NULL, q8_column_value(&column[i], inspect, s));
    q8_json_end(j, ']');
    if (s->numbers.histogram)
        put_histogram(j, &s->numbers);
    if (s->matrix && s->matrix->have_costs)
        put_costs(j, s->matrix);
    if (s->matrix)
        put_marks(j, s->matrix);
}

/* What the rows' numbers are; show() of the script does for most. */
static void put_values(struct q8_json *j, const struct q8_column *column, unsigned columns)
{
    static const char *const forms[] = {[Q8_HTML_DECIBEL] = "decibel",
                                        [Q8_HTML_BITS] = "bits",
                                        [Q8_HTML_PERCENT] = "percent",
                                        [Q8_HTML_COSINE] = NULL};

    q8_json_begin(j, "values", '[');
    for (unsigned i = 0; i < columns; i++) {
        q8_json_begin(j, NULL, '[');
        q8_json_text(j, NULL, column[i].group);
        q8_json_text(j, NULL, column[i].title);
        q8_json_text(j, NULL, forms[column[i].form]);
        q8_json_end(j, ']');
    }
    q8_json_end(j, ']');
}

bool q8_html_data(const struct q8_html_page *page, const struct q8_page_rows *rows)
{
    const struct q8_target *target = page->in->options.target;
    struct q8_json j = {.out = page->out, .script = true};
    struct q8_column column[Q8_NUMBERS];

    fputs("<script type=\"application/json\" id=\"data\">", page->out);
    q8_json_begin(&j, NULL, '{');
    q8_json_begin(&j, "schemes", '[');
    for (unsigned i = 0; i < Q8_COSTS; i++)
        q8_json_text(&j, NULL, q8_costs(i)->title);
    q8_json_end(&j, ']');
    q8_json_double(&j, "scheme", target ? (double)q8_cost_of(target) : -1);
    put_values(&j, column, q8_numbers_choose(column, Q8_IN_DETAILS));
    if (!q8_page_rows_data(&j, rows, page->mem, page->err))
        return false;
    q8_json_end(&j, '}');
    fputs("</script>\n", page->out);
    return true;
}
