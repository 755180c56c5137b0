/* gemm_dnnl.c - oneDNN 2.x as a rival of gemm_s8 */
#include "tests/bench/gemm.h"

#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>

/* The primitive, and what it works on. */
static struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, w, y;
} matmul;

static void must(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
    exit(1);
}

const char *dnnl_name(void)
{
    static char name[64];
    const dnnl_version_t *v = dnnl_version();

    (void)snprintf(name, sizeof name, "oneDNN %d.%d.%d, isa %#x", v->major, v->minor, v->patch,
                   (unsigned)dnnl_get_effective_cpu_isa());
    return name;
}

void dnnl_gemm_run(const struct gemm *g)
{
    const int32_t offset = 0;

    must(dnnl_gemm_s8s8s32('N', 'T', 'F', (dnnl_dim_t)g->m, (dnnl_dim_t)g->n, (dnnl_dim_t)g->cols,
                           1, g->x8, (dnnl_dim_t)g->cols, 0, g->w8, (dnnl_dim_t)g->cols, 0, 0,
                           g->y8, (dnnl_dim_t)g->n, &offset),
         "dnnl_gemm_s8s8s32");
}

static dnnl_memory_desc_t describe(size_t rows, size_t cols, dnnl_data_type_t type,
                                   dnnl_format_tag_t tag)
{
    const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)cols};
    dnnl_memory_desc_t desc;

    must(dnnl_memory_desc_init_by_tag(&desc, 2, dims, type, tag), "memory descriptor");
    return desc;
}

/* Its own copy of w [cols, n], in the layout that the primitive asks for. */
static void reorder(const struct gemm *g)
{
    const dnnl_memory_desc_t from = describe(g->cols, g->n, dnnl_s8, dnnl_ba),
                             *to = dnnl_primitive_desc_query_md(matmul.desc, dnnl_query_weights_md,
                                                                0);
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t source;
    dnnl_exec_arg_t args[2];

    must(dnnl_memory_create(&source, &from, matmul.engine, (void *)(uintptr_t)g->w8),
         "memory of w");
    must(dnnl_memory_create(&matmul.w, to, matmul.engine, DNNL_MEMORY_ALLOCATE), "memory of w");
    must(dnnl_reorder_primitive_desc_create(&desc, &from, matmul.engine, to, matmul.engine, NULL),
         "reorder");
    must(dnnl_primitive_create(&primitive, desc), "reorder");
    args[0] = (dnnl_exec_arg_t){DNNL_ARG_FROM, source};
    args[1] = (dnnl_exec_arg_t){DNNL_ARG_TO, matmul.w};
    must(dnnl_primitive_execute(primitive, matmul.stream, 2, args), "reorder");
    must(dnnl_stream_wait(matmul.stream), "reorder");
    (void)dnnl_primitive_destroy(primitive);
    (void)dnnl_primitive_desc_destroy(desc);
    (void)dnnl_memory_destroy(source);
}

bool dnnl_matmul_open(const struct gemm *g)
{
    const dnnl_memory_desc_t x = describe(g->m, g->cols, dnnl_s8, dnnl_ab),
                             w = describe(g->cols, g->n, dnnl_s8, dnnl_format_tag_any),
                             y = describe(g->m, g->n, dnnl_s32, dnnl_ab);
    dnnl_matmul_desc_t matmul_desc;

    must(dnnl_engine_create(&matmul.engine, dnnl_cpu, 0), "engine");
    must(dnnl_stream_create(&matmul.stream, matmul.engine, dnnl_stream_default_flags), "stream");
    must(dnnl_matmul_desc_init(&matmul_desc, &x, &w, NULL, &y), "matmul");
    if (dnnl_primitive_desc_create(&matmul.desc, &matmul_desc, NULL, matmul.engine, NULL) !=
        dnnl_success) {
        (void)dnnl_stream_destroy(matmul.stream);
        (void)dnnl_engine_destroy(matmul.engine);
        return false;
    }
    must(dnnl_primitive_create(&matmul.primitive, matmul.desc), "matmul");
    must(dnnl_memory_create(&matmul.x, &x, matmul.engine, (void *)(uintptr_t)g->x8), "memory of x");
    must(dnnl_memory_create(&matmul.y, &y, matmul.engine, g->y8), "memory of y");
    reorder(g);
    return true;
}

void dnnl_matmul_run(const struct gemm *g)
{
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, matmul.x}, {DNNL_ARG_WEIGHTS, matmul.w}, {DNNL_ARG_DST, matmul.y}};

    (void)g;
    must(dnnl_primitive_execute(matmul.primitive, matmul.stream, 3, args), "matmul");
    must(dnnl_stream_wait(matmul.stream), "matmul");
}

void dnnl_matmul_close(void)
{
    (void)dnnl_memory_destroy(matmul.x);
    (void)dnnl_memory_destroy(matmul.w);
    (void)dnnl_memory_destroy(matmul.y);
    (void)dnnl_primitive_destroy(matmul.primitive);
    (void)dnnl_primitive_desc_destroy(matmul.desc);
    (void)dnnl_stream_destroy(matmul.stream);
    (void)dnnl_engine_destroy(matmul.engine);
}
