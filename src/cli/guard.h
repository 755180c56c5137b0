/* guard.h - where reports may go: never over a file that is read, never two to one place */
#ifndef Q8_CLI_GUARD_H
#define Q8_CLI_GUARD_H

#include "src/cli/output.h"

/* What a command reads, or fills itself. */
struct q8_guard {
    const char *path; /* as the user gave it; NULL: none */
    const char *why;  /* no report may lie below, says this clause; NULL: over no file of it */
};

/*
 * Finds where the reports go, and says of each whether it is allowed, also where *err is set
 * already: not over a file of a guard (of a directory, all that are there, but empty ones and what
 * q8_guard_is_report knows), compared by device and inode; not below a guard that says why; not two
 * to one file, nor to that of standard output or error.  Q8_EUSAGE names both, Q8_EIO.
 */
bool q8_guard_check(struct q8_outputs *os, const struct q8_guard *guard, unsigned guards,
                    struct q8_arena *mem, struct q8_err *err);

/* Whether a file is a report that one of the commands wrote, told by how it begins. */
bool q8_guard_is_report(const char *path);

#endif
