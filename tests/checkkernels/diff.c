/* diff.c - check of the operation diff */
#include "tests/checkkernels/check.h"

#include <string.h>

/* x is fenced, extra is not: each of a and b is x once, which `rows` says. */
static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->diff(ret, in->rows ? in->x : in->extra, in->rows ? in->extra : in->x, in->n);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const float few[] = {1, 2, -3}, others[] = {1.5f, 2, -1}; /* -0.5, 0, -2 */
    static float x[4097], zeros[4097];
    const char *isa = q8_isa_name(c->isa);
    struct q8_diff d;

    c->fast.diff(&d, few, others, 3);
    check_that(c, d.err2 == 4.25 && d.val2 == 14 && d.b2 == 7.25 && d.dot == 8.5 && d.most == 2,
               "diff %s: of 1, 2, -3 and 1.5, 2, -1", isa);
    c->fast.diff(&d, few, others, 0);
    check_that(c, d.err2 == 0 && d.val2 == 0 && d.b2 == 0 && d.dot == 0 && d.most == 0,
               "diff %s: no elements", isa);

    /* as in moments: of 1, 1, 1, 1, 1 and 4 beside 2^54, the first 1 is lost */
    memset(x, 0, sizeof x);
    x[0] = 0x1p27f;
    x[16] = x[1] = x[5] = x[9] = x[13] = 1;
    x[4096] = 2;
    c->fast.diff(&d, x, zeros, 4097);
    check_that(c, d.err2 == 0x1p54 + 8 && d.val2 == 0x1p54 + 8 && d.b2 == 0 && d.most == 0x1p27,
               "diff %s: order of the sums", isa);
    c->fast.diff(&d, x, x, 4097);
    check_that(c, d.err2 == 0 && d.b2 == 0x1p54 + 8 && d.dot == 0x1p54 + 8,
               "diff %s: order of the sums of b", isa);
}

void check_diff(struct check *c)
{
    static float other[CHECK_LONGEST];
    struct check_input in = {.what = "diff", .extra = other};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    for (size_t i = 0; (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++)
            for (in.rows = 0; in.rows < 2; in.rows++) {
                void *x = check_place(c, in.n * sizeof(float), sizeof(float));

                check_fill(c, x, in.n, Q8_FLOAT_F32, in.style, true, false, 1);
                check_fill(c, other, in.n, Q8_FLOAT_F32, in.style, true, false, 1);
                in.x = x;
                check_same(c, run, &in, sizeof(struct q8_diff));
            }
}
