/*
 * page_data.c - what the script draws, as JSON: no names and nothing that the tables have
 *
 *   {"kinds": [sentence], "schemes": [title], "mine": index, "rows": [row]}
 *
 * with a row for each row of the table of tensors, of whose members all but "n" may be missing:
 *
 *   "n"  kind, elements, zeros, denormals, nans, infinities, least, most, mean, deviation, kurtosis
 *   "g"  fused group
 *   "h"  first exponent, count, count, ...
 *   "m"  unusable, dead, absmax and crest of the rows, RMS of the columns, each least median most
 *   "c"  for each scheme: [sqnr, mse, most, worst share], or why not
 *   "r"  worst rows, [row, absmax, crest] each
 *   "k"  outlier columns, [column, rms, absmax, z, share] each
 *   "q"  scale least median most, scales, bad scales, saturated, least, most, used, bits, dead
 *   "f"  against the reference: sqnr, mse, most error
 */
#include "src/inspect/page_parts.h"

#include <inttypes.h>

static void put_doubles(FILE *out, const double *value, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (i)
            fputc(',', out);
        q8_html_json(out, value[i]);
    }
}

static void put_spread(FILE *out, struct q8_spread s)
{
    const double value[] = {s.least, s.median, s.most};

    fputc(',', out);
    put_doubles(out, value, 3);
}

static void put_numbers(FILE *out, const struct q8_subject *s)
{
    const struct q8_numbers *n = &s->numbers;
    const double value[] = {n->least, n->most, n->mean, n->deviation, n->kurtosis};

    fprintf(out, "\"n\":[%d", (int)s->kind);
    if (!s->unmeasured) {
        fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", n->elements,
                n->zeros, n->denormals, n->nans, n->infinities);
        put_doubles(out, value, 5);
    }
    fputc(']', out);
    if (!s->unmeasured && n->histogram) {
        fprintf(out, ",\"h\":[%d", n->first_exponent);
        for (int i = 0; i < n->exponents; i++)
            fprintf(out, ",%" PRIu64, n->histogram[i]);
        fputc(']', out);
    }
}

static void put_costs(FILE *out, const struct q8_matrix *m)
{
    fputs(",\"c\":[", out);
    for (unsigned i = 0; i < Q8_COSTS; i++) {
        const struct q8_cost *c = &m->cost[i];
        const double value[] = {c->sqnr, c->mse, c->most, c->worst_share};

        if (i)
            fputc(',', out);
        if (c->obstacle) {
            q8_html_string(out, c->obstacle);
            continue;
        }
        fputc('[', out);
        put_doubles(out, value, 4);
        fputc(']', out);
    }
    fputc(']', out);
}

static void put_marks(FILE *out, const struct q8_matrix *m)
{
    fputs(",\"r\":[", out);
    for (unsigned i = 0; i < m->worsts && i < Q8_WORST_ROWS; i++) {
        fprintf(out, "%s[%" PRIu64 ",", i ? "," : "", m->worst[i].row);
        put_doubles(out, (double[]){m->worst[i].absmax, m->worst[i].crest}, 2);
        fputc(']', out);
    }
    fputc(']', out);
    if (!m->have_columns || !m->outliers)
        return;
    fputs(",\"k\":[", out);
    for (unsigned i = 0; i < m->outliers && i < Q8_OUTLIER_COLUMNS; i++) {
        const struct q8_column_mark *k = &m->column[i];

        fprintf(out, "%s[%" PRIu64 ",", i ? "," : "", k->column);
        put_doubles(out, (double[]){k->rms, k->absmax, k->z, k->share}, 4);
        fputc(']', out);
    }
    fputc(']', out);
}

static void put_matrix(FILE *out, const struct q8_matrix *m)
{
    fprintf(out, ",\"m\":[%" PRIu64 ",%" PRIu64, m->unusable, m->dead);
    put_spread(out, m->absmax);
    put_spread(out, m->crest);
    if (m->have_columns)
        put_spread(out, m->column_rms);
    fputc(']', out);
    if (m->have_costs)
        put_costs(out, m);
    put_marks(out, m);
}

static void put_codes(FILE *out, const struct q8_code_numbers *c)
{
    const double scale[] = {c->scale.least, c->scale.median, c->scale.most};

    fputs(",\"q\":[", out);
    put_doubles(out, scale, 3);
    fprintf(out, ",%" PRIu64 ",%" PRIu64 ",", c->scales, c->bad_scales);
    q8_html_json(out, c->saturated);
    fprintf(out, ",%d,%d,%u,", c->least, c->most, c->used);
    q8_html_json(out, c->bits);
    fprintf(out, ",%" PRIu64 "]", c->dead);
    if (c->have_reference) {
        fputs(",\"f\":[", out);
        put_doubles(out, (double[]){c->sqnr, c->mse, c->most_error}, 3);
        fputc(']', out);
    }
}

static void put_subject(FILE *out, const struct q8_subject *s)
{
    const char *group = q8_arch_group(s->name);

    fputc('{', out);
    put_numbers(out, s);
    if (group) {
        fputs(",\"g\":", out);
        q8_html_string(out, group);
    }
    if (!s->unmeasured && s->matrix)
        put_matrix(out, s->matrix);
    if (!s->unmeasured && s->codes)
        put_codes(out, s->codes);
    fputc('}', out);
}

void q8_html_data(const struct q8_html_page *page)
{
    const struct q8_target *target = page->in->options.target;
    FILE *out = page->out;
    bool first = true;

    fputs("<script type=\"application/json\" id=\"data\">{\"kinds\":[", out);
    for (unsigned i = 0; i < Q8_KINDS; i++) {
        if (i)
            fputc(',', out);
        q8_html_string(out, q8_kind_reason((enum q8_kind)i));
    }
    fputs("],\"schemes\":[", out);
    for (unsigned i = 0; i < Q8_COSTS; i++) {
        if (i)
            fputc(',', out);
        q8_html_string(out, q8_costs(i)->title);
    }
    fprintf(out, "],\"mine\":%d,\"rows\":[", target ? (int)q8_cost_of(target) : -1);
    for (uint64_t i = 0; i < page->in->subjects; i++) {
        if (!page->in->subject[i].shown)
            continue;
        fputs(first ? "\n" : ",\n", out);
        put_subject(out, &page->in->subject[i]);
        first = false;
    }
    fputs("\n]}</script>\n", out);
}
