/* file_park.c - files that are closed between their uses, where few may be open */
#include "src/base/file_park.h"

#include "src/base/text.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

bool q8_file_scarce(uint64_t count)
{
    struct rlimit files;

    return getrlimit(RLIMIT_NOFILE, &files) == 0 && count > files.rlim_cur / 4;
}

void q8_file_park(struct q8_file *f)
{
    const int flags = f->fd < 0 ? -1 : fcntl(f->fd, F_GETFL);

    if (flags < 0)
        return;
    f->writable = (flags & O_ACCMODE) != O_RDONLY;
    f->parked = true;
    (void)close(f->fd);
    f->fd = -1;
}

int q8_file_use(const struct q8_file *f, struct q8_err *err)
{
    char shown[600];
    struct stat now;
    int fd;

    if (!f->parked)
        return f->fd;
    fd = open(f->path, (f->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &now) < 0) {
        q8_fail_errno(err, "cannot open %s", q8_text_escape(f->path, shown, sizeof shown));
    } else if (q8_stat_same(&now, &f->stat)) {
        return fd;
    } else {
        q8_fail(err, Q8_EIO, "%s was replaced by another file during the run: run again",
                q8_text_escape(f->path, shown, sizeof shown));
    }
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

void q8_file_release(const struct q8_file *f, int fd)
{
    const int number = errno;

    if (f->parked)
        (void)close(fd);
    errno = number;
}
