/* page.h - what the pages of q8-inspect and q8-verify share: frame, facts, heat map */
#ifndef Q8_REPORT_PAGE_H
#define Q8_REPORT_PAGE_H

#include "src/base/arena.h"
#include "src/report/escape.h"

#define Q8_HTML_STEPS 10 /* colours of a heat map, .h0 (calm) to .h9 (look here) in page.css */
#define Q8_HTML_VIEWS 5  /* ways to colour a map, at most */

/*
 * Beyond it a map is left out, which the page says: names from a file could ask for layers times
 * roles without end.
 */
#define Q8_HTML_CELLS (UINT64_C(1) << 17)

/* The page up to its heading: `tool` is "q8-inspect", `path` the model's.  What explains the
 * heading comes next. */
void q8_html_open(FILE *out, const char *tool, const char *path);

/* Ends the heading; sections come next, each with an id and an <h2>. */
void q8_html_main(FILE *out);

/* Ends the sections; `lost` is what a reader without JavaScript does not see, HTML.  Data of the
 * script come next: a block of id "data", see src/report/page.js. */
void q8_html_end(FILE *out, const char *lost);

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

/* A way to colour the map. */
struct q8_html_view {
    const char *id; /* for the script and the style */
    const char *title;
    enum q8_html_form form;
    const char *unit;   /* behind the numbers of the legend */
    const char *words;  /* what they mean, HTML */
    double calm, alarm; /* the scale reaches from one to the other, or as far as the values do;
                           NaN: as far as the values do */
    double low;         /* cells that are low are below it; NaN: the view has no such mark */
    bool log;           /* steps are even in the logarithm */
};

/* A weight that has a place in the map. */
struct q8_html_spot {
    const char *name;            /* its path: what stands before the layer number is its stack */
    const char *role;            /* its column */
    uint64_t layer;              /* with the stack, its row */
    uint64_t row;                /* of the table */
    uint64_t stack_bytes;        /* internal */
    double value[Q8_HTML_VIEWS]; /* of each view; NaN: it has none */
    bool low, bad;               /* marks: see struct q8_html_view; struct q8_html_map */
};

/* The heat map: layers times roles. */
struct q8_html_map {
    struct q8_html_spot *spot;               /* [spots], which q8_html_grid sorts */
    uint64_t spots;                          /* 0: there is no map */
    struct q8_html_view view[Q8_HTML_VIEWS]; /* [views] */
    unsigned views;                          /* how many; those without a value are left out */
    const char *bad;                         /* what the mark says: "has NaN or Inf" */
};

/* Writes the section of the map; nothing when no spot has a value.  Q8_ELIMIT. */
bool q8_html_grid(FILE *out, const struct q8_html_map *map, struct q8_arena *mem,
                  struct q8_err *err);

#endif
