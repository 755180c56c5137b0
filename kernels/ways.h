/*
 * ways.h - how the vector versions of encode do a group: as its rule says, or quicker where that
 * gives the same codes
 *
 * TIMES: bf16 differs from its fp16 only below 2^-14.  A factor of at most 2^13 makes all of those
 * 0.5 or less, which is code 0 either way, so such groups need no rounding to fp16.
 *
 * SNAP: f16 and bf16 have at most 11 significant bits, and so has a scale that is stored in the
 * weight's type.  A quotient of two such numbers is half of an odd number or at least 2^-14 away
 * from it, if it is 1/4 or more.  Adding Q8_SNAP to the product with the inverse, which is wrong by
 * less than 2^-15, rounds it to a multiple of 2^-14 in the same step: ties become exact again, and
 * nothing else becomes one.
 */
#ifndef Q8_KERNELS_WAYS_H
#define Q8_KERNELS_WAYS_H

#include "kernels/vector.h"

#include <string.h>

/* How a group is encoded: as its rule says, or by the quicker twin of that (TIMES, SNAP). */
enum way { HALF_TIMES, TIMES, DIVIDE, SNAP };

#define Q8_SNAP 768.0f       /* |y| < 256, so the sum is in [512, 1024): its ulp is 2^-14 */
#define EXACT_FACTOR 8191.0f /* of TIMES */
#define SNAP_LEAST 0x1p-120f /* factors whose inverse, and its products, are no denormals */
#define SNAP_MOST 0x1p120f

/* The way of a rule that a group with that factor takes for elements of that type. */
static inline enum way find_way(enum q8_rule rule, enum q8_float type, float factor)
{
    uint32_t bits;

    if (rule == Q8_RULE_HALF_TIMES)
        return type == Q8_FLOAT_F16 || (type == Q8_FLOAT_BF16 && factor <= EXACT_FACTOR)
                   ? TIMES
                   : HALF_TIMES;
    memcpy(&bits, &factor, sizeof bits); /* the lowest 13 of 24 bits are 0: 11 are left */
    return type != Q8_FLOAT_F32 && (bits & 0x1fff) == 0 && factor >= SNAP_LEAST &&
                   factor <= SNAP_MOST
               ? SNAP
               : DIVIDE;
}

#endif
