/* spread.c - order statistics of many numbers, in place */
#include "src/base/spread.h"

#include <stdlib.h>

static void swap(double *a, double *b)
{
    double t = *a;

    *a = *b;
    *b = t;
}

/* The middle one of three: sorted input, and input that falls, take no longer than any other. */
static double middle(double a, double b, double c)
{
    double low = a < b ? a : b, high = a < b ? b : a;

    return c < low ? low : c > high ? high : c;
}

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/*
 * Hoare's selection.  Input that defeats the choice of the middle takes quadratic time, which the
 * steps are counted against: the rest is sorted then.
 */
double q8_spread_rank(double *v, uint64_t n, uint64_t k)
{
    uint64_t low = 0, high = n - 1;

    for (int step = 0; low < high; step++) {
        double pivot = middle(v[low], v[low + (high - low) / 2], v[high]);
        uint64_t i = low, j = high;

        if (step == 128) {
            qsort(v + low, high - low + 1, sizeof *v, compare_doubles);
            break;
        }
        for (;;) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i >= j)
                break;
            swap(&v[i++], &v[j--]);
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
    return v[k];
}

double q8_spread_top(double *v, uint64_t n, uint64_t count)
{
    double sum = 0;

    if (count == 0 || n == 0)
        return 0;
    (void)q8_spread_rank(v, n, n - count);
    for (uint64_t i = n - count; i < n; i++)
        sum += v[i];
    return sum;
}

struct q8_spread q8_spread_of(double *v, uint64_t n)
{
    struct q8_spread s = {0};

    if (n == 0)
        return s;
    s.median = q8_spread_rank(v, n, (n - 1) / 2);
    s.least = s.most = s.median;
    for (uint64_t i = 0; i < n; i++) {
        s.least = v[i] < s.least ? v[i] : s.least;
        s.most = v[i] > s.most ? v[i] : s.most;
    }
    return s;
}
