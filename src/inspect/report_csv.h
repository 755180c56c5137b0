/* report_csv.h - what q8-inspect found, for spreadsheets */
#ifndef Q8_INSPECT_REPORT_CSV_H
#define Q8_INSPECT_REPORT_CSV_H

#include "src/inspect/result.h"

#include <stdio.h>

/* A line per shown subject (RFC 4180).  Q8_EIO. */
bool q8_inspect_csv(const struct q8_inspect *in, FILE *out, struct q8_err *err);

#endif
