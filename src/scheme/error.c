/* error.c - what was lost, from sums over a weight or its products */
#include "src/scheme/error.h"

#include <math.h>

double q8_sqnr(double val2, double err2)
{
    if (!isfinite(val2) || !isfinite(err2))
        return -INFINITY;
    return err2 == 0 ? INFINITY : 10 * log10(val2 / err2);
}

double q8_relative_mse(double val2, double err2)
{
    return err2 == 0 ? 0 : err2 / val2;
}

double q8_cosine(double a2, double b2, double dot)
{
    return a2 == 0 && b2 == 0 ? 1 : dot / sqrt(a2) / sqrt(b2);
}
