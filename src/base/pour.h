/* pour.h - texts that a user names to be read once: files, pipes, a <(COMMAND) of the shell */
#ifndef Q8_BASE_POUR_H
#define Q8_BASE_POUR_H

#include "src/base/arena.h"

/*
 * As q8_file_text, but also from a pipe, a FIFO (which waits for a writer) or a device: all that
 * comes, at most `limit` bytes.
 */
char *q8_pour_text(const char *path, uint64_t limit, uint64_t *ret_len, struct q8_arena *mem,
                   struct q8_err *err);

#endif
