/* compare.h - what differs between two checkpoints, tensor by tensor, whatever their formats */
#ifndef Q8_COMPARE_COMPARE_H
#define Q8_COMPARE_COMPARE_H

#include "src/scheme/stored.h"
#include "src/flow/pool.h"
#include "src/model/select.h"
#include "src/flow/walk.h"

#include <stdio.h>

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

/* "only-a", "only-b", "shape", "type", "values", "same-values", "same-bytes": as JSON names it. */
const char *q8_verdict_name(enum q8_verdict verdict);

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

/*
 * Compares every tensor of A and B by name.  Int8 weights count as the float weight of their module
 * and their other parts are not looked at on their own; floats of all widths compare as F32 (F64 is
 * rounded).  NaN equals NaN in the same place.  The 2-D experts of one side meet the 3-D tensor of
 * the other where its layout is known (q8_arch_experts).  All other types compare as bytes.
 *
 * An item counts as different when it is on one side only, when shapes differ, when relative is
 * above the tolerance (bytes that are no floats: when any differs) and, with a tolerance of 0, when
 * its type changed.  Every change of config.json counts, except NaN and infinities in it, which
 * read as [].  Metadata and the division into files do not.
 *
 * Items come in the order of enum q8_verdict, Q8_OTHER_VALUES with the largest relative difference
 * first, then by name.  The same result for any threads.  Memory is a few tiles a thread.
 * Q8_EUSAGE when a pattern of `layers` matches nothing; Q8_EINPUT, Q8_EUNSUPPORTED (of
 * q8_stored_find),
 * Q8_EIO, Q8_ELIMIT, a signal of the watcher.
 */
bool q8_compare_run(struct q8_compare *ret, const struct q8_compare_options *options,
                    struct q8_arena *mem, struct q8_err *err);

/* The report for people, lines of `width` columns where names allow it.  Q8_EIO. */
bool q8_compare_text(const struct q8_compare *result, FILE *out, unsigned width,
                     struct q8_err *err);

/* The report for machines, schema q8-inspect-diff/1.  Q8_EIO. */
bool q8_compare_json(const struct q8_compare *result, FILE *out, struct q8_err *err);

/* The rows of a side that is a matrix, as they are compared. */
struct q8_view q8_side_view(const struct q8_side *side);

/* "BF16", "int8 bitsandbytes", "int8 packed g128": the type of a side, 64 bytes; returns text. */
char *q8_side_type(const struct q8_side *side, char *text, size_t size);

/* "[4096, 11008]" as it is compared, 200 bytes; returns text. */
char *q8_side_shape(const struct q8_side *side, char *text, size_t size);

/* ---- pieces, each in its own file ---- */

/*
 * match.c: the list of items, by name: verdicts that need no data are there, the others are
 * Q8_SAME_BYTES.
 */
bool q8_compare_pair(struct q8_compare *result, struct q8_arena *mem, struct q8_err *err);

/* config.c: the changes of config.json. */
bool q8_compare_config(struct q8_compare *result, struct q8_arena *mem, struct q8_err *err);

/* Whether it has data that can be compared. */
bool q8_compared_has_data(const struct q8_compared *c);

/* Bytes of data of both sides together. */
uint64_t q8_compared_bytes(const struct q8_compared *c);

/* values.c: one thread's buffers. */
struct q8_comparer {
    const struct q8_compare *result; /* the caller's */
    struct q8_kernels kernels;       /* of the options' isa */
    struct q8_walk walk[2];          /* of A and B */
    float *values[2];                /* a tile of each as floats */
    struct q8_arena mem;             /* holds all of it */
};

/* Memory for the largest tiles of all items; Q8_ELIMIT.  Close it in every case. */
bool q8_comparer_open(struct q8_comparer *d, const struct q8_compare *result, struct q8_err *err);

/* Releases it; accepts a zeroed struct. */
void q8_comparer_close(struct q8_comparer *d);

/*
 * Compares the data of one item and sets verdict and numbers.  False without an error when the pool
 * is stopping.
 */
bool q8_comparer_run(struct q8_comparer *d, struct q8_compared *c, struct q8_pool *pool,
                     struct q8_err *err);

#endif
