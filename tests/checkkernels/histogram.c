/* histogram.c - check of the operation histogram */
#include "tests/checkkernels/check.h"

#include <string.h>

/* Twice, so that it must add to what is there. */
static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    struct q8_histogram h = {.least = INT32_MAX, .most = INT32_MIN};

    k->histogram(&h, in->x, in->n);
    k->histogram(&h, in->x, in->n / 2);
    memcpy(ret, &h, sizeof h);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    /* -0, 0, a denormal, 1, -1.5, -Inf, NaN */
    static const uint32_t bits[] = {0x80000000, 0,          1,         0x3f800000,
                                    0xbfc00000, 0xff800000, 0x7fc00000};
    struct q8_histogram h = {.least = INT32_MAX, .most = INT32_MIN},
                        want = {.least = INT32_MAX, .most = INT32_MIN};
    const char *isa = q8_isa_name(c->isa);
    float x[7];

    memcpy(x, bits, sizeof x);
    c->fast.histogram(&h, x, 0);
    check_that(c, memcmp(&h, &want, sizeof h) == 0, "histogram %s: no elements", isa);
    c->fast.histogram(&h, x, 2);
    want.count[0] = want.zeros = 2;
    want.least = -1; /* -0 is just below +0 */
    want.most = 0;
    check_that(c, memcmp(&h, &want, sizeof h) == 0, "histogram %s: zeros of both signs", isa);
    c->fast.histogram(&h, x, 7);
    want.count[0] = 5;
    want.zeros = 4;
    want.count[127] = want.count[255] = 2;
    want.least = -0x7f800001;
    want.most = 0x7fc00000;
    check_that(c, memcmp(&h, &want, sizeof h) == 0,
               "histogram %s: zeros, a denormal, 1, -1.5, -Inf, NaN, added", isa);
}

void check_histogram(struct check *c)
{
    struct check_input in = {.what = "histogram"};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    for (size_t i = 0; (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++) {
            void *x = check_place(c, in.n * sizeof(float), sizeof(float));

            check_fill(c, x, in.n, Q8_FLOAT_F32, in.style, false, false, 1);
            in.x = x;
            check_same(c, run, &in, sizeof(struct q8_histogram));
        }
}
