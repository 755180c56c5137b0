/* name_set.c - a sorted set of names */
#include "src/base/name_set.h"

#include <stdlib.h>
#include <string.h>

bool q8_name_set_put(struct q8_name_set *set, const char *name, struct q8_arena *mem,
                     struct q8_err *err)
{
    const char **list = q8_grow(mem, set->name, set->count, &set->room, sizeof *list, err);

    if (!list)
        return false;
    set->name = list;
    list[set->count++] = name;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void q8_name_set_sort(struct q8_name_set *set, uint64_t least)
{
    uint64_t kept = 0, times = 0;

    if (set->count)
        qsort(set->name, set->count, sizeof *set->name, compare_names);
    for (uint64_t i = 0; i < set->count; i++) {
        const char *name = set->name[i];

        times++;
        if (i + 1 < set->count && strcmp(set->name[i + 1], name) == 0)
            continue;
        if (times >= least)
            set->name[kept++] = name;
        times = 0;
    }
    set->count = kept;
}

uint64_t q8_name_set_first(const struct q8_name_set *set, const char *text, size_t length)
{
    uint64_t low = 0, high = set->count;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;

        if (strncmp(set->name[middle], text, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool q8_name_set_starts(const struct q8_name_set *set, uint64_t i, const char *text, size_t length)
{
    return i < set->count && strncmp(set->name[i], text, length) == 0;
}

bool q8_name_set_has(const struct q8_name_set *set, const char *name)
{
    const size_t length = strlen(name) + 1; /* with the end, so that the whole name is meant */

    return q8_name_set_starts(set, q8_name_set_first(set, name, length), name, length);
}
