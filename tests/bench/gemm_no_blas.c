/* gemm_no_blas.c - where OpenBLAS is not installed: it cannot be measured */
#include "tests/bench/gemm.h"

const char *blas_name(void)
{
    return NULL;
}

void blas_run(const struct gemm *g)
{
    (void)g;
}
