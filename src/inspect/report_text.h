/* report_text.h - what q8-inspect found, for people */
#ifndef Q8_INSPECT_REPORT_TEXT_H
#define Q8_INSPECT_REPORT_TEXT_H

#include "src/inspect/suggest.h"

#include <stdio.h>

/* What the terminal can show. */
struct q8_style {
    unsigned width; /* columns, 40 at least */
    bool colour;    /* escape sequences are obeyed; they only repeat what the text says */
    bool utf8;      /* block characters can be shown */
};

/* What sorts the table: what hurts most stands first. */
enum q8_sort {
    Q8_SORT_SQNR,
    Q8_SORT_ABSMAX,
    Q8_SORT_CREST,
    Q8_SORT_OUTLIERS,
    Q8_SORT_SIZE,
    Q8_SORT_NAME,
    Q8_SORTS
};

/* "sqnr", "absmax", "crest", "outliers", "size", "name": a constant; NULL beyond. */
const char *q8_sort_name(enum q8_sort sort);

/* How the summary is to be printed. */
struct q8_inspect_print {
    const struct q8_inspect *in;            /* what was found */
    const struct q8_suggestion *suggestion; /* the cures; none for an int8 model */
    struct q8_style style;                  /* of the terminal */
    enum q8_sort sort;                      /* of the table */
    uint64_t top;                           /* rows of the table; 0: all */
    bool details; /* --layers: all that is known of each, below the table */
};

/* For people.  Memory of `mem` is used.  Q8_EIO when `out` does not take it, Q8_ELIMIT. */
bool q8_inspect_text(const struct q8_inspect_print *p, FILE *out, struct q8_arena *mem,
                     struct q8_err *err);

#endif
