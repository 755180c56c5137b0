/* publish.c - OUTPUT.partial: made, locked, and renamed to OUTPUT when complete */
#include "src/publish.h"

#include "src/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char journal_name[] = "q8-journal", manifest_name[] = "q8-manifest.json";

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* Removes one entry of a walk, folders after what is in them; the journal on top stays. */
static bool remove_entry(const FTSENT *entry)
{
    if (entry->fts_level == 0 || entry->fts_info == FTS_D ||
        (entry->fts_level == 1 && strcmp(entry->fts_name, journal_name) == 0))
        return true;
    return remove(entry->fts_accpath) == 0;
}

/*
 * Removes a directory tree; links in it are removed, not followed.  The journal goes last, so that
 * what a kill leaves is still known as q8-convert's.
 */
static bool remove_tree(const char *path, struct q8_arena *mem, struct q8_err *err)
{
    char *roots[] = {q8_strndup(mem, path, strlen(path), err), NULL};
    const char *journal = q8_sprintf(mem, err, "%s/%s", path, journal_name);
    FTS *walk = roots[0] && journal ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    bool ok = walk != NULL;
    FTSENT *entry;

    while (ok && (errno = 0, entry = fts_read(walk)))
        ok = remove_entry(entry);
    ok = ok && errno == 0 && (unlink(journal) == 0 || errno == ENOENT) && rmdir(path) == 0;
    if (!ok)
        q8_fail_errno(err, "cannot remove %s", path);
    if (walk)
        (void)fts_close(walk);
    return ok;
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

static bool fail_foreign(const char *path, struct q8_err *err)
{
    return q8_fail(err, Q8_EUSAGE, "%s is nothing that q8-convert wrote: remove it by hand", path);
}

static bool check_paths(struct q8_publish *p, bool resume, bool force, struct q8_arena *mem,
                        struct q8_err *err)
{
    if (is_there(p->output)) {
        if (!force)
            return q8_fail(err, Q8_EUSAGE, "%s exists; --force replaces an output of q8-convert",
                           p->output);
        if (!has_file(p->output, manifest_name, mem, err))
            return fail_foreign(p->output, err);
        p->replace = true;
    }
    p->resumed = is_there(p->partial);
    if (p->resumed && !resume && !force)
        return q8_fail(err, Q8_EUSAGE,
                       "%s is left from an earlier run; --resume continues it, --force starts over",
                       p->partial);
    return true;
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
        return errno == ENOTDIR || errno == ELOOP
                   ? fail_foreign(p->partial, err)
                   : q8_fail_errno(err, "cannot open %s", p->partial);
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

/* Locks and looks at what is there, as a run would, and lets go of it. */
bool q8_publish_check(const char *output, bool resume, bool force, struct q8_arena *mem,
                      struct q8_err *err)
{
    struct q8_publish p;
    bool ok = name_paths(&p, output, mem, err) && (!is_there(p.partial) || lock_partial(&p, err)) &&
              check_paths(&p, resume, force, mem, err);

    q8_publish_close(&p, true, mem);
    return ok;
}

/* A journal: from now on the directory is one that q8-convert may remove. */
static bool mark_partial(const struct q8_publish *p, struct q8_arena *mem, struct q8_err *err)
{
    const char *path = q8_sprintf(mem, err, "%s/%s", p->partial, journal_name);
    struct q8_file journal;

    if (!path || !q8_file_create(&journal, path, 0, true, err))
        return false;
    q8_file_close(&journal);
    return true;
}

static bool make_partial(struct q8_publish *p, struct q8_arena *mem, struct q8_err *err)
{
    if (mkdir(p->partial, 0777) < 0)
        return q8_fail_errno(err, "cannot make %s", p->partial);
    return lock_partial(p, err) && mark_partial(p, mem, err);
}

/*
 * Makes way for a new start where the partial directory holds nothing to continue: by the user's
 * word, or when a kill has left it empty, complete but for its name, or as the old output that a
 * new one took the place of.
 */
static bool clear_partial(struct q8_publish *p, bool resume, struct q8_arena *mem,
                          struct q8_err *err)
{
    bool journal = has_file(p->partial, journal_name, mem, err);

    if (journal && resume)
        return true;
    if (!journal && !has_file(p->partial, manifest_name, mem, err)) {
        if (rmdir(p->partial) < 0)
            return fail_foreign(p->partial, err);
    } else if (!remove_tree(p->partial, mem, err)) {
        return false;
    }
    q8_publish_close(p, true, mem);
    p->resumed = false;
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
    if (!check_paths(p, resume, force, mem, err) ||
        (p->resumed && !clear_partial(p, resume, mem, err)))
        return false;
    return p->resumed || make_partial(p, mem, err);
}

/* The old output is under the partial name now. */
static bool drop_old(const struct q8_publish *p, struct q8_arena *mem, struct q8_err *err)
{
    if (mark_partial(p, mem, err) && remove_tree(p->partial, mem, err))
        return true;
    return q8_fail_in(err, "the new output is complete, the old one could not be removed");
}

bool q8_publish_finish(struct q8_publish *p, bool sync, struct q8_arena *mem, struct q8_err *err)
{
    const char *parent = parent_of(p->output, mem, err);

    if (p->replace) {
        if (renameat2(AT_FDCWD, p->partial, AT_FDCWD, p->output, RENAME_EXCHANGE) < 0)
            return q8_fail_errno(err, "cannot exchange %s and %s", p->partial, p->output);
        if (!drop_old(p, mem, err))
            return false;
    } else if (renameat2(AT_FDCWD, p->partial, AT_FDCWD, p->output, RENAME_NOREPLACE) < 0 &&
               /* file systems without the flag: rename would replace only an empty directory */
               (errno != EINVAL || rename(p->partial, p->output) < 0)) {
        return q8_fail_errno(err, "cannot rename %s to %s", p->partial, p->output);
    }
    return parent && (!sync || q8_dir_sync(parent, err));
}

void q8_publish_close(struct q8_publish *p, bool keep, struct q8_arena *mem)
{
    struct q8_err ignored = {0};

    if (p->lock < 0)
        return;
    if (!keep)
        (void)remove_tree(p->partial, mem, &ignored);
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
