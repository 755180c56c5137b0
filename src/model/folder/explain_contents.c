/* explain_contents.c - directories without weights that q8 reads: what they have instead */
#include "src/model/folder/explain_parts.h"

#include "formats/format.h"
#include "src/base/text.h"
#include "src/model/folder/cache.h"
#include "src/model/folder/folder.h"
#include "src/model/folder/magic.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ENTRY_LIMIT 10000 /* files that are looked at for a message */
#define SHOWN 3           /* names of one sort in a message */

/* What is in a directory: sorts of things, and the names of some. */
enum sort { SHARD, VARIANT, PARTIAL, FOREIGN, MODEL, SORTS };

struct contents {
    const char *folder;
    const struct q8_magic *magic;   /* of the first FOREIGN */
    const struct q8_format *format; /* of the last SHARD or VARIANT */
    uint64_t entries, count[SORTS];
    char names[SORTS][600]; /* "a, b, c" */
};

/* What a download that goes on, or broke off, leaves. */
static const char *const partials[] = {"*.incomplete", "*.part",     "*.partial", "*.crdownload",
                                       "*.aria2",      "*.download", "*.tmp"};

static void add(struct contents *c, enum sort sort, const char *name)
{
    char shown[180];
    const size_t n = strlen(c->names[sort]);

    if (c->count[sort]++ < SHOWN)
        (void)snprintf(c->names[sort] + n, sizeof c->names[sort] - n, "%s%s", n ? ", " : "",
                       q8_text_escape(name, shown, sizeof shown));
}

/* Whether FOLDER/PART/LEAF[TAIL] is there. */
static bool is_there(const char *folder, const char *part, const char *leaf, const char *tail)
{
    char path[PATH_MAX];

    return (size_t)snprintf(path, sizeof path, "%s/%s/%s%s", folder, part, leaf, tail) <
               sizeof path &&
           access(path, F_OK) == 0;
}

/* Whether a part of the folder is a model. */
static bool is_model(const char *folder, const char *part)
{
    char leaf[100];

    for (const struct q8_format *const *x = q8_formats; *x && is_there(folder, part, Q8_CONFIG, "");
         x++) {
        if (!(*x)->stem)
            continue;
        (void)snprintf(leaf, sizeof leaf, "%s%s", (*x)->stem, (*x)->suffix);
        if (is_there(folder, part, leaf, "") || is_there(folder, part, leaf, Q8_INDEX))
            return true;
    }
    return false;
}

/* Whether files of a suffix that many things have are weights by the rest of their names. */
static bool is_weights(const char *leaf)
{
    return fnmatch("*model*.*", leaf, 0) == 0 || fnmatch("*-[0-9]*-of-[0-9]*", leaf, 0) == 0;
}

static void look_at(struct contents *c, const char *leaf)
{
    const struct q8_magic *magic = q8_magic_name(leaf);
    char path[PATH_MAX], snapshot[PATH_MAX];

    for (size_t i = 0; i < COUNT(partials); i++)
        if (fnmatch(partials[i], leaf, 0) == 0) {
            add(c, PARTIAL, leaf);
            return;
        }
    if (q8_format_of(leaf) && (!magic || is_weights(leaf))) {
        c->format = q8_format_of(leaf);
        add(c, fnmatch("*-[0-9]*-of-[0-9]*", leaf, 0) == 0 ? SHARD : VARIANT, leaf);
    } else if (magic) {
        c->magic = c->magic ? c->magic : magic;
        add(c, FOREIGN, leaf);
    } else if ((size_t)snprintf(path, sizeof path, "%s/%s", c->folder, leaf) < sizeof path) {
        if (is_model(c->folder, leaf))
            add(c, MODEL, path);
        else if (q8_text_starts(leaf, "models--") && q8_cache_snapshot(path, snapshot))
            add(c, MODEL, snapshot);
    }
}

static bool list(struct contents *c, struct q8_err *err)
{
    struct dirent *entry;
    char shown[600];
    DIR *dir = opendir(c->folder);
    bool ok = dir != NULL;

    while (ok && c->entries < ENTRY_LIMIT && (errno = 0, entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            c->entries++;
            look_at(c, entry->d_name);
        }
    if (!ok || (c->entries < ENTRY_LIMIT && errno))
        ok = q8_fail_errno(err, "cannot read %s", q8_text_escape(c->folder, shown, sizeof shown));
    if (dir)
        (void)closedir(dir);
    return ok;
}

void q8_explain_contents(const char *folder, const char *what, struct q8_err *err)
{
    struct contents c = {.folder = folder};
    char shown[300], snapshot[PATH_MAX], place[500];

    q8_text_escape(folder, shown, sizeof shown);
    if (q8_cache_snapshot(folder, snapshot)) {
        q8_fail(err, Q8_EUNSUPPORTED,
                "%s is a folder of the hub's cache: name the snapshot in it, %s", shown,
                q8_text_escape(snapshot, place, sizeof place));
        return;
    }
    if (!list(&c, err))
        return;
    if (c.entries == 0)
        q8_fail(err, Q8_EINPUT, "%s is empty: no config.json, no weights", shown);
    else if (c.count[SHARD])
        q8_fail(err, Q8_EUNSUPPORTED,
                "%s has %s, but no %s%s" Q8_INDEX ", which says what is in which: "
                "download that file too",
                shown, c.names[SHARD], c.format->stem, c.format->suffix);
    else if (c.count[VARIANT])
        q8_fail(err, Q8_EUNSUPPORTED,
                "%s: %s; weights under another name are there, %s: give %s the name %s%s by "
                "a link (ln -s)",
                shown, what, c.names[VARIANT], c.count[VARIANT] > 1 ? "one of them" : "it",
                c.format->stem, c.format->suffix);
    else if (c.count[PARTIAL])
        q8_fail(err, Q8_EUNSUPPORTED, "%s: %s; a download is not finished (%s): let it end first",
                shown, what, c.names[PARTIAL]);
    else if (c.count[FOREIGN])
        q8_fail(err, Q8_EUNSUPPORTED, "%s: %s; it has %s, %s is %s: %s", shown, what,
                c.names[FOREIGN], c.count[FOREIGN] > 1 ? "the first" : "which", c.magic->what,
                c.magic->todo);
    else if (c.count[MODEL])
        q8_fail(err, Q8_EUNSUPPORTED, "%s is no model but a folder of models: name one, such as %s",
                shown, c.names[MODEL]);
    else
        q8_fail(err, Q8_EUNSUPPORTED, "%s: %s", shown, what);
}
