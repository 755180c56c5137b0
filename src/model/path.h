/* path.h - patterns of module paths, as the tables of this room write them */
#ifndef Q8_MODEL_PATH_H
#define Q8_MODEL_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the module path, of `length` bytes, matches the pattern, of `pattern_length` bytes: a
 * module path in which '#' stands for a number.  ".a.b" also matches at the end of a longer path
 * and the whole path "a.b"; "a.*" stands for everything below a, but not for a itself.
 */
bool q8_path_matches(const char *pattern, size_t pattern_length, const char *module, size_t length);

#endif
