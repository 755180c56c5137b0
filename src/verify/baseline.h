/* baseline.h - what an earlier run found: written, read, and compared with this one */
#ifndef Q8_VERIFY_BASELINE_H
#define Q8_VERIFY_BASELINE_H

#include "src/verify/result.h"

#include <stdio.h>

/* What an earlier run found.  Memory of the arena. */
struct q8_baseline {
    const char *path;     /* as the user gave it: not copied */
    enum q8_level level;  /* of that run: weights or matmul */
    const char *settings; /* what its products depend on, see q8_baseline_settings */
    struct q8_baseline_layer {
        const char *module;               /* its name */
        double weights_sqnr, matmul_sqnr; /* dB; NaN: not measured */
        struct q8_digest reference;       /* see q8_layer; only where weights_sqnr is no NaN */
    } * layer;                            /* [layers], by module */
    uint64_t layers;                      /* how many */
};

/*
 * Reads a file that q8_baseline_print wrote, 64 MiB at most.  Q8_EINPUT with what is wrong,
 * Q8_ELIMIT, Q8_EIO.
 */
bool q8_baseline_read(struct q8_baseline *ret, const char *path, struct q8_arena *mem,
                      struct q8_err *err);

/*
 * Writes the result of level weights or matmul, which must have no failing finding, as a baseline:
 * schema q8-verify-baseline/1, no time, no path.  Q8_EIO.
 */
bool q8_baseline_print(const struct q8_verify *v, FILE *out, struct q8_err *err);

/*
 * What products depend on besides the models, as one line: mode, threshold, tokens, seed, digest of
 * the activations.  256 bytes will do; returns text.
 */
char *q8_baseline_settings(const struct q8_verify *v, char *text, size_t size);

/*
 * Compares the layers with v->options.baseline, whose names the findings keep: "drop" for every
 * level of a layer that is more than max_drop dB below it; "baseline-missing" for a layer of the
 * baseline that is gone (unless v->options.layers leaves some out) or no longer measured; and a
 * note "baseline-new" for what the baseline does not have.  Q8_EUSAGE when the baseline is of
 * another level or of another reference, or its products were made with other settings.
 */
bool q8_baseline_compare(struct q8_verify *v, struct q8_err *err);

#endif
