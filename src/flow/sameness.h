/* sameness.h - whether elements that come piece by piece all have the same bytes */
#ifndef Q8_FLOW_SAMENESS_H
#define Q8_FLOW_SAMENESS_H

#include <stdbool.h>
#include <stdint.h>

#define Q8_SAMENESS_BYTES 8 /* the largest element */

/* What was seen so far.  A zeroed one whose `size` is set has seen nothing. */
struct q8_sameness {
    uint64_t size;                          /* bytes of an element, 1 to Q8_SAMENESS_BYTES */
    uint64_t seen;                          /* bytes, until two elements differed */
    unsigned char first[Q8_SAMENESS_BYTES]; /* the first element */
    bool differ;                            /* two of them do */
};

/* Shows it the next bytes, cut anywhere.  Costs next to nothing where elements differ. */
void q8_sameness_see(struct q8_sameness *s, const void *x, uint64_t bytes);

/* Whether there were two elements or more, and all had the same bytes. */
bool q8_sameness_holds(const struct q8_sameness *s);

#endif
