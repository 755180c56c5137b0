/* runtime.h - whether transformers, vLLM and SGLang load the int8 model, each by its own rules */
#ifndef Q8_VERIFY_RUNTIME_RUNTIME_H
#define Q8_VERIFY_RUNTIME_RUNTIME_H

#include "src/verify/result.h"

/*
 * Adds findings on what the runtimes would do with config.json and the tensors; a bare file has no
 * config and gets none.  Wants options and pairs.  Linear in the tensors but for sorting them.
 * False only for Q8_ELIMIT.
 */
bool q8_runtime_check(struct q8_verify *v, struct q8_err *err);

/*
 * When all findings are there: the outcome of each runtime, and which findings fail.  Those about
 * a runtime that --runtime did not ask for are notes; without it, what keeps one of vLLM and
 * SGLang from loading is a note as long as the other loads, and so is a shape that no kernel takes.
 */
void q8_runtime_judge(struct q8_verify *v);

/* "loads", "fails", "unknown": a constant. */
const char *q8_outcome_name(enum q8_outcome outcome);

#endif
