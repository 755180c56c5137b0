/* path.c - paths of modules: patterns, and what transformers makes of them in memory */
#include "src/model/path.h"

#include "src/model/arch.h"

#include <string.h>

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

/* Length of what the pattern matches at the start of a path: whole components; 0 for none. */
static size_t match_parts(const char *pattern, const char *path)
{
    const char *p = path;

    for (; *pattern; pattern++) {
        if (*pattern == '#' ? !is_digit(*p) : *pattern != *p)
            return 0;
        p++;
        while (*pattern == '#' && is_digit(*p))
            p++;
    }
    return *p == '.' || *p == '\0' ? (size_t)(p - path) : 0;
}

/* Where in the path the row's pattern matches first; NULL for nowhere. */
static char *find_parts(const struct q8_arch_rename *row, char *path, size_t *ret_length)
{
    const bool anywhere = row->pattern[0] == '.';

    for (char *p = path;; p++) {
        *ret_length = match_parts(row->pattern + anywhere, p);
        if (*ret_length)
            return p;
        p = anywhere ? strchr(p, '.') : NULL;
        if (!p)
            return NULL;
    }
}

/* Writes what stands for a part; numbers come from the part.  Its length. */
static size_t fill_name(const char *name, const char *part, char *ret)
{
    size_t n = 0;

    for (; *name; name++) {
        if (*name != '#') {
            ret[n++] = *name;
            continue;
        }
        while (*part && !is_digit(*part))
            part++;
        while (is_digit(*part))
            ret[n++] = *part++;
    }
    return n;
}

/* Puts in the path, of `size` bytes, what the row says; false: no room. */
static bool substitute(const struct q8_arch_rename *row, char *path, size_t size)
{
    char part[Q8_ARCH_LONGER], name[2 * Q8_ARCH_LONGER];
    size_t cut, put, length = strlen(path);
    char *at = find_parts(row, path, &cut);

    if (!at || cut >= sizeof part)
        return true;
    memcpy(part, at, cut);
    part[cut] = '\0';
    put = fill_name(row->name, part, name);
    if (put == 0) { /* with one of the dots around it */
        if (cut == length)
            return true;
        at -= at[cut] == '\0';
        cut++;
    }
    if (length - cut + put >= size)
        return false;
    memmove(at + put, at + cut, length - (size_t)(at - path) - cut + 1);
    memcpy(at, name, put);
    return true;
}

/* Whether the first component of a path is one of the words of a list, "a b". */
static bool opens_with(const char *words, const char *path)
{
    const size_t n = strcspn(path, ".");
    size_t word;

    for (; *words; words += word + (words[word] == ' ')) {
        word = strcspn(words, " ");
        if (word == n && strncmp(words, path, n) == 0)
            return true;
    }
    return false;
}

/* Puts the prefix of the base model before its parts, or takes it off in the base model. */
static bool set_prefix(const struct q8_arch *arch, char *path, size_t size)
{
    const char *prefix = arch->base->prefix;
    const size_t n = strlen(prefix), length = strlen(path);
    const bool there = n > 0 && strncmp(path, prefix, n) == 0 && path[n] == '.';

    if (n == 0 || (arch->is_base && !there) ||
        !opens_with(arch->base->inside, arch->is_base ? path + n + 1 : path))
        return true;
    if (arch->is_base) {
        memmove(path, path + n + 1, length - n);
        return true;
    }
    if (length + n + 1 >= size)
        return false;
    memmove(path + n + 1, path, length + 1);
    memcpy(path, prefix, n);
    path[n] = '.';
    return true;
}

const char *q8_arch_memory_name(const struct q8_arch *arch, const char *module, char *ret,
                                size_t size)
{
    const size_t length = strlen(module);

    if (!arch->known)
        return module;
    if (length >= size)
        return NULL;
    memcpy(ret, module, length + 1);
    for (size_t i = 0; i < arch->renames; i++)
        if (!substitute(&arch->rename[i], ret, size))
            return NULL;
    if (!set_prefix(arch, ret, size))
        return NULL;
    return strcmp(ret, module) == 0 ? module : ret;
}

const struct q8_arch_fused *q8_arch_fused(const struct q8_arch *arch, const char *module)
{
    const size_t length = strlen(module);

    for (size_t i = 0; i < arch->fuses; i++)
        if (q8_path_matches(arch->fused[i].pattern, strlen(arch->fused[i].pattern), module, length))
            return &arch->fused[i];
    return NULL;
}

const char *q8_arch_part_name(const struct q8_arch *arch, const char *module, size_t i, char *ret,
                              size_t size)
{
    const struct q8_arch_fused *how = q8_arch_fused(arch, module);
    const char *part = how ? how->parts : "", *name;
    size_t stem, length;

    for (; i > 0 && *part; i--) {
        part += strcspn(part, " ");
        part += *part == ' ';
    }
    length = strcspn(part, " ");
    name = length ? q8_arch_memory_name(arch, module, ret, size) : NULL;
    if (!name)
        return NULL;
    stem = strrchr(name, '.') ? (size_t)(strrchr(name, '.') - name) + 1 : 0;
    if (stem + length >= size)
        return NULL;
    memmove(ret, name, stem);
    memcpy(ret + stem, part, length);
    ret[stem + length] = '\0';
    return ret;
}

bool q8_arch_moved(const struct q8_arch *arch, const char *module)
{
    char name[4096];

    return arch->unnamed || q8_arch_memory_name(arch, module, name, sizeof name) != module;
}
