/* failing.c - what the linker puts in the place of calls (meson.build has their names) */
#include "tests/unit/failing.h"

#include "src/base/arena.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    bool on, done;
    enum failing how;
    unsigned at, count;
} order;

void failing_begin(enum failing how, unsigned at)
{
    order.how = how;
    order.at = at;
    order.count = 0;
    order.done = false;
    order.on = true;
}

bool failing_end(void)
{
    order.on = false;
    return order.done;
}

static bool is_due(enum failing how)
{
    if (!order.on || order.how != how || ++order.count != order.at)
        return false;
    return order.done = true;
}

/* The same with errno. */
static bool is_refused(enum failing how)
{
    if (!is_due(how))
        return false;
    errno = how == FAILING_EINTR ? EINTR : how == FAILING_MEMORY ? ENOMEM : EIO;
    return true;
}

#define WRAP(type, name, parameters)                                                               \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters

/* A call that says `bad` when it is refused. */
#define WRAP_CALL(how, type, name, parameters, arguments, bad)                                     \
    WRAP(type, name, parameters)                                                                   \
    {                                                                                              \
        return is_refused(how) ? (bad) : __real_##name arguments;                                  \
    }

/* ---- memory ---- */

static void *fail_memory(struct q8_err *err)
{
    q8_fail(err, Q8_ELIMIT, "out of memory");
    return NULL;
}

WRAP(void *, q8_alloc, (struct q8_arena * mem, uint64_t count, uint64_t size, struct q8_err *err))
{
    return is_due(FAILING_MEMORY) ? fail_memory(err) : __real_q8_alloc(mem, count, size, err);
}

WRAP(char *, q8_strndup,
     (struct q8_arena * mem, const char *text, uint64_t len, struct q8_err *err))
{
    return is_due(FAILING_MEMORY) ? fail_memory(err) : __real_q8_strndup(mem, text, len, err);
}

WRAP(char *, q8_sprintf, (struct q8_arena * mem, struct q8_err *err, const char *format, ...))
{
    char *text = NULL, *copy;
    va_list args;
    int n;

    if (is_due(FAILING_MEMORY))
        return fail_memory(err);
    va_start(args, format);
    n = vasprintf(&text, format, args);
    va_end(args);
    copy = n < 0 ? fail_memory(err) : __real_q8_strndup(mem, text, (uint64_t)n, err);
    free(text);
    return copy;
}

WRAP(void *, q8_grow,
     (struct q8_arena * mem, void *old, uint64_t count, uint64_t *capacity, uint64_t size,
      struct q8_err *err))
{
    return count >= *capacity && is_due(FAILING_MEMORY)
               ? fail_memory(err)
               : __real_q8_grow(mem, old, count, capacity, size, err);
}

WRAP_CALL(FAILING_MEMORY, void *, cJSON_ParseWithLengthOpts,
          (const char *text, size_t size, const char **end, int nul), (text, size, end, nul), NULL)
WRAP_CALL(FAILING_MEMORY, void *, XXH3_createState, (void), (), NULL)
WRAP_CALL(FAILING_MEMORY, FILE *, fopencookie,
          (void *self, const char *mode, cookie_io_functions_t calls), (self, mode, calls), NULL)
WRAP_CALL(FAILING_MEMORY, int, inflateInit2_,
          (void *stream, int bits, const char *version, int size), (stream, bits, version, size),
          -4) /* Z_MEM_ERROR */

/* ---- system calls ---- */

WRAP_CALL(FAILING_CALLS, int, fstat64, (int fd, struct stat *ret), (fd, ret), -1)
WRAP_CALL(FAILING_CALLS, int, stat64, (const char *path, struct stat *ret), (path, ret), -1)
WRAP_CALL(FAILING_CALLS, int, fstatat64, (int at, const char *path, struct stat *ret, int flags),
          (at, path, ret, flags), -1)
WRAP_CALL(FAILING_CALLS, int, ftruncate64, (int fd, off_t size), (fd, size), -1)
WRAP_CALL(FAILING_CALLS, DIR *, opendir, (const char *path), (path), NULL)
WRAP_CALL(FAILING_CALLS, struct dirent *, readdir64, (DIR * dir), (dir), NULL)
WRAP_CALL(FAILING_CALLS, FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL)
WRAP_CALL(FAILING_CALLS, int, unlinkat, (int at, const char *path, int flags), (at, path, flags),
          -1)
WRAP_CALL(FAILING_CALLS, int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode),
          -1)

WRAP(int, open64, (const char *path, int flags, ...))
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return is_refused(FAILING_CALLS) ? -1 : __real_open64(path, flags, mode);
}

WRAP(int, openat64, (int at, const char *path, int flags, ...))
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return is_refused(FAILING_CALLS) ? -1 : __real_openat64(at, path, flags, mode);
}

WRAP(int, fsync, (int fd))
{
    return is_refused(FAILING_CALLS) || is_refused(FAILING_EINTR) ? -1 : __real_fsync(fd);
}

WRAP(int, fallocate64, (int fd, int mode, off_t at, off_t size))
{
    return is_refused(FAILING_CALLS) || is_refused(FAILING_EINTR)
               ? -1
               : __real_fallocate64(fd, mode, at, size);
}

/* Of n bytes, those that are moved; -1: none, and errno. */
static ssize_t allow(size_t n)
{
    if (is_refused(FAILING_CALLS) || is_refused(FAILING_EINTR))
        return -1;
    return (ssize_t)(n > 1 && is_due(FAILING_SHORT) ? n / 2 : n);
}

WRAP(ssize_t, read, (int fd, void *to, size_t n))
{
    const ssize_t most = allow(n);

    return most < 0 ? -1 : __real_read(fd, to, (size_t)most);
}

WRAP(ssize_t, write, (int fd, const void *from, size_t n))
{
    const ssize_t most = allow(n);

    return most < 0 ? -1 : is_due(FAILING_END) ? 0 : __real_write(fd, from, (size_t)most);
}

WRAP(ssize_t, pread64, (int fd, void *to, size_t n, off_t at))
{
    const ssize_t most = allow(n);

    return most < 0 ? -1 : is_due(FAILING_END) ? 0 : __real_pread64(fd, to, (size_t)most, at);
}

WRAP(ssize_t, pwrite64, (int fd, const void *from, size_t n, off_t at))
{
    const ssize_t most = allow(n);

    return most < 0 ? -1 : is_due(FAILING_END) ? 0 : __real_pwrite64(fd, from, (size_t)most, at);
}
