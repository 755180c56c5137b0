/* convert.h - carries a plan out: data, side files, re-reading, manifest, publishing */
#ifndef Q8_CONVERT_CONVERT_H
#define Q8_CONVERT_CONVERT_H

#include "src/convert/options.h"
#include "src/convert/plan.h"

struct q8_convert; /* a conversion done: for report.h */

/* Peak memory of a run with that many threads, in bytes, once the plan (in `mem`) is made. */
uint64_t q8_convert_memory(const struct q8_plan *plan, const struct q8_arena *mem,
                           unsigned threads);

/* Checks, before any work, what q8_convert_run would refuse, without making anything. */
bool q8_convert_check(struct q8_plan *plan, const struct q8_convert_options *options,
                      struct q8_arena *mem, struct q8_err *err);

/*
 * Carries the plan out.  On success OUTPUT is there, complete, re-read and synced, and *ret is what
 * a report is made of, in `mem`.  On failure OUTPUT is as it was; OUTPUT.partial stays where
 * --resume can use it (signals, and I/O errors that the input is not to blame for), and err says
 * so.
 */
bool q8_convert_run(const struct q8_convert **ret, struct q8_plan *plan,
                    const struct q8_convert_options *options, struct q8_arena *mem,
                    struct q8_err *err);

#endif
