/* journal.h - q8-journal in the partial directory, one line per finished job */
#ifndef Q8_CONVERT_JOURNAL_H
#define Q8_CONVERT_JOURNAL_H

#include "src/convert/convert_parts.h"

/*
 * Starts it, or reads the one of an interrupted run and touches nothing else: Q8_EUSAGE when that
 * had another source or other options.
 */
bool q8_journal_open(struct q8_convert *c, struct q8_err *err);

/*
 * Compares what the finished jobs of an interrupted run wrote with their digests, and starts the
 * journal anew with those that hold; the others are not done.  c->kept is how many hold.
 */
bool q8_journal_recheck(struct q8_convert *c, struct q8_err *err);

/* Adds the line of a finished job; from any thread.  Q8_EIO. */
bool q8_journal_add(struct q8_convert *c, uint64_t job, struct q8_err *err);

/* Writes it anew with all that is done, after it was removed too early. */
bool q8_journal_restore(struct q8_convert *c, struct q8_err *err);

/* Closes the file, which stays; none is fine. */
void q8_journal_close(struct q8_convert *c);

#endif
