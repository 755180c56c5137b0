/* fp4.c - FP4 (E2M1), two in a byte, with an exponent for each 32 columns */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"

#include <string.h>

#define BLOCK 32

/* fl(e2m1 * 2^e), exact (OCP Microscaling Formats 1.0, 5.3); the low nibble is the first. */
static void decode(const struct q8_coded *c, float *ret, const struct q8_coded_run *run)
{
    c->kernels->decode_f4(ret, run->codes, run->n, run->group, run->scale);
}

static bool take_blocks(struct q8_coded *c, struct q8_err *err)
{
    return q8_coded_takes_blocks(c, 1, BLOCK) ||
           q8_coded_fail_shape(c, 1, "one for each 32 columns of a row", err);
}

static bool fit(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                struct q8_err *err)
{
    (void)config;
    return q8_coded_fit_matrix(c, t, 2, err) && take_blocks(c, err);
}

/*
 * Blocks U8 [E, rows, cols / 32, 16] and scales U8 [E, rows, cols / 32]; the model has the turned
 * matrices, [E, cols, rows] (transformers 5.23, integrations/mxfp4.py, convert_moe_packed_tensors).
 */
static bool fit_blocks(struct q8_coded *c, const struct q8_coded_config *config,
                       struct q8_tensor *t, struct q8_err *err)
{
    const struct q8_tensor *codes = c->part[0], *scales = c->part[1];
    const uint64_t *dim = codes->dim;

    (void)config;
    if (codes->rank != 4 || dim[3] != BLOCK / 2 || !codes->nbytes)
        return q8_coded_fail_shape(c, 0, "[experts, rows, columns / 32, 16]", err);
    c->height = dim[1];
    c->rows = dim[0] * dim[1];
    c->cols = dim[2] * BLOCK;
    c->bits = 4;
    c->width = dim[2] * dim[3];
    if (scales->rank != 3 || memcmp(scales->dim, dim, 3 * sizeof *dim) != 0)
        return q8_coded_fail_shape(c, 1, "as many as there are blocks", err);
    t->rank = 3;
    t->dim[0] = dim[0];
    t->dim[1] = c->cols;
    t->dim[2] = c->height;
    t->strided = true;
    t->stride[0] = c->height * c->cols;
    t->stride[1] = 1;
    t->stride[2] = c->cols;
    return take_blocks(c, err);
}

#define ROW .read = q8_coded_read_rows, .bits = 4, .decode = decode

const struct q8_coding q8_coding_mxfp4_blocks = {
    .title = "MXFP4",
    .source = "transformers 5.23 integrations/mxfp4 (gpt-oss)",
    .codes = "_blocks",
    .name = "",
    .types = Q8_IS(Q8_U8),
    .part = {{.suffix = ""}, {"_scales", Q8_IS_E8M0, Q8_CODED_NEEDED}},
    .fit = fit_blocks,
    ROW,
};

const struct q8_coding q8_coding_mxfp4_packed = {
    .title = "MXFP4",
    .source = "compressed-tensors 0.20 mxfp4_pack_quantized",
    .codes = ".weight_packed",
    .name = ".weight",
    .types = Q8_IS(Q8_U8),
    .part = {{.suffix = ""}, {".weight_scale", Q8_IS_E8M0, Q8_CODED_NEEDED}},
    .codes_are = Q8_CODES_E2M1,
    .fit = fit,
    ROW,
};

const struct q8_coding q8_coding_mxfp4_scale = {
    .title = "MXFP4",
    .source = "transformers 5.23 finegrained_fp8 (DeepSeek V4 experts)",
    .codes = ".weight",
    .name = ".weight",
    .types = Q8_IS(Q8_I8),
    .part = {{.suffix = ""}, {".scale", Q8_IS(Q8_F8_E8M0), Q8_CODED_NEEDED}},
    .codes_are = Q8_CODES_E2M1,
    .fit = fit,
    ROW,
};

/* ---- NVFP4: scales E4M3, and one for all of those ---- */

#define SMALL_BLOCK 16

enum { GLOBAL = 2 }; /* part */

static void widen(const struct q8_coded *c, float *ret, const unsigned char *raw, uint64_t n)
{
    const float one = 1;

    c->kernels->decode_f8[Q8_FLOAT8_E4M3](ret, raw, n, n, &one);
}

/* compressed-tensors: fl(scale / global) */
static void divide_scales(const struct q8_coded *c, float *ret, const unsigned char *raw,
                          uint64_t n)
{
    widen(c, ret, raw, n);
    for (uint64_t i = 0; i < n; i++)
        ret[i] /= c->factor;
}

/* ModelOpt: fl(scale * global) */
static void multiply_scales(const struct q8_coded *c, float *ret, const unsigned char *raw,
                            uint64_t n)
{
    c->kernels->decode_f8[Q8_FLOAT8_E4M3](ret, raw, n, n, &c->factor);
}

static bool fit_global(struct q8_coded *c, const struct q8_coded_config *config,
                       struct q8_tensor *t, struct q8_err *err)
{
    (void)config;
    if (!q8_coded_fit_matrix(c, t, 2, err))
        return false;
    if (c->part[GLOBAL]->nbytes != sizeof c->factor)
        return q8_coded_fail_shape(c, GLOBAL, "one number", err);
    if (!q8_model_read(c->model, c->part[GLOBAL], 0, &c->factor, sizeof c->factor, err))
        return false;
    if (!(c->factor > 0 && c->factor - c->factor == 0))
        return q8_fail(err, Q8_EINPUT, "'%s' is %g: expected a number above 0",
                       c->coding->part[GLOBAL].suffix, (double)c->factor);
    return q8_coded_takes_blocks(c, 1, SMALL_BLOCK) ||
           q8_coded_fail_shape(c, 1, "one for each 16 columns of a row", err);
}

const struct q8_coding q8_coding_nvfp4 = {
    .title = "NVFP4",
    .source = "compressed-tensors 0.20 nvfp4_pack_quantized",
    .codes = ".weight_packed",
    .name = ".weight",
    .types = Q8_IS(Q8_U8),
    .part = {{.suffix = ""},
             {".weight_scale", Q8_IS(Q8_F8_E4M3), Q8_CODED_NEEDED},
             {".weight_global_scale", Q8_IS(Q8_F32), Q8_CODED_NEEDED},
             {".input_global_scale", Q8_IS_FLOAT, Q8_CODED_DROPPED}},
    .fit = fit_global,
    .scales = divide_scales,
    ROW,
};

const struct q8_coding q8_coding_nvfp4_modelopt = {
    .title = "NVFP4",
    .source = "ModelOpt, as vLLM 0.33 modelopt.py reads it",
    .codes = ".weight",
    .name = ".weight",
    .types = Q8_IS(Q8_U8),
    .part = {{.suffix = ""},
             {".weight_scale", Q8_IS(Q8_F8_E4M3), Q8_CODED_NEEDED},
             {".weight_scale_2", Q8_IS(Q8_F32), Q8_CODED_NEEDED},
             {".input_scale", Q8_IS_FLOAT, Q8_CODED_DROPPED}},
    .fit = fit_global,
    .scales = multiply_scales,
    ROW,
};
