/* report_parts.h - the pieces of the report for people */
#ifndef Q8_INSPECT_REPORT_PARTS_H
#define Q8_INSPECT_REPORT_PARTS_H

#include "src/inspect/report_text.h"

#include <stdio.h>

/* Everything about one subject. */
void q8_inspect_detail(const struct q8_inspect_print *p, const struct q8_subject *s, FILE *out);

/* The outlier features: where they are seen, and what reads them. */
void q8_inspect_features(const struct q8_inspect *in, FILE *out);

/* What is suggested, a line for each of the first `top`. */
void q8_inspect_cures(const struct q8_inspect_print *p, FILE *out);

/*
 * A histogram in `width` characters, the exponents spread over them; returns
 * text.  4 bytes per character and one are enough.
 */
char *q8_sparkline(const struct q8_numbers *n, unsigned width, bool utf8, char *text, size_t size);

#endif
