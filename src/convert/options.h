/* options.h - how a plan is carried out, as the command asks for it */
#ifndef Q8_CONVERT_OPTIONS_H
#define Q8_CONVERT_OPTIONS_H

#include "kernels/kernels.h"
#include "src/flow/pool.h"

/* How to carry a plan out: none of these changes what is written. */
struct q8_convert_options {
    const char *output;             /* OUTPUT, as the user gave it */
    unsigned threads;               /* 1 to Q8_THREADS_MAX */
    enum q8_isa isa;                /* best instruction set to use */
    bool resume;                    /* continue what OUTPUT.partial holds */
    bool force;                     /* replace an output of q8-convert, start over */
    bool sync;                      /* wait for the disk before OUTPUT gets its name */
    bool measure;                   /* sum the errors of the weights: SQNR */
    const struct q8_watch *watch;   /* NULL: nobody watches */
    void (*warn)(const char *text); /* takes what is said before the work; NULL: nobody does */
};

#endif
