/* escape.h - text and numbers inside an HTML page */
#ifndef Q8_REPORT_ESCAPE_H
#define Q8_REPORT_ESCAPE_H

#include <stdio.h>

/*
 * Text for HTML, between tags or in a quoted attribute: & < > " ' become references, what
 * q8_text_hidden names is spelled \u{NNNN}, bytes that are not UTF-8 become U+FFFD.
 */
void q8_html_text(FILE *out, const char *text);

/* The same for a path, which may break behind . / and _.  Not for attributes. */
void q8_html_name(FILE *out, const char *name);

/* How a number is shown. */
enum q8_html_form {
    Q8_HTML_DECIBEL, /* 31.24 */
    Q8_HTML_PLAIN,   /* three significant digits: 0.0312, 1.20e5 */
    Q8_HTML_COUNT,   /* a whole number */
    Q8_HTML_PERCENT, /* of a share: 0.031 is "3.1 %" */
    Q8_HTML_BITS,    /* 7.21 */
    Q8_HTML_COSINE,  /* 0.999981 */
};

/* A number in that form; an infinity as its sign, NaN (there is none) as a dash. */
void q8_html_number(FILE *out, enum q8_html_form form, double value);

#endif
