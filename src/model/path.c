/* path.c - patterns of module paths, as the tables of this room write them */
#include "src/model/path.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Whether the first p bytes of a pattern match the first m of a path, from the back so that the
 * front of a suffix pattern falls on a dot.
 */
static bool ends_like(const char *pattern, size_t p, const char *module, size_t m)
{
    const bool is_suffix = p > 0 && pattern[0] == '.';

    while (p > 0) {
        if (pattern[p - 1] == '#') {
            size_t end = m;

            while (m > 0 && is_digit(module[m - 1]))
                m--;
            if (m == end)
                return false;
        } else if (m > 0 && pattern[p - 1] == module[m - 1]) {
            m--;
        } else {
            /* ".a" matches the whole path "a" too */
            return p == 1 && is_suffix && m == 0;
        }
        p--;
    }
    return m == 0 || is_suffix;
}

bool q8_path_matches(const char *pattern, size_t pattern_length, const char *module, size_t length)
{
    const size_t p = pattern_length;

    if (p < 2 || pattern[p - 1] != '*' || pattern[p - 2] != '.')
        return ends_like(pattern, p, module, length);
    for (size_t m = 0; m < length; m++)
        if (module[m] == '.' && ends_like(pattern, p - 2, module, m))
            return true;
    return false;
}
