/* dispatch.c - which instruction sets this machine has, and the table of the best versions */
#include "kernels/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

#define ARCH_REQ_XCOMP_PERM 0x1023 /* Linux, arch/x86/include/uapi/asm/prctl.h */
#define TILE_DATA 18               /* its number among the states of XCR0 */
#endif

#define Q8_TYPE_absmax const q8_absmax_fn
#define Q8_TYPE_encode const q8_encode_fn
#define Q8_TYPE_widen const q8_widen_fn
#define Q8_TYPE_histogram const q8_histogram_fn
#define Q8_TYPE_moments const q8_moments_fn
#define Q8_TYPE_columns const q8_columns_fn
#define Q8_TYPE_errors const q8_errors_fn
#define Q8_TYPE_steps const q8_steps_fn
#define Q8_TYPE_decode const q8_decode_fn
#define Q8_TYPE_decode_f8 const q8_decode_f8_fn
#define Q8_TYPE_decode_f4 const q8_decode_f4_fn
#define Q8_TYPE_decode_zero const q8_decode_zero_fn
#define Q8_TYPE_nibbles const q8_nibbles_fn
#define Q8_TYPE_widen_e8m0 const q8_widen_e8m0_fn
#define Q8_TYPE_narrow const q8_narrow_fn
#define Q8_TYPE_diff const q8_diff_fn
#define Q8_TYPE_tally const q8_tally_fn
#define Q8_TYPE_gemm_s8 const q8_gemm_s8_fn
#define Q8_TYPE_gemm_f32 const q8_gemm_f32_fn
#define Q8_DIMS_absmax [Q8_FLOATS]
#define Q8_DIMS_encode [Q8_RULES][Q8_FLOATS]
#define Q8_DIMS_widen [Q8_FLOATS]
#define Q8_DIMS_histogram
#define Q8_DIMS_moments
#define Q8_DIMS_columns
#define Q8_DIMS_errors
#define Q8_DIMS_steps [Q8_FLOATS]
#define Q8_DIMS_decode
#define Q8_DIMS_decode_f8 [Q8_FLOAT8S]
#define Q8_DIMS_decode_f4
#define Q8_DIMS_decode_zero
#define Q8_DIMS_nibbles
#define Q8_DIMS_widen_e8m0
#define Q8_DIMS_narrow [Q8_FLOATS]
#define Q8_DIMS_diff
#define Q8_DIMS_tally
#define Q8_DIMS_gemm_s8
#define Q8_DIMS_gemm_f32

#define Q8_KERNEL(op, set) extern Q8_TYPE_##op q8_##op##_##set Q8_DIMS_##op;
#include "kernels/kernels.inc"
#undef Q8_KERNEL

static const char *const names[Q8_ISAS] = {"ref", "avx2", "avx512", "vnni", "amx"};

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

#if defined(__linux__)

/*
 * Tiles and their int8 products, by cpuid and XCR0; and the kernel's leave to use their 8 KiB of
 * state, which it keeps from programs that do not ask (Linux, arch/x86/xstate.rst).
 */
static bool has_amx(void)
{
    const unsigned tile = 1u << 24, int8 = 1u << 25, osxsave = 1u << 27, states = 3u << 17;
    unsigned a, b, c, d, xcr0, upper;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & osxsave) ||
        !__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (tile | int8)) != (tile | int8))
        return false;
    __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(upper) : "c"(0));
    return (xcr0 & states) == states &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
}

#else

static bool has_amx(void)
{
    return false;
}

#endif

/* The best set that the build has anything of: a compiler may know no AMX. */
static enum q8_isa built(void)
{
    enum q8_isa best = Q8_ISA_ref;

#define Q8_KERNEL(op, set) best = Q8_ISA_##set > best ? Q8_ISA_##set : best;
#include "kernels/kernels.inc"
#undef Q8_KERNEL
    return best;
}

enum q8_isa q8_isa_detect(enum q8_isa cap)
{
    enum q8_isa best = Q8_ISA_ref;

    if (built() < cap)
        cap = built();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
        best = Q8_ISA_avx2;
    if (best == Q8_ISA_avx2 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        best = Q8_ISA_avx512;
    if (best == Q8_ISA_avx512 && __builtin_cpu_supports("avx512vnni"))
        best = Q8_ISA_vnni;
    if (best == Q8_ISA_vnni && cap >= Q8_ISA_amx && has_amx())
        best = Q8_ISA_amx;
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
