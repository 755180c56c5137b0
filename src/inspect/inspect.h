/* inspect.h - what int8 does to a model: the run */
#ifndef Q8_INSPECT_INSPECT_H
#define Q8_INSPECT_INSPECT_H

#include "src/inspect/result.h"

/*
 * Measures every subject that is shown.  The same numbers for any threads and isa.  Q8_EUSAGE when
 * --layers matches nothing, Q8_EINPUT, Q8_EIO, Q8_ELIMIT, a signal of the watcher.
 */
bool q8_inspect_run(struct q8_inspect *ret, const struct q8_model *model,
                    const struct q8_inspect_options *options, struct q8_arena *mem,
                    struct q8_err *err);

#endif
