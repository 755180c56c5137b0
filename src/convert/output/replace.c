/* replace.c - what is called OUTPUT already: judged, and put out of the way of a new output */
#include "src/convert/output/replace.h"

#include "src/model/folder/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Errors of a file system that does not know the call or its flag. */
static bool is_missing(int error)
{
    return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

bool q8_replace_foreign(const char *path, int code, struct q8_err *err)
{
    return q8_fail(err, code, "%s was not written by q8-convert: remove it by hand", path);
}

static const char *path_of(const struct q8_publish *p, enum q8_leaf leaf)
{
    const char *const path[] = {p->output, p->partial, p->aside};

    return path[leaf];
}

struct q8_dir q8_replace_open(const struct q8_publish *p, enum q8_leaf leaf)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

    return (struct q8_dir){.fd = openat(p->parent, p->leaf[leaf], flags),
                           .path = path_of(p, leaf),
                           .owner = geteuid()};
}

static void warn(struct q8_publish *p, const char *text)
{
    for (unsigned i = 0; i < p->warnings; i++)
        if (p->warning[i] == text)
            return;
    if (p->warnings < Q8_PUBLISH_WARNINGS)
        p->warning[p->warnings++] = text;
}

bool q8_replace_lock(struct q8_publish *p, int folder, struct q8_err *err)
{
    static const char no_locks[] =
        "the file system of the output has no locks: nothing keeps a second run out of it";
    int rc;

    do
        rc = flock(folder, LOCK_EX | LOCK_NB);
    while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return q8_fail(err, Q8_EBUSY, "another run is writing %s", p->output);
    if (errno != ENOSYS && errno != ENOLCK && errno != EOPNOTSUPP)
        return q8_fail_errno(err, "cannot lock %s", p->partial);
    warn(p, no_locks);
    return true;
}

bool q8_replace_has(const struct q8_publish *p, enum q8_leaf leaf, struct stat *ret,
                    struct q8_err *err)
{
    return fstatat(p->parent, p->leaf[leaf], ret, AT_SYMLINK_NOFOLLOW) == 0 ||
           (errno != ENOENT && q8_fail_errno(err, "cannot look at %s", path_of(p, leaf)));
}

bool q8_replace_named(const struct q8_publish *p, int folder, enum q8_leaf leaf, struct q8_err *err)
{
    struct stat here, there;

    if (fstat(folder, &here) < 0)
        return q8_fail_errno(err, "cannot look at %s", path_of(p, leaf));
    return q8_replace_has(p, leaf, &there, err) && q8_stat_same(&here, &there);
}

/*
 * The sticky bit, which means nothing else here, as no file can come and go with the renaming.  By
 * itself it says nothing: it tells an output on its way from one that somebody named like that.
 * A file system that does not know it goes without.
 */
bool q8_replace_mark(const struct q8_dir *d, bool mark, struct q8_err *err)
{
    struct stat st;
    mode_t mode;

    if (fstat(d->fd, &st) < 0)
        return q8_fail_errno(err, "cannot look at %s", d->path);
    mode = (mark ? st.st_mode | S_ISVTX : st.st_mode & ~(mode_t)S_ISVTX) & 07777;
    return fchmod(d->fd, mode) == 0 || errno != EIO ||
           q8_fail_errno(err, "cannot set the mode of %s", d->path);
}

bool q8_replace_leaving(const struct q8_dir *d, struct q8_claim *ret, struct q8_arena *mem,
                        struct q8_err *err)
{
    struct stat st;

    if (fstat(d->fd, &st) < 0)
        return q8_fail_errno(err, "cannot look at %s", d->path);
    return st.st_mode & S_ISVTX && q8_claim_manifest(ret, d, mem, err);
}

/* Only what the manifest names is deleted, so nothing else may be there. */
static bool judge(const struct q8_dir *d, int code, struct q8_claim *ret, struct q8_arena *mem,
                  struct q8_err *err)
{
    if (!q8_claim_manifest(ret, d, mem, err))
        return q8_replace_foreign(d->path, code, err);
    return q8_claim_holds(ret, d, &(struct q8_claim_use){.code = code}, err) ||
           q8_fail_in(err, "--force replaces what q8-convert wrote and nothing else");
}

static bool is_mount(const struct q8_publish *p)
{
    struct statx st;

    return statx(p->parent, p->leaf[Q8_LEAF_OUTPUT], AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0 &&
           st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* Something is there that may not be replaced; where it is what is wanted, that is all right. */
static bool look_whole(struct q8_publish *p, const struct q8_publish_wish *wish,
                       const struct q8_dir *old, struct q8_err *err)
{
    const bool asked = wish->resume && wish->finished && old->fd >= 0;

    if (asked && !wish->finished(wish->self, old, &p->finished, err))
        return false;
    if (p->finished)
        return true;
    return asked ? q8_fail(err, Q8_EUSAGE,
                           "%s exists and is not what this run would make; --force replaces an "
                           "output of q8-convert",
                           p->output)
                 : q8_fail(err, Q8_EUSAGE, "%s exists; --force replaces an output of q8-convert",
                           p->output);
}

bool q8_replace_look(struct q8_publish *p, const struct q8_publish_wish *wish, struct q8_arena *mem,
                     struct q8_err *err)
{
    struct q8_claim claim;
    struct q8_dir old;
    bool ok;

    p->place = Q8_OUTPUT_FREE;
    if (!q8_replace_has(p, Q8_LEAF_OUTPUT, &p->was, err))
        return !err->code;
    old = S_ISDIR(p->was.st_mode) ? q8_replace_open(p, Q8_LEAF_OUTPUT) : (struct q8_dir){.fd = -1};
    if (old.fd < 0 && S_ISDIR(p->was.st_mode))
        return q8_fail_errno(err, "cannot open %s", p->output);
    if (old.fd >= 0 && is_mount(p)) {
        ok = q8_fail(err, Q8_EUSAGE,
                     "%s is a mount point, which no other directory can take the place of: name a "
                     "directory in it",
                     p->output);
    } else if (old.fd >= 0 && q8_dir_empty(&old, err)) {
        p->place = Q8_OUTPUT_EMPTY;
        ok = true;
    } else if (err->code) {
        ok = false;
    } else if (!wish->force) {
        ok = look_whole(p, wish, &old, err);
    } else if (old.fd < 0) {
        ok = q8_replace_foreign(p->output, Q8_EUSAGE, err);
    } else {
        p->place = Q8_OUTPUT_OURS;
        ok = judge(&old, Q8_EUSAGE, &claim, mem, err);
    }
    q8_dir_close(&old);
    return ok;
}

/* Renames where nothing has the new name; where that cannot be asked for, an empty directory. */
static bool rename_new(const struct q8_publish *p, enum q8_leaf from, enum q8_leaf to)
{
    return renameat2(p->parent, p->leaf[from], p->parent, p->leaf[to], RENAME_NOREPLACE) == 0 ||
           (is_missing(errno) && renameat(p->parent, p->leaf[from], p->parent, p->leaf[to]) == 0);
}

/* Removes an old output, under whatever name it has now. */
static bool remove_old(const struct q8_publish *p, const struct q8_dir *old, enum q8_leaf leaf,
                       const struct q8_claim *claim, struct q8_err *err)
{
    if (!q8_claim_remove(claim, old, Q8_MANIFEST, err))
        return false;
    return unlinkat(p->parent, p->leaf[leaf], AT_REMOVEDIR) == 0 || errno == ENOENT ||
           q8_fail_errno(err, "cannot remove %s", old->path);
}

bool q8_replace_mend(struct q8_publish *p, bool may, bool *ret_back, struct q8_arena *mem,
                     struct q8_err *err)
{
    struct q8_dir aside = q8_replace_open(p, Q8_LEAF_ASIDE);
    struct q8_claim claim;
    struct stat st;
    bool ok = true, there;

    *ret_back = false;
    if (aside.fd < 0) /* what only others may open is none of ours */
        return q8_dir_absent(errno) || errno == EACCES ||
               q8_fail_errno(err, "cannot open %s", p->aside);
    if (may && q8_dir_empty(&aside, err) && fstat(aside.fd, &st) == 0 && st.st_mode & S_ISVTX)
        (void)unlinkat(p->parent, p->leaf[Q8_LEAF_ASIDE], AT_REMOVEDIR);
    there = q8_replace_has(p, Q8_LEAF_OUTPUT, &st, err);
    if (!err->code && q8_replace_leaving(&aside, &claim, mem, err) &&
        q8_replace_lock(p, aside.fd, err)) {
        if (!may) {
            ok = there || q8_fail(err, Q8_EUSAGE,
                                  "%s is the output that an interrupted --force has moved aside; "
                                  "--resume or --force puts it back",
                                  p->aside);
        } else if (!there) {
            *ret_back = ok = rename_new(p, Q8_LEAF_ASIDE, Q8_LEAF_OUTPUT) ||
                             q8_fail_errno(err, "cannot rename %s to %s", p->aside, p->output);
            (void)q8_replace_mark(&aside, false, &(struct q8_err){0});
        } else {
            ok = judge(&aside, Q8_EUSAGE, &claim, mem, err) &&
                 remove_old(p, &aside, Q8_LEAF_ASIDE, &claim, err);
        }
    }
    q8_dir_close(&aside);
    return ok && !err->code;
}

/* Two empty files of ours, which show whether things can be exchanged. */
static bool try_exchange(const struct q8_publish *p, struct q8_err *err)
{
    static const char *const name[] = {Q8_JOURNAL ".new", Q8_JOURNAL ".old"};
    bool ok = true, can = false;

    for (int i = 0; ok && i < 2; i++) {
        int fd;

        ok = q8_dir_remove(&p->dir, name[i], false, err);
        fd = ok ? openat(p->dir.fd, name[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
        if (ok && fd < 0)
            ok = q8_fail_errno(err, "cannot create %s/%s", p->partial, name[i]);
        if (fd >= 0)
            (void)close(fd);
    }
    if (ok) {
        can = renameat2(p->dir.fd, name[0], p->dir.fd, name[1], RENAME_EXCHANGE) == 0;
        ok = can || is_missing(errno) ||
             q8_fail_errno(err, "cannot exchange files in %s", p->partial);
    }
    for (int i = 0; i < 2; i++) /* after a failure as well, and where it fails once more */
        ok = (q8_dir_remove(&p->dir, name[i], false, err) ||
              q8_dir_remove(&p->dir, name[i], false, err)) &&
             ok;
    return ok && can;
}

bool q8_replace_prepare(struct q8_publish *p, struct q8_err *err)
{
    static const char apart[] =
        "the file system cannot exchange two directories: between the old output and the new one "
        "there is a moment without either; --resume mends what a kill leaves then";
    struct stat st;

    p->swaps = p->place != Q8_OUTPUT_OURS || try_exchange(p, err);
    if (p->swaps || err->code)
        return !err->code;
    warn(p, apart);
    if (q8_replace_has(p, Q8_LEAF_ASIDE, &st, err))
        return q8_fail(err, Q8_EUSAGE, "%s is in the way of the old output: move it away",
                       p->aside);
    return !err->code;
}

/* What has come to be called OUTPUT is not for us to move. */
static bool fail_late(const struct q8_publish *p, struct q8_err *err)
{
    return q8_fail(
        err, Q8_EIO,
        "%s is not what it was when the run began: another program put it there; move it "
        "away",
        p->output);
}

static bool exchange(const struct q8_publish *p)
{
    return renameat2(p->parent, p->leaf[Q8_LEAF_PARTIAL], p->parent, p->leaf[Q8_LEAF_OUTPUT],
                     RENAME_EXCHANGE) == 0;
}

/* Takes the old output away from its name: exchanged with the new one, or aside for a moment. */
static bool take_away(struct q8_publish *p)
{
    if (p->swaps && exchange(p))
        return true;
    if (p->swaps && !is_missing(errno))
        return false;
    p->swaps = false;
    return rename_new(p, Q8_LEAF_OUTPUT, Q8_LEAF_ASIDE);
}

/*
 * Puts the new output in the place of the old one.  Once that is away nobody comes to it by its
 * name any more, so what was put into it until then is seen, and all goes back.
 */
static bool move_old(struct q8_publish *p, const struct q8_dir *old, struct q8_arena *mem,
                     struct q8_err *err)
{
    struct q8_claim claim;
    enum q8_leaf away;

    if (!take_away(p))
        return q8_fail_errno(err, "cannot move %s out of the way", p->output);
    away = p->swaps ? Q8_LEAF_PARTIAL : Q8_LEAF_ASIDE;
    if (!q8_replace_named(p, old->fd, away, err))
        fail_late(p, err);
    else if (judge(old, Q8_EIO, &claim, mem, err) && !p->swaps &&
             !rename_new(p, Q8_LEAF_PARTIAL, Q8_LEAF_OUTPUT))
        q8_fail_errno(err, "cannot rename %s to %s", p->partial, p->output);
    if (err->code)
        (void)(p->swaps ? exchange(p) : rename_new(p, away, Q8_LEAF_OUTPUT));
    return !err->code;
}

static bool sync_parent(const struct q8_publish *p, struct q8_err *err)
{
    return q8_dir_sync(&(struct q8_dir){.fd = p->parent, .path = p->output}, "", err);
}

/* An old output that is still the one that was judged before the work. */
static bool replace_ours(struct q8_publish *p, bool sync, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_dir old = q8_replace_open(p, Q8_LEAF_OUTPUT);
    struct q8_claim claim;
    struct stat st;
    bool ok;

    if (old.fd < 0 ? !q8_dir_absent(errno) : fstat(old.fd, &st) < 0)
        q8_fail_errno(err, "cannot look at %s", p->output);
    ok = !err->code && old.fd >= 0 && q8_stat_same(&st, &p->was);
    if (!ok)
        fail_late(p, err);
    ok = ok && judge(&old, Q8_EIO, &claim, mem, err) && q8_replace_lock(p, old.fd, err) &&
         q8_replace_mark(&old, true, err); /* for when it has another name */
    if (ok) {
        p->done = move_old(p, &old, mem, err);
        if (!p->done)
            (void)q8_replace_mark(&old, false, &(struct q8_err){0});
        ok = p->done &&
             (((!sync || sync_parent(p, err)) &&
               remove_old(p, &old, p->swaps ? Q8_LEAF_PARTIAL : Q8_LEAF_ASIDE, &claim, err)) ||
              q8_fail_in(err, "the new output is in place, the old one could not be removed"));
    }
    q8_dir_close(&old);
    return ok;
}

/* An empty directory, whose mode the new one takes over. */
static bool replace_empty(struct q8_publish *p, struct q8_err *err)
{
    (void)fchmod(p->dir.fd, (p->was.st_mode & 07777) | S_ISVTX);
    /* which replaces an empty directory and nothing else */
    p->done =
        renameat(p->parent, p->leaf[Q8_LEAF_PARTIAL], p->parent, p->leaf[Q8_LEAF_OUTPUT]) == 0;
    if (!p->done && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR))
        return fail_late(p, err);
    return p->done || q8_fail_errno(err, "cannot rename %s to %s", p->partial, p->output);
}

bool q8_replace_run(struct q8_publish *p, bool sync, struct q8_arena *mem, struct q8_err *err)
{
    struct stat st;
    bool ok;

    if (p->place == Q8_OUTPUT_OURS && (q8_replace_has(p, Q8_LEAF_OUTPUT, &st, err) || err->code)) {
        ok = !err->code && replace_ours(p, sync, mem, err);
    } else if (p->place == Q8_OUTPUT_EMPTY) {
        ok = replace_empty(p, err);
    } else {
        p->done = ok = rename_new(p, Q8_LEAF_PARTIAL, Q8_LEAF_OUTPUT);
        if (!ok && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR))
            fail_late(p, err);
        else if (!ok)
            q8_fail_errno(err, "cannot rename %s to %s", p->partial, p->output);
    }
    return ok && (!sync || sync_parent(p, err));
}
