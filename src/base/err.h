/* err.h - the one error type */
#ifndef Q8_BASE_ERR_H
#define Q8_BASE_ERR_H

#include <stdbool.h>

/* What kind of failure; the value is the exit status of a command. */
enum q8_code {
    Q8_OK = 0,
    Q8_EGATE = 1,        /* a threshold that the user set said no */
    Q8_EUSAGE = 2,       /* options or arguments are wrong */
    Q8_EINPUT = 3,       /* the input is malformed or cannot be represented */
    Q8_EUNSUPPORTED = 4, /* well-formed, but not something q8 or the target can do */
    Q8_EIO = 5,          /* a system call on a file said no */
    Q8_ELIMIT = 6,       /* a limit or memory */
    Q8_EBUSY = 7,        /* another run holds the output */
    Q8_ESIGNAL = 128,    /* stopped by a signal: 128 + its number */
};

/*
 * One failure: its kind and a complete sentence for the user.  Start with a
 * zeroed struct.  The first failure wins: a later q8_fail on the same struct
 * changes nothing.
 */
struct q8_err {
    int code;        /* enum q8_code, or Q8_ESIGNAL + a signal number; 0 while nothing failed */
    char text[1024]; /* what, where, expected, found, what to do; no newline */
};

/*
 * Records a failure in printf style, cut to fit.  Always returns false, so callers can return it.
 */
bool q8_fail(struct q8_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * As q8_fail with Q8_EIO (ENOMEM, EMFILE: Q8_ELIMIT), followed by ": " and the system's words for
 * errno.
 */
bool q8_fail_errno(struct q8_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Puts "place: " in front of the text of a failure that is already there: the first 400 bytes of
 * the place, the first 620 of the text; once only where the text says it already.  Returns false.
 */
bool q8_fail_in(struct q8_err *err, const char *place);

#endif
