/*
 * encode.c - codes of a row, 512 bits
 *
 * Two registers are the 32 lanes that the definition sums in, so the sums come out in
 * the same order; every other step is one IEEE operation per element, as in the reference.
 */
#include "kernels/avx512/lanes.inc"
#include "kernels/ways.h"

/* Up to 16 elements as floats; those that the mask leaves out are 0. */
INLINE __m512 load(enum q8_float type, const unsigned char *x, __mmask16 m)
{
    __m256i half;

    if (type == Q8_FLOAT_F32)
        return _mm512_maskz_loadu_ps(m, x);
    half = _mm256_maskz_loadu_epi16(m, x);
    if (type == Q8_FLOAT_F16)
        return _mm512_cvtph_ps(half);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/* Sums of one chunk, half of the lanes. */
struct lanes {
    __m512 err2, val2;
};

/* Codes of 16 elements as 32-bit numbers; packing saturates those beyond 8 bits. */
INLINE __m512i codes16(enum way way, enum q8_float type, const unsigned char *x, __mmask16 m,
                       __m512 f, __m512 inverse, struct lanes *sums)
{
    const __m512 snap = _mm512_set1_ps(Q8_SNAP);
    __m512 w = load(type, x, m), y, v, e;
    __m512i codes;

    v = _mm512_mul_ps(w, way == DIVIDE || way == SNAP ? inverse : f);
    y = v;
    if (way == HALF_TIMES)
        y = _mm512_mul_ps(_mm512_cvtph_ps(_mm512_cvtps_ph(w, _MM_FROUND_TO_NEAREST_INT)), f);
    else if (way == DIVIDE)
        y = _mm512_div_ps(w, f);
    else if (way == SNAP)
        y = _mm512_sub_ps(_mm512_fmadd_ps(w, inverse, snap), snap);
    if (sums && (way == DIVIDE || way == SNAP))
        y = _mm512_min_ps(_mm512_max_ps(y, _mm512_set1_ps(-128)), _mm512_set1_ps(127));
    codes = _mm512_cvtps_epi32(y);
    if (sums) {
        e = _mm512_sub_ps(v, _mm512_cvtepi32_ps(codes));
        sums->err2 = _mm512_fmadd_ps(e, e, sums->err2);
        sums->val2 = _mm512_fmadd_ps(v, v, sums->val2);
    }
    return codes;
}

/* One chunk of at most 4,096 elements. */
INLINE void encode_chunk(enum way way, enum q8_float type, int8_t *codes, const unsigned char *x,
                         size_t n, size_t ahead, float factor, struct q8_sums *ret_sums)
{
    /* packing works within 128 bits: this puts the dwords back in order */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512 f = _mm512_set1_ps(factor), inverse = _mm512_set1_ps(1 / factor);
    const __m512 zero = _mm512_setzero_ps();
    const size_t size = type == Q8_FLOAT_F32 ? 4 : 2;
    struct lanes lanes[2] = {{zero, zero}, {zero, zero}}, *sums = ret_sums ? lanes : NULL;
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        const unsigned char *p = x + i * size;
        __m512i a, b, c, d;

        for (size_t line = 0; line < 64 * size; line += 64)
            _mm_prefetch((const char *)(p + ahead + line), _MM_HINT_T0);
        a = codes16(way, type, p, 0xffff, f, inverse, sums);
        b = codes16(way, type, p + 16 * size, 0xffff, f, inverse, sums ? sums + 1 : NULL);
        c = codes16(way, type, p + 32 * size, 0xffff, f, inverse, sums);
        d = codes16(way, type, p + 48 * size, 0xffff, f, inverse, sums ? sums + 1 : NULL);
        a = _mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
        _mm512_storeu_si512(codes + i, _mm512_permutexvar_epi32(order, a));
    }
    for (; i < n; i += 16) {
        __mmask16 m = n - i >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - i)) - 1);
        __m512i a =
            codes16(way, type, x + i * size, m, f, inverse, sums ? sums + i / 16 % 2 : NULL);

        _mm512_mask_cvtsepi32_storeu_epi8(codes + i, m, a);
    }
    if (ret_sums) {
        ret_sums->err2 += fold(lanes[0].err2, lanes[1].err2);
        ret_sums->val2 += fold(lanes[0].val2, lanes[1].val2);
    }
}

#include "kernels/encode_row.inc"

VERSION(times_f16, Q8_RULE_HALF_TIMES, Q8_FLOAT_F16)
VERSION(times_bf16, Q8_RULE_HALF_TIMES, Q8_FLOAT_BF16)
VERSION(times_f32, Q8_RULE_HALF_TIMES, Q8_FLOAT_F32)
VERSION(divide_f16, Q8_RULE_DIVIDE, Q8_FLOAT_F16)
VERSION(divide_bf16, Q8_RULE_DIVIDE, Q8_FLOAT_BF16)
VERSION(divide_f32, Q8_RULE_DIVIDE, Q8_FLOAT_F32)

const q8_encode_fn q8_encode_avx512[Q8_RULES][Q8_FLOATS] = {
    {times_f16, times_bf16, times_f32},
    {divide_f16, divide_bf16, divide_f32},
};
