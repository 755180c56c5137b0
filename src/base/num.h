/* num.h - checked arithmetic on sizes that come from outside */
#ifndef Q8_BASE_NUM_H
#define Q8_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

/* *ret = a + b; false (and *ret unspecified) when the sum does not fit. */
static inline bool q8_add(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

/* *ret = a * b; false (and *ret unspecified) when the product does not fit. */
static inline bool q8_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

/* Whether the range [off, off + len) lies within [0, size); never wraps. */
static inline bool q8_within(uint64_t off, uint64_t len, uint64_t size)
{
    return off <= size && len <= size - off;
}

/* The smaller of the two. */
static inline uint64_t q8_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The larger of the two. */
static inline uint64_t q8_max(uint64_t a, uint64_t b)
{
    return a < b ? b : a;
}

/* a / b rounded up; b > 0. */
static inline uint64_t q8_div_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

#endif
