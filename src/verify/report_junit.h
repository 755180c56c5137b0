/* report_junit.h - what q8-verify found, for CI servers */
#ifndef Q8_VERIFY_REPORT_JUNIT_H
#define Q8_VERIFY_REPORT_JUNIT_H

#include "src/verify/result.h"

#include <stdio.h>

/*
 * JUnit XML as Jenkins' junit-10.xsd has it and GitHub and GitLab read it: a test case for each
 * layer, one for the model as a whole, one for each carried tensor or file that failed.  Q8_EIO.
 */
bool q8_verify_junit(const struct q8_verify *v, FILE *out, struct q8_err *err);

/*
 * The same of a run that could not judge: the case of the whole model, with what was wrong as its
 * error.  `model` is the path of the quantized one; NULL: none was named.
 */
void q8_verify_junit_error(FILE *out, const char *model, const struct q8_err *err);

#endif
