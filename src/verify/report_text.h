/* report_text.h - what q8-verify found, for people */
#ifndef Q8_VERIFY_REPORT_TEXT_H
#define Q8_VERIFY_REPORT_TEXT_H

#include "src/verify/result.h"

#include <stdio.h>

/*
 * For people: what was compared, a line for the model and for each level, and when it fails the
 * five worst offenders, a line each with its reason.  Lines of `width` columns where names allow
 * it.  Q8_EIO.
 */
bool q8_verify_text(const struct q8_verify *v, FILE *out, unsigned width, struct q8_err *err);

#endif
