/* explain.c - paths that are no model: addresses, names of the hub, files of other kinds */
#include "src/model/folder/explain_parts.h"

#include "formats/format.h"
#include "src/base/text.h"
#include "src/model/folder/cache.h"
#include "src/model/folder/magic.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void q8_explain_folder(const char *folder, const char *what, struct q8_err *err)
{
    q8_explain_json(folder, err);
    if (!err->code && what)
        q8_explain_contents(folder, what, err);
}

/* ---- files ---- */

/* What the file at a path is by its first bytes; NULL when it cannot be read, too. */
static const struct q8_magic *look_into(const char *path)
{
    const struct q8_magic *ret = NULL;
    struct q8_err ignored = {0};
    struct q8_file file;

    if (!q8_file_open(&file, path, &ignored))
        return NULL;
    ret = q8_magic_file(&file, &ignored);
    q8_file_close(&file);
    return ret;
}

/* Whether the name of a file says what its bytes say. */
static bool fits(const char *path, const struct q8_magic *magic)
{
    const struct q8_format *format = q8_format_of(path);

    return format && magic->suffix && strcmp(format->suffix, magic->suffix) == 0;
}

bool q8_explain_file(const char *path, bool is_json, struct q8_err *err)
{
    const struct q8_magic *magic = err->code == Q8_EINPUT ? look_into(path) : NULL;

    if (!magic || (is_json ? magic->sort == Q8_MAGIC_JSON : fits(path, magic)))
        return false;
    *err = (struct q8_err){0};
    return q8_magic_fail(magic, path, err);
}

/* The directory of a file, into `text`. */
static const char *folder_of(const char *path, char text[PATH_MAX])
{
    const char *slash = strrchr(path, '/');

    (void)snprintf(text, PATH_MAX, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1,
                   slash ? path : ".");
    return text;
}

bool q8_explain_named(const char *path, struct q8_err *err)
{
    const struct q8_magic *magic = look_into(path);
    const struct q8_magic *name = q8_magic_name(q8_text_leaf(path));
    char folder[PATH_MAX], shown[600], place[600], suffixes[100];

    if (!magic || magic->sort == Q8_MAGIC_BROKEN || magic->sort == Q8_MAGIC_JSON)
        magic = name ? name : magic;
    if (magic && magic->sort == Q8_MAGIC_JSON)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%s is a file that tells of a model: name its directory instead, %s",
                       q8_text_escape(path, shown, sizeof shown),
                       q8_text_escape(folder_of(path, folder), place, sizeof place));
    if (magic)
        return q8_magic_fail(magic, path, err);
    return q8_fail(err, Q8_EINPUT,
                   "'%s' is not a name for a weight file: expected one that ends in %s, or a "
                   "directory with config.json",
                   q8_text_escape(path, shown, sizeof shown),
                   q8_format_suffixes(suffixes, sizeof suffixes));
}

/* ---- nothing is there ---- */

/* Whether it is written as names of the hub are: ORG/NAME. */
static bool is_hub_name(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const size_t org = strspn(name, letters);

    return org > 0 && *name != '.' && name[org] == '/' && name[org + 1] && name[org + 1] != '.' &&
           name[org + 1 + strspn(name + org + 1, letters)] == 0;
}

/* The name of the hub in an address, into `text`; false: there is none. */
static bool name_of_address(const char *url, char *text, size_t size)
{
    static const char *const hosts[] = {"https://huggingface.co/", "http://huggingface.co/",
                                        "https://hf.co/", "hf://"};

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        const char *name = url + strlen(hosts[i]);
        size_t n;

        if (!q8_text_starts(url, hosts[i]))
            continue;
        n = strcspn(name, "/?#");
        n += name[n] == '/' ? 1 + strcspn(name + n + 1, "/?#@") : 0;
        (void)snprintf(text, size, "%.*s", (int)n, name);
        return is_hub_name(text);
    }
    return false;
}

/* `what`: "a name of the hub"; `name` NULL: none is known. */
static bool fail_offline(const char *path, const char *what, const char *name, struct q8_err *err)
{
    char shown[300], snapshot[PATH_MAX], place[500];

    q8_text_escape(path, shown, sizeof shown);
    if (name && q8_cache_find(name, snapshot))
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%s is %s, and q8 is offline: give a local directory, such as the hub's "
                       "cache has: %s",
                       shown, what, q8_text_escape(snapshot, place, sizeof place));
    if (name)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%s is %s, and q8 is offline: give a local directory (`hf download %s "
                       "--local-dir %s` makes one)",
                       shown, what, name, q8_text_leaf(name));
    return q8_fail(err, Q8_EUNSUPPORTED,
                   "%s is %s, and q8 is offline: download it and give a local directory", shown,
                   what);
}

/* A link whose end is missing. */
static bool fail_link(const char *path, const char *target, struct q8_err *err)
{
    char shown[300], place[300];

    q8_text_escape(path, shown, sizeof shown);
    q8_text_escape(target, place, sizeof place);
    if (strstr(target, ".git/annex/"))
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%s is a link of git-annex whose file is not here: `git annex get` in its "
                       "directory gets it",
                       shown);
    return q8_fail(err, Q8_EINPUT, "%s is a link to %s, where nothing is: was it downloaded whole?",
                   shown, place);
}

bool q8_explain_absent(const char *path, struct q8_err *err)
{
    char name[300], target[PATH_MAX], shown[600];
    const ssize_t n = readlink(path, target, sizeof target - 1);

    if (n > 0) {
        target[n] = 0;
        return fail_link(path, target, err);
    }
    if (strstr(path, "://"))
        return fail_offline(path, "an address",
                            name_of_address(path, name, sizeof name) ? name : NULL, err);
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(path, "/"), path);
    if ((is_hub_name(path) && access(name, F_OK) < 0) ||
        (!strchr(path, '/') && *path != '.' && q8_cache_find(path, target)))
        return fail_offline(path, "no directory here but a name of the hub", path, err);
    return q8_fail(err, Q8_EIO, "%s: No such file or directory",
                   q8_text_escape(path, shown, sizeof shown));
}
