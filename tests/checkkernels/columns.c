/* columns.c - check of the operation columns */
#include "tests/checkkernels/check.h"

#include <string.h>

#define GAP 8u /* doubles between the arrays, to see what is written behind the first two */

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    double *sum = ret, *sum2 = sum + in->n + GAP;
    uint32_t *absmax = (uint32_t *)(sum2 + in->n + GAP);
    struct q8_columns columns = {sum, sum2, absmax};

    for (size_t j = 0; j < in->n; j++) {
        sum[j] = (double)j - 50;
        sum2[j] = 0.25 * (double)j;
        absmax[j] = j % 3 == 0 ? 0x3e000000 : 0; /* 0.125 */
    }
    k->columns(&columns, in->x, in->rows, in->n);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const float x[] = {1, -2, 0, 3, -5, -0.0f};
    double sum[] = {10, 20, 30}, sum2[] = {1, 2, 3};
    uint32_t absmax[] = {0, 0x40b00000, 0}; /* 0, 5.5, 0 */
    struct q8_columns columns = {sum, sum2, absmax};
    const char *isa = q8_isa_name(c->isa);

    c->fast.columns(&columns, x, 2, 3);
    check_that(c, sum[0] == 14 && sum[1] == 13 && sum[2] == 30, "columns %s: sums", isa);
    check_that(c, sum2[0] == 11 && sum2[1] == 31 && sum2[2] == 3, "columns %s: sums of squares",
               isa);
    check_that(c, absmax[0] == 0x40400000 && absmax[1] == 0x40b00000 && absmax[2] == 0,
               "columns %s: the largest of 1 and 3, of 5.5 and 5, of zeros", isa);

    /* rows in order: the ones are lost beside 2^53 one by one, together they would not be */
    sum[0] = 0x1p53;
    columns.sum = sum;
    c->fast.columns(&columns, (const float[]){1, 1}, 2, 1);
    check_that(c, sum[0] == 0x1p53, "columns %s: order of the rows", isa);
}

void check_columns(struct check *c)
{
    struct check_input in = {.what = "columns"};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    for (size_t i = 0; (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++) {
            void *x;

            in.rows = check_random(c) % 10;
            while (in.rows * in.n > CHECK_LONGEST)
                in.rows--;
            x = check_place(c, in.rows * in.n * sizeof(float), sizeof(float));
            check_fill(c, x, in.rows * in.n, Q8_FLOAT_F32, in.style, true, false, 1);
            in.x = x;
            check_same(c, run, &in, 2 * (in.n + GAP) * sizeof(double) + in.n * sizeof(uint32_t));
        }
}
