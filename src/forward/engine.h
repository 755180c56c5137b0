/* engine.h - where products are computed: activations times a tile of weights, int8 and float */
#ifndef Q8_FORWARD_ENGINE_H
#define Q8_FORWARD_ENGINE_H

#include "kernels/kernels.h"
#include "src/base/arena.h"
#include "src/forward/mode.h"

/* int32 holds the sum of that many products of any two int8 codes: 2^31 > 131,071 * 128 * 128. */
#define Q8_MULTIPLY_COLS UINT64_C(131071)

/* One weight, as all of its tiles are multiplied. */
struct q8_multiply {
    enum q8_mode mode;     /* how */
    double threshold;      /* of outlier columns; 0: no decomposition.  Not for W8A8, W8A16 */
    enum q8_float type;    /* of the activations and of the result: the reference's */
    uint64_t tokens, cols; /* X is [tokens, cols]; cols <= Q8_MULTIPLY_COLS */
    float least, most;     /* of the reference weights: the modes with one scale for W */
};

/* A tile of rows of W, as the walk has read it. */
struct q8_operands {
    uint64_t rows;          /* at most the rows that the engine was opened for */
    const int8_t *codes;    /* [rows, cols] */
    const float *step;      /* [rows, groups] what a code of 1 stands for; absmax / 127 for bnb */
    const float *scale;     /* [rows] bitsandbytes' absmax; NULL in other modes */
    const float *weights;   /* [rows, cols] code * step */
    const float *reference; /* [rows, cols] of the float model, exact */
};

/* How the products of the tiles so far differ; a zeroed struct is none. */
struct q8_products {
    struct q8_diff diff; /* of the reference's (a) and the int8 ones (b) */
    uint64_t bad;        /* int8 ones that are NaN or infinite; left out of diff */
};

/*
 * An engine: a table of functions.  Those of the CPU are exact: the same bits for any instruction
 * set.  Those of a GPU give the same codes, the same int32 sums and the same products of these; the
 * products of floats (the reference's, and those of W8A16) are summed up in another order.
 * One struct per thread.
 */
struct q8_engine {
    const char *name; /* "cpu", "cuda" */
    void *self;       /* the engine's own; memory of the arena it was opened with */

    /*
     * Takes the activations x [tokens, cols] of a weight, which may be overwritten, and makes codes
     * of them; *ret_outliers is how many columns are multiplied apart.
     */
    bool (*begin)(void *self, const struct q8_multiply *job, float *x, uint64_t *ret_outliers,
                  struct q8_err *err);

    /*
     * Multiplies with a tile and adds what differs to *products.  y_reference and y_int8 are
     * [tokens, rows] where the products are left (by token), or NULL.
     */
    bool (*tile)(void *self, const struct q8_operands *w, struct q8_products *products,
                 float **y_reference, float **y_int8, struct q8_err *err);

    /* Releases what is no memory of that arena; NULL: there is no such thing. */
    void (*close)(void *self);
};

/* What the largest weight of a run needs. */
struct q8_engine_room {
    uint64_t tokens, cols, rows; /* of X; of X and W; of the largest tile of W */
    uint64_t elements;           /* the largest tokens * cols of one weight */
    uint64_t products;           /* the largest tokens * rows of one tile */
    uint64_t tile;               /* the largest rows * cols of one tile */
};

/* Where engines run. */
struct q8_device {
    unsigned engine; /* its row in q8_engines */
    int number;      /* of the GPU, from 0 */
    char name[256];  /* of the GPU: "NVIDIA H200"; "" for the CPU */
    uint64_t memory; /* bytes of the GPU that all engines of this run may take together */
    bool automatic;  /* a GPU that "auto" chose: where it does not suffice, the CPU will do */
    char why[512];   /* a GPU is there, but not used: why; else "" */
};

/* What one engine is opened with. */
struct q8_engine_setup {
    enum q8_isa isa;                /* of the CPU's part */
    const struct q8_device *device; /* where it runs */
    unsigned engines;               /* that share it, > 0 */
};

/* A kind of engine: a row of data. */
struct q8_engine_kind {
    const char *name; /* "cpu", "cuda" */

    /*
     * Looks at GPU ret->number: fills its name, and its memory where that is 0.  Q8_EUNSUPPORTED
     * when it is of no use, with the reason; *ret_any is whether there is a GPU at all.
     */
    bool (*find)(struct q8_device *ret, bool *ret_any, struct q8_err *err);

    /* An engine; memory is `mem`'s, and `close` releases the rest.  Q8_ELIMIT. */
    bool (*open)(struct q8_engine *ret, const struct q8_engine_room *room,
                 const struct q8_engine_setup *setup, struct q8_arena *mem, struct q8_err *err);
};

/* All of them, the CPU first; where a build has no CUDA, `find` of that row says so. */
#define Q8_ENGINES 2
extern const struct q8_engine_kind q8_engines[Q8_ENGINES];

/*
 * The device that a word names: "cpu", "cuda", "cuda:N", or "auto", a GPU if there is one that is
 * of use and else the CPU.  `memory` bytes of a GPU may be taken; 0: seven eighths of what is
 * free.  Q8_EUSAGE for another word, Q8_EUNSUPPORTED.
 */
bool q8_device_find(struct q8_device *ret, const char *word, uint64_t memory, struct q8_err *err);

/* The CPU in place of a GPU; why: a sentence, or "". */
void q8_device_fall_back(struct q8_device *device, const char *why);

#endif
