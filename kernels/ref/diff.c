/* diff.c - how two rows differ: the reference */
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

static void diff(struct q8_diff *ret, const float *a, const float *b, size_t n)
{
    *ret = (struct q8_diff){0};
    for (size_t chunk = 0; chunk < n; chunk += CHUNK) {
        double err2[LANES] = {0}, val2[LANES] = {0}, b2[LANES] = {0}, dot[LANES] = {0};

        for (size_t i = chunk; i < n && i < chunk + CHUNK; i++) {
            const double v = (double)a[i], w = (double)b[i], d = v - w;
            const size_t l = (i - chunk) % LANES;

            err2[l] = fma(d, d, err2[l]);
            val2[l] = fma(v, v, val2[l]);
            b2[l] = fma(w, w, b2[l]);
            dot[l] = fma(v, w, dot[l]);
            ret->most = fabs(d) > ret->most ? fabs(d) : ret->most;
        }
        ret->err2 += fold(err2);
        ret->val2 += fold(val2);
        ret->b2 += fold(b2);
        ret->dot += fold(dot);
    }
}

const q8_diff_fn q8_diff_ref = diff;
