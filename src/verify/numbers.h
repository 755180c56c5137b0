/* numbers.h - the numbers of a layer: one table, which JSON and the page print from */
#ifndef Q8_VERIFY_NUMBERS_H
#define Q8_VERIFY_NUMBERS_H

#include "src/report/columns.h"
#include "src/verify/result.h"

#define Q8_NUMBERS 32 /* beyond the rows of the table */

/*
 * The columns of that level, Q8_LEVEL_WEIGHTS or Q8_LEVEL_MATMUL: a constant; *ret_count is how
 * many.  Each takes nothing and a struct q8_layer, and is NaN where the level was not run.
 */
const struct q8_column *q8_numbers_of(enum q8_level level, unsigned *ret_count);

/* Those of both levels that the page shows and some layer has, in *ret [Q8_NUMBERS]; how many. */
unsigned q8_numbers_shown(const struct q8_verify *v, const struct q8_column **ret);

#endif
