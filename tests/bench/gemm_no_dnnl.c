/* gemm_no_dnnl.c - where oneDNN is not installed: nothing of it can be measured */
#include "tests/bench/gemm.h"

const char *dnnl_name(void)
{
    return NULL;
}

void dnnl_gemm_run(const struct gemm *g)
{
    (void)g;
}

bool dnnl_matmul_open(const struct gemm *g)
{
    (void)g;
    return false;
}

void dnnl_matmul_run(const struct gemm *g)
{
    (void)g;
}

void dnnl_matmul_close(void)
{
}
