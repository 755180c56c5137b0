/* activations_parts.h - what the parts of activations.h share */
#ifndef Q8_FORWARD_ACTIVATIONS_PARTS_H
#define Q8_FORWARD_ACTIVATIONS_PARTS_H

#include "src/forward/gaussian.h"
#include "src/forward/statistics.h"
#include "src/forward/activations.h"

/* One array of the file at options.path. */
struct q8_activations_array {
    const char *name;       /* the module's */
    uint64_t tokens;        /* rows that are taken; 0: statistics */
    uint64_t cols;          /* features */
    const float *value;     /* [tokens, cols], or the absmax [cols]; NULL: in the file */
    struct q8_tensor where; /* of a captured one in the file: dtype and offset */
};

/* One module of the model. */
struct q8_activations_module {
    const char *name;                         /* the caller's */
    uint64_t cols;                            /* of its weight */
    const struct q8_activations_array *array; /* its activations in the file; NULL: none */
    const struct q8_tensor *norm;             /* the gain of the norm that feeds it; NULL: none */
    bool adds_one;                            /* that norm multiplies by 1 + w */
};

struct q8_activations_parts {
    struct q8_file file;                  /* the open file at options.path, or fd -1 */
    struct q8_activations_module *module; /* [modules], by name */
    uint64_t modules;                     /* how many */
    float *quantile;                      /* [Q8_GAUSSIAN_TABLE] */
};

/*
 * activations_file.c: opens the file at p->options.path, sets p->digest, and `array` of the modules
 * in p->parts, which are the weights given.  Errors as q8_activations_open, with the path in front.
 */
bool q8_activations_read(struct q8_activations *p, const struct q8_weight_list *weights,
                         struct q8_arena *mem, struct q8_err *err);

/* Reads the rows [tokens, cols] of a captured array into x.  Q8_EIO; also when the file changed. */
bool q8_activations_rows(const struct q8_activations *p, const struct q8_activations_array *a,
                         float *x, struct q8_err *err);

/* The module of that name; NULL: none. */
struct q8_activations_module *q8_activations_module(const struct q8_activations_parts *parts,
                                                    const char *name);

#endif
