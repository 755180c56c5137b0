/* publish.c - OUTPUT.partial: made, locked, and renamed to OUTPUT when complete */
#include "src/convert/output/publish.h"

#include "src/base/text.h"
#include "src/convert/output/head.h"
#include "src/convert/output/replace.h"
#include "src/model/folder/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TRIES 100 /* to lock a directory that other runs make and remove meanwhile */

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
    *p = (struct q8_publish){.parent = -1, .dir.fd = -1};
    p->output = q8_strndup(mem, output, length, err);
    p->partial = q8_sprintf(mem, err, "%.*s.partial", (int)length, output);
    p->aside = q8_sprintf(mem, err, "%.*s.old", (int)length, output);
    if (err->code)
        return false;
    p->leaf[Q8_LEAF_OUTPUT] = q8_text_leaf(p->output);
    p->leaf[Q8_LEAF_PARTIAL] = q8_text_leaf(p->partial);
    p->leaf[Q8_LEAF_ASIDE] = q8_text_leaf(p->aside);
    if (!*p->leaf[Q8_LEAF_OUTPUT] || strcmp(p->leaf[Q8_LEAF_OUTPUT], ".") == 0 ||
        strcmp(p->leaf[Q8_LEAF_OUTPUT], "..") == 0)
        return q8_fail(err, Q8_EUSAGE, "OUTPUT is the name of a directory to be made, not '%s'",
                       output);
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

/* Opens the directory that holds all: from here on no path is looked up again. */
static bool open_parent(struct q8_publish *p, struct q8_arena *mem, struct q8_err *err)
{
    const char *parent = parent_of(p->output, mem, err);

    if (parent)
        p->parent = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return p->parent >= 0 ||
           (parent && q8_fail_errno(err, "cannot open %s, which is to hold %s", parent, p->output));
}

/* Nobody but us, and who may rename it anyway, may have made a directory that is written to. */
static bool check_owner(struct q8_publish *p, struct q8_err *err)
{
    struct stat here, parent;

    if (fstat(p->dir.fd, &here) < 0 || fstat(p->parent, &parent) < 0)
        return q8_fail_errno(err, "cannot look at %s", p->partial);
    p->dir.owner = here.st_uid;
    /* some file systems give what we make to another user */
    return p->made || here.st_uid == geteuid() || here.st_uid == parent.st_uid ||
           q8_fail(err, Q8_EUSAGE, "%s belongs to another user: remove it by hand", p->partial);
}

/*
 * Locks the directory itself: the lock goes with the process, and needs no file.  One that was
 * renamed or removed while we came to it is none; then all begins again.
 */
static bool lock_partial(struct q8_publish *p, bool make, struct q8_err *err)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (make) {
            p->made = mkdirat(p->parent, p->leaf[Q8_LEAF_PARTIAL], 0777) == 0;
            if (!p->made && errno != EEXIST)
                return q8_fail_errno(err, "cannot make %s", p->partial);
        }
        p->dir = q8_replace_open(p, Q8_LEAF_PARTIAL);
        if (p->dir.fd < 0 && errno == ENOENT) {
            if (make)
                continue;
            return true;
        }
        if (p->dir.fd < 0)
            return q8_dir_absent(errno) ? q8_replace_foreign(p->partial, Q8_EUSAGE, err)
                                        : q8_fail_errno(err, "cannot open %s", p->partial);
        if (!q8_replace_lock(p, p->dir.fd, err)) {
            q8_dir_close(&p->dir); /* another run has it, whoever made it */
            return false;
        }
        if (q8_replace_named(p, p->dir.fd, Q8_LEAF_PARTIAL, err))
            return check_owner(p, err);
        if (!err->code && q8_replace_named(p, p->dir.fd, Q8_LEAF_OUTPUT, err))
            return q8_fail(err, Q8_EBUSY, "another run has just finished %s", p->output);
        q8_dir_close(&p->dir);
        if (err->code)
            return false;
    }
    return q8_fail(err, Q8_EBUSY, "other runs come and go on %s", p->output);
}

/* What a partial directory can be. */
enum state {
    EMPTY,     /* anybody's: it is taken */
    RESUMABLE, /* its journal names its files */
    SPENT,     /* q8-convert's, with nothing to continue: just begun, or an output on its way */
    FOREIGN,   /* nothing that q8-convert may remove */
};

/* Finds out whose it is, and what in it may be written or removed; unless there is an error. */
static enum state find_state(struct q8_publish *p, struct q8_arena *mem, struct q8_err *err)
{
    enum q8_head_state journal;

    if (q8_dir_empty(&p->dir, err))
        return EMPTY;
    if (err->code)
        return FOREIGN;
    journal = q8_head_claim(&p->dir, &p->claim, mem, err);
    if (journal != Q8_HEAD_NONE)
        return journal == Q8_HEAD_WHOLE ? RESUMABLE : SPENT;
    if (!err->code && q8_head_unborn(&p->dir, err))
        return q8_head_own(&p->claim, mem, err) ? SPENT : FOREIGN;
    return !err->code && q8_replace_leaving(&p->dir, &p->claim, mem, err) ? SPENT : FOREIGN;
}

/* Judges a partial directory that is there: *ret is what it is. */
static bool judge_partial(struct q8_publish *p, enum state *ret, struct q8_arena *mem,
                          struct q8_err *err)
{
    const struct q8_claim_use use = {.write = true, .code = Q8_EUSAGE};

    *ret = find_state(p, mem, err);
    if (err->code)
        return false;
    if (*ret == FOREIGN)
        return q8_replace_foreign(p->partial, Q8_EUSAGE, err);
    return *ret == EMPTY || q8_claim_holds(&p->claim, &p->dir, &use, err);
}

static bool fail_left(const struct q8_publish *p, struct q8_err *err)
{
    return q8_fail(err, Q8_EUSAGE,
                   "%s is left from an earlier run; --resume continues it, --force starts over",
                   p->partial);
}

/* Takes a partial directory over, empty where nothing is to be continued. */
static bool take_partial(struct q8_publish *p, bool resume, bool force, struct q8_arena *mem,
                         struct q8_err *err)
{
    enum state state;

    if (!judge_partial(p, &state, mem, err))
        return false;
    if (state != EMPTY && !resume && !force)
        return fail_left(p, err);
    p->resumed = resume && state == RESUMABLE;
    if (p->resumed || state == EMPTY)
        return true;
    if (!q8_claim_remove(&p->claim, &p->dir,
                         q8_claim_has(&p->claim, Q8_JOURNAL) ? Q8_JOURNAL : Q8_MANIFEST, err))
        return false;
    p->claim = (struct q8_claim){0};
    return true;
}

/* Removes an empty directory while it is locked, so that no other run has it. */
static void remove_partial(struct q8_publish *p)
{
    struct q8_err none = {0};

    if (p->dir.fd >= 0 && q8_replace_named(p, p->dir.fd, Q8_LEAF_PARTIAL, &none))
        (void)unlinkat(p->parent, p->leaf[Q8_LEAF_PARTIAL], AT_REMOVEDIR);
}

void q8_publish_say_left(const struct q8_publish *p, struct q8_err *err)
{
    size_t used = strlen(err->text);

    if (access(p->partial, F_OK) == 0)
        (void)snprintf(err->text + used, sizeof err->text - used, "; %s could not be removed",
                       p->partial);
}

/* After a failure: what was made goes, unless another run has come to hold it; else it is said. */
static void drop_partial(struct q8_publish *p, struct q8_err *err)
{
    struct q8_err none = {0};

    if (p->dir.fd < 0) /* it could not be opened, or not locked, the first time */
        p->dir = q8_replace_open(p, Q8_LEAF_PARTIAL);
    if (p->dir.fd >= 0 && q8_replace_lock(p, p->dir.fd, &none))
        remove_partial(p);
    if (err->code != Q8_EBUSY && none.code != Q8_EBUSY)
        q8_publish_say_left(p, err);
}

bool q8_publish_check(const struct q8_publish_wish *wish, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_publish p;
    enum state state = EMPTY;
    bool ok = name_paths(&p, wish->output, mem, err) && open_parent(&p, mem, err) &&
              lock_partial(&p, false, err) && q8_replace_look(&p, wish, mem, err);

    if (ok && !p.finished)
        ok = (p.dir.fd < 0 || judge_partial(&p, &state, mem, err)) &&
             (state == EMPTY || wish->resume || wish->force || fail_left(&p, err));
    if (ok && !p.finished && p.dir.fd < 0 && faccessat(p.parent, ".", W_OK | X_OK, AT_EACCESS) < 0)
        ok = q8_fail_errno(err, "cannot make %s", p.partial);
    q8_publish_close(&p, true);
    return ok;
}

/* Locks first, as the answer is that another run lives; and makes nothing that would be refused. */
static bool open_partial(struct q8_publish *p, const struct q8_publish_wish *wish,
                         struct q8_arena *mem, struct q8_err *err)
{
    if (!name_paths(p, wish->output, mem, err) || !open_parent(p, mem, err) ||
        !lock_partial(p, false, err))
        return false;
    return p->dir.fd >= 0 ||
           (q8_replace_look(p, wish, mem, err) && (p->finished || lock_partial(p, true, err)));
}

/* Beside a finished output: an old one on its way out goes, the work of another run stays. */
static bool clear_partial(struct q8_publish *p, struct q8_arena *mem, struct q8_err *err)
{
    enum state state = p->dir.fd < 0 ? RESUMABLE : find_state(p, mem, err);

    if (err->code || (state == SPENT && !take_partial(p, true, true, mem, err)))
        return false;
    if (state == SPENT || state == EMPTY)
        remove_partial(p);
    return true;
}

bool q8_publish_open(struct q8_publish *ret, const struct q8_publish_wish *wish,
                     struct q8_arena *mem, struct q8_err *err)
{
    struct q8_publish_wish now = *wish; /* under the lock */
    struct q8_publish *p = ret;
    bool back, ok = open_partial(p, wish, mem, err) &&
                    q8_replace_mend(p, wish->resume || wish->force, &back, mem, err);

    if (ok && !p->finished) {
        now.force = wish->force || back;
        ok = q8_replace_look(p, &now, mem, err);
    }
    if (ok && p->finished)
        ok = clear_partial(p, mem, err);
    else
        ok = ok && take_partial(p, wish->resume, wish->force, mem, err) &&
             q8_replace_prepare(p, err);
    if (!ok && p->made)
        drop_partial(p, err);
    if (!ok || p->finished)
        q8_publish_close(p, true);
    return ok;
}

bool q8_publish_finish(struct q8_publish *p, bool sync, struct q8_arena *mem, struct q8_err *err)
{
    bool ok;

    ok = q8_replace_mark(&p->dir, true, err) && /* for when there is no journal */
         q8_dir_remove(&p->dir, Q8_JOURNAL, false, err) &&
         (!sync || q8_dir_sync(&p->dir, "", err)) && q8_replace_run(p, sync, mem, err);
    if (p->done) /* else the mark is what says whose it is, should the journal not come back */
        (void)q8_replace_mark(&p->dir, false, &(struct q8_err){0});
    return ok;
}

void q8_publish_close(struct q8_publish *p, bool keep)
{
    if (p->dir.fd >= 0 && !keep && !p->done &&
        q8_claim_remove(&p->claim, &p->dir, Q8_JOURNAL, &(struct q8_err){0}))
        remove_partial(p);
    q8_dir_close(&p->dir);
    if (p->parent >= 0)
        (void)close(p->parent);
    p->parent = -1;
}

/* What says that there is no such place, and not that the file system cannot tell. */
static bool is_path_error(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP ||
           error == ENAMETOOLONG;
}

bool q8_publish_free(const char *output, uint64_t *ret_bytes, struct q8_arena *mem,
                     struct q8_err *err)
{
    struct q8_publish p;
    struct statvfs fs;
    const char *parent;
    int rc;

    if (!name_paths(&p, output, mem, err))
        return false;
    parent = parent_of(p.output, mem, err);
    if (!parent)
        return false;
    rc = statvfs(parent, &fs);
    if (rc < 0 && is_path_error(errno))
        return q8_fail_errno(err, "%s, which is to hold %s", parent, p.output);
    *ret_bytes = rc < 0 || fs.f_blocks == 0 ? Q8_FREE_UNKNOWN : (uint64_t)fs.f_bavail * fs.f_frsize;
    return true;
}
