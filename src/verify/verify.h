/* verify.h - an int8 checkpoint against the float one that it was made from, and the verdict */
#ifndef Q8_VERIFY_VERIFY_H
#define Q8_VERIFY_VERIFY_H

#include "src/verify/result.h"

/*
 * Verifies a pair of models.  The same result for any threads and isa, and for any run on one kind
 * of GPU; of engines, see engine.h.  True also when the verdict
 * is "fail".  Q8_EUSAGE when a pattern matches nothing or QUANTIZED is no int8 model; Q8_EINPUT,
 * Q8_EUNSUPPORTED (q8_stored_find), Q8_EIO, Q8_ELIMIT, a signal of the watcher.
 */
bool q8_verify_run(struct q8_verify *ret, const struct q8_verify_options *options,
                   struct q8_arena *mem, struct q8_err *err);

#endif
