/* finding.h - what a verification found wrong or worth a note: sentences with a place, a kind */
#ifndef Q8_VERIFY_FINDING_H
#define Q8_VERIFY_FINDING_H

#include "src/base/arena.h"

#include <pthread.h>

/* How deep a verification looks; each level includes those before it. */
enum q8_level {
    Q8_LEVEL_INTEGRITY, /* files, config, carried tensors, scales and codes by themselves */
    Q8_LEVEL_WEIGHTS,   /* int8 weights against the reference */
    Q8_LEVEL_MATMUL,    /* their products with activations */
    Q8_LEVELS
};

/* "integrity", "weights", "matmul": a constant; NULL beyond. */
const char *q8_level_name(enum q8_level level);

#define Q8_WHOLE_MODEL "(model)" /* name of a finding that is about no single part of it */

/* One thing that was found. */
struct q8_finding {
    enum q8_level level; /* that found it */
    const char *kind;    /* a word for machines, a constant: "rows-swapped" */
    const char *name;    /* the module, tensor or file that it is about, or Q8_WHOLE_MODEL */
    const char *text;    /* a clause: what was expected, what was found, what would happen */
    bool fails;          /* the verdict is "fail"; else it is a note */
    /* bits 1 << enum q8_reader that it is about, or another bit; 0: none in particular */
    unsigned runtimes;
};

/* All that was found.  Start with q8_findings_init. */
struct q8_findings {
    struct q8_finding *list; /* [count], memory of the arena */
    uint64_t count, room;    /* in use, allocated */
    struct q8_arena *mem;    /* the caller's; only used under the lock */
    pthread_mutex_t lock;    /* for all of it: threads add at any time */
};

/* An empty list whose memory is `mem`'s. */
void q8_findings_init(struct q8_findings *f, struct q8_arena *mem);

/*
 * Adds one, from any thread; the text in printf style is copied, `kind` and `name` are not.  False:
 * Q8_ELIMIT.
 */
bool q8_findings_add(struct q8_findings *f, const struct q8_finding *finding, struct q8_err *err,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Notes that all elements of that weight of the reference are one number; as q8_findings_add. */
bool q8_findings_constant(struct q8_findings *f, enum q8_level level, const char *name,
                          struct q8_err *err);

/* Sorts them by level, name, kind, text: the same list for any order in which they were added. */
void q8_findings_sort(struct q8_findings *f);

/* How many of them fail. */
uint64_t q8_findings_failing(const struct q8_findings *f);

#endif
