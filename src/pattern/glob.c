/* glob.c - shell patterns over names */
#include "src/pattern/glob.h"

#include "src/base/text.h"

#include <string.h>

bool q8_glob_is(const char *text)
{
    return strpbrk(text, "*?[") != NULL;
}

/* Takes a character off *text; bytes that start none are told apart. */
static uint32_t next(const char **text)
{
    const unsigned char byte = (unsigned char)**text;
    uint32_t c;

    if (byte < 0x80)
        return (unsigned char)*(*text)++;
    c = q8_text_next(text);
    return c == Q8_TEXT_BAD ? UINT32_C(0x80000000) | byte : c;
}

/* One character of a glob, and what a backslash stands in front of. */
static uint32_t next_literal(const char **glob)
{
    if (**glob == '\\' && (*glob)[1])
        (*glob)++;
    return next(glob);
}

/* Whether the set at *glob has the character; *glob is left behind its ']'.  NULL there: no set. */
static bool take_set(const char **glob, uint32_t c)
{
    const char *p = *glob + 1;
    const bool other = *p == '!' || *p == '^';
    bool found = false, first = true;

    for (p += other; first || *p != ']'; first = false) {
        uint32_t low, high;

        if (!*p) {
            *glob = NULL;
            return false;
        }
        low = high = next_literal(&p);
        if (*p == '-' && p[1] && p[1] != ']') {
            p++;
            high = next_literal(&p);
        }
        found = found || (low <= c && c <= high);
    }
    *glob = p + 1;
    return found != other;
}

/* Takes one character off both where they agree; not for '*'. */
static bool take_one(const char **glob, const char **name)
{
    const char *g = *glob, *n = *name;
    const uint32_t c = next(&n);
    bool ok;

    if (*g == '?') {
        g++;
        ok = true;
    } else if (*g == '[') {
        ok = take_set(&g, c);
        if (!g) {
            g = *glob + 1;
            ok = c == '[';
        }
    } else {
        ok = *g && next_literal(&g) == c;
    }
    if (ok) {
        *glob = g;
        *name = n;
    }
    return ok;
}

bool q8_glob_matches(const char *glob, const char *name)
{
    const char *star = NULL, *end = NULL; /* behind the last '*', and where its text ends so far */

    while (*name) {
        if (*glob == '*') {
            star = ++glob;
            end = name;
        } else if (!take_one(&glob, &name)) {
            if (!star)
                return false;
            (void)next(&end); /* one more for the star */
            glob = star;
            name = end;
        }
    }
    return !glob[strspn(glob, "*")];
}
