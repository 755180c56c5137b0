/* dir.h - an open directory: what lies below it is reached from there, and through no link */
#ifndef Q8_BASE_DIR_H
#define Q8_BASE_DIR_H

#include "src/base/file.h"

/*
 * An open directory of ours.  Who swaps a folder for a link, or puts a link, a pipe or a file with
 * a second name into it, leads nobody out of it: such a thing is an error, with its name.
 */
struct q8_dir {
    int fd;           /* -1 = none */
    const char *path; /* for messages; must outlive the struct */
    uid_t owner;      /* whose files are taken besides those of this user */
};

/* How a file below a directory is opened. */
enum q8_dir_how {
    Q8_DIR_LOOK, /* to read; it may be anybody's */
    Q8_DIR_READ, /* to read; one of ours */
    Q8_DIR_NEW,  /* to read and write; it must not be there */
    Q8_DIR_KEEP, /* to read and write; one of ours that is there stays as it is */
};

/* Why a file is none of ours, as a clause such as "a link"; NULL: it is. */
const char *q8_dir_fault(const struct q8_dir *d, const struct stat *st);

/* What the path of a file below it is from there: the path without d->path and the slash. */
const char *q8_dir_name(const struct q8_dir *d, const char *path);

/*
 * Whether that errno says that a folder, or what is in it, is not there, or is no folder but a link
 * or a file; else it could not be looked for.
 */
bool q8_dir_absent(int error);

/*
 * Looks at what has that name itself, behind no link.  False without an error where there is
 * nothing; with one, Q8_EIO, where that cannot be found out.
 */
bool q8_dir_has(const struct q8_dir *d, const char *name, struct stat *ret, struct q8_err *err);

/*
 * Whether the directory itself has nothing in it.  False without an error where there is something;
 * with one, Q8_EIO, where that cannot be found out.
 */
bool q8_dir_empty(const struct q8_dir *d, struct q8_err *err);

/* Makes the folders that "a/b/file" lies in, where they are not there; Q8_EIO. */
bool q8_dir_make(const struct q8_dir *d, const char *name, struct q8_err *err);

/*
 * The folder that the last part of "a/b/file" lies in, a descriptor that the caller closes; *ret is
 * that part.  -1 when it cannot be reached: Q8_EIO, or without an error where it is not there and
 * `err` is NULL.
 */
int q8_dir_enter(const struct q8_dir *d, const char *name, const char **ret, struct q8_err *err);

/* Opens the file `path`, which is d->path, a slash and its name.  As q8_file_open. */
bool q8_dir_file(struct q8_file *ret, const struct q8_dir *d, const char *path, enum q8_dir_how how,
                 struct q8_err *err);

/*
 * Creates the file `path` (mode 0666 less umask) for reading and writing; one that is there is
 * opened when `keep`, else an error.  Sets its size to `size` and sets the disk space aside, so
 * that a full disk is found now (Q8_EIO).  On failure *ret is as it was, and the new file is
 * removed again unless `keep`.
 */
bool q8_dir_create(struct q8_file *ret, const struct q8_dir *d, const char *path, uint64_t size,
                   bool keep, struct q8_err *err);

/* Removes the file, or the empty folder, `name`; what is not there is removed.  Q8_EIO. */
bool q8_dir_remove(const struct q8_dir *d, const char *name, bool folder, struct q8_err *err);

/*
 * Flushes the entries of the folder that "a/b/file" lies in to the disk; Q8_EIO.  On a file system
 * that flushes no directories it does nothing.
 */
bool q8_dir_sync(const struct q8_dir *d, const char *name, struct q8_err *err);

/* Closes; accepts an fd of -1. */
void q8_dir_close(struct q8_dir *d);

#endif
