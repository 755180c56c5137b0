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
    struct check_fence fence[2]; /* room for the inputs, in turns */
    unsigned places;             /* that were given out so far */
    struct check_fence scratch;  /* Q8_GEMM_SCRATCH bytes */
    uint64_t random;             /* state of the generator */
    uint64_t passed, failed;     /* results so far (check_that) */
};

/* The longest row in elements, and the largest input in bytes. */
#define CHECK_LONGEST 10000
#define CHECK_ROOM (2 << 20)

/* Lengths to try, in order: 0 to 300 and some around whole chunks; ends with SIZE_MAX. */
size_t check_length(size_t index);

/* Group sizes to try for rows of n: 32, 64, 128, a random odd one, n (1 for n = 0), then 0. */
size_t check_group(struct check *c, size_t n, size_t index);

/* A random number of 32 bits (splitmix64); c->random alone decides which. */
uint32_t check_random(struct check *c);

/*
 * Room for `bytes` input bytes that starts at an unmapped page, ends at one, or lies between at an
 * offset of any multiple of `element` bytes; which of them is drawn.  At most CHECK_ROOM bytes;
 * the next call but one may give the same room again.
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

/* What an operation is tried on; a zero where it has no such thing. */
struct check_input {
    const char *what;       /* its name, and what else tells the cases apart, for messages */
    enum check_style style; /* of x */
    size_t n, group, rows;  /* elements of x (of a row); of them with one scale; rows of x */
    enum q8_float type;     /* of x */
    const void *x;          /* [n], or [rows, n] */
    const void *extra;      /* what else the operation gets */
};

/* Runs the operation of a table on an input; `ret` is aligned to 8 bytes, and 0xa5 so far. */
typedef void (*check_run_fn)(const struct q8_kernels *k, const struct check_input *in, void *ret);

/* The largest result in bytes: columns of the longest row. */
#define CHECK_RESULT (CHECK_LONGEST * 20 + 128)

/*
 * Runs the operation of c->ref and of c->fast with denormals kept and flushed: they must write the
 * same `bytes`, nothing around them, and touch no page that cannot be touched.
 */
void check_same(struct check *c, check_run_fn run, const struct check_input *in, size_t bytes);

/* Makes NAN of every NaN of n floats, for operations that leave open which one it is. */
void check_one_nan(float *x, size_t n);

/* What a product of matrices gets beside x. */
struct check_factors {
    const void *w;             /* [n, cols] */
    size_t m, n, cols, stride; /* as the operation has them */
    void *scratch;             /* [Q8_GEMM_SCRATCH] */
};

/* A product of matrices. */
struct check_gemm {
    const char *what; /* its name */
    size_t element;   /* bytes of one of x and w */

    /* Draws n elements of x or w in the style of `in`. */
    void (*draw)(struct check *c, const struct check_input *in, void *ret, size_t n);
    check_run_fn run; /* `extra` is a struct check_factors */
};

/*
 * Draws matrices of all sizes around those of tiles, panels and blocks, and compares: x and w next
 * to pages that cannot be touched, rows of y further apart than they are long.
 */
void check_products(struct check *c, const struct check_gemm *gemm);

/* One check per operation of the table; those of a new operation are found by its name. */

/* absmax of c->isa: worked examples, the same bits as the reference, nothing beyond the row. */
void check_absmax(struct check *c);

/* encode of c->isa: the same for its codes and sums, with denormals flushed and kept. */
void check_encode(struct check *c);

/* widen of c->isa: every 16-bit pattern by worked examples and against the reference. */
void check_widen(struct check *c);

/* histogram of c->isa: worked examples, elements of every kind, added to what was there. */
void check_histogram(struct check *c);

/* moments of c->isa: worked examples, among them the order of the sums; several pivots. */
void check_moments(struct check *c);

/* columns of c->isa: worked examples, rows 0 to 9, added to what was there. */
void check_columns(struct check *c);

/* errors of c->isa: worked examples of both rules; factors as q8 makes them, and larger ones. */
void check_errors(struct check *c);

/* steps of c->isa: worked examples of all types; groups of 1 to 9 parts, of any size. */
void check_steps(struct check *c);

/* decode of c->isa: worked examples, all codes and groups. */
void check_decode(struct check *c);

/* decode_f8 of c->isa: all codes by definition, with scales of every exponent; groups. */
void check_decode_f8(struct check *c);

/* decode_f4 of c->isa: the same of its codes. */
void check_decode_f4(struct check *c);

/* decode_zero of c->isa: worked examples, all codes and groups. */
void check_decode_zero(struct check *c);

/* nibbles of c->isa: every byte by definition. */
void check_nibbles(struct check *c);

/* widen_e8m0 of c->isa: every byte by definition. */
void check_widen_e8m0(struct check *c);

/* narrow of c->isa: worked examples, all ties. */
void check_narrow(struct check *c);

/* diff of c->isa: worked examples, among them the order of the sums. */
void check_diff(struct check *c);

/* tally of c->isa: worked examples, added to what was there. */
void check_tally(struct check *c);

/* gemm_s8 of c->isa: worked examples, the largest sums and beyond, sizes of all kinds. */
void check_gemm_s8(struct check *c);

/* gemm_f32 of c->isa: worked examples, among them the order of the sums; sizes of all kinds. */
void check_gemm_f32(struct check *c);

/* amx_model.c: gemm_s8 of amx, compiled against tiles.h; NULL where the build has none. */
extern const q8_gemm_s8_fn q8_gemm_s8_model;

/* tiles.h: the first rule of the tile instructions that was broken since the last call, or NULL. */
const char *tiles_broken(void);

/* The conversions of single numbers, against their definition and the processor's. */
void check_scalar(struct check *c);

/* What the device does to one number (numbers.cuh, lanes.cuh), compiled for the host. */
void check_cuda(struct check *c);

/*
 * Prints the table of rates; `best` is the best instruction set of this machine.  Returns the exit
 * status: 0, or 77 when there is nothing to measure beside ref.
 */
int bench(enum q8_isa best);

/* Prints the table of what q8-inspect uses; part of bench. */
void bench_inspect(enum q8_isa best);

/* Prints the table of what reads quantized sources; part of bench. */
void bench_sources(enum q8_isa best);

#endif
