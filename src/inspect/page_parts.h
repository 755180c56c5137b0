/* page_parts.h - the sections of the page of q8-inspect, for page.c */
#ifndef Q8_INSPECT_PAGE_PARTS_H
#define Q8_INSPECT_PAGE_PARTS_H

#include "src/inspect/numbers.h"
#include "src/inspect/suggest.h"
#include "src/report/rows.h"

/* Beyond these the map of features is cut, which the page says. */
#define Q8_HTML_FEATURES 24

/* What every section reads, and where it goes. */
struct q8_html_page {
    const struct q8_inspect *in;            /* what was measured */
    const struct q8_suggestion *suggestion; /* NULL: not asked */
    FILE *out;                              /* the page */
    struct q8_arena *mem;                   /* for lists of subjects */
    struct q8_err *err;                     /* Q8_ELIMIT */
};

/* The rows of the table and the map, and what they point to. */
struct q8_html_rows {
    struct q8_page_rows rows;
    struct q8_column column[Q8_NUMBERS];
    struct q8_page_mark mark[8];
    struct q8_page_view view[Q8_HTML_VIEWS];
};

/* The subjects that are shown.  *ret stays where it is.  Q8_ELIMIT. */
bool q8_html_rows_make(struct q8_html_rows *ret, const struct q8_html_page *page);

/* Layers times outlier dimensions, and what is known of each dimension. */
void q8_html_features(const struct q8_html_page *page);

/* The section of the table.  Q8_ELIMIT. */
bool q8_html_table(const struct q8_html_page *page, const struct q8_page_rows *rows);

/* What the script shows of one subject: see page_data.c. */
void q8_html_details(struct q8_json *j, const void *inspect, const void *subject);

/* The JSON block.  Q8_ELIMIT. */
bool q8_html_data(const struct q8_html_page *page, const struct q8_page_rows *rows);

#endif
