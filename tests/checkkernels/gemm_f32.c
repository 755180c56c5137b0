/* gemm_f32.c - check of the operation gemm_f32 */
#include "tests/checkkernels/check.h"

#include <math.h>
#include <string.h>

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    const struct check_factors *f = in->extra;
    float *y = ret;

    k->gemm_f32(y, f->stride, in->x, f->w, f->m, f->n, f->cols, f->scratch);
    for (size_t i = 0; i < f->m; i++) /* which NaN it is is open */
        for (size_t j = 0; j < f->n; j++)
            if (isnan(y[i * f->stride + j]))
                y[i * f->stride + j] = NAN;
}

/* In two of the styles NaN and Inf are among them. */
static void draw(struct check *c, const struct check_input *in, void *ret, size_t n)
{
    check_fill(c, ret, n, Q8_FLOAT_F32, in->style, false, false, 1);
}

/* One row of X by one of W: is it that very float? */
static void check_dot(struct check *c, const float *x, const float *w, size_t cols, float want,
                      const char *what)
{
    float y = NAN;

    c->fast.gemm_f32(&y, 1, x, w, 1, 1, cols, c->scratch.data);
    check_that(c, memcmp(&y, &want, sizeof y) == 0, "gemm_f32 %s: %s: %a, not %a",
               q8_isa_name(c->isa), what, (double)y, (double)want);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const float x[] = {1, 2, 3, 0.5f, -1, 4}, w[] = {4, 5, 6, 8, -2, 0.25f};
    static const float want[] = {32, 4.75f, -5, 21, 7, -5}, none[] = {0, 0, -5, 0, 0, -5};
    static const float ones[] = {1, 1, 1, 1, 1};
    static const float lost[] = {0x1p24f, 1, -0x1p24f, 1}; /* the first 1 is lost, in this order */
    static const float kept[] = {1, -0x1p24f, 1, 0x1p24f, 1}; /* all sums are floats */
    static const float fused[] = {1, 1 + 0x1p-12f}, less[] = {-1 - 0x1p-11f, 1 + 0x1p-12f};
    static const float zero[] = {-0.0f};
    float y[] = {-5, -5, -5, -5, -5, -5};
    const char *isa = q8_isa_name(c->isa);

    c->fast.gemm_f32(y, 3, x, w, 2, 2, 3, c->scratch.data);
    check_that(c, memcmp(y, want, sizeof y) == 0, "gemm_f32 %s: 2 x 3 by 2 x 3, y three apart",
               isa);
    c->fast.gemm_f32(y, 3, x, w, 2, 2, 0, c->scratch.data);
    check_that(c, memcmp(y, none, sizeof y) == 0, "gemm_f32 %s: no columns", isa);
    check_dot(c, lost, ones, 4, 1, "order of the sums");
    check_dot(c, kept, ones, 5, 3, "order of the sums, nothing lost");
    check_dot(c, fused, less, 2, 0x1p-24f, "one rounding for product and sum");
    check_dot(c, zero, ones, 1, 0, "a sum starts as +0");
}

void check_gemm_f32(struct check *c)
{
    const struct check_gemm gemm = {"gemm_f32", sizeof(float), draw, run};

    check_paper(c);
    if (c->isa != Q8_ISA_ref)
        check_products(c, &gemm);
}
