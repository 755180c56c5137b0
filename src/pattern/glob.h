/* glob.h - shell patterns over names */
#ifndef Q8_PATTERN_GLOB_H
#define Q8_PATTERN_GLOB_H

#include <stdbool.h>

/* Whether the text holds * ? or [, and so is a glob. */
bool q8_glob_is(const char *text);

/*
 * Whether the glob matches the whole name.  '*' is any text, dots too; '?' any character; [a-c] one
 * of them, [!a-c] or [^a-c] any other; a backslash takes the next one as it is; a '[' without its
 * ']' is itself.
 * Characters are UTF-8, and bytes that are none.  Takes at most as many steps as the product of the
 * lengths, and no memory: cannot fail.
 */
bool q8_glob_matches(const char *glob, const char *name);

#endif
