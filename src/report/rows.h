/* rows.h - the rows of a page: data, of which the script draws what is seen */
#ifndef Q8_REPORT_ROWS_H
#define Q8_REPORT_ROWS_H

#include "src/report/columns.h"
#include "src/report/page.h"

/*
 * Beyond it a row has no details of its own, which the page says: the worst have them.  They take
 * more than ten times what the numbers of the table do.
 */
#define Q8_PAGE_DETAILS 2000

/* What is there without JavaScript: the worst rows of the table. */
#define Q8_PAGE_PLAIN 100

#define Q8_PAGE_WORD 256 /* bytes of a text that is made for a row, its NUL counted */

/* A text that rows share; the page's table shows "type" and "shape", and "note" below a name. */
struct q8_page_word {
    const char *key; /* what page.js calls it */
    /* Of a row, a constant, the result's, or made in buffer [Q8_PAGE_WORD]; NULL: it has none. */
    const char *(*text)(const void *row, char *buffer);
};

/* Something that rows stand out by: a class of page.css: "low", "bad", "fails". */
struct q8_page_mark {
    const char *id;
    const char *title; /* behind the mark in the legend of the map: "has NaN or Inf" */
    bool (*has)(const void *self, const void *row);
};

/* A way to colour the heat map. */
struct q8_page_view {
    const char *id; /* for the script and the style */
    const char *title;
    const char *unit;               /* behind the numbers of the legend */
    const char *words;              /* what they mean */
    const struct q8_column *column; /* its values */
    double calm, alarm;             /* the scale reaches from one to the other, or as far as the
                                       values do; NaN: as far as the values do */
    bool log;                       /* steps are even in the logarithm */
};

/* The rows of a page.  Functions take self and one of the rows. */
struct q8_page_rows {
    const void *self;
    const void **row;                     /* [rows], which q8_page_rows_sort puts in order */
    uint64_t rows;                        /* how many */
    const char *(*name)(const void *row); /* a path: its first number is the layer */
    const struct q8_page_word *word;      /* [words] */
    unsigned words;                       /* how many */
    const struct q8_column *column;       /* [columns] of the table, each with a title */
    unsigned columns;                     /* how many */
    const struct q8_column *mine;         /* of them, the one that counts; NULL: none does */
    const struct q8_page_mark *mark;      /* [marks], the worst first */
    unsigned marks;                       /* how many, at most 8 */
    const struct q8_page_view *view;      /* [views] of the map; the first tells how bad a row is */
    unsigned views;                       /* how many */
    bool (*has_place)(const void *row);   /* whether the row may stand on the map */
    /* Members of the object that is open: what the script shows of this row alone. */
    void (*details)(struct q8_json *j, const void *self, const void *row);
};

/* By name, as people count: layer 2 before layer 10. */
void q8_page_rows_sort(struct q8_page_rows *rows);

/*
 * Numbers of the `most` worst rows, the worst first, in *ret; *ret_count is how many there are.  By
 * their marks, then by the first view.  Q8_ELIMIT.
 */
bool q8_page_rows_worst(const struct q8_page_rows *rows, uint64_t most, uint64_t **ret,
                        uint64_t *ret_count, struct q8_arena *mem, struct q8_err *err);

/* The section of the map, which the script fills; nothing when no row has a place. */
void q8_page_map(FILE *out, const struct q8_page_rows *rows);

/*
 * The search and the table, which the script fills; without one the worst rows.  `id` and `title`
 * are of the section, `caption` of the table, HTML all; `low` says what the box beside the search
 * leaves, and is NULL where there is none.  Q8_ELIMIT.
 */
struct q8_page_table {
    const char *id, *title, *caption, *low;
};
bool q8_page_table(FILE *out, const struct q8_page_rows *rows, const struct q8_page_table *table,
                   struct q8_arena *mem, struct q8_err *err);

#endif
