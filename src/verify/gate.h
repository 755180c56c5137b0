/* gate.h - thresholds, and an earlier run to compare with: what makes a verification fail */
#ifndef Q8_VERIFY_GATE_H
#define Q8_VERIFY_GATE_H

#include "src/base/arena.h"
#include "src/verify/finding.h"
#include "src/model/select.h"

#include <stdio.h>

struct q8_verify;
struct q8_layer;

/* What can be limited.  The table in gate.c has level, word, direction and default of each. */
enum q8_metric {
    Q8_COVERAGE,       /* percent of the Linear parameters that are int8; of the whole model */
    Q8_WEIGHTS_SQNR,   /* dB */
    Q8_WEIGHTS_COSINE, /* of weights */
    Q8_WEIGHTS_ERROR,  /* sqrt of the relative MSE */
    Q8_WEIGHTS_OFF,    /* share of codes that no rule gives, 0 to 1 */
    Q8_WEIGHTS_SCALE,  /* relative difference of a scale from the rule's */
    Q8_MATMUL_SQNR,    /* dB */
    Q8_MATMUL_COSINE,  /* of products */
    Q8_MATMUL_ERROR,   /* relative error of products */
    Q8_MATMUL_KL,      /* of a head's logits */
    Q8_METRICS
};

/* One of them: a row of data. */
struct q8_metric_row {
    enum q8_level level;    /* that measures it; Q8_COVERAGE: integrity */
    const char *word;       /* in the thresholds file: "min-sqnr" */
    const char *noun;       /* for messages: "SQNR" */
    bool least;             /* the threshold is the least value that passes, else the largest */
    double lowest, highest; /* what a threshold may be */
    double standard;        /* the default */
    const char *unit;       /* for messages: " dB", "" */
};

/* All of them, by enum q8_metric. */
extern const struct q8_metric_row q8_metrics[Q8_METRICS];

/* A threshold, for the modules that a pattern matches. */
struct q8_threshold {
    enum q8_metric metric;    /* what is limited */
    double value;             /* passes itself */
    struct q8_select pattern; /* one ONLY pattern; empty: all modules */
    const char *origin;       /* for messages: "--min-sqnr", "thresholds.txt:12", "the default" */
};

/* All thresholds; the last one that names a module and a metric holds for it. */
struct q8_gate {
    struct q8_threshold *list;    /* [count], memory of the arena */
    uint64_t count, room;         /* in use, allocated */
    struct q8_regex_steps *steps; /* of all their regexes */
};

/* The defaults.  Q8_ELIMIT. */
bool q8_gate_init(struct q8_gate *g, struct q8_arena *mem, struct q8_err *err);

/*
 * Adds an option such as --min-sqnr ("min-sqnr" is `word`): "VALUE" for every level that measures
 * it, or "weights:VALUE", "matmul:VALUE".  `word` is one of q8_metrics.  Q8_EUSAGE.
 */
bool q8_gate_option(struct q8_gate *g, const char *word, const char *arg, struct q8_arena *mem,
                    struct q8_err *err);

/*
 * Adds the lines of a thresholds file: "LEVEL METRIC VALUE [PATTERN]", as in "weights min-sqnr 30"
 * or "matmul max-rel-error 0.05 model.layers.0.*"; "model min-coverage 90".  Empty lines and
 * comments as in select.h.  Q8_EUSAGE names the line and what is known; 1 MiB at most (Q8_ELIMIT).
 * The path is not copied.
 */
bool q8_gate_file(struct q8_gate *g, const char *path, struct q8_arena *mem, struct q8_err *err);

/*
 * The threshold that holds for a module (NULL: the whole model); NULL with Q8_ELIMIT.  From any
 * thread.
 */
const struct q8_threshold *q8_gate_ask(const struct q8_gate *g, enum q8_metric metric,
                                       const char *module, struct q8_err *err);

/* The value that a layer has of a metric; NaN when it was not measured, and for Q8_COVERAGE. */
double q8_gate_value(const struct q8_layer *layer, enum q8_metric metric);

/*
 * Compares everything that was measured with its threshold; adds a finding for each that says no,
 * NaN among them.
 * Q8_WEIGHTS_OFF and Q8_WEIGHTS_SCALE add none: what is off is named by level 2.  Q8_EUSAGE when a
 * pattern of the thresholds file matched no layer, unless v->options.layers leaves some out.
 */
bool q8_gate_run(struct q8_verify *v, struct q8_err *err);

#endif
