/* process.h - how a command begins and ends: descriptors, limits, signals, the last word */
#ifndef Q8_CLI_PROCESS_H
#define Q8_CLI_PROCESS_H

#include "src/cli/output.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

struct q8_model; /* src/model/model.h */

/*
 * A command under way.  SIGINT, SIGTERM and SIGHUP, but for those that were ignored or blocked when
 * it began, are blocked in all threads and read by one of its own.  Work that looks at
 * q8_process_stopped ends in order; where nothing does, be it a loop, a pipe that nobody reads or a
 * FIFO that nobody opens, that thread ends the process itself: temporary files are removed, and
 * reports excused.  A second signal ends it at once.
 */
struct q8_process {
    const char *tool;           /* "q8-convert" */
    struct q8_outputs *outputs; /* the caller's */

    /* OUTPUT.partial while a journal may be in it: what a message says that stays; NULL: none */
    _Atomic(const char *) partial;

    int stop;            /* readable once a signal has come; -1: none is listened to */
    atomic_int number;   /* of the signal, 0: none */
    atomic_bool noticed; /* q8_process_stopped has told of it, and the work ends in order */
    atomic_bool said;    /* what is wrong is on standard error already */

    int signals, end; /* signalfd, and what ends the thread; -1: none */
    pthread_t listener;
    bool listens;
    sigset_t old; /* the mask as it was */
};

/*
 * First thing in main: descriptors 0 to 2 lead to /dev/null where they were closed, a pipe or a
 * file at its limit is an error and no signal, as many files may be open as the system allows, and
 * signals are listened to.  Opens `outputs`.  Errors in *err; q8_process_end in any case.
 */
void q8_process_begin(struct q8_process *p, const char *tool, struct q8_outputs *outputs,
                      struct q8_err *err);

/* Whether a signal has come: then Q8_ESIGNAL + its number, and the caller ends in order. */
bool q8_process_stopped(struct q8_process *p, struct q8_err *err);

/*
 * Last thing in main: keeps no report that was not kept, excuses them where the run failed, sends
 * standard output off, says what is wrong, and gives the signals back.  Returns the exit status.
 */
int q8_process_end(struct q8_process *p, struct q8_err *err);

/*
 * A line on standard error: "TOOL: KIND TEXT", KIND being "" or "warning: ".  What a terminal would
 * obey or not show is escaped, in names of the command line too.
 */
void q8_process_say(const char *tool, const char *kind, const char *text);

/* Says what is odd about a model that was opened all the same. */
void q8_process_notes(const char *tool, const struct q8_model *model);

#endif
