/* gpu.h - what the parts of checkcuda share: a device, inputs, a count of results */
#ifndef Q8_TESTS_GPU_H
#define Q8_TESTS_GPU_H

#include "kernels/cuda/cuda.h"
#include "src/base/arena.h"

/* A product to try: X [tokens, cols] and W [rows, cols]. */
struct gpu_shape {
    uint64_t tokens, cols, rows;
};

/* One run of all checks. */
struct gpu {
    struct q8_cuda cuda;
    struct q8_kernels kernels; /* the CPU's */
    struct q8_arena mem;       /* of the host; cleared between checks */
    struct q8_err err;         /* of that */
    void *taken[32];           /* memory of the device; given back between checks */
    unsigned takens;           /* how many */
    bool few;                  /* small shapes only: for compute-sanitizer, and for the fake */
    uint64_t random;           /* state of the generator */
    uint64_t passed, failed;   /* results so far */
};

/* Shapes, in order; the last has 0 tokens, 0 columns and 0 rows, and ends the list. */
struct gpu_shape gpu_shape(const struct gpu *g, unsigned i);

/* Counts a result; the first 20 that are wrong are printed, in printf style. */
void gpu_that(struct gpu *g, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Stops the program, with the reason, when a call has failed. */
void gpu_ok(struct gpu *g, int code);

/* Memory of the host, and of the device, until gpu_clear; the program ends when there is none. */
void *gpu_host(struct gpu *g, uint64_t count, uint64_t size);
void *gpu_take(struct gpu *g, uint64_t bytes);

/* A copy of `bytes` bytes on the device, with `room` bytes of it there. */
void *gpu_put(struct gpu *g, const void *host, uint64_t bytes, uint64_t room);

/* Rows of `width` bytes, `pitch` apart, from the device, once both streams are done. */
void gpu_get(struct gpu *g, void *host, const void *device, uint64_t width, uint64_t pitch,
             uint64_t rows);

/* Gives back what was taken. */
void gpu_clear(struct gpu *g);

/* A random number of 32 bits; one from -1 to 1; codes, -128 among them; floats that `type` has. */
uint32_t gpu_random(struct gpu *g);
float gpu_uniform(struct gpu *g);
void gpu_codes(struct gpu *g, int8_t *ret, uint64_t n);
void gpu_floats(struct gpu *g, float *ret, uint64_t n, enum q8_float type, float scale);

/* The number as that type has it, by the CPU's conversions. */
float gpu_round(enum q8_float type, float x);

/* Rows of n elements to rows of `pitch` elements of `type`, zeros behind them. */
void *gpu_typed(struct gpu *g, const float *x, uint64_t rows, uint64_t cols, uint64_t pitch,
                enum q8_float type);
void *gpu_padded(struct gpu *g, const int8_t *x, uint64_t rows, uint64_t cols, uint64_t pitch);

/* check_quantize.c: conversions, codes, scales and outlier columns, bit for bit. */
void gpu_check_quantize(struct gpu *g);

/* check_multiply.c: int32 sums bit for bit; products of floats within a bound. */
void gpu_check_multiply(struct gpu *g);

/* check_products.c: scaling, outlier columns and comparison, bit for bit. */
void gpu_check_products(struct gpu *g);

/* check_engine.c: whole tiles of the engine against the CPU's. */
void gpu_check_engine(struct gpu *g);

/*
 * check_engine.c: writes what bitsandbytes' rule makes of a product, and what it is made of, into
 * files of that folder, for judge_bnb.py; false with errno.
 */
bool gpu_dump(struct gpu *g, const char *folder);

#endif
