/* report.h - the reports of a comparison, for people and for machines */
#ifndef Q8_COMPARE_REPORT_H
#define Q8_COMPARE_REPORT_H

#include "src/compare/result.h"

#include <stdio.h>

/* "only-a", "only-b", "shape", "type", "values", "same-values", "same-bytes": as JSON names it. */
const char *q8_verdict_name(enum q8_verdict verdict);

/* The report for people, lines of `width` columns where names allow it.  Q8_EIO. */
bool q8_compare_text(const struct q8_compare *result, FILE *out, unsigned width,
                     struct q8_err *err);

/* The report for machines, schema q8-inspect-diff/1.  Q8_EIO. */
bool q8_compare_json(const struct q8_compare *result, FILE *out, struct q8_err *err);

/* "BF16", "int8 bitsandbytes", "int8 packed g128": the type of a side, 64 bytes; returns text. */
char *q8_side_type(const struct q8_side *side, char *text, size_t size);

/* "[4096, 11008]" as it is compared, 200 bytes; returns text. */
char *q8_side_shape(const struct q8_side *side, char *text, size_t size);

#endif
