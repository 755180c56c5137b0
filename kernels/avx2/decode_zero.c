/* decode_zero.c - codes with a zero point to floats, 256 bits */
#include "kernels/avx2/lanes.inc"

static void decode(float *ret, const int8_t *codes, size_t n, size_t group, const float *step,
                   const float *zero)
{
    const bool flushed = q8_denormals_flush(false);

    for (size_t begin = 0, g = 0; begin < n; begin += group, g++) {
        const size_t end = n - begin < group ? n : begin + group;
        const __m256 s = _mm256_set1_ps(step[g]), z = _mm256_set1_ps(zero[g]);
        size_t i = begin;

        for (; i + 8 <= end; i += 8) {
            __m128i eight = _mm_loadl_epi64((const __m128i *)(const void *)(codes + i));
            __m256 wide = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight));

            _mm256_storeu_ps(ret + i, _mm256_mul_ps(_mm256_sub_ps(wide, z), s));
        }
        for (; i < end; i++)
            ret[i] = ((float)codes[i] - zero[g]) * step[g];
    }
    (void)q8_denormals_flush(flushed);
}

const q8_decode_zero_fn q8_decode_zero_avx2 = decode;
