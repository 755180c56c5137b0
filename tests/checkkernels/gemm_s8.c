/* gemm_s8.c - check of the operation gemm_s8 */
#include "tests/checkkernels/check.h"

#include <string.h>

#define ROWS 34     /* beyond the few that are done without packing */
#define LONG 140001 /* columns: sums of the largest products leave 32 bits */
#define MOST 131071 /* and here they just do not */

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    const struct check_factors *f = in->extra;

    k->gemm_s8(ret, f->stride, in->x, f->w, f->m, f->n, f->cols, f->scratch);
}

/* Codes of all values, the extremes alone, or mostly small ones. */
static void draw(struct check *c, const struct check_input *in, void *ret, size_t n)
{
    int8_t *codes = ret;

    for (size_t i = 0; i < n; i++) {
        const uint32_t random = check_random(c);

        codes[i] = (int8_t)random;
        if (in->style % 3 == 1)
            codes[i] = random % 3 == 0 ? -128 : random % 3 == 1 ? 127 : -127;
        if (in->style % 3 == 2)
            codes[i] = (int8_t)(random % 7) - 3;
    }
}

/* All codes of X and W the same: is every sum what it must be? */
static void check_constant(struct check *c, size_t m, size_t cols, int code, int32_t want)
{
    static int8_t codes[ROWS * LONG];
    static int32_t y[ROWS * 3];
    bool right = true;

    memset(codes, code, m * cols);
    memset(c->scratch.data, 0xff, Q8_GEMM_SCRATCH);
    c->fast.gemm_s8(y, 3, codes, codes, m, 3, cols, c->scratch.data);
    for (size_t i = 0; i < 3 * m; i++)
        right = right && y[i] == want;
    check_that(c, right, "gemm_s8 %s: %zu columns of %d * %d, %zu rows", q8_isa_name(c->isa), cols,
               code, code, m);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const int8_t x[] = {1, 2, 3, -128, 127, -1}, w[] = {4, 5, 6, -128, -128, 127};
    static const int32_t want[] = {32, -3, -5, 117, 1, -5}, none[] = {0, 0, -5, 0, 0, -5};
    static const size_t rows[] = {3, 5, 17, ROWS};
    int32_t y[] = {-5, -5, -5, -5, -5, -5};
    const char *isa = q8_isa_name(c->isa);

    c->fast.gemm_s8(y, 3, x, w, 2, 2, 3, c->scratch.data);
    check_that(c, memcmp(y, want, sizeof y) == 0, "gemm_s8 %s: 2 x 3 by 2 x 3, y three apart", isa);
    c->fast.gemm_s8(y, 3, x, w, 2, 2, 0, c->scratch.data);
    check_that(c, memcmp(y, none, sizeof y) == 0, "gemm_s8 %s: no columns", isa);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_constant(c, rows[i], MOST, -128, 2147467264); /* 2^31 - 2^14 */
        check_constant(c, rows[i], LONG, -128, (int32_t)(2293776384 - 4294967296));
        check_constant(c, rows[i], LONG, 127, (int32_t)(2258076129 - 4294967296));
    }
}

void check_gemm_s8(struct check *c)
{
    const struct check_gemm gemm = {"gemm_s8", sizeof(int8_t), draw, run};

    check_paper(c);
    if (c->isa != Q8_ISA_ref)
        check_products(c, &gemm);
}
