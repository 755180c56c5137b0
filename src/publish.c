/* publish.c - OUTPUT.partial: made, locked, and renamed to OUTPUT when complete */
#include "src/publish.h"

#include "src/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* Removes a directory tree; links in it are removed, not followed. */
static bool remove_tree(const char *path, struct q8_err *err)
{
    return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 ||
           q8_fail_errno(err, "cannot remove %s", path);
}

static bool has_file(const char *dir, const char *name, struct q8_arena *mem, struct q8_err *err)
{
    const char *path = q8_sprintf(mem, err, "%s/%s", dir, name);

    return path && is_there(path);
}

/* Directory that holds `path`. */
static const char *parent_of(const char *path, struct q8_arena *mem, struct q8_err *err)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return ".";
    return slash == path ? "/" : q8_strndup(mem, path, (uint64_t)(slash - path), err);
}

static bool name_paths(struct q8_publish *p, const char *output, struct q8_arena *mem,
                       struct q8_err *err)
{
    size_t length = strlen(output);

    while (length > 1 && output[length - 1] == '/')
        length--;
    *p = (struct q8_publish){.lock = -1};
    p->output = q8_strndup(mem, output, length, err);
    p->partial = q8_sprintf(mem, err, "%.*s.partial", (int)length, output);
    if (!p->output || !p->partial)
        return false;
    if (length == 0 || strcmp(p->output, "/") == 0 || strcmp(p->output, ".") == 0 ||
        strcmp(p->output, "..") == 0)
        return q8_fail(err, Q8_EUSAGE, "OUTPUT is the name of a directory to be made, not '%s'",
                       output);
    return true;
}

static bool check_paths(struct q8_publish *p, bool resume, bool force, struct q8_arena *mem,
                        struct q8_err *err)
{
    if (is_there(p->output)) {
        if (!force)
            return q8_fail(err, Q8_EUSAGE, "%s exists; --force replaces an output of q8-convert",
                           p->output);
        if (!has_file(p->output, "q8-manifest.json", mem, err))
            return q8_fail(err, Q8_EUSAGE,
                           "%s is nothing that q8-convert wrote (it has no "
                           "q8-manifest.json); remove it by hand",
                           p->output);
        p->replace = true;
    }
    p->resumed = is_there(p->partial);
    if (p->resumed && !resume && !force)
        return q8_fail(err, Q8_EUSAGE,
                       "%s is left from an earlier run; --resume continues it, --force starts over",
                       p->partial);
    return true;
}

bool q8_publish_check(const char *output, bool resume, bool force, struct q8_arena *mem,
                      struct q8_err *err)
{
    struct q8_publish p;

    return name_paths(&p, output, mem, err) && check_paths(&p, resume, force, mem, err);
}

bool q8_publish_apart(const char *output, const char *input, struct q8_arena *mem,
                      struct q8_err *err)
{
    char in[PATH_MAX], out[PATH_MAX];
    struct q8_publish p;
    const char *parent;
    size_t length;

    if (!name_paths(&p, output, mem, err) || !(parent = parent_of(p.output, mem, err)))
        return false;
    if (!realpath(parent, out))
        return q8_fail_errno(err, "%s, which is to hold the output", parent);
    if (!realpath(input, in))
        return q8_fail_errno(err, "%s", input);
    length = strlen(in);
    if (strncmp(out, in, length) == 0 && (out[length] == '/' || !out[length]))
        return q8_fail(
            err, Q8_EUSAGE,
            "%s lies in %s, whose sub-folders come along: name a directory outside of it", p.output,
            input);
    return true;
}

/* Locks the directory itself: the lock goes with the process, and needs no file. */
static bool lock_partial(struct q8_publish *p, struct q8_err *err)
{
    struct stat here, there;

    p->lock = open(p->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (p->lock < 0)
        return q8_fail_errno(err, "cannot open %s", p->partial);
    if (flock(p->lock, LOCK_EX | LOCK_NB) < 0) {
        bool busy = errno == EWOULDBLOCK;

        if (!busy)
            q8_fail_errno(err, "cannot lock %s", p->partial);
        (void)close(p->lock);
        p->lock = -1;
        return busy ? q8_fail(err, Q8_EBUSY, "another run is writing %s", p->output) : false;
    }
    /* the run that held it may have renamed it just before */
    if (fstat(p->lock, &here) < 0 || stat(p->partial, &there) < 0 || here.st_ino != there.st_ino) {
        (void)close(p->lock);
        p->lock = -1;
        return q8_fail(err, Q8_EBUSY, "another run has just finished %s", p->output);
    }
    return true;
}

/* An empty journal: from now on the directory is one that q8-convert made. */
static bool mark_partial(const struct q8_publish *p, struct q8_arena *mem, struct q8_err *err)
{
    const char *path = q8_sprintf(mem, err, "%s/q8-journal", p->partial);
    struct q8_file journal;

    if (!path || !q8_file_create(&journal, path, 0, false, err))
        return false;
    q8_file_close(&journal);
    return true;
}

bool q8_publish_open(struct q8_publish *ret, const char *output, bool resume, bool force,
                     struct q8_arena *mem, struct q8_err *err)
{
    struct q8_publish *p = ret;

    if (!name_paths(p, output, mem, err))
        return false;
    /* lock first: while another run lives, that is the answer */
    if (is_there(p->partial) && !lock_partial(p, err))
        return false;
    if (!check_paths(p, resume, force, mem, err))
        return false;
    if (p->resumed && !resume) {
        /* a manifest: an old output that was being replaced */
        if (!has_file(p->partial, "q8-journal", mem, err) &&
            !has_file(p->partial, "q8-manifest.json", mem, err))
            return q8_fail(err, Q8_EUSAGE, "%s is nothing that q8-convert wrote; remove it by hand",
                           p->partial);
        if (!remove_tree(p->partial, err))
            return false;
        (void)close(p->lock);
        p->lock = -1;
        p->resumed = false;
    }
    if (p->lock >= 0)
        return true;
    if (mkdir(p->partial, 0777) < 0)
        return q8_fail_errno(err, "cannot make %s", p->partial);
    return lock_partial(p, err) && mark_partial(p, mem, err);
}

bool q8_publish_finish(struct q8_publish *p, bool sync, struct q8_err *err)
{
    struct q8_arena mem;
    const char *parent;
    bool ok;

    if (p->replace) {
        if (renameat2(AT_FDCWD, p->partial, AT_FDCWD, p->output, RENAME_EXCHANGE) < 0)
            return q8_fail_errno(err, "cannot exchange %s and %s", p->partial, p->output);
        if (!remove_tree(p->partial, err)) /* the old output, under the partial name now */
            return false;
    } else if (renameat2(AT_FDCWD, p->partial, AT_FDCWD, p->output, RENAME_NOREPLACE) < 0 &&
               /* file systems without the flag: rename would replace only an empty directory */
               (errno != EINVAL || rename(p->partial, p->output) < 0)) {
        return q8_fail_errno(err, "cannot rename %s to %s", p->partial, p->output);
    }
    q8_arena_init(&mem, 1 << 20);
    parent = parent_of(p->output, &mem, err);
    ok = parent && (!sync || q8_dir_sync(parent, err));
    q8_arena_clear(&mem);
    return ok;
}

void q8_publish_close(struct q8_publish *p, bool keep)
{
    struct q8_err ignored = {0};

    if (p->lock < 0)
        return;
    if (!keep)
        (void)remove_tree(p->partial, &ignored);
    (void)close(p->lock);
    p->lock = -1;
}

bool q8_publish_free(const char *output, uint64_t *ret_bytes, struct q8_arena *mem,
                     struct q8_err *err)
{
    struct q8_publish p;
    struct statvfs fs;
    const char *parent;

    if (!name_paths(&p, output, mem, err))
        return false;
    parent = parent_of(p.output, mem, err);
    if (!parent)
        return false;
    if (statvfs(parent, &fs) < 0)
        return q8_fail_errno(err, "%s, which is to hold the output", parent);
    *ret_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return true;
}
