/* below.h - what is below a folder: paths and links that do not leave it */
#ifndef Q8_MODEL_FOLDER_BELOW_H
#define Q8_MODEL_FOLDER_BELOW_H

#include "src/base/file.h"

#include <limits.h>

/* An open folder. */
struct q8_root {
    int fd;           /* -1 = none */
    const char *path; /* for messages; must outlive the struct */
};

/* Opens a folder; Q8_EIO.  On failure *ret is closed. */
bool q8_root_open(struct q8_root *ret, const char *path, struct q8_err *err);

/* Closes; accepts a closed one. */
void q8_root_close(struct q8_root *root);

/* Where a path below a folder leads. */
enum q8_lead {
    Q8_LEAD_FILE,
    Q8_LEAD_FOLDER,
    Q8_LEAD_SPECIAL, /* a pipe, a device, a socket */
    Q8_LEAD_NOWHERE, /* to what is not there */
    Q8_LEAD_CIRCLE,  /* through more than 8 links */
    Q8_LEAD_OUT      /* out of the folder */
};

/* What a path below a folder names. */
struct q8_spot {
    enum q8_lead lead;
    bool is_link;        /* the path has a link in it */
    struct stat st;      /* of FILE, FOLDER and SPECIAL */
    char real[PATH_MAX]; /* of those: the path to it without any link; "": the folder itself */
};

/*
 * Looks where a path leads.  Links count when they stay below the folder, or lead to a file of
 * "blobs" of the hub's cache that the folder is a snapshot of (snapshots/REV beside blobs, or a
 * folder in it).  Absolute ones lead out.  Q8_EIO where that cannot be seen, Q8_ELIMIT.
 */
bool q8_root_look(const struct q8_root *root, const char *path, struct q8_spot *ret,
                  struct q8_err *err);

/*
 * Opens what q8_root_look found, by its `real` path, part by part: Q8_EIO when one of them is a
 * link by now.  `path` is for messages, and must outlive the file.
 */
bool q8_root_file(const struct q8_root *root, const char *real, const char *path,
                  struct q8_file *ret, struct q8_err *err);

/* The same for a folder: a descriptor to read it by, or -1. */
int q8_root_folder(const struct q8_root *root, const char *real, struct q8_err *err);

#endif
