/* gaussian.c - normally distributed numbers from a seed and a name, the same on every machine */
#include "src/forward/gaussian.h"

#include <math.h>

#define POWERS 8

/*
 * Rational approximations of the quantile to 1 part in 10^16: M. J. Wichura, "Algorithm AS 241: the
 * percentage points of the normal distribution", Applied Statistics 37 (1988), 477-484, PPND16.
 * Numerator and denominator by rising power.  Its third pair is for what lies further out than any
 * entry of the table.
 */
static const double middle[2][POWERS] = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3},
    {1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
     5.2264952788528545610e3},
};
static const double tail[2][POWERS] = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9},
};

static double ratio(const double power[2][POWERS], double x)
{
    double sum[2] = {0, 0};

    for (int k = 0; k < 2; k++)
        for (int i = POWERS - 1; i >= 0; i--)
            sum[k] = sum[k] * x + power[k][i];
    return sum[0] / sum[1];
}

/* The natural logarithm of x > 0: 2 artanh((m - 1) / (m + 1)) + e ln 2 for x = m 2^e. */
static double logarithm(double x)
{
    int e;
    double m = frexp(x, &e), s, sum = 0;

    if (m < 0.70710678118654752440) {
        m *= 2;
        e--;
    }
    s = (m - 1) / (m + 1);
    for (int k = 23; k >= 1; k -= 2) /* s^2 <= 0.0295, so the next term is below 2^-60 of the sum */
        sum = sum * (s * s) + 1.0 / k;
    return 2 * s * sum + e * 0.69314718055994530942;
}

/* The quantile at 1 - p for p <= 0.5. */
static double upper_quantile(double p)
{
    double q = 0.5 - p;

    if (q <= 0.425)
        return q * ratio(middle, 0.180625 - q * q);
    return ratio(tail, sqrt(-logarithm(p)) - 1.6);
}

void q8_gaussian_table(float ret[Q8_GAUSSIAN_TABLE])
{
    for (unsigned u = 0; u < Q8_GAUSSIAN_TABLE / 2; u++) {
        float x = (float)upper_quantile((u + 0.5) / Q8_GAUSSIAN_TABLE);

        ret[u] = -x;
        ret[Q8_GAUSSIAN_TABLE - 1 - u] = x;
    }
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t q8_gaussian_start(uint64_t seed, const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return mix(hash ^ seed);
}

uint64_t q8_gaussian_word(uint64_t start, uint64_t w)
{
    return mix(start + (w + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

void q8_gaussian_fill(float *ret, const float table[Q8_GAUSSIAN_TABLE], uint64_t start,
                      uint64_t first, uint64_t n)
{
    uint64_t word = n ? q8_gaussian_word(start, first / 4) : 0;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = first + i;

        if (at % 4 == 0)
            word = q8_gaussian_word(start, at / 4);
        ret[i] = table[word >> at % 4 * 16 & 0xffff];
    }
}
