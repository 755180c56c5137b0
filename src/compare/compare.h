/* compare.h - what differs between two checkpoints, tensor by tensor, whatever their formats */
#ifndef Q8_COMPARE_COMPARE_H
#define Q8_COMPARE_COMPARE_H

#include "src/compare/result.h"

/*
 * Compares every tensor of A and B by name.  Int8 weights count as the float weight of their module
 * and their other parts are not looked at on their own; floats of all widths compare as F32 (F64 is
 * rounded).  NaN equals NaN in the same place.  The 2-D experts of one side meet the 3-D tensor of
 * the other where its layout is known (q8_arch_experts).  All other types compare as bytes.
 *
 * An item counts as different when it is on one side only, when shapes differ, when relative is
 * above the tolerance (bytes that are no floats: when any differs) and, with a tolerance of 0, when
 * its type changed.  Every change of config.json counts, except NaN and infinities in it, which
 * read as [].  Metadata and the division into files do not.
 *
 * Items come in the order of enum q8_verdict, Q8_OTHER_VALUES with the largest relative difference
 * first, then by name.  The same result for any threads.  Memory is a few tiles a thread.
 * Q8_EUSAGE when a pattern of `layers` matches nothing; Q8_EINPUT, Q8_EUNSUPPORTED (of
 * q8_stored_find),
 * Q8_EIO, Q8_ELIMIT, a signal of the watcher.
 */
bool q8_compare_run(struct q8_compare *ret, const struct q8_compare_options *options,
                    struct q8_arena *mem, struct q8_err *err);

#endif
