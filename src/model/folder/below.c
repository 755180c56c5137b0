/* below.c - what is below a folder: paths and links that do not leave it */
#include "src/model/folder/below.h"

#include "src/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINK_LIMIT 8 /* links behind one another */

bool q8_root_open(struct q8_root *ret, const char *path, struct q8_err *err)
{
    char shown[600];

    *ret = (struct q8_root){open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path};
    return ret->fd >= 0 || q8_fail_errno(err, "cannot open the directory %s",
                                         q8_text_escape(path, shown, sizeof shown));
}

void q8_root_close(struct q8_root *root)
{
    if (root->fd >= 0)
        (void)close(root->fd);
    root->fd = -1;
}

static bool fail_at(const struct q8_root *root, const char *what, const char *path,
                    struct q8_err *err)
{
    char shown[600], place[600];

    return q8_fail_errno(err, "cannot %s %s/%s", what,
                         q8_text_escape(root->path, shown, sizeof shown),
                         q8_text_escape(path, place, sizeof place));
}

static bool fail_long(const struct q8_root *root, struct q8_err *err)
{
    char shown[600];

    return q8_fail(err, Q8_ELIMIT, "%s: a path below it is longer than %d bytes",
                   q8_text_escape(root->path, shown, sizeof shown), PATH_MAX - 1);
}

/* ---- where a path leads ---- */

/* A path on its way: what is behind, without links, and what is ahead. */
struct way {
    char done[PATH_MAX], ahead[PATH_MAX];
    unsigned links;
};

/* Takes the next part off `ahead`; its length, 0 at the end. */
static size_t next_part(struct way *w, char part[NAME_MAX + 1])
{
    const size_t slashes = strspn(w->ahead, "/");
    const size_t length = strcspn(w->ahead + slashes, "/");

    if (length > NAME_MAX)
        return length;
    memcpy(part, w->ahead + slashes, length);
    part[length] = 0;
    memmove(w->ahead, w->ahead + slashes + length, strlen(w->ahead + slashes + length) + 1);
    return length;
}

static bool is_out(const char *done)
{
    return strncmp(done, "..", 2) == 0 && (!done[2] || done[2] == '/');
}

static void drop_last(char *done)
{
    char *slash = strrchr(done, '/');

    *(slash ? slash : done) = 0;
}

static bool add_part(struct way *w, const char *part)
{
    const size_t n = strlen(w->done);

    return (size_t)snprintf(w->done + n, sizeof w->done - n, "%s%s", n ? "/" : "", part) <
           sizeof w->done - n;
}

/* ".." goes back, and out of the folder at its top. */
static bool go_back(struct way *w)
{
    const char *slash = strrchr(w->done, '/');

    if (!*w->done || strcmp(slash ? slash + 1 : w->done, "..") == 0)
        return add_part(w, "..");
    drop_last(w->done);
    return true;
}

/* The link at `done` is replaced by what it says. */
static bool follow(const struct q8_root *root, struct way *w, struct q8_spot *ret,
                   struct q8_err *err)
{
    char target[PATH_MAX], rest[PATH_MAX];
    const ssize_t n = readlinkat(root->fd, w->done, target, sizeof target - 1);

    if (n < 0)
        return fail_at(root, "read the link", w->done, err);
    target[n] = 0;
    ret->is_link = true;
    if (*target == '/')
        ret->lead = Q8_LEAD_OUT;
    else if (++w->links > LINK_LIMIT)
        ret->lead = Q8_LEAD_CIRCLE;
    drop_last(w->done);
    memcpy(rest, w->ahead, sizeof rest);
    if ((size_t)snprintf(w->ahead, sizeof w->ahead, "%s/%s", target, rest) >= sizeof w->ahead)
        return fail_long(root, err);
    return true;
}

/*
 * Whether a path that leads out ends in the blobs of the cache that the folder is a snapshot of:
 * snapshots/REV[/...] and as many ".." as lead out of the first, then blobs/HASH.
 */
static bool is_blob(const struct q8_root *root, const char *out, struct q8_err *err)
{
    static const char front[] = "/snapshots/", blobs[] = "blobs/";
    char whole[PATH_MAX];
    const char *at = realpath(root->path, whole), *snapshots = NULL;

    if (!at)
        return fail_at(root, "find", "", err);
    while (at && (at = strstr(at, front)))
        snapshots = at++;
    if (!snapshots)
        return false;
    for (at = snapshots; at && strncmp(out, "../", 3) == 0; out += 3)
        at = strchr(at + 1, '/');
    return !at && strncmp(out, blobs, sizeof blobs - 1) == 0 &&
           !strchr(out + sizeof blobs - 1, '/') && out[sizeof blobs - 1] != '.';
}

/* What is at `done`, which has no link before its last part. */
static bool look_at(const struct q8_root *root, struct way *w, struct q8_spot *ret,
                    struct q8_err *err)
{
    const int rc = *w->done ? fstatat(root->fd, w->done, &ret->st, AT_SYMLINK_NOFOLLOW)
                            : fstat(root->fd, &ret->st);

    if (rc < 0 && !q8_errno_is_absence(errno))
        return fail_at(root, "look at", w->done, err);
    ret->lead = rc < 0                     ? Q8_LEAD_NOWHERE
                : S_ISDIR(ret->st.st_mode) ? Q8_LEAD_FOLDER
                : S_ISREG(ret->st.st_mode) ? Q8_LEAD_FILE
                                           : Q8_LEAD_SPECIAL;
    return true;
}

/* Goes on by one part, which is not "..". */
static bool step(const struct q8_root *root, struct way *w, const char *part, struct q8_spot *ret,
                 struct q8_err *err)
{
    if (!add_part(w, part))
        return fail_long(root, err);
    if (is_out(w->done)) /* judged as a whole */
        return true;
    if (!look_at(root, w, ret, err))
        return false;
    if (ret->lead == Q8_LEAD_SPECIAL && S_ISLNK(ret->st.st_mode)) {
        ret->lead = Q8_LEAD_FOLDER;
        return follow(root, w, ret, err);
    }
    if (ret->lead != Q8_LEAD_FOLDER && w->ahead[strspn(w->ahead, "/")])
        ret->lead = Q8_LEAD_NOWHERE;
    return true;
}

bool q8_root_look(const struct q8_root *root, const char *path, struct q8_spot *ret,
                  struct q8_err *err)
{
    struct way w = {.links = 0};
    char part[NAME_MAX + 1];
    size_t length;

    ret->lead = Q8_LEAD_FOLDER;
    ret->is_link = false;
    if ((size_t)snprintf(w.ahead, sizeof w.ahead, "%s", path) >= sizeof w.ahead)
        return fail_long(root, err);
    while (ret->lead == Q8_LEAD_FOLDER && (length = next_part(&w, part)) > 0) {
        if (length > NAME_MAX) {
            ret->lead = Q8_LEAD_NOWHERE;
        } else if (strcmp(part, "..") == 0) {
            if (!go_back(&w))
                return fail_long(root, err);
        } else if (strcmp(part, ".") != 0 && !step(root, &w, part, ret, err)) {
            return false;
        }
    }
    if (ret->lead == Q8_LEAD_FOLDER && is_out(w.done)) {
        ret->lead = Q8_LEAD_OUT;
        if (is_blob(root, w.done, err) && !look_at(root, &w, ret, err))
            return false;
        if (err->code)
            return false;
        if (ret->lead == Q8_LEAD_FOLDER || ret->lead == Q8_LEAD_SPECIAL)
            ret->lead = Q8_LEAD_OUT;
    } else if (ret->lead == Q8_LEAD_FOLDER && !look_at(root, &w, ret, err)) {
        return false;
    }
    if (ret->lead == Q8_LEAD_OUT && fstatat(root->fd, path, &ret->st, 0) < 0 &&
        q8_errno_is_absence(errno))
        ret->lead = Q8_LEAD_NOWHERE;
    memcpy(ret->real, w.done, sizeof ret->real);
    return true;
}

/* ---- opening ---- */

/* A descriptor of what `real` names, or -1: no part of it may be a link. */
static int open_plain(const struct q8_root *root, const char *real, int flags, struct q8_err *err)
{
    const char *at = real;
    char part[NAME_MAX + 1];
    int fd = root->fd;

    do {
        const size_t length = strcspn(at, "/");
        const bool last = !at[length];
        int next;

        (void)snprintf(part, sizeof part, "%.*s", length ? (int)length : 1, length ? at : ".");
        next = openat(fd, part, O_CLOEXEC | O_NOFOLLOW | (last ? flags : O_PATH | O_DIRECTORY));
        if (next < 0)
            fail_at(root, "open", real, err);
        if (fd != root->fd)
            (void)close(fd);
        fd = next;
        at += length + !last;
        if (last)
            return fd;
    } while (fd >= 0);
    return -1;
}

bool q8_root_file(const struct q8_root *root, const char *real, const char *path,
                  struct q8_file *ret, struct q8_err *err)
{
    /* a pipe that is there by now must not hang here */
    const int fd = open_plain(root, real, O_RDONLY | O_NONBLOCK | O_NOCTTY, err);

    if (fd >= 0 && q8_file_take(ret, fd, path, err))
        return true;
    if (fd >= 0)
        (void)close(fd);
    return false;
}

int q8_root_folder(const struct q8_root *root, const char *real, struct q8_err *err)
{
    return open_plain(root, real, O_RDONLY | O_DIRECTORY, err);
}
