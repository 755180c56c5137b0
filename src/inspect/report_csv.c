/* report_csv.c - a line per subject for spreadsheets, RFC 4180 */
#include "src/inspect/report.h"

#include <inttypes.h>
#include <math.h>

/*
 * A text in quotes.  One that a spreadsheet would take for a formula gets an apostrophe, as
 * OWASP's "CSV Injection" advises.
 */
static void print_text(const char *text, FILE *out)
{
    fputc('"', out);
    if (*text == '=' || *text == '+' || *text == '-' || *text == '@' || *text == '\t' ||
        *text == '\r')
        fputc('\'', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* A comma and a number that reads back the same; nothing behind the comma for NaN. */
static void print_double(double value, FILE *out)
{
    fputc(',', out);
    if (!isnan(value))
        fprintf(out, "%.17g", value);
}

static void print_count(uint64_t value, FILE *out)
{
    fprintf(out, ",%" PRIu64, value);
}

static void print_heads(FILE *out)
{
    fputs("name,dtype,shape,elements,nan,inf,zeros,denormals,min,max,absmax,mean,std,kurtosis,"
          "row_absmax_median,row_crest_median,row_crest_max,outlier_columns",
          out);
    for (unsigned c = 0; c < Q8_COSTS; c++)
        fprintf(out, ",sqnr_db_%s", q8_costs(c)->title);
    fputs(",scale_median,saturated_share,codes_used,effective_bits,reference_sqnr_db\r\n", out);
}

static void print_numbers(const struct q8_subject *s, FILE *out)
{
    const struct q8_numbers *n = &s->numbers;

    print_count(n->elements, out);
    print_count(n->nans, out);
    print_count(n->infinities, out);
    print_count(n->zeros, out);
    print_count(n->denormals, out);
    print_double(s->unmeasured ? NAN : n->least, out);
    print_double(s->unmeasured ? NAN : n->most, out);
    print_double(s->unmeasured ? NAN : n->absmax, out);
    print_double(s->unmeasured ? NAN : n->mean, out);
    print_double(s->unmeasured ? NAN : n->deviation, out);
    print_double(s->unmeasured ? NAN : n->kurtosis, out);
}

static void print_subject(const struct q8_subject *s, FILE *out)
{
    const struct q8_matrix *m = s->unmeasured ? NULL : s->matrix;
    const struct q8_code_numbers *codes = s->unmeasured ? NULL : s->codes;

    print_text(s->name, out);
    fprintf(out, ",%s,", q8_dtypes[s->tensor->dtype].name);
    for (uint32_t d = 0; d < s->tensor->rank; d++)
        fprintf(out, "%s%" PRIu64, d ? "x" : "", s->tensor->dim[d]);
    print_numbers(s, out);
    print_double(m ? m->absmax.median : NAN, out);
    print_double(m ? m->crest.median : NAN, out);
    print_double(m ? m->crest.most : NAN, out);
    print_double(m && m->have_columns ? (double)m->outliers : NAN, out);
    for (unsigned c = 0; c < Q8_COSTS; c++)
        print_double(m && m->have_costs && !m->cost[c].obstacle ? m->cost[c].sqnr : NAN, out);
    print_double(codes ? codes->scale.median : NAN, out);
    print_double(codes ? codes->saturated : NAN, out);
    print_double(codes ? (double)codes->used : NAN, out);
    print_double(codes ? codes->bits : NAN, out);
    print_double(codes && codes->have_reference ? codes->sqnr : NAN, out);
    fputs("\r\n", out);
}

bool q8_inspect_csv(const struct q8_inspect *in, FILE *out, struct q8_err *err)
{
    print_heads(out);
    for (uint64_t i = 0; i < in->subjects; i++)
        if (in->subject[i].shown)
            print_subject(&in->subject[i], out);
    return !ferror(out) || q8_fail_errno(err, "cannot write the CSV report");
}
