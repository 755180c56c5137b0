/* report.h - what all reports of q8-verify sum up */
#ifndef Q8_VERIFY_REPORT_H
#define Q8_VERIFY_REPORT_H

#include "src/verify/result.h"

#define Q8_VERIFY_OFFENDERS 5 /* that the report for people names */

/*
 * Numbers of failing findings, the `most` worst (Q8_VERIFY_OFFENDERS at most), one for each name:
 * by level, then by the SQNR of the layer at that level (what is no layer, or has none, first),
 * then in the order of the list; of one name what tells more than a limit comes before it.
 * Returns how many.
 */
unsigned q8_verify_worst(const struct q8_verify *v, uint64_t *worst, unsigned most);

/* The layer of that module; NULL = none. */
const struct q8_layer *q8_verify_layer(const struct q8_verify *v, const char *module);

/* The first of the findings of a level about a name, *ret_count of them. */
const struct q8_finding *q8_verify_about(const struct q8_verify *v, enum q8_level level,
                                         const char *name, uint64_t *ret_count);

/* Whether it only says that a number is beyond a limit or a baseline. */
bool q8_verify_is_limit(const struct q8_finding *f);

/* What the layers have in common. */
struct q8_verify_common {
    uint64_t measured, multiplied;           /* layers with numbers of level 2, of level 3 */
    const struct q8_layer *weights, *matmul; /* those of the lowest SQNR; NULL = none */
    uint64_t mode[Q8_MODES];                 /* layers that were multiplied so */
    uint64_t from[Q8_ACTIVATIONS_KINDS];     /* layers with activations from there */
    uint64_t tokens_least, tokens_most;      /* rows of activations; 0 when there are none */
    double threshold_least, threshold_most;  /* of outliers; NaN: no mode with a threshold */
    uint64_t outliers;                       /* columns multiplied in 16 bit, all layers together */
    uint64_t unmeasured;                     /* layers that level 3 left out */
    const char *why;                         /* the first of them says */
};

/* Sums it up. */
void q8_verify_sum(const struct q8_verify *v, struct q8_verify_common *ret);

/* "bitsandbytes", "w8a8: 20, w8a16: 8": how they were multiplied, 200 bytes; returns text. */
char *q8_verify_modes(const struct q8_verify_common *c, char *text, size_t size);

/* "norm gains: 12, gaussian: 16": where activations come from, 100 bytes; returns text. */
char *q8_verify_sources(const struct q8_verify_common *c, char *text, size_t size);

#endif
