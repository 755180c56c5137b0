/* constant.c - weights all of whose elements are one number, in a sentence */
#include "src/report/constant.h"

#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>

void q8_constants_add(struct q8_constants *c, const char *name)
{
    if (c->count < Q8_CONSTANTS_NAMED)
        c->name[c->count] = name;
    c->count++;
}

const char *q8_constants_text(const struct q8_constants *c, char text[Q8_CONSTANTS_TEXT])
{
    char name[256], more[48] = "";
    size_t n =
        (size_t)snprintf(text, Q8_CONSTANTS_TEXT, "%" PRIu64 " weight%s all zero or one constant (",
                         c->count, c->count == 1 ? " is" : "s are");

    for (uint64_t i = 0; i < c->count && i < Q8_CONSTANTS_NAMED; i++)
        n += (size_t)snprintf(text + n, Q8_CONSTANTS_TEXT - n, "%s'%s'", i ? ", " : "",
                              q8_text_escape(c->name[i], name, sizeof name));
    if (c->count > Q8_CONSTANTS_NAMED)
        (void)snprintf(more, sizeof more, " and %" PRIu64 " more", c->count - Q8_CONSTANTS_NAMED);
    (void)snprintf(text + n, Q8_CONSTANTS_TEXT - n, "%s): was the file downloaded whole?", more);
    return text;
}
