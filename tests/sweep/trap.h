/* trap.h - runs a command and answers its system calls, one of them wrongly */
#ifndef TESTS_SWEEP_TRAP_H
#define TESTS_SWEEP_TRAP_H

#include "tests/sweep/calls.h"

#define CALLS_MOST 64 /* rows of calls[] */

/* What goes wrong in a run. */
struct fault {
    const struct call *call; /* NULL: allocations */
    struct call_how how;     /* of a call */
    long at;                 /* the at-th, from 1; 0: nothing, all is counted */
    bool ever;               /* and all after it */
};

/* What became of a run. */
struct outcome {
    int status;             /* the exit status, 128 + the signal, or 256: it hung and was killed */
    bool fired;             /* the fault came to happen */
    bool mute;              /* it hit what was written to standard error */
    long count[CALLS_MOST]; /* of each row of calls[], when all is counted */
    long allocs;            /* likewise */
    int strange;            /* a system call of no row, -1: none */
};

/* What is run; standard output and error go to files named stdout and stderr in the folder. */
struct command {
    char *const *argv; /* the program first, as a path */
    const char *folder, *agent;
};

/* Runs it; false when the kernel hands out no calls or the command cannot be started. */
bool trap_run(const struct command *command, const struct fault *fault, struct outcome *ret);

#endif
