/* rows.c - the rows of a page: their order, and the worst of them as a plain table */
#include "src/report/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A row, and how bad it is. */
struct rank {
    uint64_t row;
    unsigned mark; /* the first that it has; as many as there are: none */
    double value;  /* of the first view, the more the worse; NaN: none */
};

/* Bytes of the number at the start of a text, and in *ret_zeros of the zeros before it. */
static size_t digits_at(const char *text, size_t *ret_zeros)
{
    const size_t digits = strspn(text, "0123456789"), zeros = strspn(text, "0");

    *ret_zeros = digits && zeros == digits ? digits - 1 : zeros;
    return digits;
}

/* Numbers inside names go by their value, the rest by its bytes. */
static int compare_names(const char *a, const char *b)
{
    const char *x = a, *y = b;

    while (*x && *y) {
        size_t x_zeros, y_zeros;
        const size_t m = digits_at(x, &x_zeros), n = digits_at(y, &y_zeros);
        int order;

        if (!m || !n) {
            if (*x != *y)
                return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
            x++;
            y++;
            continue;
        }
        if (m - x_zeros != n - y_zeros)
            return m - x_zeros < n - y_zeros ? -1 : 1;
        order = memcmp(x + x_zeros, y + y_zeros, m - x_zeros);
        if (order)
            return order;
        x += m;
        y += n;
    }
    return *x || *y ? (*x ? 1 : -1) : strcmp(a, b);
}

static int compare_rows(const void *a, const void *b, void *self)
{
    const struct q8_page_rows *rows = self;
    const void *const *x = a, *const *y = b;

    return compare_names(rows->name(*x), rows->name(*y));
}

void q8_page_rows_sort(struct q8_page_rows *rows)
{
    if (rows->rows)
        qsort_r(rows->row, rows->rows, sizeof *rows->row, compare_rows, rows);
}

static int compare_ranks(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;

    if (x->mark != y->mark)
        return x->mark < y->mark ? -1 : 1;
    if (isnan(x->value) != isnan(y->value))
        return isnan(x->value) ? 1 : -1;
    if (x->value != y->value && !isnan(x->value))
        return x->value > y->value ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static struct rank rank_of(const struct q8_page_rows *rows, uint64_t i)
{
    const struct q8_page_view *view = rows->view;
    struct rank rank = {i, 0, q8_column_value(view->column, rows->self, rows->row[i])};

    while (rank.mark < rows->marks && !rows->mark[rank.mark].has(rows->self, rows->row[i]))
        rank.mark++;
    if (view->alarm < view->calm)
        rank.value = -rank.value;
    return rank;
}

bool q8_page_rows_worst(const struct q8_page_rows *rows, uint64_t most, uint64_t **ret,
                        uint64_t *ret_count, struct q8_arena *mem, struct q8_err *err)
{
    struct rank *rank = q8_alloc(mem, rows->rows, sizeof *rank, err);
    uint64_t *list = q8_alloc(mem, rows->rows, sizeof *list, err);

    if (!rank || !list)
        return false;
    for (uint64_t i = 0; i < rows->rows; i++)
        rank[i] = rank_of(rows, i);
    if (rows->rows)
        qsort(rank, rows->rows, sizeof *rank, compare_ranks);
    for (uint64_t i = 0; i < rows->rows && i < most; i++)
        list[i] = rank[i].row;
    *ret = list;
    *ret_count = rows->rows < most ? rows->rows : most;
    return true;
}

/* ---- the plain table ---- */

static void put_word(FILE *out, const struct q8_page_rows *rows, const char *key, const void *row)
{
    char buffer[Q8_PAGE_WORD];

    for (unsigned i = 0; i < rows->words; i++)
        if (strcmp(rows->word[i].key, key) == 0) {
            const char *text = rows->word[i].text(row, buffer);

            q8_html_text(out, text ? text : "");
        }
}

static void put_row(FILE *out, const struct q8_page_rows *rows, const void *row)
{
    fputs("<tr><th scope=\"row\">", out);
    q8_html_name(out, rows->name(row));
    fputs(" <small>", out);
    put_word(out, rows, "note", row);
    fputs("</small></th><td>", out);
    put_word(out, rows, "type", row);
    fputs("</td><td>", out);
    put_word(out, rows, "shape", row);
    fputs("</td>", out);
    for (unsigned c = 0; c < rows->columns; c++)
        q8_column_cell(out, &rows->column[c], rows->self, row);
    fputs("</tr>\n", out);
}

/* Nothing of it is parsed where there is JavaScript. */
static bool put_plain(FILE *out, const struct q8_page_rows *rows, struct q8_arena *mem,
                      struct q8_err *err)
{
    uint64_t *list, count;

    if (!q8_page_rows_worst(rows, Q8_PAGE_PLAIN, &list, &count, mem, err))
        return false;
    fprintf(out,
            "<noscript><p>Map, search and details need JavaScript; the JSON report has all"
            " numbers. Here are %s%" PRIu64 " of %" PRIu64 " rows.</p>\n"
            "<div class=\"box\"><table id=\"plain\" class=\"list\"><caption>The worst first"
            "</caption>\n<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Type</th>"
            "<th scope=\"col\">Shape</th>",
            count < rows->rows ? "the worst " : "", count, rows->rows);
    for (unsigned c = 0; c < rows->columns; c++)
        q8_column_head(out, &rows->column[c], "n");
    fputs("</tr></thead>\n<tbody>\n", out);
    for (uint64_t i = 0; i < count; i++)
        put_row(out, rows, rows->row[list[i]]);
    fputs("</tbody></table></div></noscript>\n", out);
    return true;
}

bool q8_page_table(FILE *out, const struct q8_page_rows *rows, const struct q8_page_table *table,
                   struct q8_arena *mem, struct q8_err *err)
{
    fprintf(out,
            "<section id=\"%s\"><h2>%s</h2>\n<form class=\"find\" role=\"search\" hidden>"
            "<label>Search <input type=\"search\" id=\"find\" autocomplete=\"off\""
            " spellcheck=\"false\" placeholder=\"layers.3 down_proj\"></label>",
            table->id, table->title);
    if (table->low)
        fprintf(out, "<label><input type=\"checkbox\" id=\"low\"> %s</label>", table->low);
    fprintf(out,
            "<label hidden><input type=\"checkbox\" id=\"single\"> experts one by one</label>"
            "<output id=\"found\" aria-live=\"polite\"></output></form>\n"
            "<div class=\"box rows\" role=\"region\" aria-labelledby=\"rows-caption\" hidden>"
            "<table id=\"rows\" class=\"list\"><caption id=\"rows-caption\">%s</caption>\n"
            "<thead><tr></tr></thead><tbody></tbody></table></div>\n"
            "<p id=\"cut\" hidden></p>\n",
            table->caption);
    if (!put_plain(out, rows, mem, err))
        return false;
    fputs("</section>\n", out);
    return true;
}

void q8_page_map(FILE *out, const struct q8_page_rows *rows)
{
    uint64_t places = 0;

    for (uint64_t i = 0; i < rows->rows; i++)
        places += rows->has_place(rows->row[i]);
    if (places)
        fputs("<section id=\"layers\" hidden><h2>Layers and roles</h2>\n</section>\n", out);
}
