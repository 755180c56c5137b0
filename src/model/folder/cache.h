/* cache.h - where the hub's client keeps what it downloaded: for words about it, never to read */
#ifndef Q8_MODEL_FOLDER_CACHE_H
#define Q8_MODEL_FOLDER_CACHE_H

#include <limits.h>
#include <stdbool.h>

/*
 * The snapshot in a folder of the cache (models--ORG--NAME): that of its "main", else the newest;
 * false: it has none.
 */
bool q8_cache_snapshot(const char *folder, char ret[PATH_MAX]);

/* The same for a name of the hub, "ORG/NAME" or "NAME", in the cache of this user. */
bool q8_cache_find(const char *name, char ret[PATH_MAX]);

#endif
