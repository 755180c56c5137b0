/* report_json.h - what q8-verify found, for machines */
#ifndef Q8_VERIFY_REPORT_JSON_H
#define Q8_VERIFY_REPORT_JSON_H

#include "src/verify/result.h"

#include <stdio.h>

/* All of it for machines, schema q8-verify/2: no time, no thread in it.  Q8_EIO. */
bool q8_verify_json(const struct q8_verify *v, FILE *out, struct q8_err *err);

/*
 * Of a run that could not judge: "verdict" is "error", "error" has the exit status and the message,
 * and all that was not found out is absent.  `model` is the quantized one; NULL: none was named.
 */
void q8_verify_json_error(FILE *out, const char *model, const struct q8_err *err);

#endif
