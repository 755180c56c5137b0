/* page_parts.h - the sections of the page of q8-inspect, for page.c */
#ifndef Q8_INSPECT_PAGE_PARTS_H
#define Q8_INSPECT_PAGE_PARTS_H

#include "src/inspect/numbers.h"
#include "src/inspect/suggest.h"
#include "src/report/page.h"

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

/* Layers times roles; nothing when no weight has a layer.  Q8_ELIMIT. */
bool q8_html_map(const struct q8_html_page *page);

/* Layers times outlier dimensions, and what is known of each dimension. */
void q8_html_features(const struct q8_html_page *page);

/* A row for every shown subject. */
void q8_html_table(const struct q8_html_page *page);

/* The JSON that the script draws histograms and details from, in the order of the table. */
void q8_html_data(const struct q8_html_page *page);

#endif
