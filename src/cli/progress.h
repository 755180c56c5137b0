/* progress.h - one line on a terminal, a few in a pipe, and the signals */
#ifndef Q8_CLI_PROGRESS_H
#define Q8_CLI_PROGRESS_H

#include "src/flow/pool.h"

/* What shows a run on stderr and lets signals stop it.  The main thread's. */
struct q8_show {
    const char *tool;      /* "q8-convert", in front of a line in a pipe */
    bool quiet, terminal;  /* show nothing; stderr is a terminal */
    int signals;           /* signalfd; -1 = none */
    const char *phase;     /* that the last line was about */
    double begin;          /* of the phase, seconds of CLOCK_MONOTONIC */
    unsigned lines;        /* told to a pipe so far */
    unsigned thirds;       /* of the phase that a pipe was told of */
    struct q8_watch watch; /* for q8_pool_run; points to this struct, which must not move */
};

/*
 * Blocks SIGINT, SIGTERM and SIGHUP, but for those that are ignored, in this thread and those that
 * it starts from now on, and reads them from a descriptor.  `tool` is not copied.  Q8_EIO.
 */
bool q8_show_open(struct q8_show *s, const char *tool, bool quiet, struct q8_err *err);

/* Clears the line and closes the descriptor; the signals stay blocked. */
void q8_show_close(struct q8_show *s);

#endif
