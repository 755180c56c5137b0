/* name_set.h - a sorted set of names */
#ifndef Q8_BASE_NAME_SET_H
#define Q8_BASE_NAME_SET_H

#include "src/base/arena.h"

/* Names, the caller's; sorted and each once after q8_name_set_sort.  A zeroed one is empty. */
struct q8_name_set {
    const char **name;    /* [count] */
    uint64_t count, room; /* in use, allocated */
};

/* Puts a name behind the others; it is not copied.  Q8_ELIMIT. */
bool q8_name_set_put(struct q8_name_set *set, const char *name, struct q8_arena *mem,
                     struct q8_err *err);

/* Sorts what was put in; what was put in less often than `least` times is dropped. */
void q8_name_set_sort(struct q8_name_set *set, uint64_t least);

/* Where, in the sorted set, the names are that start with these bytes, if there are some. */
uint64_t q8_name_set_first(const struct q8_name_set *set, const char *text, size_t length);

/* Whether there is an i-th name and it starts with these bytes. */
bool q8_name_set_starts(const struct q8_name_set *set, uint64_t i, const char *text, size_t length);

/* Whether the name is in the sorted set. */
bool q8_name_set_has(const struct q8_name_set *set, const char *name);

#endif
