/* progress.h - one line on a terminal, a few in a pipe */
#ifndef Q8_CLI_PROGRESS_H
#define Q8_CLI_PROGRESS_H

#include "src/cli/process.h"
#include "src/flow/pool.h"

/* What shows a run on stderr and lets signals stop it.  The main thread's. */
struct q8_show {
    struct q8_process *process;
    bool quiet, terminal;  /* show nothing; stderr is a terminal */
    const char *phase;     /* that the last line was about */
    double begin;          /* of the phase, seconds of CLOCK_MONOTONIC */
    unsigned lines;        /* told to a pipe so far */
    unsigned thirds;       /* of the phase that a pipe was told of */
    struct q8_watch watch; /* for q8_pool_run; points to this struct, which must not move */
};

/* Begins to show what the process does, nothing where `quiet`. */
void q8_show_open(struct q8_show *s, struct q8_process *process, bool quiet);

/* Clears the line. */
void q8_show_close(struct q8_show *s);

#endif
