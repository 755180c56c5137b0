/*
 * page_data.c - what the script draws, as JSON: no names and nothing that the tables have
 *
 *   {"kinds": [sentence], "schemes": [title], "mine": index, "columns": [[heading, title, form]],
 *    "rows": [row]}
 *
 * with a row for each row of the table of tensors, of whose members all but "kind" may be missing:
 *
 *   "kind"  index into kinds
 *   "v"     a number for each column; null: it has none
 *   "g"     fused group
 *   "h"     first exponent, count, count, ...
 *   "c"     for each scheme: [sqnr, mse, most, worst share], or why not
 *   "r"     worst rows, [row, absmax, crest] each
 *   "k"     outlier columns, [column, rms, absmax, z, share] each
 */
#include "src/inspect/page_parts.h"

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

static void put_subject(struct q8_json *j, const struct q8_html_page *page,
                        const struct q8_subject *s, const struct q8_column *column,
                        unsigned columns)
{
    const char *group = q8_arch_group(s->name);

    q8_json_begin(j, NULL, '{');
    q8_json_number(j, "kind", s->kind);
    if (group)
        q8_json_text(j, "g", group);
    if (!s->unmeasured) {
        q8_json_begin(j, "v", '[');
        for (unsigned i = 0; i < columns; i++)
            q8_column_script(j, NULL, q8_column_value(&column[i], page->in, s));
        q8_json_end(j, ']');
        if (s->numbers.histogram)
            put_histogram(j, &s->numbers);
        if (s->matrix && s->matrix->have_costs)
            put_costs(j, s->matrix);
        if (s->matrix)
            put_marks(j, s->matrix);
    }
    q8_json_end(j, '}');
}

/* What the rows' numbers are; show() of the script does for most. */
static void put_columns(struct q8_json *j, const struct q8_column *column, unsigned columns)
{
    static const char *const forms[] = {[Q8_HTML_DECIBEL] = "decibel",
                                        [Q8_HTML_BITS] = "decibel",
                                        [Q8_HTML_PERCENT] = "percent",
                                        [Q8_HTML_COSINE] = NULL};

    q8_json_begin(j, "columns", '[');
    for (unsigned i = 0; i < columns; i++) {
        q8_json_begin(j, NULL, '[');
        q8_json_text(j, NULL, column[i].group);
        q8_json_text(j, NULL, column[i].title);
        q8_json_text(j, NULL, forms[column[i].form]);
        q8_json_end(j, ']');
    }
    q8_json_end(j, ']');
}

void q8_html_data(const struct q8_html_page *page)
{
    const struct q8_inspect *in = page->in;
    const struct q8_target *target = in->options.target;
    struct q8_json j = {.out = page->out, .script = true};
    struct q8_column column[Q8_NUMBERS];
    unsigned columns = q8_numbers_used(in, column, q8_numbers_choose(column, Q8_IN_DETAILS));

    fputs("<script type=\"application/json\" id=\"data\">", page->out);
    q8_json_begin(&j, NULL, '{');
    q8_json_begin(&j, "kinds", '[');
    for (unsigned i = 0; i < Q8_KINDS; i++)
        q8_json_text(&j, NULL, q8_kind_reason((enum q8_kind)i));
    q8_json_end(&j, ']');
    q8_json_begin(&j, "schemes", '[');
    for (unsigned i = 0; i < Q8_COSTS; i++)
        q8_json_text(&j, NULL, q8_costs(i)->title);
    q8_json_end(&j, ']');
    q8_json_double(&j, "mine", target ? (double)q8_cost_of(target) : -1);
    put_columns(&j, column, columns);
    q8_json_begin(&j, "rows", '[');
    for (uint64_t i = 0; i < in->subjects; i++)
        if (in->subject[i].shown)
            put_subject(&j, page, &in->subject[i], column, columns);
    q8_json_end(&j, ']');
    q8_json_end(&j, '}');
    fputs("</script>\n", page->out);
}
