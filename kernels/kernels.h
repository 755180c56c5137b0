/* kernels.h - arithmetic on arrays: the table of operations and their exact definitions */
#ifndef Q8_KERNELS_H
#define Q8_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element types that kernels read. */
enum q8_float { Q8_FLOAT_F16, Q8_FLOAT_BF16, Q8_FLOAT_F32, Q8_FLOATS };

/* Floats of a byte: E4M3 is e4m3fn (largest 448, no infinity, NaN 0x7f and 0xff), E5M2 as IEEE. */
enum q8_float8 { Q8_FLOAT8_E4M3, Q8_FLOAT8_E5M2, Q8_FLOAT8S };

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

/* Elements as floats, exactly, denormals too; NaN as the scalar conversions below have it. */
typedef void (*q8_widen_fn)(float *ret, const void *x, size_t n);

/*
 * Numbers by magnitude.  A key orders floats as integers: their bits, those of negative ones
 * ^ 0x7fffffff, so -0 stands just below +0 and NaN beyond Inf.
 */
struct q8_histogram {
    uint64_t count[256]; /* elements by exponent field (bits 23 to 30), those of 0 in [0] */
    uint64_t zeros;      /* of both signs; in count[0] too */
    int32_t least, most; /* smallest and largest key; start with INT32_MAX, INT32_MIN */
};

/* Adds n elements of any kind to *h. */
typedef void (*q8_histogram_fn)(struct q8_histogram *h, const float *x, size_t n);

/* Sums of powers of d = x - pivot: s1 of d, s2 of d^2 and so on. */
struct q8_moments {
    double s1, s2, s3, s4;
};

/*
 * Writes the sums over n finite elements.  All in double: d = x - pivot, q = d * d; s1 += d,
 * s2 += q, s3 = fma(q, d, s3), s4 = fma(q, q, s4).  Chunks of 4,096; within a chunk element i adds
 * to lane i % 16 of 16 that start at 0; lanes are folded pairwise (l[i] += l[i + 8], then 4, 2, 1)
 * and the chunks added in order.  With denormals flushed a denormal counts as 0.
 */
typedef void (*q8_moments_fn)(struct q8_moments *ret, const float *x, size_t n, double pivot);

/* Sums over the rows of a matrix, [cols] each. */
struct q8_columns {
    double *sum, *sum2; /* of the elements, of their squares */
    uint32_t *absmax;   /* largest magnitude, as bits with the sign cleared */
};

/*
 * Adds [rows, cols] finite elements, rows in order: sum += x, sum2 = fma(x, x, sum2), in double.
 * With denormals flushed a denormal counts as 0 in the sums.
 */
typedef void (*q8_columns_fn)(const struct q8_columns *columns, const float *x, size_t rows,
                              size_t cols);

/* A scheme at work on a row. */
struct q8_error_scheme {
    enum q8_rule rule;   /* how a weight becomes a code */
    bool narrow;         /* HALF_TIMES: weights must be rounded to fp16 first to be the same */
    size_t group;        /* columns that share factor and step, > 0; n for the whole row */
    const float *factor; /* [ceil(n / group)] HALF_TIMES: as encode has it; DIVIDE: 1 / step */
    const float *step;   /* [ceil(n / group)] HALF_TIMES: 127 times the step; DIVIDE: the step */
};

/* What it loses: of HALF_TIMES in units of 1/127, so divide by 127^2 and 127. */
struct q8_error {
    double err2; /* sum of e * e */
    float most;  /* largest |e| */
};

/*
 * Writes the error of a scheme on a row of n finite elements, without codes.  In float, one
 * rounding each: h = x, with `narrow` the half nearest to it; y = fmaf(h, factor, M) - M with
 * M = 1.5 * 2^23, which rounds to a whole number, ties to even; for DIVIDE
 * y = min(max(y, -128), 127); t = x, for HALF_TIMES 127 * x; e = fmaf(-y, step, t).  The caller
 * sees to |h * factor| < 2^21.
 *
 * err2 is summed as struct q8_sums is, in 32 float lanes over chunks of 4,096 of the row, not of
 * the group.  For 16-bit weights, and scales of their type, t and e are exact.  The product with
 * the inverse may fall on the other side of a tie than encode's quotient by 2^-17, where both
 * codes lose the same; unless rounding to fp16 has moved the weight (HALF_TIMES): then the choice
 * shows, by up to 1e-3 of the whole in a matrix of a hundred elements.
 */
typedef void (*q8_errors_fn)(struct q8_error *ret, const struct q8_error_scheme *scheme,
                             const float *x, size_t n);

#define Q8_STEP_LEAST 0x1p-100f /* a group of a smaller step is lost: steps makes it 0 */

/*
 * Writes step and factor of n groups, as errors has them for DIVIDE: the step that llm-compressor
 * stores, by the type that it is stored in.  In float, one rounding each: step = most / 127.5, then
 * rounded to the type (rne), and where that is 0, the type's epsilon; factor = 1 / step.  Both are
 * 0 where most is 0 or the step below Q8_STEP_LEAST, which gives the group codes of 0.
 *
 *   factor, step [n]
 *   absmax       [n, parts] bits of floats as absmax writes them, finite; most is the largest of
 *                the group's
 *   parts        > 0
 *
 * With denormals flushed, a most that is one counts as 0.
 */
typedef void (*q8_steps_fn)(float *factor, float *step, const uint32_t *absmax, size_t n,
                            size_t parts);

/* ret[i] = codes[i] * step[i / group], one multiplication. */
typedef void (*q8_decode_fn)(float *ret, const int8_t *codes, size_t n, size_t group,
                             const float *step);

/*
 * What stored codes of other schemes stand for: ret[i], i < n, has scale[i / group], and the last
 * group may be shorter.  Everything is in float, one rounding each.  NaN where a factor is, or for
 * Inf * 0; which NaN it is is open.  These keep denormals, whatever q8_denormals_flush says, and
 * leave its state as it was; for many short rows that costs more than the products.
 *
 *   group > 0
 *   scale [ceil(n / group)] any floats, denormals too
 */

/* ret[i] = float(codes[i]) * scale[i / group]; by type of the codes. */
typedef void (*q8_decode_f8_fn)(float *ret, const uint8_t *codes, size_t n, size_t group,
                                const float *scale);

/*
 * The same of E2M1 (0 .5 1 1.5 2 3 4 6, bit 3 is the sign): codes [ceil(n / 2)], the first of two
 * in the low half; what an odd n leaves over does not matter.
 */
typedef void (*q8_decode_f4_fn)(float *ret, const uint8_t *codes, size_t n, size_t group,
                                const float *scale);

/* ret[i] = (codes[i] - zero[i / group]) * step[i / group]; a whole zero's difference is exact. */
typedef void (*q8_decode_zero_fn)(float *ret, const int8_t *codes, size_t n, size_t group,
                                  const float *step, const float *zero);

/* ret[i] = nibble i - 8, the first of two in the low half; packed [ceil(n / 2)]. */
typedef void (*q8_nibbles_fn)(int8_t *ret, const uint8_t *packed, size_t n);

/* ret[i] = 2^(x[i] - 127), of 0 the denormal 2^-127, of 255 NaN (0x7fc00000). */
typedef void (*q8_widen_e8m0_fn)(float *ret, const uint8_t *x, size_t n);

/*
 * ret [n] elements of the type, as q8_float_to_half and q8_float_to_bf16 have them (rne; NaN stays
 * one, with its sign); F32 is copied.  Denormals are kept.
 */
typedef void (*q8_narrow_fn)(void *ret, const float *x, size_t n);

/* How b differs from a, all in double. */
struct q8_diff {
    double err2;     /* sum of (a - b)^2 */
    double val2, b2; /* sums of a^2, of b^2 */
    double dot;      /* sum of a * b */
    double most;     /* largest |a - b| */
};

/*
 * Writes the sums over n finite elements; every term joins its sum by one fma, in lanes and chunks
 * as in moments.
 */
typedef void (*q8_diff_fn)(struct q8_diff *ret, const float *a, const float *b, size_t n);

/* Adds how often each code occurs; count[code as an unsigned byte]. */
typedef void (*q8_tally_fn)(uint64_t count[256], const int8_t *codes, size_t n);

#define Q8_GEMM_SCRATCH (512 << 10) /* bytes of scratch for the products of matrices */

/*
 * Products of int8 matrices: y[i * stride + j] = sum of x[i * cols + k] * w[j * cols + k] over
 * k < cols, for i < m and j < n, modulo 2^32; so it is exact for cols <= 131,071, whatever the
 * codes.
 *
 *   y       [m] rows of n elements, `stride` >= n elements apart; what is between stays untouched
 *   x       [m, cols] codes, -128 too
 *   w       [n, cols] codes
 *   scratch [Q8_GEMM_SCRATCH] bytes, aligned to 64, whose contents do not matter before or after
 *
 * m, n and cols may be 0; with cols = 0 all of y is 0.  Pointers but for scratch are aligned to
 * their elements only.  May prefetch, but not read, behind w.
 */
typedef void (*q8_gemm_s8_fn)(int32_t *y, size_t stride, const int8_t *x, const int8_t *w, size_t m,
                              size_t n, size_t cols, void *scratch);

/*
 * Products of float matrices, arguments as in q8_gemm_s8_fn.  An element of y is one chain: it
 * starts as 0, and for rising k becomes fmaf(x[i * cols + k], w[j * cols + k], itself).  So how the
 * work is cut, by whom, changes no bit.  NaN and Inf as IEEE has them; which NaN it is is open.
 * With denormals flushed, denormal elements and sums count as 0.
 */
typedef void (*q8_gemm_f32_fn)(float *y, size_t stride, const float *x, const float *w, size_t m,
                               size_t n, size_t cols, void *scratch);

/*
 * The table: one slot per operation, filled by q8_kernels_init.  Points to constants, so a copy is
 * as good, and all threads may use one.
 */
struct q8_kernels {
    const q8_absmax_fn *absmax;              /* [Q8_FLOATS], by type of x */
    const q8_encode_fn (*encode)[Q8_FLOATS]; /* [Q8_RULES][Q8_FLOATS], by rule and type of x */
    const q8_widen_fn *widen;                /* [Q8_FLOATS], by type of x */
    q8_histogram_fn histogram;               /* by exponent */
    q8_moments_fn moments;                   /* sums of powers */
    q8_columns_fn columns;                   /* sums over rows */
    q8_errors_fn errors;                     /* what a scheme loses */
    const q8_steps_fn *steps;                /* [Q8_FLOATS], by type of the step */
    q8_decode_fn decode;                     /* codes to floats */
    const q8_decode_f8_fn *decode_f8;        /* [Q8_FLOAT8S], by type of the codes */
    q8_decode_f4_fn decode_f4;               /* E2M1 to floats */
    q8_decode_zero_fn decode_zero;           /* codes with zero points to floats */
    q8_nibbles_fn nibbles;                   /* halves of bytes to codes */
    q8_widen_e8m0_fn widen_e8m0;             /* powers of two to floats */
    const q8_narrow_fn *narrow;              /* [Q8_FLOATS], by type of the result */
    q8_diff_fn diff;                         /* two rows */
    q8_tally_fn tally;                       /* codes by value */
    q8_gemm_s8_fn gemm_s8;                   /* matrices of codes */
    q8_gemm_f32_fn gemm_f32;                 /* matrices of floats */
};

/* Instruction sets, weakest first. */
enum q8_isa { Q8_ISA_ref, Q8_ISA_avx2, Q8_ISA_avx512, Q8_ISA_vnni, Q8_ISA_amx, Q8_ISAS };

/* "ref", "avx2", "avx512", "vnni", "amx", a constant; NULL beyond. */
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

/* The float that a float of a byte stands for, exactly; NaN has its sign. */
float q8_float8_to_float(enum q8_float8 type, uint8_t bits);

/* The float that the low 4 bits stand for as E2M1. */
float q8_e2m1_to_float(uint8_t bits);

/* 2^(bits - 127), as widen_e8m0 has it. */
float q8_e8m0_to_float(uint8_t bits);

/* The float that `bits` of type `type` stand for (as absmax returns them). */
float q8_bits_to_float(enum q8_float type, uint32_t bits);

/* The nearest number of that type (rne), as a float; of F32 the value itself. */
float q8_float_round(enum q8_float type, float value);

/* What a step that rounds to 0 in that type becomes: 2^-10, 2^-7, 2^-23 (torch.finfo(type).eps). */
static inline float q8_step_epsilon(enum q8_float type)
{
    return type == Q8_FLOAT_F16 ? 0x1p-10f : type == Q8_FLOAT_BF16 ? 0x1p-7f : 0x1p-23f;
}

/* Bytes of an element of that type. */
size_t q8_float_bytes(enum q8_float type);

/*
 * Switches flushing of denormals (inputs and results) on or off for this thread; returns what it
 * was.  Off x86-64 it does nothing and returns false.
 */
bool q8_denormals_flush(bool flush);

#endif
