/* sameness.c - whether elements that come piece by piece all have the same bytes */
#include "src/flow/sameness.h"

#include <string.h>

void q8_sameness_see(struct q8_sameness *s, const void *x, uint64_t bytes)
{
    const unsigned char *p = x, *end = p + bytes;

    /* up to the end of the first element, and of one that the last call cut */
    for (; p < end && !s->differ && (s->seen < s->size || s->seen % s->size != 0); s->seen++, p++)
        if (s->seen < s->size)
            s->first[s->seen] = *p;
        else
            s->differ = s->first[s->seen % s->size] != *p;
    if (s->differ || p == end)
        return;
    bytes = (uint64_t)(end - p);
    /* each byte equals the one an element behind it, which memcmp finds out at once if not */
    s->differ = memcmp(p, s->first, bytes < s->size ? bytes : s->size) != 0 ||
                (bytes > s->size && memcmp(p, p + s->size, bytes - s->size) != 0);
    s->seen += bytes;
}

bool q8_sameness_holds(const struct q8_sameness *s)
{
    return !s->differ && s->seen >= 2 * s->size;
}
