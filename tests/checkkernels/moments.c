/* moments.c - check of the operation moments */
#include "tests/checkkernels/check.h"

#include <string.h>

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->moments(ret, in->x, in->n, *(const double *)in->extra);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const float few[] = {1, 2, 4}; /* about 2: -1, 0, 2 */
    static float x[4097];
    const char *isa = q8_isa_name(c->isa);
    struct q8_moments m;

    c->fast.moments(&m, few, 3, 2);
    check_that(c, m.s1 == 1 && m.s2 == 5 && m.s3 == 7 && m.s4 == 17, "moments %s: of -1, 0, 2",
               isa);
    c->fast.moments(&m, few, 0, 2);
    check_that(c, m.s1 == 0 && m.s2 == 0 && m.s3 == 0 && m.s4 == 0, "moments %s: no elements", isa);

    /*
     * Next to 2^54 doubles are multiples of 4: the 1 of the same lane (element 16) is lost, the
     * four that meet before they join it (1, 5, 9, 13) are not, nor the 4 of the next chunk.
     */
    memset(x, 0, sizeof x);
    x[0] = 0x1p27f;
    x[16] = x[1] = x[5] = x[9] = x[13] = 1;
    x[4096] = 2;
    c->fast.moments(&m, x, 4097, 0);
    check_that(c, m.s1 == 0x1p27 + 7 && m.s2 == 0x1p54 + 8 && m.s3 == 0x1p81 && m.s4 == 0x1p108,
               "moments %s: order of the sums", isa);
}

void check_moments(struct check *c)
{
    static const double pivots[] = {0, 0.3, -0x1.2345678p-9, 1e30};
    struct check_input in = {.what = "moments"};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    for (size_t i = 0; (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++) {
            void *x = check_place(c, in.n * sizeof(float), sizeof(float));

            check_fill(c, x, in.n, Q8_FLOAT_F32, in.style, true, false, 1);
            in.x = x;
            in.extra = &pivots[check_random(c) % 4];
            check_same(c, run, &in, sizeof(struct q8_moments));
        }
}
