/* plan_make.h - the whole plan: everything that is decided before the first byte is written */
#ifndef Q8_CONVERT_PLAN_MAKE_H
#define Q8_CONVERT_PLAN_MAKE_H

#include "src/convert/plan.h"

/*
 * Decides it.  All memory is that of `mem`.  Q8_EUSAGE when a pattern matches nothing or asks for
 * what the target cannot do, Q8_EUNSUPPORTED when nothing would become int8, Q8_EGATE under the
 * minimum coverage.
 */
bool q8_plan_make(struct q8_plan *ret, const struct q8_model *model,
                  const struct q8_plan_options *options, struct q8_arena *mem, struct q8_err *err);

#endif
