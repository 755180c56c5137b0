/* dir.c - an open directory: what lies below it is reached from there, and through no link */
#include "src/base/dir.h"

#include "src/base/text.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* "cannot WHAT PATH/NAME: reason", made safe to show. */
static bool fail_name(const struct q8_dir *d, const char *what, const char *name,
                      struct q8_err *err)
{
    char shown[300], folder[300];

    return q8_fail_errno(err, "cannot %s %s/%s", what,
                         q8_text_escape(d->path, folder, sizeof folder),
                         q8_text_escape(name, shown, sizeof shown));
}

/* "cannot WHAT PATH: reason" */
static bool fail_dir(const struct q8_dir *d, const char *what, struct q8_err *err)
{
    char shown[300];

    return q8_fail_errno(err, "cannot %s %s", what, q8_text_escape(d->path, shown, sizeof shown));
}

const char *q8_dir_fault(const struct q8_dir *d, const struct stat *st)
{
    if (S_ISLNK(st->st_mode))
        return "a link";
    if (S_ISDIR(st->st_mode))
        return "a folder";
    if (!S_ISREG(st->st_mode))
        return "not a regular file";
    if (st->st_nlink > 1)
        return "a file with a second name elsewhere";
    return st->st_uid == d->owner || st->st_uid == geteuid() ? NULL : "another user's file";
}

const char *q8_dir_name(const struct q8_dir *d, const char *path)
{
    size_t length = strlen(d->path);

    assert(strncmp(path, d->path, length) == 0 && path[length] == '/');
    return path + length + 1;
}

bool q8_dir_absent(int error)
{
    return q8_errno_is_absence(error) || error == ELOOP;
}

bool q8_dir_has(const struct q8_dir *d, const char *name, struct stat *ret, struct q8_err *err)
{
    return fstatat(d->fd, name, ret, AT_SYMLINK_NOFOLLOW) == 0 ||
           (errno != ENOENT && fail_name(d, "look at", name, err));
}

bool q8_dir_empty(const struct q8_dir *d, struct q8_err *err)
{
    int own = openat(d->fd, ".", FOLDER_FLAGS);
    DIR *dir = own >= 0 ? fdopendir(own) : NULL;
    unsigned entries = 0;
    bool ok;

    while (dir && entries < 3 && (errno = 0, readdir(dir)))
        entries++;
    ok = (dir && (entries == 3 || errno == 0)) || fail_dir(d, "look into", err);
    if (dir)
        (void)closedir(dir);
    else if (own >= 0)
        (void)close(own);
    return ok && entries < 3; /* "." and ".." */
}

/* Opens the folder of `length` bytes of `name` in `at`, where `make` makes it; -1 and errno. */
static int step(int at, const char *name, size_t length, bool make)
{
    char folder[NAME_MAX + 1];

    if (length > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(folder, name, length);
    folder[length] = 0;
    if (!*folder || strcmp(folder, ".") == 0 || strcmp(folder, "..") == 0) {
        errno = EINVAL; /* a way around */
        return -1;
    }
    if (make && mkdirat(at, folder, 0777) < 0 && errno != EEXIST)
        return -1;
    return openat(at, folder, FOLDER_FLAGS);
}

/* The folder of the last part of a name; -1 and errno. */
static int descend(const struct q8_dir *d, const char *name, bool make, const char **ret)
{
    int at = openat(d->fd, ".", FOLDER_FLAGS);
    const char *slash;

    for (; at >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
        int next = step(at, name, (size_t)(slash - name), make);
        int error = errno;

        (void)close(at);
        errno = error;
        at = next;
    }
    *ret = name;
    return at;
}

bool q8_dir_make(const struct q8_dir *d, const char *name, struct q8_err *err)
{
    const char *leaf;
    int folder = descend(d, name, true, &leaf);

    if (folder < 0)
        return fail_name(d, "make the folder of", name, err);
    (void)close(folder);
    return true;
}

int q8_dir_enter(const struct q8_dir *d, const char *name, const char **ret, struct q8_err *err)
{
    int folder = descend(d, name, false, ret);

    if (folder < 0 && err)
        fail_name(d, "enter the folder of", name, err);
    return folder;
}

static int open_below(const struct q8_dir *d, const char *name, int flags, struct q8_err *err)
{
    const char *leaf;
    int folder = q8_dir_enter(d, name, &leaf, err), fd;

    if (folder < 0)
        return -1;
    /* without O_NONBLOCK a pipe would hang here, before it can be refused */
    fd = openat(folder, leaf, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0)
        fail_name(d, flags & O_CREAT ? "create" : "open", name, err);
    (void)close(folder);
    return fd;
}

bool q8_dir_file(struct q8_file *ret, const struct q8_dir *d, const char *path, enum q8_dir_how how,
                 struct q8_err *err)
{
    static const int flags[] = {O_RDONLY, O_RDONLY, O_RDWR | O_CREAT | O_EXCL, O_RDWR | O_CREAT};
    int fd = open_below(d, q8_dir_name(d, path), flags[how], err);
    const char *fault = NULL;
    struct q8_file f;
    char shown[600];
    bool ok;

    if (fd < 0)
        return false;
    ok = q8_file_take(&f, fd, path, err);
    if (ok && how != Q8_DIR_LOOK)
        fault = q8_dir_fault(d, &f.stat);
    if (fault)
        ok = q8_fail(err, Q8_EIO, "%s is %s: another program put it there",
                     q8_text_escape(path, shown, sizeof shown), fault);
    if (ok)
        *ret = f;
    else
        (void)close(fd);
    return ok;
}

bool q8_dir_create(struct q8_file *ret, const struct q8_dir *d, const char *path, uint64_t size,
                   bool keep, struct q8_err *err)
{
    struct q8_file f;

    if (!q8_dir_file(&f, d, path, keep ? Q8_DIR_KEEP : Q8_DIR_NEW, err))
        return false;
    if (q8_file_room(&f, size, err)) {
        *ret = f;
        return true;
    }
    q8_file_close(&f);
    if (!keep)
        (void)q8_dir_remove(d, q8_dir_name(d, path), false, &(struct q8_err){0});
    return false;
}

bool q8_dir_remove(const struct q8_dir *d, const char *name, bool folder, struct q8_err *err)
{
    const char *leaf;
    int at = q8_dir_enter(d, name, &leaf, NULL);
    bool ok = (at >= 0 && unlinkat(at, leaf, folder ? AT_REMOVEDIR : 0) == 0) || errno == ENOENT;

    if (!ok)
        fail_name(d, "remove", name, err);
    if (at >= 0)
        (void)close(at);
    return ok;
}

bool q8_dir_sync(const struct q8_dir *d, const char *name, struct q8_err *err)
{
    const char *leaf;
    int folder = q8_dir_enter(d, name, &leaf, err);
    bool ok;

    if (folder < 0)
        return false;
    ok = q8_fd_sync(folder) || errno == EINVAL ||
         (*name ? fail_name(d, "flush the folder of", name, err) : fail_dir(d, "flush", err));
    (void)close(folder);
    return ok;
}

void q8_dir_close(struct q8_dir *d)
{
    if (d->fd >= 0)
        (void)close(d->fd);
    d->fd = -1;
}
