/* pour.c - texts that a user names to be read once: files, pipes, a <(COMMAND) of the shell */
#include "src/base/pour.h"

#include "src/base/file.h"
#include "src/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

/* All that comes, with a NUL behind it; NULL on failure. */
static char *pour(int fd, const char *path, uint64_t limit, uint64_t *ret_len, struct q8_arena *mem,
                  struct q8_err *err)
{
    uint64_t room = 0, length = 0;
    char shown[600], *text = NULL;
    ssize_t got;

    do {
        text = q8_grow(mem, text, length, &room, 1, err);
        if (!text)
            return NULL;
        got = read(fd, text + length, room - length);
        if (got < 0 && errno != EINTR) {
            q8_fail_errno(err, "cannot read %s", q8_text_escape(path, shown, sizeof shown));
            return NULL;
        }
        length += got > 0 ? (uint64_t)got : 0;
        if (length > limit) {
            q8_fail(err, Q8_ELIMIT, "%s has more than %" PRIu64 " bytes",
                    q8_text_escape(path, shown, sizeof shown), limit);
            return NULL;
        }
    } while (got);
    text[length] = '\0';
    if (ret_len)
        *ret_len = length;
    return text;
}

char *q8_pour_text(const char *path, uint64_t limit, uint64_t *ret_len, struct q8_arena *mem,
                   struct q8_err *err)
{
    char shown[600], *text = NULL;
    struct stat st;
    const enum q8_there there = q8_file_there(AT_FDCWD, path, 0, &st, err);
    int fd;

    if (there == Q8_THERE_UNKNOWN)
        return NULL;
    /* the rest is told by q8_file_text, which waits for nothing */
    if (there == Q8_THERE_NOT || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
        return q8_file_text(path, limit, ret_len, mem, err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        q8_fail_errno(err, "cannot open %s", q8_text_escape(path, shown, sizeof shown));
    else
        text = pour(fd, path, limit, ret_len, mem, err);
    if (fd >= 0)
        (void)close(fd);
    return text;
}
