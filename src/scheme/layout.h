/* layout.h - how int8 weights lie in a file, and what config.json calls that: rows of data */
#ifndef Q8_SCHEME_LAYOUT_H
#define Q8_SCHEME_LAYOUT_H

#include "src/model/arch.h"

/* One layout, a constant. */
struct q8_layout_row {
    const char *name;   /* what reports call it; of compressed-tensors: `format` of the config */
    const char *older;  /* another name for it; NULL: none */
    const char *method; /* quant_method of the config */
    bool mixes;         /* the config has a place for schemes of single modules */
};

/* All of them, by enum q8_layout; Q8_LAYOUT_NONE has no name and no method. */
extern const struct q8_layout_row q8_layouts[Q8_LAYOUTS];

/* The layout that a config of that method calls `name`; Q8_LAYOUT_NONE: none, or name is NULL. */
enum q8_layout q8_layout_find(const char *method, const char *name);

/* Whether one config can have weights of both. */
bool q8_layout_same_method(enum q8_layout a, enum q8_layout b);

#endif
