/* pair.h - two tiny checkpoints and what a comparison of them gives, for tests */
#ifndef Q8_TESTS_PAIR_H
#define Q8_TESTS_PAIR_H

#include "src/compare/compare.h"
#include "tests/unit/scratch.h"

/* Two checkpoints and what came of them. */
struct pair {
    struct scratch a, b; /* memory and errors of the comparison are a's */
    struct q8_compare_options
        options;              /* set by the test; models, isa and, if 0, threads by pair_run */
    struct q8_compare result; /* valid when it succeeded */
};

/* Makes both, with config.json if there is one, and compares. */
static inline bool pair_run(struct pair *p, const char *const config[2],
                            const struct scratch_tensor *a, size_t count_a,
                            const struct scratch_tensor *b, size_t count_b)
{
    scratch_make(&p->a, config ? config[0] : NULL, a, count_a);
    scratch_make(&p->b, config ? config[1] : NULL, b, count_b);
    if (!scratch_open(&p->a) || !scratch_open(&p->b))
        abort();
    p->options.a = &p->a.model;
    p->options.b = &p->b.model;
    if (!p->options.threads)
        p->options.threads = 2;
    p->options.isa = q8_isa_detect(Q8_ISAS);
    return q8_compare_run(&p->result, &p->options, &p->a.mem, &p->a.err);
}

/* Removes both. */
static inline void pair_close(struct pair *p)
{
    scratch_close(&p->a);
    scratch_close(&p->b);
}

#endif
