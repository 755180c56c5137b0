/* fold.h - lines that are wider than the terminal, folded between words */
#ifndef Q8_CLI_FOLD_H
#define Q8_CLI_FOLD_H

#include "src/base/err.h"

#include <stdio.h>

/* What passes on its way to `out`, a line at a time; q8_fold_open sets it up. */
struct q8_fold {
    FILE *out;      /* the caller's */
    FILE *in;       /* what is printed here comes out folded */
    unsigned width; /* columns of a line; 0: as long as it is */
    size_t used;    /* bytes of the line that waits */
    char line[4096];
};

/*
 * Makes f->in, which folds at `width` columns what is printed to it: between words, the rest below
 * the second column of the line where it has one ("note       model: ..."), else two columns to the
 * right of its start.  A word that is wider stays whole.  With a width of 0 f->in is `out` itself.
 * *f must stay where it is; Q8_ELIMIT.
 */
bool q8_fold_open(struct q8_fold *f, FILE *out, unsigned width, struct q8_err *err);

/* Passes on what is left; write errors are seen on f->out. */
void q8_fold_close(struct q8_fold *f);

#endif
