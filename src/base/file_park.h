/* file_park.h - files that are closed between their uses, where few may be open */
#ifndef Q8_BASE_FILE_PARK_H
#define Q8_BASE_FILE_PARK_H

#include "src/base/file.h"

/*
 * Whether `count` files are more than this process should keep open: a quarter of its limit, as
 * there may be two checkpoints that are read and one that is written.
 */
bool q8_file_scarce(uint64_t count);

/*
 * Closes the file until it is used; each use opens it for itself, by its path, and sees that it is
 * the same inode, else Q8_EIO.  Until q8_file_close.
 */
void q8_file_park(struct q8_file *f);

/* A descriptor for one use of the file, which q8_file_release takes back; -1: Q8_EIO. */
int q8_file_use(const struct q8_file *f, struct q8_err *err);

/* Closes the descriptor of a parked file, and keeps errno. */
void q8_file_release(const struct q8_file *f, int fd);

#endif
