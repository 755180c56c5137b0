/* columns.c - the numbers of a tool's reports, printed */
#include "src/report/columns.h"

#include <math.h>
#include <string.h>

#define KEY 64 /* bytes of a name before the dot, with its end */

double q8_column_value(const struct q8_column *c, const void *self, const void *row)
{
    return c->value(self, row, c->which);
}

/* Bytes before the dot; 0: there is none. */
static size_t lead(const struct q8_column *c)
{
    const char *dot = c->key ? strchr(c->key, '.') : NULL;

    return dot ? (size_t)(dot - c->key) : 0;
}

static bool same_lead(const struct q8_column *a, const struct q8_column *b)
{
    return lead(a) == lead(b) && memcmp(a->key, b->key, lead(a)) == 0;
}

static void put_member(struct q8_json *j, const struct q8_column *c, double value)
{
    const char *key = c->key + (lead(c) ? lead(c) + 1 : 0);

    if (isnan(value) && c->optional)
        q8_json_text(j, key, NULL);
    else
        q8_json_double(j, key, value);
}

void q8_columns_json(struct q8_json *j, const struct q8_column *column, unsigned columns,
                     const void *self, const void *row)
{
    const struct q8_column *end = column + columns;
    char name[KEY];

    for (const struct q8_column *c = column; c < end; c++) {
        if (!c->key)
            continue;
        if (lead(c) && (c == column || !same_lead(c - 1, c))) {
            (void)snprintf(name, sizeof name, "%.*s", (int)lead(c), c->key);
            q8_json_begin(j, name, '{');
        }
        put_member(j, c, q8_column_value(c, self, row));
        if (lead(c) && (c + 1 == end || !same_lead(c, c + 1)))
            q8_json_end(j, '}');
    }
}

void q8_columns_csv_head(FILE *out, const struct q8_column *column, unsigned columns)
{
    for (unsigned i = 0; i < columns; i++) {
        fputc(',', out);
        for (const char *at = column[i].key; *at; at++)
            fputc(*at == '.' ? '_' : *at, out);
    }
}

void q8_columns_csv(FILE *out, const struct q8_column *column, unsigned columns, const void *self,
                    const void *row)
{
    for (unsigned i = 0; i < columns; i++) {
        double value = q8_column_value(&column[i], self, row);

        fputc(',', out);
        if (!isnan(value))
            fprintf(out, "%.17g", value);
    }
}

void q8_column_head(FILE *out, const struct q8_column *c, const char *class_name)
{
    fprintf(out, "<th scope=\"col\" class=\"%s\" title=\"", class_name);
    q8_html_text(out, c->help);
    fputs("\">", out);
    if (c->group) {
        fputs("<small>", out);
        q8_html_text(out, c->group);
        fputs("</small> ", out);
    }
    q8_html_text(out, c->title);
    fputs("</th>", out);
}

void q8_column_cell(FILE *out, const struct q8_column *c, const void *self, const void *row)
{
    fputs("<td>", out);
    q8_html_number(out, c->form, q8_column_value(c, self, row));
    fputs("</td>", out);
}

void q8_column_script(struct q8_json *j, const char *key, double value)
{
    char text[32];

    if (isnan(value) || isinf(value)) {
        q8_json_text(j, key, isnan(value) ? NULL : value > 0 ? "\u221e" : "\u2212\u221e");
        return;
    }
    (void)snprintf(text, sizeof text,
                   fabs(value) < 0x1p53 && value == trunc(value) ? "%.0f" : "%.5g", value);
    q8_json_raw(j, key, text);
}
