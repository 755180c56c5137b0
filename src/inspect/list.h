/* list.h - what is measured, and the ways to quantize that each weight is measured for */
#ifndef Q8_INSPECT_LIST_H
#define Q8_INSPECT_LIST_H

#include "src/inspect/result.h"

/*
 * The i-th way to quantize, i < Q8_COSTS: the first target with arithmetic of its own.  Targets
 * that only store the same numbers in another way (ct-w8a8, ct-w8a16) share one.
 */
const struct q8_target *q8_costs(unsigned i);

/* Which of them that target does. */
unsigned q8_cost_of(const struct q8_target *target);

/*
 * Only the list of subjects, without reading data: the first half of q8_inspect_run.  Finds the
 * weights of options.reference too: Q8_EUSAGE for a float model, Q8_EINPUT when shapes differ or
 * nothing fits.
 */
bool q8_inspect_list(struct q8_inspect *ret, const struct q8_model *model,
                     const struct q8_inspect_options *options, struct q8_arena *mem,
                     struct q8_err *err);

/*
 * The SQNR that sorts a subject and colours it: the cost for the target, or against the reference;
 * NaN when there is none.
 */
double q8_subject_sqnr(const struct q8_inspect *in, const struct q8_subject *s);

#endif
