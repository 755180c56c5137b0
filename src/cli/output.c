/* output.c - what a command writes beside OUTPUT: standard output, and the reports by name */
#include "src/cli/output.h"

#include "src/cli/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LEAF_MOST 200 /* bytes of a name that its temporary one repeats: names end at 255 */
#define TRIES 100     /* names that another program may hold */
#define PATIENCE 1    /* seconds that a process which ends waits for a name that comes or goes */

/* stdio's way to a descriptor: whole, whatever the flags of a pipe that we were given. */
static ssize_t send_bytes(void *cookie, const char *bytes, size_t n)
{
    struct q8_output *o = cookie;
    size_t done = 0;

    while (!o->error && done < n) {
        const ssize_t put = write(o->fd, bytes + done, n - done);

        if (put > 0)
            done += (size_t)put;
        else if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            (void)poll(&(struct pollfd){.fd = o->fd, .events = POLLOUT}, 1, -1);
        else if (put == 0 || errno != EINTR)
            o->error = put < 0 ? errno : EIO;
    }
    o->bytes += done;
    return o->error ? 0 : (ssize_t)n; /* 0: stdio's word for failure */
}

static bool open_stream(struct q8_output *o, int fd)
{
    o->fd = fd;
    o->error = 0;
    o->bytes = 0;
    o->out = fopencookie(o, "w", (cookie_io_functions_t){.write = send_bytes});
    return o->out != NULL;
}

bool q8_outputs_init(struct q8_outputs *os, struct q8_err *err)
{
    *os = (struct q8_outputs){.std.descriptor = STDOUT_FILENO};
    (void)pthread_mutex_init(&os->lock, NULL);
    return open_stream(&os->std, STDOUT_FILENO) ||
           q8_fail_errno(err, "cannot open standard output");
}

struct q8_output *q8_outputs_add(struct q8_outputs *os, const char *option, const char *path,
                                 q8_excuse_fn *excuse)
{
    struct q8_output *o = &os->list[os->count];

    if (!path || os->count == Q8_OUTPUTS_MOST)
        return NULL;
    *o = (struct q8_output){
        .option = option, .path = path, .excuse = excuse, .descriptor = -1, .fd = -1};
    os->count++;
    return o;
}

/* A file that is new, beside the target, with the mode and the owner of what it will replace. */
static int create_part(const char *target, char *part, size_t size)
{
    const char *leaf = strrchr(target, '/') + 1;
    struct stat old;
    const bool replaces = stat(target, &old) == 0;
    struct timespec now;
    int fd = -1;

    if (replaces && euidaccess(target, W_OK) < 0)
        return -1;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    for (unsigned i = 0; fd < 0 && i < TRIES; i++) {
        const unsigned number = (unsigned)now.tv_nsec + (unsigned)getpid() * 7919 + i;

        (void)snprintf(part, size, "%.*s%.*s.%06x", (int)(leaf - target), target, LEAF_MOST, leaf,
                       number & 0xffffff);
        fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                  replaces ? 0600 : 0666);
        if (fd < 0 && errno != EEXIST)
            return -1;
    }
    if (fd >= 0 && replaces) {
        if (old.st_uid != geteuid() || old.st_gid != getegid())
            (void)!fchown(fd, old.st_uid, old.st_gid);
        (void)fchmod(fd, old.st_mode & 0777);
    }
    return fd;
}

static int open_part(struct q8_outputs *os, struct q8_output *o, struct q8_arena *mem,
                     struct q8_err *err)
{
    const size_t size = strlen(o->target) + 16;
    char *part = q8_alloc(mem, size, 1, err);
    int fd;

    if (!part)
        return -1;
    (void)pthread_mutex_lock(&os->lock);
    fd = create_part(o->target, part, size);
    if (fd >= 0)
        o->part = part;
    (void)pthread_mutex_unlock(&os->lock);
    return fd;
}

static bool open_one(struct q8_outputs *os, struct q8_output *o, struct q8_arena *mem,
                     struct q8_err *err)
{
    int fd;

    if (o->target)
        fd = open_part(os, o, mem, err);
    else if (o->descriptor >= 0)
        fd = fcntl(o->descriptor, F_DUPFD_CLOEXEC, 0);
    else
        fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY); /* waits for the reader of a FIFO */
    if (fd >= 0 && open_stream(o, fd))
        return true;
    q8_fail_errno(err, "cannot write %s", o->path);
    if (fd >= 0)
        (void)close(fd);
    o->fd = -1;
    return false;
}

bool q8_outputs_open(struct q8_outputs *os, struct q8_arena *mem, struct q8_err *err)
{
    for (unsigned i = 0; i < os->count; i++)
        if (os->list[i].allowed && !open_one(os, &os->list[i], mem, err))
            return false;
    return true;
}

/* Flushed and closed; false with errno set when anything of it is not there. */
static bool close_whole(struct q8_output *o)
{
    int error = fflush(o->out) == 0 ? 0 : errno;

    error = o->error ? o->error : error;
    /* a file system that flushes nothing says so in one of these ways */
    if (!error && o->part && fsync(o->fd) < 0 && errno != EINVAL && errno != ENOSYS &&
        errno != EOPNOTSUPP)
        error = errno;
    (void)fclose(o->out);
    o->out = NULL;
    if (close(o->fd) < 0 && !error && errno != EINTR)
        error = errno;
    o->fd = -1;
    errno = error;
    return !error;
}

static bool give_name(struct q8_outputs *os, struct q8_output *o)
{
    bool ok = true;
    int error;

    (void)pthread_mutex_lock(&os->lock);
    if (o->part)
        ok = rename(o->part, o->target) == 0;
    error = errno;
    if (ok) {
        o->part = NULL;
        o->kept = true;
    }
    (void)pthread_mutex_unlock(&os->lock);
    errno = error;
    return ok;
}

bool q8_outputs_keep(struct q8_outputs *os, struct q8_err *err)
{
    for (unsigned i = 0; i < os->count; i++)
        if (os->list[i].out && !close_whole(&os->list[i]))
            return q8_fail_errno(err, "cannot write %s", os->list[i].path);
    for (unsigned i = 0; i < os->count; i++)
        if (os->list[i].allowed && !give_name(os, &os->list[i]))
            return q8_fail_errno(err, "cannot write %s", os->list[i].path);
    return true;
}

static void drop_one(struct q8_outputs *os, struct q8_output *o)
{
    if (o->out) {
        (void)fclose(o->out);
        (void)close(o->fd);
    }
    o->out = NULL;
    o->fd = -1;
    (void)pthread_mutex_lock(&os->lock);
    if (o->part)
        (void)unlink(o->part);
    o->part = NULL;
    (void)pthread_mutex_unlock(&os->lock);
}

void q8_outputs_leave(struct q8_outputs *os, struct q8_output *o)
{
    if (!o)
        return;
    drop_one(os, o);
    o->allowed = false;
}

bool q8_outputs_flush(struct q8_outputs *os, struct q8_err *err)
{
    if (fflush(os->std.out) == 0 && !os->std.error)
        return true;
    errno = os->std.error ? os->std.error : errno;
    return q8_fail_errno(err, "cannot write to standard output");
}

void q8_outputs_explain(const struct q8_outputs *os, struct q8_err *err)
{
    const struct q8_output *o = NULL;

    for (unsigned i = 0; !o && i < os->count; i++)
        if (os->list[i].error)
            o = &os->list[i];
    if (err->code != Q8_EIO || (!o && !os->std.error))
        return;
    *err = (struct q8_err){0};
    errno = o ? o->error : os->std.error;
    if (o)
        q8_fail_errno(err, "cannot write %s", o->path);
    else if (errno == EPIPE)
        err->code = Q8_ESIGNAL + SIGPIPE;
    else
        q8_fail_errno(err, "cannot write to standard output");
}

void q8_outputs_drop(struct q8_outputs *os)
{
    for (unsigned i = 0; i < os->count; i++)
        drop_one(os, &os->list[i]);
}

void q8_outputs_close(struct q8_outputs *os)
{
    if (os->std.out)
        (void)fclose(os->std.out); /* the cookie has no close: the descriptor stays */
    os->std.out = NULL;
    (void)pthread_mutex_destroy(&os->lock);
}

/* The excuse takes the place of what is there, as a report would. */
static void put_excuse(const struct q8_outputs *os, const struct q8_output *o,
                       const struct q8_err *err)
{
    char part[4096 + 16];
    int fd = create_part(o->target, part, sizeof part);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    bool ok = out != NULL;

    if (out) {
        o->excuse(out, os->model, err);
        ok = !ferror(out);
        ok = fclose(out) == 0 && ok;
    } else if (fd >= 0) {
        (void)close(fd);
    }
    /* better none than an old one */
    if (!ok || rename(part, o->target) < 0) {
        if (fd >= 0)
            (void)unlink(part);
        if (q8_guard_is_report(o->target))
            (void)unlink(o->target);
    }
}

static void fail_one(const struct q8_outputs *os, const struct q8_output *o,
                     const struct q8_err *err)
{
    if (!o->allowed || !o->target || o->kept || o->lasting)
        return;
    if (o->excuse)
        put_excuse(os, o, err);
    else if (q8_guard_is_report(o->target))
        (void)unlink(o->target);
}

void q8_outputs_fail(struct q8_outputs *os, const struct q8_err *err)
{
    for (unsigned i = 0; i < os->count; i++) {
        struct q8_output *o = &os->list[i];

        /* a pipe that waits for it: nothing else will come */
        if (o->out && !o->target && o->excuse && !o->bytes && !o->error) {
            (void)fflush(o->out);
            if (!o->bytes)
                o->excuse(o->out, os->model, err);
        }
        drop_one(os, o);
        fail_one(os, o, err);
    }
}

void q8_outputs_abandon(struct q8_outputs *os, const struct q8_err *err)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    (void)pthread_mutex_timedlock(&os->lock, &until); /* for good */
    for (unsigned i = 0; i < os->count; i++) {
        if (os->list[i].part)
            (void)unlink(os->list[i].part);
        fail_one(os, &os->list[i], err);
    }
}
