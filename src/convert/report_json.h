/* report_json.h - the report for machines, schema q8-convert/1 */
#ifndef Q8_CONVERT_REPORT_JSON_H
#define Q8_CONVERT_REPORT_JSON_H

#include "src/convert/report.h"

/* All of it for machines, schema q8-convert/1.  Q8_EIO when `out` does not take it. */
bool q8_report_json(const struct q8_report *r, FILE *out, struct q8_err *err);

#endif
