/* progress.h - one line on a terminal, a few in a pipe, and the signals */
#ifndef Q8_CLI_PROGRESS_H
#define Q8_CLI_PROGRESS_H

#include "src/pool.h"

struct q8_show {
    const char *tool; /* "q8-convert" */
    bool quiet, terminal;
    int signals;       /* signalfd */
    const char *phase; /* that the last line was about */
    double begin;      /* of the phase, seconds */
    unsigned thirds;   /* of the phase that a pipe was told of */
    struct q8_watch watch;
};

/* Blocks SIGINT, SIGTERM and SIGHUP for the whole process and reads them from a descriptor. */
bool q8_show_open(struct q8_show *s, const char *tool, bool quiet, struct q8_err *err);

/* Clears the line. */
void q8_show_close(struct q8_show *s);

#endif
