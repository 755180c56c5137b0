/* constant.h - weights all of whose elements are one number, in a sentence */
#ifndef Q8_REPORT_CONSTANT_H
#define Q8_REPORT_CONSTANT_H

#include <stddef.h>
#include <stdint.h>

#define Q8_CONSTANTS_NAMED 3
#define Q8_CONSTANTS_TEXT 1024

/* No trained weight is so, but what a broken download left.  A zeroed struct is empty. */
struct q8_constants {
    const char *name[Q8_CONSTANTS_NAMED]; /* the first, the caller's */
    uint64_t count;                       /* all */
};

/* Counts one more; the name is not copied. */
void q8_constants_add(struct q8_constants *c, const char *name);

/* "2 weights are all zero or one constant ('a', 'b'): was the file downloaded whole?" */
const char *q8_constants_text(const struct q8_constants *c, char text[Q8_CONSTANTS_TEXT]);

#endif
