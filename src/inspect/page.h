/* page.h - the page of q8-inspect --html: one file that needs nothing but a browser */
#ifndef Q8_INSPECT_PAGE_H
#define Q8_INSPECT_PAGE_H

#include "src/inspect/suggest.h"

#include <stdio.h>

/*
 * Writes what was measured as one HTML document, UTF-8: summary, heat map of layers and roles,
 * outlier features, what is suggested, and a table of every subject that is shown.  The numbers
 * are in the text; its script adds views, order, search and histograms, and fetches nothing.
 *
 * `suggestion` may be NULL: no such section.  The bytes depend on the result alone: no time, no
 * host, no locale but the decimal point of the C one.  Names from files are escaped.  About 2 KB
 * for each subject.  Q8_EIO, Q8_ELIMIT.
 */
bool q8_inspect_page(const struct q8_inspect *in, const struct q8_suggestion *suggestion, FILE *out,
                     struct q8_err *err);

#endif
