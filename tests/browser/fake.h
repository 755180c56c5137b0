/* fake.h - a result of q8-inspect without a model, for what reads one */
#ifndef Q8_TESTS_FAKE_H
#define Q8_TESTS_FAKE_H

#include "src/inspect/suggest.h"

/* The matrices of a layer, all of which the heat map shows; FAKE_ROLES - 1 and a hostile one. */
#define FAKE_ROLES 8
#define FAKE_MIN_SQNR 30.0

/* A tensor's name that a browser must show and not obey. */
#define FAKE_HOSTILE "<img src=x onerror=alert(1)>"

/* What the pointers of a fake result point to. */
struct fake {
    struct q8_inspect in;
    struct q8_suggestion suggestion;
    struct q8_model model;
    struct q8_arena mem; /* q8_arena_clear when done */
    uint64_t seed;       /* internal */
};

/*
 * A LLaMA of so many layers: 9 subjects each, 3 beside them, and 4 with names that are no names.
 * Layer 1 has a mlp.down_proj far below FAKE_MIN_SQNR; layer 2 a NaN in mlp.up_proj and no
 * self_attn.o_proj; some k_proj do not fit groups.  With `int8` its weights are codes, without a
 * reference.  Ends the program when there is no memory.
 */
void fake_make(struct fake *f, uint64_t layers, bool int8);

/* A mixture of so many experts in each layer, 3 weights each and 4 beside them, of one SQNR but for
 * experts.7.up_proj of layer 1, which is far below FAKE_MIN_SQNR. */
void fake_make_experts(struct fake *f, uint64_t layers, uint64_t experts);

#endif
