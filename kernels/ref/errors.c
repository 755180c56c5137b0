/* errors.c - what a scheme loses on a row: the reference */
#include "kernels/kernels.h"

#include <math.h>

#define LANES 32
#define CHUNK 4096
#define ROUND 12582912.0f /* 1.5 * 2^23: a float of that size is a whole number */

static double fold(const float lane[LANES])
{
    double wide[LANES];

    for (int l = 0; l < LANES; l++)
        wide[l] = (double)lane[l];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            wide[l] += wide[l + half];
    return wide[0];
}

/* What is lost of one element. */
static float error(const struct q8_error_scheme *s, float w, float factor, float step)
{
    const bool half = s->rule == Q8_RULE_HALF_TIMES;
    const float h = half && s->narrow ? q8_half_to_float(q8_float_to_half(w)) : w;
    float y = fmaf(h, factor, ROUND) - ROUND;

    if (!half)
        y = y < -128.0f ? -128.0f : y > 127.0f ? 127.0f : y;
    return fmaf(-y, step, half ? 127.0f * w : w);
}

static void errors(struct q8_error *ret, const struct q8_error_scheme *s, const float *x, size_t n)
{
    *ret = (struct q8_error){0};
    for (size_t chunk = 0; chunk < n; chunk += CHUNK) {
        float err2[LANES] = {0};

        for (size_t i = chunk; i < n && i < chunk + CHUNK; i++) {
            const size_t l = (i - chunk) % LANES, g = i / s->group;
            const float e = error(s, x[i], s->factor[g], s->step[g]);

            err2[l] = fmaf(e, e, err2[l]);
            ret->most = fabsf(e) > ret->most ? fabsf(e) : ret->most;
        }
        ret->err2 += fold(err2);
    }
}

const q8_errors_fn q8_errors_ref = errors;
