/* file.c - files: whole reads and writes at an offset, room set aside ahead, syncing */
#include "src/base/file_park.h"

#include "src/base/arena.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

/* Bytes per system call: Linux moves at most 2 GiB - 4 KiB at once. */
#define MOST_BYTES (UINT64_C(1) << 30)

#define PIECE_BYTES 65536 /* that q8_file_show holds: they stay in the L2 cache */

/* "cannot WHAT PATH: reason", the path made safe to show. */
static bool fail_path(struct q8_err *err, const char *what, const char *path)
{
    char shown[600];

    return q8_fail_errno(err, "cannot %s %s", what, q8_text_escape(path, shown, sizeof shown));
}

bool q8_stat_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool q8_errno_is_absence(int number)
{
    return number == ENOENT || number == ENOTDIR;
}

enum q8_there q8_file_there(int folder, const char *path, int flags, struct stat *ret,
                            struct q8_err *err)
{
    struct stat st;

    if (fstatat(folder, path, &st, flags) == 0) {
        if (ret)
            *ret = st;
        return Q8_THERE;
    }
    if (q8_errno_is_absence(errno))
        return Q8_THERE_NOT;
    (void)fail_path(err, "look at", path);
    return Q8_THERE_UNKNOWN;
}

bool q8_file_take(struct q8_file *ret, int fd, const char *path, struct q8_err *err)
{
    struct q8_file f = {.fd = fd, .path = path};
    char shown[600];

    if (fstat(fd, &f.stat) < 0)
        return fail_path(err, "look at", path);
    if (!S_ISREG(f.stat.st_mode))
        return q8_fail(err, Q8_EINPUT, "%s is %s, not a file",
                       q8_text_escape(path, shown, sizeof shown),
                       S_ISDIR(f.stat.st_mode) ? "a directory" : "a device, pipe or socket");
    f.size = (uint64_t)f.stat.st_size;
    *ret = f;
    return true;
}

bool q8_file_open(struct q8_file *ret, const char *path, struct q8_err *err)
{
    /* Without O_NONBLOCK a pipe would hang here, before q8_file_take can refuse it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return fail_path(err, "open", path);
    if (q8_file_take(ret, fd, path, err))
        return true;
    (void)close(fd);
    return false;
}

bool q8_file_room(struct q8_file *f, uint64_t size, struct q8_err *err)
{
    char shown[600];
    int rc;

    if (size > INT64_MAX)
        errno = EFBIG;
    else if (ftruncate(f->fd, (off_t)size) == 0) {
        do
            rc = size ? fallocate(f->fd, 0, 0, (off_t)size) : 0;
        while (rc < 0 && errno == EINTR);
        /* A file system that cannot set room aside: the writes will have to tell. */
        if (rc == 0 || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
            return q8_file_take(f, f->fd, f->path, err);
    }
    return q8_fail_errno(err, "cannot set aside %" PRIu64 " bytes of disk for %s", size,
                         q8_text_escape(f->path, shown, sizeof shown));
}

static bool read_from(int fd, const struct q8_file *f, uint64_t off, void *buf, uint64_t n,
                      struct q8_err *err)
{
    unsigned char *to = buf;
    char shown[600];

    for (uint64_t done = 0; done < n;) {
        ssize_t got = pread(fd, to + done, q8_min(n - done, MOST_BYTES), (off_t)(off + done));

        if (got == 0)
            return q8_fail(err, Q8_EIO,
                           "%s ends at byte %" PRIu64 " or before, but had %" PRIu64
                           " bytes when it was opened: it changed during the run",
                           q8_text_escape(f->path, shown, sizeof shown), off + done, f->size);
        if (got < 0 && errno != EINTR)
            return q8_fail_errno(err, "cannot read %" PRIu64 " bytes at byte %" PRIu64 " of %s",
                                 n - done, off + done,
                                 q8_text_escape(f->path, shown, sizeof shown));
        if (got > 0)
            done += (uint64_t)got;
    }
    return true;
}

bool q8_file_read(const struct q8_file *f, uint64_t off, void *buf, uint64_t n, struct q8_err *err)
{
    const int fd = q8_file_use(f, err);
    const bool ok = (fd >= 0 || !f->parked) && read_from(fd, f, off, buf, n, err);

    if (fd >= 0)
        q8_file_release(f, fd);
    return ok;
}

static bool fill(void *file, uint64_t off, void *buf, uint64_t n, struct q8_err *err)
{
    return q8_file_read(file, off, buf, n, err);
}

struct q8_source q8_file_source(const struct q8_file *f)
{
    return (struct q8_source){f->size, fill, (void *)(uintptr_t)f};
}

bool q8_file_show(const struct q8_file *f, uint64_t from, uint64_t n,
                  bool (*take)(void *self, const void *bytes, uint64_t n, struct q8_err *err),
                  void *self, struct q8_err *err)
{
    unsigned char piece[PIECE_BYTES];

    for (uint64_t done = 0, m; done < n; done += m) {
        m = q8_min(sizeof piece, n - done);
        if (!q8_file_read(f, from + done, piece, m, err) || !take(self, piece, m, err))
            return false;
    }
    return true;
}

static bool add_bytes(void *xxh, const void *bytes, uint64_t n, struct q8_err *err)
{
    (void)err;
    q8_xxh_add(xxh, bytes, n);
    return true;
}

bool q8_file_digest(const struct q8_file *f, uint64_t n, struct q8_digest *ret, struct q8_err *err)
{
    struct q8_xxh x = {0};
    bool ok = q8_xxh_open(&x, err) && q8_file_show(f, 0, n, add_bytes, &x, err);

    if (ok)
        *ret = q8_xxh_sum(&x);
    q8_xxh_close(&x);
    return ok;
}

static bool write_to(int fd, const struct q8_file *f, uint64_t off, const void *buf, uint64_t n,
                     struct q8_err *err)
{
    const unsigned char *from = buf;
    char shown[600];

    for (uint64_t done = 0; done < n;) {
        ssize_t put = pwrite(fd, from + done, q8_min(n - done, MOST_BYTES), (off_t)(off + done));

        if (put == 0) { /* no reason given: never try for ever */
            errno = EIO;
            put = -1;
        }
        if (put < 0 && errno != EINTR)
            return q8_fail_errno(err, "cannot write %" PRIu64 " bytes at byte %" PRIu64 " of %s",
                                 n - done, off + done,
                                 q8_text_escape(f->path, shown, sizeof shown));
        if (put > 0)
            done += (uint64_t)put;
    }
    return true;
}

bool q8_file_write(const struct q8_file *f, uint64_t off, const void *buf, uint64_t n,
                   struct q8_err *err)
{
    const int fd = q8_file_use(f, err);
    const bool ok = (fd >= 0 || !f->parked) && write_to(fd, f, off, buf, n, err);

    if (fd >= 0)
        q8_file_release(f, fd);
    return ok;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return q8_stat_same(a, b) && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Nor has anything else about it changed, such as its mode, or its time been set back. */
static bool is_untouched(const struct stat *a, const struct stat *b)
{
    return is_same(a, b) && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool q8_file_changed(const struct q8_file *f)
{
    struct stat open_file, named;

    return (!f->parked && fstat(f->fd, &open_file) == 0 && !is_same(&open_file, &f->stat)) ||
           (stat(f->path, &named) == 0 && !is_same(&named, &f->stat));
}

bool q8_file_same(const struct q8_file *f, struct q8_err *err)
{
    struct stat open_file, named;
    char shown[600];

    if ((!f->parked && fstat(f->fd, &open_file) < 0) || stat(f->path, &named) < 0)
        return fail_path(err, "look again at", f->path);
    if (f->parked)
        open_file = named;
    if (named.st_dev != f->stat.st_dev || named.st_ino != f->stat.st_ino)
        return q8_fail(err, Q8_EIO, "%s was replaced by another file during the run: run again",
                       q8_text_escape(f->path, shown, sizeof shown));
    if (!is_untouched(&open_file, &f->stat) || !is_untouched(&named, &f->stat))
        return q8_fail(err, Q8_EIO, "%s was written to during the run: run again later",
                       q8_text_escape(f->path, shown, sizeof shown));
    return true;
}

bool q8_fd_sync(int fd)
{
    int rc;

    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    return rc == 0;
}

bool q8_file_sync(const struct q8_file *f, struct q8_err *err)
{
    const int fd = q8_file_use(f, err);
    const bool ok = (fd >= 0 || !f->parked) && (q8_fd_sync(fd) || fail_path(err, "flush", f->path));

    if (fd >= 0)
        q8_file_release(f, fd);
    return ok;
}

void q8_file_close(struct q8_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
    f->parked = false;
}

char *q8_file_text(const char *path, uint64_t limit, uint64_t *ret_len, struct q8_arena *mem,
                   struct q8_err *err)
{
    char shown[600], *text = NULL;
    struct q8_file f;

    if (!q8_file_open(&f, path, err))
        return NULL;
    if (f.size > limit)
        q8_fail(err, Q8_ELIMIT, "%s has %" PRIu64 " bytes (at most %" PRIu64 ")",
                q8_text_escape(path, shown, sizeof shown), f.size, limit);
    else
        text = q8_alloc(mem, f.size + 1, 1, err);
    if (text && !q8_file_read(&f, 0, text, f.size, err))
        text = NULL;
    if (text && ret_len)
        *ret_len = f.size;
    q8_file_close(&f);
    return text;
}

void q8_file_flush(const struct q8_file *f, uint64_t off, uint64_t n)
{
    struct q8_err ignored = {0};
    const int fd = q8_file_use(f, &ignored);

    if (fd < 0)
        return;
    (void)sync_file_range(fd, (off_t)off, (off_t)n,
                          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                              SYNC_FILE_RANGE_WAIT_AFTER);
    q8_file_release(f, fd);
}

/* A stream's way to a file, or to nowhere: counts what passes. */
struct counter {
    int fd; /* -1 = nowhere */
    uint64_t bytes;
    int error; /* errno of the first write that failed, 0: none did */
};

static ssize_t count_write(void *cookie, const char *buf, size_t n)
{
    struct counter *c = cookie;
    size_t done = 0;

    while (c->fd >= 0 && done < n) {
        ssize_t got = write(c->fd, buf + done, n - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            c->error = got < 0 ? errno : EIO;
            return 0; /* stdio's word for failure */
        }
        done += (size_t)got;
    }
    c->bytes += n;
    return (ssize_t)n;
}

bool q8_file_print(const struct q8_file *to, const struct q8_printer *printer, uint64_t *ret_bytes,
                   struct q8_err *err)
{
    struct counter c = {.fd = to ? to->fd : -1};
    const char *name = to ? to->path : "a text";
    FILE *out = fopencookie(&c, "w", (cookie_io_functions_t){.write = count_write});
    bool ok =
        out ? printer->print(printer->self, out, err) : q8_fail_errno(err, "cannot print %s", name);

    if (out && ok && (fflush(out) != 0 || c.error)) {
        errno = c.error ? c.error : errno;
        ok = q8_fail_errno(err, "cannot write %s", name);
    }
    if (out)
        (void)fclose(out);
    *ret_bytes = c.bytes;
    return ok;
}
