/* error.h - what was lost, from sums over a weight or its products: the one place that says it */
#ifndef Q8_SCHEME_ERROR_H
#define Q8_SCHEME_ERROR_H

/*
 * The signal-to-noise ratio in dB, 10 log10(val2 / err2), of val2 = sum a^2 and
 * err2 = sum (a - b)^2.  Infinity when nothing was lost (err2 is 0); minus infinity when a sum is
 * NaN or infinite, because then nobody can say that anything is left.  Never NaN.
 */
double q8_sqnr(double val2, double err2);

/* err2 / val2; 0 when nothing was lost, NaN or infinity as the sums are. */
double q8_relative_mse(double val2, double err2);

/* dot / sqrt(a2 b2), the cosine of a and b by the sums of a^2, b^2 and a b; 1 when both are 0. */
double q8_cosine(double a2, double b2, double dot);

#endif
