/*
 * fail_io.c - for LD_PRELOAD: makes one file operation fail, or kills the process there
 *
 *   Q8_FAIL_CALL=pwrite   which call: open close pread pwrite ftruncate fallocate fsync rename
 *                         mkdir unlink flock statvfs
 *   Q8_FAIL_AT=3          the third such call of the process fails, once
 *   Q8_FAIL_ON=1          so does every such call after it
 *   Q8_FAIL_ERRNO=ENOSPC  how: ENOSPC EIO EINTR EACCES EMFILE EDQUOT EROFS EOPNOTSUPP EINVAL
 *                         ENOSYS ENOLCK or a number; KILL kills the process; SHORT moves half the
 *                         bytes, EOF none (pread and pwrite only); ZERO is a statvfs of zeros
 *   Q8_NO_FLAGS=EINVAL    renameat2 with flags always fails so, and counts for nothing
 *   Q8_WAIT=PATH          the call does not fail but leaves its mark and waits until PATH is there
 *   Q8_KILL_AT=7          SIGKILL at the seventh of all pread, pwrite, fsync and rename calls; a
 *                         pwrite writes the first half of its bytes before, the others do nothing
 *   Q8_FAIL_MARK=PATH     this file is created when the failure or kill happened, so that a test
 *                         that counts N up knows when N is past the last call
 *
 * Every operation goes to the kernel directly, so nothing has to be looked up and any thread may
 * call at any time.  64-bit Linux only, where the "64" names mean the same.
 */
#undef _FILE_OFFSET_BITS /* it would give both names of one call the same symbol */
#undef _FORTIFY_SOURCE   /* and this would make them inline */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

/* beside the errno values */
enum { FAIL_SHORT = -1, FAIL_EOF = -2, FAIL_KILL = -3, FAIL_ZERO = -4 };

static struct {
    const char *call, *mark, *wait;
    long fail_at, kill_at; /* 0: never */
    bool on;               /* beyond fail_at too */
    int how;               /* errno, or one of the FAILs above */
    int no_flags;          /* errno of every renameat2 with flags, 0: it works */
} order;
static atomic_long calls, kill_calls; /* so far */

static const struct {
    const char *name;
    int value;
} hows[] = {
    {"ENOSPC", ENOSPC},    {"EIO", EIO},       {"EINTR", EINTR},    {"EACCES", EACCES},
    {"EMFILE", EMFILE},    {"EDQUOT", EDQUOT}, {"EROFS", EROFS},    {"EOPNOTSUPP", EOPNOTSUPP},
    {"SHORT", FAIL_SHORT}, {"EOF", FAIL_EOF},  {"EINVAL", EINVAL},  {"KILL", FAIL_KILL},
    {"ENOSYS", ENOSYS},    {"ENOLCK", ENOLCK}, {"ZERO", FAIL_ZERO},
};

static int find_how(const char *how)
{
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++)
        if (strcmp(how, hows[i].name) == 0)
            return hows[i].value;
    return atoi(how);
}

static long get_number(const char *name)
{
    const char *text = getenv(name);

    return text ? strtol(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void read_order(void)
{
    const char *how = getenv("Q8_FAIL_ERRNO"), *no_flags = getenv("Q8_NO_FLAGS");

    order.call = getenv("Q8_FAIL_CALL");
    order.mark = getenv("Q8_FAIL_MARK");
    order.wait = getenv("Q8_WAIT");
    order.fail_at = order.call ? get_number("Q8_FAIL_AT") : 0;
    order.on = get_number("Q8_FAIL_ON") != 0;
    order.kill_at = get_number("Q8_KILL_AT");
    order.how = how ? find_how(how) : EIO;
    order.no_flags = no_flags ? find_how(no_flags) : 0;
    if (order.how == 0 || (order.call && order.fail_at <= 0)) {
        fputs("fail_io: Q8_FAIL_AT or Q8_FAIL_ERRNO makes no sense\n", stderr);
        _exit(99);
    }
}

static void leave_mark(void)
{
    if (order.mark)
        (void)syscall(SYS_close,
                      syscall(SYS_openat, AT_FDCWD, order.mark, O_CREAT | O_WRONLY, 0666));
}

static void die(void)
{
    leave_mark();
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

/* Counts one call; true when it is the one that must fail. */
static bool is_due(const char *call)
{
    long number;

    if (!order.fail_at || strcmp(call, order.call) != 0)
        return false;
    number = atomic_fetch_add(&calls, 1) + 1;
    if (number < order.fail_at || (number > order.fail_at && !order.on))
        return false;
    leave_mark();
    while (order.wait && access(order.wait, F_OK) < 0)
        (void)usleep(1000);
    if (order.how == FAIL_KILL)
        die();
    errno = order.how;
    return !order.wait;
}

/* Counts one call towards Q8_KILL_AT; true when it is the one. */
static bool is_last(void)
{
    return order.kill_at && atomic_fetch_add(&kill_calls, 1) + 1 == order.kill_at;
}

static ssize_t move(long number, const char *call, int fd, void *buf, size_t n, off_t off)
{
    if (is_last()) {
        if (number == SYS_pwrite64)
            (void)syscall(number, fd, buf, n / 2, off);
        die();
    }
    if (is_due(call)) {
        if (order.how == FAIL_EOF)
            return 0;
        if (order.how != FAIL_SHORT)
            return -1;
        n = n > 1 ? n / 2 : n;
    }
    return syscall(number, fd, buf, n, off);
}

#define MOVE(name, number, call, buffer)                                                           \
    ssize_t name(int fd, buffer, size_t n, off_t off)                                              \
    {                                                                                              \
        return move(number, call, fd, (void *)buf, n, off);                                        \
    }
MOVE(pread, SYS_pread64, "pread", void *buf)
MOVE(pread64, SYS_pread64, "pread", void *buf)
MOVE(pwrite, SYS_pwrite64, "pwrite", const void *buf)
MOVE(pwrite64, SYS_pwrite64, "pwrite", const void *buf)

static int open_at(int dir, const char *path, int flags, va_list args)
{
    /* The mode is there only when something may be created. */
    bool creates = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = creates ? va_arg(args, mode_t) : 0;

    return is_due("open") ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define OPEN(name, dir, ...)                                                                       \
    int name(__VA_ARGS__, int flags, ...)                                                          \
    {                                                                                              \
        va_list args;                                                                              \
        int fd;                                                                                    \
                                                                                                   \
        va_start(args, flags);                                                                     \
        fd = open_at(dir, path, flags, args);                                                      \
        va_end(args);                                                                              \
        return fd;                                                                                 \
    }
OPEN(open, AT_FDCWD, const char *path)
OPEN(open64, AT_FDCWD, const char *path)
OPEN(openat, dir_fd, int dir_fd, const char *path)
OPEN(openat64, dir_fd, int dir_fd, const char *path)

int close(int fd)
{
    int rc = (int)syscall(SYS_close, fd);

    return is_due("close") ? -1 : rc; /* Linux closes it even when it reports an error */
}

int fsync(int fd)
{
    if (is_last())
        die();
    return is_due("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fsync(fd);
}

int ftruncate(int fd, off_t size)
{
    return is_due("ftruncate") ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off_t size)
{
    return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
    return is_due("fallocate") ? -1 : (int)syscall(SYS_fallocate, fd, mode, off, len);
}

int fallocate64(int fd, int mode, off_t off, off_t len)
{
    return fallocate(fd, mode, off, len);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (flags && order.no_flags) {
        errno = order.no_flags;
        return -1;
    }
    if (is_last())
        die();
    return is_due("rename") ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    return is_due("mkdir") ? -1 : (int)syscall(SYS_mkdirat, dir, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int dir, const char *path, int flags)
{
    return is_due("unlink") ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int flock(int fd, int how)
{
    return is_due("flock") ? -1 : (int)syscall(SYS_flock, fd, how);
}

/* What q8 asks for of it. */
int statvfs(const char *path, struct statvfs *ret)
{
    struct statfs fs;

    if (is_due("statvfs")) {
        *ret = (struct statvfs){0};
        return order.how == FAIL_ZERO ? 0 : -1;
    }
    if (syscall(SYS_statfs, path, &fs) < 0)
        return -1;
    *ret = (struct statvfs){.f_bsize = (unsigned long)fs.f_bsize,
                            .f_frsize = (unsigned long)(fs.f_frsize ? fs.f_frsize : fs.f_bsize),
                            .f_blocks = fs.f_blocks,
                            .f_bfree = fs.f_bfree,
                            .f_bavail = fs.f_bavail};
    return 0;
}

int statvfs64(const char *path, struct statvfs64 *ret)
{
    return statvfs(path, (struct statvfs *)ret);
}
