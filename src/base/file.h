/* file.h - files: whole reads and writes at an offset, room set aside ahead, syncing */
#ifndef Q8_BASE_FILE_H
#define Q8_BASE_FILE_H

#include "src/base/digest.h"
#include "src/base/err.h"
#include "src/base/source.h"

#include <fcntl.h> /* AT_FDCWD, AT_SYMLINK_NOFOLLOW */
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

/* One open regular file.  Safe to read and write from several threads (no shared position). */
struct q8_file {
    int fd;           /* -1 = none, or parked */
    bool parked;      /* closed between its uses: file_park.h */
    bool writable;    /* of a parked one: opened for writing too */
    const char *path; /* for messages; must outlive the struct */
    uint64_t size;    /* bytes, as of opening or creation */
    struct stat stat; /* as of opening: what q8_file_same compares with */
};

/* Whether something is there. */
enum q8_there {
    Q8_THERE_UNKNOWN = -1, /* the system said neither: err is set */
    Q8_THERE_NOT,
    Q8_THERE,
};

/*
 * What `path` names, below the open directory `folder` when it is relative (AT_FDCWD: the current
 * one).  Only ENOENT and ENOTDIR are absence; all else, such as EACCES, EIO or a link to itself, is
 * Q8_EIO with the path.  `flags` are 0 or AT_SYMLINK_NOFOLLOW, with which a link is there wherever
 * it leads.  *ret is set for Q8_THERE, and may be NULL when not wanted.
 */
enum q8_there q8_file_there(int folder, const char *path, int flags, struct stat *ret,
                            struct q8_err *err);

/* Whether both are the same file, under whatever name: device and inode. */
bool q8_stat_same(const struct stat *a, const struct stat *b);

/* Whether this errno of a call on a path says that there is no such thing. */
bool q8_errno_is_absence(int number);

/*
 * Opens a regular file for reading.  Q8_EIO when it cannot; Q8_EINPUT when it is no such file.  On
 * failure *ret is as it was.
 */
bool q8_file_open(struct q8_file *ret, const char *path, struct q8_err *err);

/* *ret is the file of an open descriptor, which it owns on success.  As q8_file_open. */
bool q8_file_take(struct q8_file *ret, int fd, const char *path, struct q8_err *err);

/* Sets the size of the file and sets the disk space aside: a full disk is found now (Q8_EIO). */
bool q8_file_room(struct q8_file *f, uint64_t size, struct q8_err *err);

/* Reads exactly n bytes at off.  A file that ends early is Q8_EIO and says that it changed. */
bool q8_file_read(const struct q8_file *f, uint64_t off, void *buf, uint64_t n, struct q8_err *err);

/* The file as a source; it must stay where it is. */
struct q8_source q8_file_source(const struct q8_file *f);

/*
 * Shows n bytes from `from` on to `take`, in order, in pieces of at most 64 KiB; no bytes are no
 * call.  As q8_file_read, or false where `take` says so.
 */
bool q8_file_show(const struct q8_file *f, uint64_t from, uint64_t n,
                  bool (*take)(void *self, const void *bytes, uint64_t n, struct q8_err *err),
                  void *self, struct q8_err *err);

/* The XXH3-128 of the first n bytes; as q8_file_read, and Q8_ELIMIT.  *ret is set on success. */
bool q8_file_digest(const struct q8_file *f, uint64_t n, struct q8_digest *ret, struct q8_err *err);

/* Writes exactly n bytes at off, or Q8_EIO; how many of them are there is not known then. */
bool q8_file_write(const struct q8_file *f, uint64_t off, const void *buf, uint64_t n,
                   struct q8_err *err);

/*
 * Whether the open file and what its path now names are still what was opened: inode, size, time
 * of the last write, which can be set back, and of the last change of the inode, which cannot.
 * Else Q8_EIO.  Not for files that q8_file_write wrote to.
 */
bool q8_file_same(const struct q8_file *f, struct q8_err *err);

/*
 * Whether it is certain that the file, or what its path now names, is no longer what was opened.
 * A change of the inode alone is not: it may be one of its mode.
 */
bool q8_file_changed(const struct q8_file *f);

/* Flushes what is behind a descriptor to the disk, interrupted or not; false with errno set. */
bool q8_fd_sync(int fd);

/* Flushes data and size to the disk; Q8_EIO. */
bool q8_file_sync(const struct q8_file *f, struct q8_err *err);

/* Closes; accepts an fd of -1.  After writing, q8_file_sync or the re-read has seen any error. */
void q8_file_close(struct q8_file *f);

/*
 * Starts and awaits the writing of one range, so that a later q8_file_sync is short; may do
 * nothing.
 */
void q8_file_flush(const struct q8_file *f, uint64_t off, uint64_t n);

/* Something that prints itself. */
struct q8_printer {
    /* Prints to `out`.  Need not look for write errors: who opened `out` does.  False sets err. */
    bool (*print)(void *self, FILE *out, struct q8_err *err);
    void *self; /* what print gets: the thing itself */
};

/*
 * Writes what `printer` prints to the empty file `to`, and counts the bytes; without one (NULL) it
 * only counts.  On failure (Q8_EIO, or that of `print`) the file stays, incomplete.
 */
bool q8_file_print(const struct q8_file *to, const struct q8_printer *printer, uint64_t *ret_bytes,
                   struct q8_err *err);

struct q8_arena; /* src/base/arena.h */

/*
 * The whole file as text with a NUL behind it, at most `limit` bytes (Q8_ELIMIT above), in `mem`;
 * NULL on failure.  *ret_len is without that NUL, and may be NULL when not wanted.
 */
char *q8_file_text(const char *path, uint64_t limit, uint64_t *ret_len, struct q8_arena *mem,
                   struct q8_err *err);

#endif
