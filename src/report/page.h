/* page.h - what the pages of q8-inspect and q8-verify share: frame, facts, legend */
#ifndef Q8_REPORT_PAGE_H
#define Q8_REPORT_PAGE_H

#include "src/base/arena.h"
#include "src/report/escape.h"

#define Q8_HTML_STEPS 10 /* colours of a heat map, .h0 (calm) to .h9 (look here) in page.css */
#define Q8_HTML_VIEWS 5  /* ways to colour a map, at most */

/* The page up to its heading: `tool` is "q8-inspect", `path` the model's, of which the last part is
 * title and heading.  What explains the heading comes next. */
void q8_html_open(FILE *out, const char *tool, const char *path);

/* The path as it was given, in a <span>; nothing where it is the heading. */
void q8_html_path(FILE *out, const char *path);

/* Ends the heading; sections come next, each with an id and an <h2>. */
void q8_html_main(FILE *out);

/* Ends the sections.  Data of the script come next: a block of id "data", see rows_data.h. */
void q8_html_end(FILE *out);

/* The script, and the end of the page. */
void q8_html_close(FILE *out);

/* One number of the summary, inside <dl class="facts">: all of it HTML.  `more` says what it
 * counts, or is ""; with `alarm` it has another colour. */
void q8_html_fact(FILE *out, const char *id, const char *label, const char *value, const char *more,
                  bool alarm);

/* 0 to Q8_HTML_STEPS - 1 for a value between calm and alarm (which may be the smaller). */
unsigned q8_html_step(double value, double calm, double alarm);

/* A strip of the colours, with the values at its ends. */
void q8_html_legend(FILE *out, enum q8_html_form form, double calm, double alarm, const char *unit);

#endif
