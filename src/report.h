/* report.h - what happened, or would: rows in, text or JSON out */
#ifndef Q8_REPORT_H
#define Q8_REPORT_H

#include "src/convert.h"

#include <stdio.h>

/* What a report is about.  `convert` is NULL for a dry run. */
struct q8_report {
    const struct q8_plan *plan;
    const struct q8_convert *convert;
    const char *output;
    uint64_t memory_bytes, free_bytes;
};

/* The summary for people: what became int8, what stays and why, sizes, the worst five. */
bool q8_report_text(const struct q8_report *r, FILE *out, struct q8_err *err);

/* The plan for people, a line per tensor: --dry-run. */
bool q8_report_plan(const struct q8_report *r, FILE *out, struct q8_err *err);

/* Schema q8-convert/1. */
bool q8_report_json(const struct q8_report *r, FILE *out, struct q8_err *err);

/* One reason why tensors stay float, and how much that is. */
struct q8_kept {
    const char *reason;
    uint64_t tensors, parameters;
};

#define Q8_KEPT_MAX 32

/* Counts the reasons, largest first; returns how many. */
unsigned q8_report_kept(const struct q8_plan *plan, struct q8_kept kept[Q8_KEPT_MAX]);

/* Sums over all int8 jobs, in their order. */
struct q8_stats q8_report_stats(const struct q8_convert *c);

#endif
