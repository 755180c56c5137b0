/* gemm_blas.c - OpenBLAS as a rival of gemm_f32 */
#include "tests/bench/gemm.h"

#include <cblas.h>

const char *blas_name(void)
{
    return openblas_get_config();
}

void blas_run(const struct gemm *g)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)g->m, (int)g->n, (int)g->cols, 1,
                g->x, (int)g->cols, g->w, (int)g->cols, 0, g->y, (int)g->n);
}
