/* suggest.h - which weights fall below a wanted SQNR, and the cheapest overrides that cure them */
#ifndef Q8_INSPECT_SUGGEST_H
#define Q8_INSPECT_SUGGEST_H

#include "src/inspect/result.h"

#include <stdio.h>

/*
 * Default of --min-sqnr in dB.  For uniform rounding SQNR = 10 log10(12 * 127^2 / crest^2), so 30
 * dB is a row whose absmax is 14 times its RMS.  Rows of trained weights have 4 to 10; the layers
 * that arXiv 2408.15301 finds to break Llama-3-70B have single weights of a hundred times the RMS
 * and more, 13 dB and less.
 */
#define Q8_MIN_SQNR 30.0

/* What is to be done with one weight. */
struct q8_cure {
    const struct q8_subject *subject;
    const struct q8_target *use; /* another granularity; NULL: leave it float */
    double before, after;        /* SQNR in dB with the target, and so; infinity for float */
    uint64_t bytes;              /* that it costs beyond the target's own */
    const char *with;            /* the fused group that takes it along though it is above; NULL */
};

/* What is suggested. */
struct q8_suggestion {
    const struct q8_inspect *in; /* what was measured */
    struct q8_cure *cure;        /* [cures], by name */
    uint64_t cures;              /* 0: all is well */
    uint64_t bytes;              /* of all */
};

/*
 * Weights that the target takes and that fall below options.min_sqnr, each with the cheapest cure
 * in bytes: a smaller group of the target's family where that reaches the SQNR, else float.
 * Members of a fused group get one cure.  Memory is `mem`'s; Q8_ELIMIT.
 */
bool q8_suggest_run(struct q8_suggestion *ret, const struct q8_inspect *in, struct q8_arena *mem,
                    struct q8_err *err);

/* Why, with the figures: a clause for the end of a line; returns text.  256 bytes are enough. */
char *q8_cure_reason(const struct q8_inspect *in, const struct q8_cure *cure, char *text,
                     size_t size);

/* The file for q8-convert --overrides, each line with its reason. */
void q8_suggest_print(const struct q8_suggestion *d, FILE *out);

#endif
