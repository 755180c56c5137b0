/* report_csv.c - a line per subject for spreadsheets, RFC 4180 */
#include "src/inspect/report_csv.h"

#include "src/inspect/numbers.h"

#include <inttypes.h>

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

static void print_heads(const struct q8_column *column, unsigned columns, FILE *out)
{
    fputs("name,dtype,shape", out);
    for (unsigned i = 0; i < columns; i++)
        if (q8_number_is_cost(&column[i]))
            fprintf(out, ",sqnr_db_%s", column[i].title);
        else
            q8_columns_csv_head(out, &column[i], 1);
    fputs("\r\n", out);
}

bool q8_inspect_csv(const struct q8_inspect *in, FILE *out, struct q8_err *err)
{
    struct q8_column column[Q8_NUMBERS];
    const unsigned columns = q8_numbers_choose(column, Q8_IN_CSV);

    print_heads(column, columns, out);
    for (uint64_t i = 0; i < in->subjects; i++) {
        const struct q8_subject *s = &in->subject[i];

        if (!s->shown)
            continue;
        print_text(s->name, out);
        fprintf(out, ",%s,", q8_dtypes[s->tensor->dtype].name);
        for (uint32_t d = 0; d < s->tensor->rank; d++)
            fprintf(out, "%s%" PRIu64, d ? "x" : "", s->tensor->dim[d]);
        q8_columns_csv(out, column, columns, in, s);
        fputs("\r\n", out);
    }
    return !ferror(out) || q8_fail_errno(err, "cannot write the CSV report");
}
