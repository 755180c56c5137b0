/* output.h - what a command writes beside OUTPUT: standard output, and the reports by name */
#ifndef Q8_CLI_OUTPUT_H
#define Q8_CLI_OUTPUT_H

#include "src/base/arena.h"

#include <pthread.h>
#include <stdio.h>

/* What a run that fails writes in place of a report; without it an old report is removed. */
typedef void q8_excuse_fn(FILE *out, const char *model, const struct q8_err *err);

/*
 * One of them.  A report gets its name when it is complete: it is written to a file beside its
 * target, which is where links lead, and the links stay.  A pipe, a device or a descriptor
 * (/dev/stdout, /dev/fd/N) is written as it is.
 */
struct q8_output {
    const char *option; /* "--json"; NULL: standard output */
    const char *path;   /* as the user gave it */
    char *target;       /* absolute, without links; NULL: written as it is */
    int descriptor;     /* of ours that the path stands for; -1: none */
    bool allowed;       /* q8_outputs_check has nothing against it */
    bool lasting;       /* a run that fails leaves an old one alone: it is about no run */
    bool kept;          /* complete, under its name */

    q8_excuse_fn *excuse; /* or NULL */
    FILE *out;            /* NULL: not open */
    char *part;           /* what it is called until it is complete; NULL: nothing to remove */
    int fd, error;        /* behind `out`, and the errno of the first write that failed */
    uint64_t bytes;       /* written so far */
};

#define Q8_OUTPUTS_MOST 4

/* All of a command; zeroed it is empty. */
struct q8_outputs {
    struct q8_output std; /* standard output */
    struct q8_output list[Q8_OUTPUTS_MOST];
    unsigned count;
    const char *model;    /* what the run is about, for excuses; may be NULL */
    pthread_mutex_t lock; /* held while a name comes or goes */
};

/* Opens standard output and nothing else; Q8_ELIMIT. */
bool q8_outputs_init(struct q8_outputs *os, struct q8_err *err);

/* Adds a report; NULL when there is no path.  Strings are not copied. */
struct q8_output *q8_outputs_add(struct q8_outputs *os, const char *option, const char *path,
                                 q8_excuse_fn *excuse);

/*
 * Opens all that q8_outputs_check allowed, before the work, so that hours do not end in a wrong
 * path.  Modes are those of what is replaced, else 0666 less the umask.  Q8_EIO.
 */
bool q8_outputs_open(struct q8_outputs *os, struct q8_arena *mem, struct q8_err *err);

/* Gives all of them their names, or none where writing failed; Q8_EIO names the one. */
bool q8_outputs_keep(struct q8_outputs *os, struct q8_err *err);

/* Takes one out: what was there stays.  Accepts NULL. */
void q8_outputs_leave(struct q8_outputs *os, struct q8_output *o);

/* Sends off what was printed to standard output; Q8_EIO. */
bool q8_outputs_flush(struct q8_outputs *os, struct q8_err *err);

/*
 * Names the file in *err where that is Q8_EIO because one of them could not be written, whoever met
 * it first.  Where the reader of standard output has gone it is Q8_ESIGNAL + SIGPIPE without a
 * text, as if the signal had ended the command.
 */
void q8_outputs_explain(const struct q8_outputs *os, struct q8_err *err);

/* Closes what is open, and removes what was not kept. */
void q8_outputs_drop(struct q8_outputs *os);

/* Lets go of standard output as well, which stays open for others. */
void q8_outputs_close(struct q8_outputs *os);

/*
 * The run has failed with *err: what an earlier one left under these names goes, since it would be
 * read as the result of this one, or gets the excuse in its place.
 */
void q8_outputs_fail(struct q8_outputs *os, const struct q8_err *err);

/*
 * The same from another thread, for a process that ends now, whatever the first thread is at: from
 * here on no name comes or goes.  Closes nothing.
 */
void q8_outputs_abandon(struct q8_outputs *os, const struct q8_err *err);

#endif
