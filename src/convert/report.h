/* report.h - what happened, or would: for people, and the sums that both reports have */
#ifndef Q8_CONVERT_REPORT_H
#define Q8_CONVERT_REPORT_H

#include "src/convert/plan.h"
#include "src/report/constant.h"
#include "src/scheme/encode.h"

#include <stdio.h>

struct q8_convert; /* convert_parts.h: a conversion done */

/* What a report is about.  Owns nothing. */
struct q8_report {
    const struct q8_plan *plan;        /* what was to be done */
    const struct q8_convert *convert;  /* what was done; NULL for a dry run */
    const char *output;                /* OUTPUT as the user gave it */
    uint64_t memory_bytes, free_bytes; /* peak of the run; free on the disk of OUTPUT before it */
};

/*
 * The summary for people: what became int8, what stays and why, sizes, the worst five.  Wants
 * `convert`.  Q8_EIO when `out` has not taken it all.
 */
bool q8_report_text(const struct q8_report *r, FILE *out, struct q8_err *err);

/* The plan for people, a line per tensor: --dry-run.  Q8_EIO when `out` does not take it. */
bool q8_report_plan(const struct q8_report *r, FILE *out, struct q8_err *err);

/* What happens to the tensor, a word: "int8", "copy", "cast", or "float": dequantized. */
const char *q8_job_action(const struct q8_job *job);

/* One reason why tensors stay float, and how much that is. */
struct q8_kept {
    const char *reason;           /* as the jobs have it */
    uint64_t tensors, parameters; /* with that reason, and their elements */
};

#define Q8_KEPT_MAX 32 /* reasons that are told apart */

/*
 * Counts the reasons, most parameters first; returns how many.  Reasons beyond Q8_KEPT_MAX are left
 * out.
 */
unsigned q8_report_kept(const struct q8_plan *plan, struct q8_kept kept[Q8_KEPT_MAX]);

#define Q8_WORST 5 /* modules of the lowest SQNR that a report names */

/* Numbers of the int8 jobs that are encoded with the lowest SQNR, worst first; returns how many. */
unsigned q8_report_worst(const struct q8_convert *c, uint64_t worst[Q8_WORST]);

/* The weights of which all elements are the same, by their names. */
struct q8_constants q8_report_constants(const struct q8_convert *c);

/* Sums over all int8 jobs, in their order, so that threads change no bit. */
struct q8_stats q8_report_stats(const struct q8_convert *c);

#endif
