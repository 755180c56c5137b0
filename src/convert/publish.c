/* publish.c - OUTPUT.partial: made, locked, and renamed to OUTPUT when complete */
#include "src/convert/publish.h"

#include "src/base/file.h"
#include "src/model/folder/folder.h"

#include <dirent.h>
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

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* Removes one entry of a walk, folders after what is in them; the journal on top stays. */
static bool remove_entry(const FTSENT *entry)
{
    if (entry->fts_level == 0 || entry->fts_info == FTS_D ||
        (entry->fts_level == 1 && strcmp(entry->fts_name, Q8_JOURNAL) == 0))
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
    const char *journal = q8_sprintf(mem, err, "%s/%s", path, Q8_JOURNAL);
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

static bool is_empty(const char *path)
{
    DIR *dir = opendir(path);
    unsigned entries = 0;

    while (dir && entries < 3 && readdir(dir))
        entries++;
    if (dir)
        (void)closedir(dir);
    return dir && entries < 3; /* "." and ".." */
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
    p->journal = q8_sprintf(mem, err, "%.*s.partial/%s", (int)length, output, Q8_JOURNAL);
    if (err->code)
        return false;
    if (length == 0 || strcmp(p->output, "/") == 0 || strcmp(p->output, ".") == 0 ||
        strcmp(p->output, "..") == 0)
        return q8_fail(err, Q8_EUSAGE, "OUTPUT is the name of a directory to be made, not '%s'",
                       output);
    return true;
}

static bool fail_foreign(const char *path, struct q8_err *err)
{
    return q8_fail(err, Q8_EUSAGE, "%s was not written by q8-convert: remove it by hand", path);
}

static bool check_paths(struct q8_publish *p, bool resume, bool force, struct q8_arena *mem,
                        struct q8_err *err)
{
    struct stat st;

    if (lstat(p->output, &st) == 0) {
        if (!force)
            return q8_fail(err, Q8_EUSAGE, "%s exists; --force replaces an output of q8-convert",
                           p->output);
        if (!S_ISDIR(st.st_mode) || !has_file(p->output, Q8_MANIFEST, mem, err))
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

bool q8_publish_below(const char *path, const char *folder)
{
    char inner[PATH_MAX], outer[PATH_MAX];
    size_t length;

    if (!realpath(path, inner) || !realpath(folder, outer))
        return false;
    length = strlen(outer);
    return strncmp(inner, outer, length) == 0 && (inner[length] == '/' || !inner[length]);
}

bool q8_publish_apart(const char *output, const char *path, struct q8_arena *mem,
                      struct q8_err *err)
{
    struct q8_publish p;

    if (!name_paths(&p, output, mem, err))
        return false;
    if (q8_publish_below(path, p.output) || q8_publish_below(path, p.partial))
        return q8_fail(
            err, Q8_EUSAGE,
            "%s lies in %s or its partial directory, which the output takes the place of", path,
            p.output);
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

/*
 * What a partial directory can be.  From the moment it is made until it has its name, q8-convert's
 * own has the sticky bit, which means nothing else here: no file in it could come and go with the
 * renaming.
 */
enum state {
    RESUMABLE, /* has a journal with something in it */
    SPENT, /* q8-convert's, with nothing to continue: just made, or an old output on its way out */
    FOREIGN, /* nothing that q8-convert may remove */
};

static enum state find_state(const struct q8_publish *p)
{
    struct stat folder, journal;

    if (lstat(p->journal, &journal) == 0 && S_ISREG(journal.st_mode) && journal.st_size)
        return RESUMABLE;
    if (lstat(p->partial, &folder) == 0 && folder.st_mode & S_ISVTX)
        return SPENT;
    return is_empty(p->partial) ? SPENT : FOREIGN;
}

bool q8_publish_check(const char *output, bool resume, bool force, struct q8_arena *mem,
                      struct q8_err *err)
{
    struct q8_publish p;
    bool ok = name_paths(&p, output, mem, err) && (!is_there(p.partial) || lock_partial(&p, err)) &&
              check_paths(&p, resume, force, mem, err) &&
              (!p.resumed || find_state(&p) != FOREIGN || fail_foreign(p.partial, err));

    q8_publish_close(&p, true, mem);
    return ok;
}

/* Sets or takes away the mark of an open directory; one that cannot have it goes without. */
static void set_mark(int folder, bool mark)
{
    struct stat st;

    if (fstat(folder, &st) == 0)
        (void)fchmod(folder, mark ? st.st_mode | S_ISVTX : st.st_mode & ~(mode_t)S_ISVTX);
}

static bool make_partial(struct q8_publish *p, struct q8_err *err)
{
    if (mkdir(p->partial, 0777 | S_ISVTX) < 0)
        return errno == EEXIST
                   ? q8_fail(err, Q8_EBUSY, "another run has just started on %s", p->output)
                   : q8_fail_errno(err, "cannot make %s", p->partial);
    if (lock_partial(p, err))
        return true;
    (void)rmdir(p->partial);
    return false;
}

/* Takes a partial directory over, or makes way for a new one where nothing is to be continued. */
static bool take_partial(struct q8_publish *p, bool resume, struct q8_arena *mem,
                         struct q8_err *err)
{
    enum state state = find_state(p);
    bool ok;

    if (state == FOREIGN)
        return fail_foreign(p->partial, err);
    if (resume && state == RESUMABLE)
        return true;
    ok = remove_tree(p->partial, mem, err);
    q8_publish_close(p, true, mem);
    p->resumed = false;
    return ok;
}

bool q8_publish_open(struct q8_publish *ret, const char *output, bool resume, bool force,
                     struct q8_arena *mem, struct q8_err *err)
{
    struct q8_publish *p = ret;
    bool ok;

    if (!name_paths(p, output, mem, err))
        return false;
    /* lock first: while another run lives, that is the answer */
    ok = (!is_there(p->partial) || lock_partial(p, err)) &&
         check_paths(p, resume, force, mem, err) &&
         (!p->resumed || take_partial(p, resume, mem, err)) && (p->resumed || make_partial(p, err));
    if (!ok)
        q8_publish_close(p, true, mem);
    return ok;
}

/* Swaps the two; where the file system cannot, the old output steps aside for a moment. */
static bool exchange(const struct q8_publish *p, struct q8_arena *mem, struct q8_err *err)
{
    const char *aside = q8_sprintf(mem, err, "%s.old", p->output);

    if (!aside)
        return false;
    if (renameat2(AT_FDCWD, p->partial, AT_FDCWD, p->output, RENAME_EXCHANGE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
        return q8_fail_errno(err, "cannot exchange %s and %s", p->partial, p->output);
    if (is_there(aside))
        return q8_fail(err, Q8_EIO, "%s is in the way of the old output: move it away", aside);
    if (rename(p->output, aside) < 0)
        return q8_fail_errno(err, "cannot move %s aside to %s", p->output, aside);
    if (rename(p->partial, p->output) < 0) {
        q8_fail_errno(err, "cannot rename %s to %s", p->partial, p->output);
        (void)rename(aside, p->output);
        return false;
    }
    return rename(aside, p->partial) == 0 ||
           q8_fail_errno(err, "cannot rename %s to %s", aside, p->partial);
}

/* Puts the new output in the place of an old one, which no other run may touch meanwhile. */
static bool replace(struct q8_publish *p, const char *parent, bool sync, struct q8_arena *mem,
                    struct q8_err *err)
{
    int old = open(p->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = old >= 0 && flock(old, LOCK_EX | LOCK_NB) == 0;

    if (!ok) {
        q8_fail_errno(err, "cannot lock %s", p->output);
    } else {
        set_mark(old, true); /* for when it is under the partial name */
        p->done = exchange(p, mem, err);
        if (!p->done)
            set_mark(old, false);
        ok = p->done && (!sync || q8_dir_sync(parent, err)) &&
             (remove_tree(p->partial, mem, err) ||
              q8_fail_in(err, "the new output is in place, the old one could not be removed"));
    }
    if (old >= 0)
        (void)close(old);
    return ok;
}

bool q8_publish_finish(struct q8_publish *p, bool sync, struct q8_arena *mem, struct q8_err *err)
{
    const char *parent = parent_of(p->output, mem, err);
    bool ok = parent != NULL;

    if (ok && unlink(p->journal) < 0)
        ok = q8_fail_errno(err, "cannot remove %s", p->journal);
    ok = ok && (!sync || q8_dir_sync(p->partial, err));
    if (ok && p->replace) {
        ok = replace(p, parent, sync, mem, err);
    } else if (ok) {
        p->done = renameat2(AT_FDCWD, p->partial, AT_FDCWD, p->output, RENAME_NOREPLACE) == 0 ||
                  /* file systems without the flag: rename replaces only an empty directory */
                  ((errno == EINVAL || errno == ENOSYS) && rename(p->partial, p->output) == 0);
        ok = p->done || q8_fail_errno(err, "cannot rename %s to %s", p->partial, p->output);
    }
    if (p->done)
        set_mark(p->lock, false);
    return ok && (!sync || q8_dir_sync(parent, err));
}

void q8_publish_close(struct q8_publish *p, bool keep, struct q8_arena *mem)
{
    struct q8_err ignored = {0};

    if (p->lock < 0)
        return;
    if (!keep && !p->done)
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
