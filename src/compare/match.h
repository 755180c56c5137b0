/* match.h - which tensors of two checkpoints meet, and what their headers tell */
#ifndef Q8_COMPARE_MATCH_H
#define Q8_COMPARE_MATCH_H

#include "src/compare/result.h"

/*
 * The list of items, by name: verdicts that need no data are there, the others are
 * Q8_SAME_BYTES.
 */
bool q8_compare_pair(struct q8_compare *result, struct q8_arena *mem, struct q8_err *err);

#endif
