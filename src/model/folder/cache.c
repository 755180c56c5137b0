/*
 * cache.c - where the hub's client keeps what it downloaded
 *
 * Where it is: huggingface_hub 1.2, constants.py; how it is laid out: its guide, "Manage cache".
 */
#include "src/model/folder/cache.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SNAPSHOT_LIMIT 10000 /* revisions of one model that are looked at */

/* printf into a path; false: too long. */
static bool __attribute__((format(printf, 2, 3)))
put_path(char ret[PATH_MAX], const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(ret, PATH_MAX, format, args);
    va_end(args);
    return n >= 0 && n < PATH_MAX;
}

static bool is_folder(const char *path, struct stat *st)
{
    return stat(path, st) == 0 && S_ISDIR(st->st_mode);
}

/* What refs/main says, if it is there. */
static bool find_main(const char *folder, char ret[PATH_MAX])
{
    char path[PATH_MAX], name[100];
    struct stat st;
    FILE *file = put_path(path, "%s/refs/main", folder) ? fopen(path, "re") : NULL;
    bool ok = file && fgets(name, sizeof name, file);

    if (file)
        (void)fclose(file);
    if (ok)
        name[strcspn(name, "\r\n")] = 0;
    return ok && *name && *name != '.' && !strchr(name, '/') &&
           put_path(ret, "%s/snapshots/%s", folder, name) && is_folder(ret, &st);
}

bool q8_cache_snapshot(const char *folder, char ret[PATH_MAX])
{
    char path[PATH_MAX];
    struct timespec newest = {0};
    struct dirent *entry;
    struct stat st;
    bool found = false;
    DIR *dir;

    if (find_main(folder, ret))
        return true;
    dir = put_path(path, "%s/snapshots", folder) ? opendir(path) : NULL;
    for (unsigned n = 0; dir && n < SNAPSHOT_LIMIT && (entry = readdir(dir)); n++) {
        if (*entry->d_name == '.' || !put_path(path, "%s/snapshots/%s", folder, entry->d_name) ||
            !is_folder(path, &st) || (found && st.st_mtim.tv_sec <= newest.tv_sec))
            continue;
        found = put_path(ret, "%s", path);
        newest = st.st_mtim;
    }
    if (dir)
        (void)closedir(dir);
    return found;
}

/* Where the cache is: the first of these that is set. */
static bool find_cache(char ret[PATH_MAX])
{
    static const struct {
        const char *variable, *below;
    } places[] = {{"HF_HUB_CACHE", ""},
                  {"HUGGINGFACE_HUB_CACHE", ""},
                  {"HF_HOME", "/hub"},
                  {"XDG_CACHE_HOME", "/huggingface/hub"},
                  {"HOME", "/.cache/huggingface/hub"}};
    const char *home = getenv("HOME");

    for (size_t i = 0; i < COUNT(places); i++) {
        const char *value = getenv(places[i].variable);

        if (!value || !*value)
            continue;
        if (strncmp(value, "~/", 2) == 0 && home)
            return put_path(ret, "%s%s%s", home, value + 1, places[i].below);
        return put_path(ret, "%s%s", value, places[i].below);
    }
    return false;
}

bool q8_cache_find(const char *name, char ret[PATH_MAX])
{
    const char *slash = strchr(name, '/');
    const int org = slash ? (int)(slash - name) : 0;
    char cache[PATH_MAX], folder[PATH_MAX];

    return find_cache(cache) &&
           put_path(folder, "%s/models--%.*s%s%s", cache, org, name, slash ? "--" : "",
                    slash ? slash + 1 : name) &&
           q8_cache_snapshot(folder, ret);
}
