/* report.h - what q8-verify found: for people, for machines, for CI servers, for browsers */
#ifndef Q8_VERIFY_REPORT_H
#define Q8_VERIFY_REPORT_H

#include "src/verify/verify.h"

#include <stdio.h>

/*
 * For people: what was compared, a line for the model and for each level, and when it fails the
 * five worst offenders, a line each with its reason.  Lines of `width` columns where names allow
 * it.  Q8_EIO.
 */
bool q8_verify_text(const struct q8_verify *v, FILE *out, unsigned width, struct q8_err *err);

/* All of it for machines, schema q8-verify/1: no time, no thread in it.  Q8_EIO. */
bool q8_verify_json(const struct q8_verify *v, FILE *out, struct q8_err *err);

/*
 * JUnit XML as Jenkins' junit-10.xsd has it and GitHub and GitLab read it: a test case for each
 * layer, one for the model as a whole, one for each carried tensor or file that failed.  Q8_EIO.
 */
bool q8_verify_junit(const struct q8_verify *v, FILE *out, struct q8_err *err);

/* One self-contained page with inspect's style (page.h).  Q8_EIO, Q8_ELIMIT. */
bool q8_verify_page(const struct q8_verify *v, FILE *out, struct q8_err *err);

#define Q8_VERIFY_OFFENDERS 5 /* that the report for people names */

/*
 * Numbers of failing findings, the `most` worst (Q8_VERIFY_OFFENDERS at most), one for each name:
 * by level, then by the SQNR of the layer at that level (what is no layer, or has none, first),
 * then in the order of the list; of one name what tells more than a limit comes before it.
 * Returns how many.
 */
unsigned q8_verify_worst(const struct q8_verify *v, uint64_t *worst, unsigned most);

/* ---- pieces ---- */

/* report.c: the layer of that module; NULL = none. */
const struct q8_layer *q8_verify_layer(const struct q8_verify *v, const char *module);

/* report.c: the first of the findings of a level about a name, *ret_count of them. */
const struct q8_finding *q8_verify_about(const struct q8_verify *v, enum q8_level level,
                                         const char *name, uint64_t *ret_count);

/* report.c: whether it only says that a number is beyond a limit or a baseline. */
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

/* report.c: sums it up. */
void q8_verify_sum(const struct q8_verify *v, struct q8_verify_common *ret);

/* "bitsandbytes", "w8a8: 20, w8a16: 8": how they were multiplied, 200 bytes; returns text. */
char *q8_verify_modes(const struct q8_verify_common *c, char *text, size_t size);

/* "norm gains: 12, gaussian: 16": where activations come from, 100 bytes; returns text. */
char *q8_verify_sources(const struct q8_verify_common *c, char *text, size_t size);

/* page_layers.c: the heat map and the table of layers.  Q8_ELIMIT. */
bool q8_html_layers(const struct q8_verify *v, FILE *out, struct q8_arena *mem, struct q8_err *err);

/* page_layers.c: the JSON block of the script, in the order of the table. */
void q8_html_layer_data(const struct q8_verify *v, FILE *out);

#endif
