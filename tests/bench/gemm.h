/* gemm.h - what the benchmark of matrix products measures beside q8: rivals, as far as installed */
#ifndef Q8_BENCH_GEMM_H
#define Q8_BENCH_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One product: y [m, n] = x [m, cols] times the transpose of w [n, cols]. */
struct gemm {
    size_t m, n, cols;
    const int8_t *x8, *w8; /* codes */
    const float *x, *w;    /* floats */
    int32_t *y8;           /* result of codes */
    float *y;              /* result of floats */
};

/* gemm_dnnl.c, gemm_blas.c: what is installed; the functions of the others are never called. */

/* Which oneDNN that is: "oneDNN 2.6.3, VNNI". */
const char *dnnl_name(void);

/* y8 by dnnl_gemm_s8s8s32, which packs by itself. */
void dnnl_gemm_run(const struct gemm *g);

/* A matmul primitive with w8 reordered as it likes best; false when it has none. */
bool dnnl_matmul_open(const struct gemm *g);

/* y8 by that primitive. */
void dnnl_matmul_run(const struct gemm *g);

/* Releases it. */
void dnnl_matmul_close(void);

/* Which OpenBLAS and for which processor. */
const char *blas_name(void);

/* y by cblas_sgemm. */
void blas_run(const struct gemm *g);

#endif
