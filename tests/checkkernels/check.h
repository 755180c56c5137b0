/* check.h - what the check of one kernel operation gets: the table, inputs, a count of results */
#ifndef Q8_CHECK_H
#define Q8_CHECK_H

#include "kernels/kernels.h"

#include <setjmp.h>

/* How the elements of an input are drawn. */
enum check_style {
    CHECK_BITS,      /* random bit patterns, finite for encode */
    CHECK_TIES,      /* odd halves of a power of two: y is exactly between two codes */
    CHECK_HALF_TIES, /* exactly between two fp16 numbers, among them fp16 denormals */
    CHECK_UNIFORM,   /* between -1 and 1 */
    CHECK_OUTLIER,   /* zeros of both signs, and one number */
    CHECK_DENORMALS, /* denormals of the type among normal numbers */
    CHECK_GAUSS,     /* sum of uniforms, as weights are */
    CHECK_STYLES
};

/* The names of the styles, for messages: "half ties". */
extern const char *const check_styles[CHECK_STYLES];

/* Bytes between two pages that cannot be touched. */
struct check_fence {
    unsigned char *data; /* the first byte, at the start of a page */
    size_t size;         /* bytes, whole pages */
};

/* One run of all checks.  A zeroed struct with a seed in `random` will do for drawing inputs. */
struct check {
    enum q8_isa isa;             /* what is being checked */
    struct q8_kernels ref, fast; /* the law, and the version of `isa` */
    struct check_fence fence;    /* room for the inputs */
    uint64_t random;             /* state of the generator */
    uint64_t passed, failed;     /* results so far (check_that) */
};

/* The longest input in elements. */
#define CHECK_LONGEST 10000

/* Lengths to try, in order: 0 to 300 and some around whole chunks; ends with SIZE_MAX. */
size_t check_length(size_t index);

/* Group sizes to try for rows of n: 32, 64, 128, a random odd one, n (1 for n = 0), then 0. */
size_t check_group(struct check *c, size_t n, size_t index);

/* A random number of 32 bits (splitmix64); c->random alone decides which. */
uint32_t check_random(struct check *c);

/*
 * Room for `bytes` input bytes that starts at an unmapped page, ends at one, or lies between at an
 * offset of any multiple of `element` bytes; which of them is drawn.  At most CHECK_LONGEST floats;
 * the next call may give the same room again.
 */
void *check_place(struct check *c, size_t bytes, size_t element);

/*
 * Draws the n elements of x.  `finite`: no NaN or Inf; `half`: none that fp16 cannot hold.  Ties
 * lie between multiples of `step`, a power of two.
 */
void check_fill(struct check *c, void *x, size_t n, enum q8_float type, enum check_style style,
                bool finite, bool half, float step);

/* Counts a result; of those that are wrong, the first 20 are printed, in printf style. */
void check_that(struct check *c, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * `if (sigsetjmp(check_fault, 0) != 0)` before the calls of a kernel: a call that touches an
 * unmapped page comes back there.
 */
extern sigjmp_buf check_fault;

/* One check per operation of the table; those of a new operation are found by its name. */

/* absmax of c->isa: worked examples, the same bits as the reference, nothing beyond the row. */
void check_absmax(struct check *c);

/* encode of c->isa: the same for its codes and sums, with denormals flushed and kept. */
void check_encode(struct check *c);

/* The conversions of single numbers, against their definition and the processor's. */
void check_scalar(struct check *c);

/*
 * Prints the table of rates; `best` is the best instruction set of this machine.  Returns the exit
 * status: 0, or 77 when there is nothing to measure beside ref.
 */
int bench(enum q8_isa best);

#endif
