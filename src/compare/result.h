/* result.h - what differs between two checkpoints: items, their verdicts and numbers */
#ifndef Q8_COMPARE_RESULT_H
#define Q8_COMPARE_RESULT_H

#include "src/flow/walk.h"
#include "src/flow/pool.h"
#include "src/model/select.h"
#include "src/scheme/stored.h"

/* What to compare, and how. */
struct q8_compare_options {
    const struct q8_model *a, *b; /* both open */
    double tolerance;             /* relative difference up to which values count as equal; >= 0 */
    unsigned threads;             /* 1 to Q8_THREADS_MAX */
    enum q8_isa isa;              /* best instruction set to use */
    struct q8_select *layers;     /* which tensors, by module or full name; NULL: all */
    const struct q8_watch *watch; /* NULL: nobody watches */
};

/* What came of one tensor.  In the order of the report. */
enum q8_verdict {
    Q8_ONLY_A,       /* B has none of that name */
    Q8_ONLY_B,       /* A has none */
    Q8_OTHER_SHAPE,  /* another shape: not compared further */
    Q8_OTHER_TYPE,   /* two types whose values q8 does not compare: integers and floats, ... */
    Q8_OTHER_VALUES, /* some values differ, be it within the tolerance */
    Q8_SAME_VALUES,  /* every value is equal, not every byte */
    Q8_SAME_BYTES,
    Q8_VERDICTS
};

/* A tensor of one of the two: a whole one, an int8 weight, or an expert of a fused tensor. */
struct q8_side {
    const struct q8_tensor *tensor; /* the codes of an int8 weight; NULL: this side has none */
    const struct q8_stored *stored; /* an int8 weight, compared as the floats that it stands for */
    bool transpose;                 /* stored [cols, rows]: a Conv1D, which bitsandbytes turns */
    bool slice;                     /* rows of a fused tensor of experts */
    uint64_t first;                 /* element that they begin at */
    /* as they are compared; 0: not as a matrix, element by element whatever the shape */
    uint64_t rows, cols;
};

/* One line of the result. */
struct q8_compared {
    const char *name;        /* of the tensor; "<module>.weight" of an int8 weight or an expert */
    struct q8_side a, b;     /* the two */
    enum q8_verdict verdict; /* what came of it */
    bool type_changed;       /* another type, or another layout of codes */
    bool different;          /* whether it counts, see q8_compare_run */
    bool constant;           /* all elements of both are the same; no int8 weight */
    bool have_numbers;       /* floats: the last five are set when values differ */
    const char *note;        /* "Conv1D, turned", "fused experts"; NULL: nothing to say */
    uint64_t elements;       /* in each (bytes, of types narrower than a byte); 0: not compared */
    uint64_t unequal;        /* of them, those that are not equal */
    double most;             /* max |a - b|; NaN where one of the two is NaN, Inf if so */
    double absmax;           /* of a, its finite elements */
    double relative;         /* most / absmax: Inf when a is 0 */
    double sqnr;             /* 10 log10(sum a^2 / sum (a-b)^2) dB; NaN where most is not finite */
};

/* A change of config.json. */
struct q8_config_change {
    const char *path;  /* "text_config.rope_theta", "architectures[0]" */
    const char *a, *b; /* JSON text of the value, with all inside it; NULL: not there */
};

/* The result.  Memory is the arena's. */
struct q8_compare {
    struct q8_compare_options options;        /* a copy */
    struct q8_stored_list stored_a, stored_b; /* int8 weights of both */
    struct q8_compared *item;                 /* [items], see q8_compare_run */
    uint64_t items;                           /* how many, equal ones too */
    uint64_t count[Q8_VERDICTS];              /* of them, by verdict */
    uint64_t type_changes;                    /* items with type_changed */
    uint64_t differing;                       /* items that count as different */
    struct q8_config_change *change;          /* [changes], by path */
    uint64_t changes;                         /* how many; every one counts as a difference */
    bool have_configs;                        /* both have a config.json, and they were compared */
    bool different;                           /* differing or changes are not 0 */
};

#endif
