/* guard.c - where reports may go: never over a file that is read, never two to one place */
#include "src/cli/guard.h"

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/model/folder/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MOST 40 /* that are followed, as by Linux */

/* How reports begin; the pages of all commands name the one that made them. */
static const char *const begins[] = {
    "{\n \"schema\": \"q8-convert/",
    "{\n \"schema\": \"q8-inspect/",
    "{\n \"schema\": \"q8-inspect-header/",
    "{\n \"schema\": \"q8-inspect-diff/",
    "{\n \"schema\": \"q8-verify/",
    "name,dtype,shape,elements,",
    "# q8-convert --to=",
};
static const char *const page = "<!DOCTYPE html>", *const generator =
                                                       "name=\"generator\" content=\"q8-";
static const char *const junit = "<?xml", *const suite = "<testsuite name=\"q8-verify\"";

bool q8_guard_is_report(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char text[1024];
    const ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);

    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (q8_text_starts(text, begins[i]))
            return true;
    return (q8_text_starts(text, page) && strstr(text, generator)) ||
           (q8_text_starts(text, junit) && strstr(text, suite));
}

/* The descriptor of ours that a path is a name for; -1: none. */
static int descriptor_of(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};

    for (int i = 0; i < 3; i++)
        if (strcmp(path, names[i]) == 0)
            return i;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const char *number = path + strlen(folders[i]);
        char *end;
        long n;

        if (!q8_text_starts(path, folders[i]) || *number < '0' || *number > '9')
            continue;
        n = strtol(number, &end, 10);
        if (!*end && n <= INT_MAX)
            return (int)n;
    }
    return -1;
}

/* The folder of a path, in `ret`; returns the last part of the path. */
static const char *split(const char *path, char ret[PATH_MAX])
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        (void)strcpy(ret, ".");
    else
        (void)snprintf(ret, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return slash ? slash + 1 : path;
}

/* Absolute and without links, but the last part may be missing; false with errno set. */
static bool find_absolute(const char *path, char ret[PATH_MAX])
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *leaf = split(path, folder);

    if (!*leaf || strcmp(leaf, ".") == 0 || strcmp(leaf, "..") == 0)
        return realpath(path, ret) != NULL;
    if (!realpath(folder, real))
        return false;
    if (snprintf(ret, PATH_MAX, "%s/%s", strcmp(real, "/") == 0 ? "" : real, leaf) < PATH_MAX)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

/* Replaces a path by what the link of that name leads to; false: it is no link. */
static bool follow(char path[PATH_MAX])
{
    char to[PATH_MAX], folder[PATH_MAX], next[PATH_MAX];
    const ssize_t n = readlink(path, to, sizeof to - 1);

    if (n < 0)
        return false;
    to[n] = '\0';
    (void)split(path, folder);
    if (snprintf(next, sizeof next, "%s%s%s", *to == '/' ? "" : folder, *to == '/' ? "" : "/", to) <
        PATH_MAX)
        (void)strcpy(path, next);
    return true;
}

/* Sets target or descriptor. */
static bool resolve(struct q8_output *o, struct q8_arena *mem, struct q8_err *err)
{
    char path[PATH_MAX], absolute[PATH_MAX];
    struct stat st;
    unsigned links = 0;

    if (!*o->path || strlen(o->path) >= sizeof path)
        return q8_fail(err, Q8_EUSAGE, "%s wants the path of a file", o->option);
    (void)strcpy(path, o->path);
    do
        o->descriptor = descriptor_of(path);
    while (o->descriptor < 0 && links++ < LINKS_MOST && follow(path));
    if (o->descriptor >= 0)
        return true;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return q8_fail(err, Q8_EUSAGE, "%s=%s is a directory, not a file", o->option, o->path);
        if (!S_ISREG(st.st_mode))
            return true;
    } else if (errno != ENOENT) {
        return q8_fail_errno(err, "cannot write %s", o->path);
    }
    if (!find_absolute(path, absolute))
        return q8_fail_errno(err, "cannot write %s", o->path);
    o->target = q8_strndup(mem, absolute, strlen(absolute), err);
    return o->target != NULL;
}

/* What is there; false: nothing yet. */
static bool look(const struct q8_output *o, struct stat *ret)
{
    if (o->descriptor >= 0)
        return fstat(o->descriptor, ret) == 0;
    return stat(o->target ? o->target : o->path, ret) == 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return q8_stat_same(a, b) && !S_ISCHR(a->st_mode);
}

static bool check_pair(struct q8_output *a, struct q8_output *b, struct q8_err *err)
{
    struct stat x, y;

    if (!(a->target && b->target && strcmp(a->target, b->target) == 0) &&
        !(look(a, &x) && look(b, &y) && is_same(&x, &y)))
        return true;
    b->allowed = false; /* an old report of the other is none of this run either */
    return q8_fail(err, Q8_EUSAGE, "%s=%s and %s=%s are the same file", a->option, a->path,
                   b->option, b->path);
}

/* A named file must not be that of a stream, which another name would take it from. */
static bool check_stream(const struct q8_output *o, int fd, const char *name, struct q8_err *err)
{
    struct stat x, y;

    return o->descriptor >= 0 || !look(o, &x) || fstat(fd, &y) < 0 || !is_same(&x, &y) ||
           q8_fail(err, Q8_EUSAGE, "%s=%s is the file of %s", o->option, o->path, name);
}

static bool fail_over(const struct q8_output *o, const char *file, struct q8_err *err)
{
    return q8_fail(err, Q8_EUSAGE, "%s=%s would overwrite %s, which is read", o->option, o->path,
                   file);
}

/* No file of a model is a report's place, however it is linked; reports may lie among them. */
static bool check_folder(const struct q8_output *o, const struct stat *st, const char *folder,
                         struct q8_err *err)
{
    char *roots[] = {(char *)(uintptr_t)folder, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    struct stat there;
    bool ok = walk != NULL || q8_fail_errno(err, "cannot look into %s", folder);
    FTSENT *entry;

    while (ok && (entry = fts_read(walk)))
        if (entry->fts_info == FTS_F)
            ok = !is_same(st, entry->fts_statp) || fail_over(o, entry->fts_path, err);
        else if (entry->fts_info == FTS_SL && stat(entry->fts_accpath, &there) == 0)
            ok = !is_same(st, &there) || fail_over(o, entry->fts_path, err);
    if (walk)
        (void)fts_close(walk);
    return ok;
}

static bool is_model(const char *folder)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof path, "%s/" Q8_CONFIG, folder) < PATH_MAX &&
           access(path, F_OK) == 0;
}

static bool check_read(const struct q8_output *o, const char *path, struct q8_err *err)
{
    struct stat st, there;

    if (!look(o, &st) || stat(path, &there) < 0)
        return true;
    if (is_same(&st, &there))
        return fail_over(o, path, err);
    return !S_ISDIR(there.st_mode) || !S_ISREG(st.st_mode) || st.st_size == 0 ||
           q8_guard_is_report(o->target ? o->target : o->path) || !is_model(path) ||
           check_folder(o, &st, path, err);
}

static bool check_below(const struct q8_output *o, const struct q8_guard *guard, struct q8_err *err)
{
    char path[PATH_MAX], outer[PATH_MAX];
    size_t length = strlen(guard->path);
    struct stat st;

    while (length > 1 && guard->path[length - 1] == '/')
        length--;
    if (!o->target || length >= sizeof path)
        return true;
    (void)snprintf(path, sizeof path, "%.*s", (int)length, guard->path);
    if (stat(path, &st) == 0 ? !S_ISDIR(st.st_mode) || !realpath(path, outer)
                             : !find_absolute(path, outer))
        return true;
    length = strlen(outer);
    if (strncmp(o->target, outer, length) != 0 || (o->target[length] && o->target[length] != '/'))
        return true;
    return q8_fail(err, Q8_EUSAGE, "%s=%s %s %s, %s", o->option, o->path,
                   o->target[length] ? "lies in" : "is", guard->path, guard->why);
}

/* Not over what is read, nor where something else will be. */
static bool check_one(const struct q8_output *o, const struct q8_guard *guard, unsigned guards,
                      struct q8_err *err)
{
    bool ok = check_stream(o, STDOUT_FILENO, "standard output", err) &&
              check_stream(o, STDERR_FILENO, "standard error", err) &&
              check_read(o, "/dev/stdin", err);

    for (unsigned i = 0; ok && i < guards; i++)
        if (guard[i].path)
            ok = (!guard[i].why || check_below(o, &guard[i], err)) &&
                 check_read(o, guard[i].path, err);
    return ok;
}

bool q8_guard_check(struct q8_outputs *os, const struct q8_guard *guard, unsigned guards,
                    struct q8_arena *mem, struct q8_err *err)
{
    bool ok = true;

    for (unsigned i = 0; i < os->count; i++) {
        struct q8_output *o = &os->list[i];

        o->allowed = resolve(o, mem, err) && check_one(o, guard, guards, err);
        ok = o->allowed && ok;
    }
    for (unsigned i = 0; i < os->count; i++)
        for (unsigned k = 0; k < i; k++)
            ok = check_pair(&os->list[k], &os->list[i], err) && ok;
    return ok;
}
