/* columns.h - the numbers of a tool's reports: one table, which JSON, CSV and page print from */
#ifndef Q8_REPORT_COLUMNS_H
#define Q8_REPORT_COLUMNS_H

#include "src/base/json_write.h"
#include "src/report/escape.h"

/* A number of every row of a report: of a weight, of a layer. */
struct q8_column {
    const char *key;   /* in JSON and CSV: "sqnr_db"; "scale.median" is the member median of the
                           object scale in JSON, scale_median in CSV; NULL: the page's alone */
    const char *group; /* on the page, small before the title: "products"; NULL: none */
    const char *title; /* heading of its column on the page; NULL: not there */
    const char *help;  /* a clause that says what it is; NULL where title is */
    enum q8_html_form form; /* how people read it */
    bool optional;          /* NaN is null in JSON: there may be none; else the string "NaN" */
    /* Of a row, given what the report is of; NaN: the row has none. */
    double (*value)(const void *self, const void *row, unsigned which);
    unsigned which; /* for value, where several columns share it */
};

/* The value of a column. */
double q8_column_value(const struct q8_column *c, const void *self, const void *row);

/*
 * Members of the object that is open, in the order of the columns, those without a key left out.
 * Neighbours with the same name before the dot share one object.
 */
void q8_columns_json(struct q8_json *j, const struct q8_column *column, unsigned columns,
                     const void *self, const void *row);

/* The keys, each behind a comma. */
void q8_columns_csv_head(FILE *out, const struct q8_column *column, unsigned columns);

/* Numbers that read back the same, each behind a comma; nothing behind the comma for NaN. */
void q8_columns_csv(FILE *out, const struct q8_column *column, unsigned columns, const void *self,
                    const void *row);

/* A <th> of the page's table; class_name is of the cell: "n". */
void q8_column_head(FILE *out, const struct q8_column *c, const char *class_name);

/* A <td> of the page's table: q8_html_number. */
void q8_column_cell(FILE *out, const struct q8_column *c, const void *self, const void *row);

/*
 * A number for the page's script, in its data: five digits, for it is there to be looked at; null
 * for NaN, infinities as strings of a sign.
 */
void q8_column_script(struct q8_json *j, const char *key, double value);

#endif
