/* integrity.h - level 1: headers, config.json, index and manifest, as a runtime would take them */
#ifndef Q8_VERIFY_INTEGRITY_INTEGRITY_H
#define Q8_VERIFY_INTEGRITY_INTEGRITY_H

#include "src/verify/result.h"

/*
 * Level 1 but for the data of tensors: names and shapes of the pairs, config.json, the index file,
 * the manifest.  Wants options, arch and pairs; compares the two config.json unless
 * pairs.have_configs.  Adds findings, whose arena it uses for all memory: no other thread may use
 * that meanwhile.  False only for Q8_EIO, Q8_ELIMIT.
 */
bool q8_integrity_check(struct q8_verify *v, struct q8_err *err);

#endif
