/* moments.c - sums of powers of the deviations from a pivot: the reference */
#include "kernels/kernels.h"

#include <math.h>

#define LANES 16
#define CHUNK 4096

static double fold(double lane[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

static void moments(struct q8_moments *ret, const float *x, size_t n, double pivot)
{
    *ret = (struct q8_moments){0};
    for (size_t chunk = 0; chunk < n; chunk += CHUNK) {
        double s1[LANES] = {0}, s2[LANES] = {0}, s3[LANES] = {0}, s4[LANES] = {0};

        for (size_t i = chunk; i < n && i < chunk + CHUNK; i++) {
            const double d = (double)x[i] - pivot, q = d * d;
            const size_t l = (i - chunk) % LANES;

            s1[l] += d;
            s2[l] += q;
            s3[l] = fma(q, d, s3[l]);
            s4[l] = fma(q, q, s4[l]);
        }
        ret->s1 += fold(s1);
        ret->s2 += fold(s2);
        ret->s3 += fold(s3);
        ret->s4 += fold(s4);
    }
}

const q8_moments_fn q8_moments_ref = moments;
