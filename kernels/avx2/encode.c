/*
 * encode.c - codes of a row, 256 bits
 *
 * Four registers are the 32 lanes that the definition sums in: elements 0-7 of every 32 go to the
 * first, 8-15 to the second, and so on.  A tail runs through a buffer padded with zeros, which
 * add 0.
 *
 * Of 16 bf16 the even ones become floats by a shift and the odd ones by a mask, without a shuffle;
 * their codes are put together again by a shift and a blend, and their sums before they are folded.
 */
#include "kernels/avx2/lanes.inc"
#include "kernels/ways.h"

#define STEP 32

/* 8 elements of f32 or f16. */
INLINE __m256 load(enum q8_float type, const unsigned char *x)
{
    if (type == Q8_FLOAT_F32)
        return _mm256_loadu_ps((const float *)(const void *)x);
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)x));
}

/* Sums of one chunk, a quarter of the lanes; NULL in the functions below when not wanted. */
struct lanes {
    __m256 err2, val2;
};

/* Codes of 8 elements as 32-bit numbers; packing saturates those beyond 8 bits. */
INLINE __m256i codes8(enum way way, __m256 w, __m256 f, __m256 inverse, struct lanes *sums)
{
    const __m256 snap = _mm256_set1_ps(Q8_SNAP);
    __m256 y, v, e;
    __m256i codes;

    v = _mm256_mul_ps(w, way == DIVIDE || way == SNAP ? inverse : f);
    y = v;
    if (way == HALF_TIMES)
        y = _mm256_mul_ps(_mm256_cvtph_ps(_mm256_cvtps_ph(w, _MM_FROUND_TO_NEAREST_INT)), f);
    else if (way == DIVIDE)
        y = _mm256_div_ps(w, f);
    else if (way == SNAP)
        y = _mm256_sub_ps(_mm256_fmadd_ps(w, inverse, snap), snap);
    if (sums && (way == DIVIDE || way == SNAP))
        y = _mm256_min_ps(_mm256_max_ps(y, _mm256_set1_ps(-128)), _mm256_set1_ps(127));
    codes = _mm256_cvtps_epi32(y);
    if (sums) {
        e = _mm256_sub_ps(v, _mm256_cvtepi32_ps(codes));
        sums->err2 = _mm256_fmadd_ps(e, e, sums->err2);
        sums->val2 = _mm256_fmadd_ps(v, v, sums->val2);
    }
    return codes;
}

/* Codes of 16 bf16 as 16-bit numbers, in order; two quarters of the lanes. */
INLINE __m256i codes_bf16(enum way way, const unsigned char *x, __m256 f, __m256 inverse,
                          struct lanes *sums)
{
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    __m256i both = _mm256_loadu_si256((const __m256i *)(const void *)x);
    __m256 even = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
    __m256 odd = _mm256_castsi256_ps(_mm256_and_si256(both, upper));
    __m256i a = codes8(way, even, f, inverse, sums);
    __m256i b = codes8(way, odd, f, inverse, sums ? sums + 1 : NULL);

    return _mm256_blend_epi16(a, _mm256_slli_epi32(b, 16), 0xaa);
}

/* Two quarters of the lanes, even and odd elements, to the order of the definition. */
INLINE void interleave(__m256 *even, __m256 *odd)
{
    __m256 low = _mm256_unpacklo_ps(*even, *odd), high = _mm256_unpackhi_ps(*even, *odd);

    *even = _mm256_permute2f128_ps(low, high, 0x20);
    *odd = _mm256_permute2f128_ps(low, high, 0x31);
}

/* 32 codes in order. */
INLINE __m256i codes32(enum way way, enum q8_float type, const unsigned char *x, __m256 f,
                       __m256 inverse, struct lanes *sums)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const size_t size = type == Q8_FLOAT_F32 ? 4 : 2;
    __m256i a, b, c, d;

    if (type == Q8_FLOAT_BF16) {
        a = codes_bf16(way, x, f, inverse, sums);
        b = codes_bf16(way, x + 32, f, inverse, sums ? sums + 2 : NULL);
        return _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xd8);
    }
    a = codes8(way, load(type, x), f, inverse, sums);
    b = codes8(way, load(type, x + 8 * size), f, inverse, sums ? sums + 1 : NULL);
    c = codes8(way, load(type, x + 16 * size), f, inverse, sums ? sums + 2 : NULL);
    d = codes8(way, load(type, x + 24 * size), f, inverse, sums ? sums + 3 : NULL);
    a = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    return _mm256_permutevar8x32_epi32(a, order);
}

/* One chunk of at most 4,096 elements. */
INLINE void encode_chunk(enum way way, enum q8_float type, int8_t *codes, const unsigned char *x,
                         size_t n, size_t ahead, float factor, struct q8_sums *ret_sums)
{
    const size_t size = type == Q8_FLOAT_F32 ? 4 : 2;
    const __m256 f = _mm256_set1_ps(factor), inverse = _mm256_set1_ps(1 / factor);
    const __m256 zero = _mm256_setzero_ps();
    struct lanes l[4] = {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
    struct lanes *sums = ret_sums ? l : NULL;
    size_t i = 0;

    for (; i + STEP <= n; i += STEP) {
        for (size_t line = 0; line < STEP * size; line += 64)
            _mm_prefetch((const char *)(x + i * size + ahead + line), _MM_HINT_T0);
        _mm256_storeu_si256((__m256i *)(void *)(codes + i),
                            codes32(way, type, x + i * size, f, inverse, sums));
    }
    if (i < n) {
        unsigned char padded[STEP * 4] = {0};
        int8_t last[STEP];

        memcpy(padded, x + i * size, (n - i) * size);
        _mm256_storeu_si256((__m256i *)(void *)last, codes32(way, type, padded, f, inverse, sums));
        memcpy(codes + i, last, n - i);
    }
    for (int h = 0; ret_sums && type == Q8_FLOAT_BF16 && h < 4; h += 2) {
        interleave(&l[h].err2, &l[h + 1].err2);
        interleave(&l[h].val2, &l[h + 1].val2);
    }
    if (ret_sums) {
        ret_sums->err2 += fold(l[0].err2, l[1].err2, l[2].err2, l[3].err2);
        ret_sums->val2 += fold(l[0].val2, l[1].val2, l[2].val2, l[3].val2);
    }
}

#include "kernels/encode_row.inc"

VERSION(times_f16, Q8_RULE_HALF_TIMES, Q8_FLOAT_F16)
VERSION(times_bf16, Q8_RULE_HALF_TIMES, Q8_FLOAT_BF16)
VERSION(times_f32, Q8_RULE_HALF_TIMES, Q8_FLOAT_F32)
VERSION(divide_f16, Q8_RULE_DIVIDE, Q8_FLOAT_F16)
VERSION(divide_bf16, Q8_RULE_DIVIDE, Q8_FLOAT_BF16)
VERSION(divide_f32, Q8_RULE_DIVIDE, Q8_FLOAT_F32)

const q8_encode_fn q8_encode_avx2[Q8_RULES][Q8_FLOATS] = {
    {times_f16, times_bf16, times_f32},
    {divide_f16, divide_bf16, divide_f32},
};
