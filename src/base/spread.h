/* spread.h - order statistics of many numbers, in place */
#ifndef Q8_BASE_SPREAD_H
#define Q8_BASE_SPREAD_H

#include <stdint.h>

/*
 * The number that would stand at place `k` < n if v [n] were sorted; v is reordered so that nothing
 * before place k is larger and nothing behind it smaller.  No NaN.  The same input gives the same
 * order.
 */
double q8_spread_rank(double *v, uint64_t n, uint64_t k);

/* Sum of the `count` <= n largest; reorders v.  0 for none. */
double q8_spread_top(double *v, uint64_t n, uint64_t count);

/* Least, median (the lower of two) and largest of a quantity over rows or columns. */
struct q8_spread {
    double least, median, most;
};

/* Of v [n], which is reordered; all 0 when n is 0. */
struct q8_spread q8_spread_of(double *v, uint64_t n);

#endif
