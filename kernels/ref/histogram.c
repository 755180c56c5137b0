/* histogram.c - elements by exponent, and the outermost ones: the reference */
#include "kernels/kernels.h"

#include <string.h>

static void histogram(struct q8_histogram *h, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        int32_t key;

        memcpy(&bits, &x[i], sizeof bits);
        key = (int32_t)(bits & 0x80000000 ? bits ^ 0x7fffffff : bits);
        h->count[bits >> 23 & 0xff]++;
        h->zeros += (bits & 0x7fffffff) == 0;
        h->least = key < h->least ? key : h->least;
        h->most = key > h->most ? key : h->most;
    }
}

const q8_histogram_fn q8_histogram_ref = histogram;
