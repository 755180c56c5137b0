/* report_json.h - what q8-inspect found, for machines */
#ifndef Q8_INSPECT_REPORT_JSON_H
#define Q8_INSPECT_REPORT_JSON_H

#include "src/inspect/suggest.h"

#include <stdio.h>

/* All that was found, schema q8-inspect/1: no time, no thread in it.  Q8_EIO. */
bool q8_inspect_json(const struct q8_inspect *in, const struct q8_suggestion *suggestion, FILE *out,
                     struct q8_err *err);

#endif
