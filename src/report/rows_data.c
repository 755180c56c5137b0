/* rows_data.c - the rows of a page as JSON: columns, of which what repeats is said once */
#include "src/report/rows_data.h"

#include "src/base/name_set.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS 2      /* of a name: the layer, and the expert */
#define NUMBER_BYTES 9 /* digits of a number that is taken out of a name: it fits 32 bits */
#define NUMBER_TEXT 40

/* ---- runs ---- */

/* A list of values of which neighbours are often alike. */
struct runs {
    struct q8_json *j;
    char last[NUMBER_TEXT]; /* JSON; empty: none yet */
    uint64_t times;
};

static void begin_runs(struct runs *runs, struct q8_json *j, const char *key)
{
    *runs = (struct runs){.j = j};
    q8_json_begin(j, key, '[');
}

static void flush_run(struct runs *runs)
{
    if (runs->times > 2) {
        q8_json_begin(runs->j, NULL, '[');
        q8_json_raw(runs->j, NULL, runs->last);
        q8_json_number(runs->j, NULL, runs->times);
        q8_json_end(runs->j, ']');
    } else {
        for (; runs->times; runs->times--)
            q8_json_raw(runs->j, NULL, runs->last);
    }
    runs->times = 0;
}

/* `json` is a number, null or a string. */
static void put_run(struct runs *runs, const char *json)
{
    if (runs->times && strcmp(runs->last, json) != 0)
        flush_run(runs);
    (void)snprintf(runs->last, sizeof runs->last, "%s", json);
    runs->times++;
}

static void put_whole(struct runs *runs, uint64_t value)
{
    char text[NUMBER_TEXT];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put_run(runs, text);
}

static void end_runs(struct runs *runs)
{
    flush_run(runs);
    q8_json_end(runs->j, ']');
}

/* ---- names ---- */

/* Whether the part of a path is a number that comes back as it was: not "007". */
static bool is_number(const char *part, size_t n)
{
    return n > 0 && n <= NUMBER_BYTES && strspn(part, "0123456789") >= n &&
           (n == 1 || *part != '0');
}

/*
 * The name with '#' for its first numbers, and in front how many those are; a name that has a '#'
 * stays whole, and so does what follows a number that does not come back.
 */
static const char *pattern_of(const char *name, uint64_t *number, struct q8_arena *mem,
                              struct q8_err *err)
{
    char *pattern = q8_sprintf(mem, err, "0%s", name), *to = pattern + 1;

    if (!pattern || strchr(name, '#'))
        return pattern;
    for (const char *part = name; *part;) {
        size_t n = strcspn(part, "."), digits = strspn(part, "0123456789");

        if (n && digits == n && (!is_number(part, n) || *pattern - '0' == NUMBERS)) {
            strcpy(to, part);
            return pattern;
        }
        if (n && digits == n) {
            number[(*pattern)++ - '0'] = strtoull(part, NULL, 10);
            *to++ = '#';
        } else {
            memcpy(to, part, n);
            to += n;
        }
        part += n;
        if (*part)
            *to++ = *part++;
    }
    *to = '\0';
    return pattern;
}

/* The pieces between its numbers. */
static bool put_parts(struct q8_json *j, const char *pattern, struct q8_arena *mem,
                      struct q8_err *err)
{
    const char *at = pattern + 1;

    q8_json_begin(j, NULL, '[');
    for (int left = *pattern - '0'; left >= 0; left--) {
        char *piece = q8_strndup(mem, at, left ? strcspn(at, "#") : strlen(at), err);

        if (!piece)
            return false;
        q8_json_text(j, NULL, piece);
        at += strlen(piece) + (left > 0);
    }
    q8_json_end(j, ']');
    return true;
}

static bool put_numbers(struct q8_json *j, const uint64_t (*number)[NUMBERS],
                        const char *const *pattern, uint64_t rows)
{
    struct runs runs;

    q8_json_begin(j, "numbers", '[');
    for (int n = 0; n < NUMBERS; n++) {
        begin_runs(&runs, j, NULL);
        for (uint64_t i = 0; i < rows; i++)
            if (*pattern[i] - '0' > n)
                put_whole(&runs, number[i][n]);
            else
                put_run(&runs, "null");
        end_runs(&runs);
    }
    q8_json_end(j, ']');
    return true;
}

/* Where each text stands in the sorted set of all. */
static void put_indexes(struct q8_json *j, const struct q8_name_set *set, const char *const *text,
                        uint64_t rows)
{
    struct runs runs;

    begin_runs(&runs, j, "of");
    for (uint64_t i = 0; i < rows; i++)
        if (text[i])
            put_whole(&runs, q8_name_set_first(set, text[i], strlen(text[i]) + 1));
        else
            put_run(&runs, "null");
    end_runs(&runs);
}

static bool put_names(struct q8_json *j, const struct q8_page_rows *rows, struct q8_arena *mem,
                      struct q8_err *err)
{
    const char **pattern = q8_alloc(mem, rows->rows, sizeof *pattern, err);
    uint64_t(*number)[NUMBERS] = q8_alloc(mem, rows->rows, sizeof *number, err);
    struct q8_name_set set = {0};

    if (!pattern || !number)
        return false;
    for (uint64_t i = 0; i < rows->rows; i++) {
        pattern[i] = pattern_of(rows->name(rows->row[i]), number[i], mem, err);
        if (!pattern[i] || !q8_name_set_put(&set, pattern[i], mem, err))
            return false;
    }
    q8_name_set_sort(&set, 1);
    q8_json_begin(j, "names", '{');
    q8_json_begin(j, "parts", '[');
    for (uint64_t i = 0; i < set.count; i++)
        if (!put_parts(j, set.name[i], mem, err))
            return false;
    q8_json_end(j, ']');
    put_indexes(j, &set, pattern, rows->rows);
    put_numbers(j, (const uint64_t(*)[NUMBERS])number, pattern, rows->rows);
    q8_json_end(j, '}');
    return true;
}

/* ---- words ---- */

static bool put_word(struct q8_json *j, const struct q8_page_rows *rows,
                     const struct q8_page_word *word, struct q8_arena *mem, struct q8_err *err)
{
    const char **text = q8_alloc(mem, rows->rows, sizeof *text, err);
    struct q8_name_set set = {0};
    char buffer[Q8_PAGE_WORD];

    if (!text)
        return false;
    for (uint64_t i = 0; i < rows->rows; i++) {
        const char *here = word->text(rows->row[i], buffer);

        if (!here)
            continue;
        if (i && text[i - 1] && strcmp(text[i - 1], here) == 0) {
            text[i] = text[i - 1];
            continue;
        }
        text[i] = q8_strndup(mem, here, strlen(here), err);
        if (!text[i] || !q8_name_set_put(&set, text[i], mem, err))
            return false;
    }
    q8_name_set_sort(&set, 1);
    q8_json_begin(j, word->key, '{');
    q8_json_begin(j, "text", '[');
    for (uint64_t i = 0; i < set.count; i++)
        q8_json_text(j, NULL, set.name[i]);
    q8_json_end(j, ']');
    put_indexes(j, &set, text, rows->rows);
    q8_json_end(j, '}');
    return true;
}

/* ---- numbers ---- */

/* As many digits as are shown. */
static void number_text(enum q8_html_form form, double value, char text[NUMBER_TEXT])
{
    static const char *const digits[] = {
        [Q8_HTML_DECIBEL] = "%.2f", [Q8_HTML_BITS] = "%.2f",    [Q8_HTML_COSINE] = "%.6f",
        [Q8_HTML_COUNT] = "%.0f",   [Q8_HTML_PERCENT] = "%.3g", [Q8_HTML_PLAIN] = "%.3g"};
    char *end;

    if (isnan(value) || isinf(value)) {
        strcpy(text, isnan(value) ? "null" : value > 0 ? "\"\u221e\"" : "\"\u2212\u221e\"");
        return;
    }
    if (!(fabs(value) < 1e15)) /* a reader's double has no more */
        form = Q8_HTML_PLAIN;
    (void)snprintf(text, NUMBER_TEXT, digits[form], value);
    if (!strchr(text, '.') || strchr(text, 'e'))
        return;
    for (end = text + strlen(text); end[-1] == '0';)
        *--end = '\0';
    if (end[-1] == '.')
        end[-1] = '\0';
}

static void put_column(struct q8_json *j, const struct q8_page_rows *rows,
                       const struct q8_column *c, bool titled)
{
    static const char *const forms[] = {
        [Q8_HTML_DECIBEL] = "decibel", [Q8_HTML_BITS] = "bits",       [Q8_HTML_COSINE] = "cosine",
        [Q8_HTML_COUNT] = "count",     [Q8_HTML_PERCENT] = "percent", [Q8_HTML_PLAIN] = "plain"};
    char text[NUMBER_TEXT];
    struct runs runs;

    q8_json_begin(j, NULL, '{');
    q8_json_text(j, "group", titled ? c->group : NULL);
    q8_json_text(j, "title", titled ? c->title : NULL);
    q8_json_text(j, "help", titled ? c->help : NULL);
    q8_json_text(j, "form", forms[c->form]);
    begin_runs(&runs, j, "value");
    for (uint64_t i = 0; i < rows->rows; i++) {
        number_text(c->form, q8_column_value(c, rows->self, rows->row[i]), text);
        put_run(&runs, text);
    }
    end_runs(&runs);
    q8_json_end(j, '}');
}

/* The column of the table that has the same numbers, for most views are of one; NULL: none. */
static const struct q8_column *twin_of(const struct q8_page_rows *rows, const struct q8_column *c)
{
    for (unsigned i = 0; i < rows->columns; i++) {
        const struct q8_column *other = &rows->column[i];
        uint64_t r = 0;

        for (; r < rows->rows && other->form == c->form; r++) {
            double x = q8_column_value(c, rows->self, rows->row[r]);
            double y = q8_column_value(other, rows->self, rows->row[r]);

            if (x != y && !(isnan(x) && isnan(y)))
                break;
        }
        if (r == rows->rows)
            return other;
    }
    return NULL;
}

static void put_views(struct q8_json *j, const struct q8_page_rows *rows, const unsigned *column)
{
    q8_json_begin(j, "views", '[');
    for (unsigned i = 0; i < rows->views; i++) {
        const struct q8_page_view *v = &rows->view[i];

        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "id", v->id);
        q8_json_text(j, "title", v->title);
        q8_json_text(j, "unit", v->unit);
        q8_json_text(j, "words", v->words);
        q8_json_number(j, "column", column[i]);
        q8_column_script(j, "calm", v->calm);
        q8_column_script(j, "alarm", v->alarm);
        q8_json_flag(j, "log", v->log);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
}

static void put_columns(struct q8_json *j, const struct q8_page_rows *rows)
{
    unsigned column[Q8_HTML_VIEWS], count = rows->columns;

    q8_json_begin(j, "columns", '[');
    for (unsigned i = 0; i < rows->columns; i++)
        put_column(j, rows, &rows->column[i], true);
    for (unsigned i = 0; i < rows->views; i++) {
        const struct q8_column *twin = twin_of(rows, rows->view[i].column);

        column[i] = twin ? (unsigned)(twin - rows->column) : count++;
        if (!twin)
            put_column(j, rows, rows->view[i].column, false);
    }
    q8_json_end(j, ']');
    q8_json_double(j, "mine", rows->mine ? (double)(rows->mine - rows->column) : -1);
    put_views(j, rows, column);
}

static void put_marks(struct q8_json *j, const struct q8_page_rows *rows)
{
    struct runs runs;

    q8_json_begin(j, "marks", '[');
    for (unsigned m = 0; m < rows->marks; m++) {
        q8_json_begin(j, NULL, '{');
        q8_json_text(j, "id", rows->mark[m].id);
        q8_json_text(j, "title", rows->mark[m].title);
        q8_json_end(j, '}');
    }
    q8_json_end(j, ']');
    begin_runs(&runs, j, "marked");
    for (uint64_t i = 0; i < rows->rows; i++) {
        unsigned bits = 0;

        for (unsigned m = 0; m < rows->marks; m++)
            bits |= (unsigned)rows->mark[m].has(rows->self, rows->row[i]) << m;
        put_whole(&runs, bits);
    }
    end_runs(&runs);
    begin_runs(&runs, j, "places");
    for (uint64_t i = 0; i < rows->rows; i++)
        put_whole(&runs, rows->has_place(rows->row[i]));
    end_runs(&runs);
}

static bool put_details(struct q8_json *j, const struct q8_page_rows *rows, struct q8_arena *mem,
                        struct q8_err *err)
{
    char key[NUMBER_TEXT];
    uint64_t *list, count;

    if (!q8_page_rows_worst(rows, Q8_PAGE_DETAILS, &list, &count, mem, err))
        return false;
    q8_json_begin(j, "details", '{');
    for (uint64_t i = 0; i < count; i++) {
        (void)snprintf(key, sizeof key, "%" PRIu64, list[i]);
        q8_json_begin(j, key, '{');
        rows->details(j, rows->self, rows->row[list[i]]);
        q8_json_end(j, '}');
    }
    q8_json_end(j, '}');
    return true;
}

bool q8_page_rows_data(struct q8_json *j, const struct q8_page_rows *rows, struct q8_arena *mem,
                       struct q8_err *err)
{
    q8_json_number(j, "rows", rows->rows);
    if (!put_names(j, rows, mem, err))
        return false;
    q8_json_begin(j, "words", '{');
    for (unsigned i = 0; i < rows->words; i++)
        if (!put_word(j, rows, &rows->word[i], mem, err))
            return false;
    q8_json_end(j, '}');
    put_columns(j, rows);
    put_marks(j, rows);
    return put_details(j, rows, mem, err);
}
