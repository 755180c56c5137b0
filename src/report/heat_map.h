/* heat_map.h - layers times roles, coloured by a number: the map on the pages */
#ifndef Q8_REPORT_HEAT_MAP_H
#define Q8_REPORT_HEAT_MAP_H

#include "src/report/page.h"

/* A way to colour the map. */
struct q8_heat_view {
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
struct q8_heat_spot {
    const char *name;            /* its path: what stands before the layer number is its stack */
    const char *role;            /* its column */
    uint64_t layer;              /* with the stack, its row */
    uint64_t row;                /* of the table */
    uint64_t stack_bytes;        /* internal */
    double value[Q8_HTML_VIEWS]; /* of each view; NaN: it has none */
    bool low, bad;               /* marks: see struct q8_heat_view; struct q8_heat_map */
};

/* The heat map: layers times roles. */
struct q8_heat_map {
    struct q8_heat_spot *spot;               /* [spots], which q8_heat_map_print sorts */
    uint64_t spots;                          /* 0: there is no map */
    struct q8_heat_view view[Q8_HTML_VIEWS]; /* [views] */
    unsigned views;                          /* how many; those without a value are left out */
    const char *bad;                         /* what the mark says: "has NaN or Inf" */
};

/* Writes the section of the map; nothing when no spot has a value.  Q8_ELIMIT. */
bool q8_heat_map_print(FILE *out, const struct q8_heat_map *map, struct q8_arena *mem,
                       struct q8_err *err);

#endif
