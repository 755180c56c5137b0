/* gemm.c - sizes and places of the matrices on which products are checked */
#include "tests/checkkernels/check.h"

#include <string.h>

/* Around tiles, panels, and what is done otherwise for a few rows; ends with SIZE_MAX. */
static const size_t ms[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 31, 32, 33, 36, 39, SIZE_MAX};
static const size_t ns[] = {0, 1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 25, 33, 47, 48, 49, 65, SIZE_MAX};
static const size_t cols[] = {0,  1,  2,  3,  4,  5,   7,   8,   15,      17,
                              31, 33, 63, 64, 65, 129, 255, 257, SIZE_MAX};

/* And around the blocks of columns and of rows of X. */
static const struct {
    size_t m, n, cols;
} large[] = {
    {1, 5, 1023},   {3, 2, 1025},  {9, 17, 1024},  {33, 49, 1025}, {17, 33, 2047},
    {17, 32, 2048}, {40, 3, 2049}, {33, 19, 2051}, {64, 33, 2112}, {1, 3, 4095},
    {5, 6, 4096},   {5, 9, 4097},  {35, 7, 4099},  {40, 50, 4100}, {6, 18, 8195},
    {48, 17, 8193}, {65, 1, 7},    {129, 2, 3},    {200, 16, 64},  {4099, 1, 5},
};

static void check_product(struct check *c, const struct check_gemm *gemm, size_t m, size_t n,
                          size_t k)
{
    struct check_factors factors = {.m = m, .n = n, .cols = k, .scratch = c->scratch.data};
    struct check_input in = {.what = gemm->what, .rows = m, .group = k, .n = n, .extra = &factors};
    void *x = check_place(c, m * k * gemm->element, gemm->element);
    void *w = check_place(c, n * k * gemm->element, gemm->element);

    factors.stride = n + check_random(c) % 4;
    factors.w = w;
    in.x = x;
    in.style = check_random(c) % CHECK_STYLES;
    gemm->draw(c, &in, x, m * k);
    gemm->draw(c, &in, w, n * k);
    memset(c->scratch.data, 0xff, Q8_GEMM_SCRATCH); /* NaN */
    check_same(c, gemm->run, &in, m * factors.stride * sizeof(float));
}

void check_products(struct check *c, const struct check_gemm *gemm)
{
    for (size_t i = 0; ms[i] != SIZE_MAX; i++)
        for (size_t j = 0; ns[j] != SIZE_MAX; j++)
            for (size_t k = 0; cols[k] != SIZE_MAX; k++)
                check_product(c, gemm, ms[i], ns[j], cols[k]);
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        check_product(c, gemm, large[i].m, large[i].n, large[i].cols);
}
