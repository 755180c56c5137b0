/* kernels.h - arithmetic on arrays: the table of operations and their exact definitions */
#ifndef Q8_KERNELS_H
#define Q8_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element types that kernels read. */
enum q8_float { Q8_FLOAT_F16, Q8_FLOAT_BF16, Q8_FLOAT_F32, Q8_FLOATS };

/* How a weight w becomes a code; f is the factor of its group.  "rne": to nearest, ties to even. */
enum q8_rule {
    /*
     * code = rne(y), y = float(half(w)) * f: the weight is rounded to fp16 first (rne), then
     * multiplied by the inverse scale.  The caller guarantees |y| <= 127 + rounding.
     * Source: bitsandbytes 0.50.2, bitsandbytes/backends/default/ops.py, int8_vectorwise_quant.
     */
    Q8_RULE_HALF_TIMES,
    /*
     * code = rne(clamp(y, -128, 127)), y = w / f: IEEE division by the stored scale.  The caller
     * guarantees |y| < 256, which holds for absmax / 127.5 rounded to any type.
     * Source: compressed-tensors 0.20.0, quantization/lifecycle/forward_helpers.py, with the
     * division in fp32 instead of the weight's own type.
     */
    Q8_RULE_DIVIDE,
    Q8_RULES
};

/*
 * Sums for the error of a row, in units of codes squared, so that they neither overflow nor
 * vanish whatever the scale.  e = v - code; v = w * f, w before any rounding to half; for a divisor
 * v = w * (1 / f), two roundings (w / f where 1 / f is infinite).
 *
 * Order of summation (this is what makes every instruction set give the same bits): the group is
 * cut into chunks of 4,096 elements (the last may be shorter); within a chunk, element i adds its
 * square (one fused multiply-add) to lane i % 32 of 32 float lanes that start at 0; at the end of
 * the chunk the lanes are widened to double and folded pairwise (l[i] += l[i + 16] for i < 16, then
 * 8, 4, 2, 1) and the result is added to the double sum of the group, chunks in order.  Group sums
 * are multiplied by their step squared by the caller.
 */
struct q8_sums {
    double err2; /* sum of e * e */
    double val2; /* sum of v * v */
};

/*
 * Largest magnitude of each group of a row, as the bits of the source type with the sign cleared
 * (16 bits for f16 and bf16).  Bits order like magnitudes, with Inf above every number and NaN
 * above Inf, so a group holds an Inf or a NaN exactly when its result is >= the bits of Inf.
 *
 *   ret   [ceil(n / group)] one result per group; the last group may be shorter
 *   x     [n] elements, aligned to the element at least
 *   group elements per group, > 0; n for one result over the whole row
 */
typedef void (*q8_absmax_fn)(uint32_t *ret, const void *x, size_t n, size_t group);

/*
 * Codes of a row.  Every element must be finite.
 *
 *   codes  [n]
 *   sums   [ceil(n / group)] written (not added to); NULL when not wanted
 *   x      [n] elements
 *   factor [ceil(n / group)] f of each group (see enum q8_rule), finite and > 0
 *
 * The caller runs this with denormals flushed (q8_denormals_flush), which changes no code as long
 * as the absmax of the group is >= 2^-100; for smaller ones it calls the ref table with denormals
 * kept.  With denormals flushed a denormal input counts as 0 and a denormal result is 0.
 * May prefetch, but not read, up to n elements behind the row.
 */
typedef void (*q8_encode_fn)(int8_t *codes, struct q8_sums *sums, const void *x, size_t n,
                             size_t group, const float *factor);

/*
 * The table: one slot per operation, filled by q8_kernels_init.  Points to constants, so a copy is
 * as good, and all threads may use one.
 */
struct q8_kernels {
    const q8_absmax_fn *absmax;              /* [Q8_FLOATS], by type of x */
    const q8_encode_fn (*encode)[Q8_FLOATS]; /* [Q8_RULES][Q8_FLOATS], by rule and type of x */
};

/* Instruction sets, weakest first. */
enum q8_isa { Q8_ISA_ref, Q8_ISA_avx2, Q8_ISA_avx512, Q8_ISAS };

/* "ref", "avx2", "avx512", a constant; NULL beyond. */
const char *q8_isa_name(enum q8_isa isa);

/* The best instruction set of this machine that the build has, never above `cap`. */
enum q8_isa q8_isa_detect(enum q8_isa cap);

/*
 * Fills the table with the best version of each operation that `isa` may run.  The machine must
 * have `isa` (q8_isa_detect).  Allocates nothing.
 */
void q8_kernels_init(struct q8_kernels *k, enum q8_isa isa);

/*
 * Scalar conversions, exact by definition, the same with denormals flushed.  half is IEEE binary16,
 * bfloat16 the upper half of a float.
 */

/* The float that a half stands for, exactly; NaN stays NaN. */
float q8_half_to_float(uint16_t bits);

/* The nearest half (rne).  65520 and more gives Inf, NaN stays NaN. */
uint16_t q8_float_to_half(float value);

/* The float whose upper half `bits` are; the lower half is 0. */
float q8_bf16_to_float(uint16_t bits);

/* The nearest bfloat16 (rne).  What rounds beyond its largest number gives Inf, NaN stays NaN. */
uint16_t q8_float_to_bf16(float value);

/* The float that `bits` of type `type` stand for (as absmax returns them). */
float q8_bits_to_float(enum q8_float type, uint32_t bits);

/*
 * Switches flushing of denormals (inputs and results) on or off for this thread; returns what it
 * was.  Off x86-64 it does nothing and returns false.
 */
bool q8_denormals_flush(bool flush);

#endif
