/* dispatch.c - which instruction sets this machine has, and the table of the best versions */
#include "kernels/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#define Q8_TYPE_absmax const q8_absmax_fn
#define Q8_TYPE_encode const q8_encode_fn
#define Q8_TYPE_widen const q8_widen_fn
#define Q8_TYPE_histogram const q8_histogram_fn
#define Q8_TYPE_moments const q8_moments_fn
#define Q8_TYPE_columns const q8_columns_fn
#define Q8_TYPE_errors const q8_errors_fn
#define Q8_TYPE_decode const q8_decode_fn
#define Q8_TYPE_diff const q8_diff_fn
#define Q8_TYPE_tally const q8_tally_fn
#define Q8_DIMS_absmax [Q8_FLOATS]
#define Q8_DIMS_encode [Q8_RULES][Q8_FLOATS]
#define Q8_DIMS_widen [Q8_FLOATS]
#define Q8_DIMS_histogram
#define Q8_DIMS_moments
#define Q8_DIMS_columns
#define Q8_DIMS_errors
#define Q8_DIMS_decode
#define Q8_DIMS_diff
#define Q8_DIMS_tally

#define Q8_KERNEL(op, set) extern Q8_TYPE_##op q8_##op##_##set Q8_DIMS_##op;
#include "kernels/kernels.inc"
#undef Q8_KERNEL

static const char *const names[Q8_ISAS] = {"ref", "avx2", "avx512"};

const char *q8_isa_name(enum q8_isa isa)
{
    return (unsigned)isa < Q8_ISAS ? names[isa] : NULL;
}

#if defined(__x86_64__)

/* cpuid leaf 1, ecx bit 29: clang 14 has no __builtin_cpu_supports("f16c"). */
static bool has_f16c(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1);
}

enum q8_isa q8_isa_detect(enum q8_isa cap)
{
    enum q8_isa best = Q8_ISA_ref;

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
        best = Q8_ISA_avx2;
    if (best == Q8_ISA_avx2 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        best = Q8_ISA_avx512;
    return best < cap ? best : cap;
}

bool q8_denormals_flush(bool flush)
{
    const unsigned bits = 0x8040; /* FTZ and DAZ */
    unsigned old = _mm_getcsr();

    _mm_setcsr(flush ? old | bits : old & ~bits);
    return (old & bits) == bits;
}

#else

enum q8_isa q8_isa_detect(enum q8_isa cap)
{
    (void)cap;
    return Q8_ISA_ref;
}

bool q8_denormals_flush(bool flush)
{
    (void)flush;
    return false;
}

#endif

void q8_kernels_init(struct q8_kernels *k, enum q8_isa isa)
{
#define Q8_KERNEL(op, set)                                                                         \
    if (isa >= Q8_ISA_##set)                                                                       \
        k->op = q8_##op##_##set;
#include "kernels/kernels.inc"
}
