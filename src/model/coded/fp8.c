/* fp8.c - FP8 with a scale for blocks, rows or the whole weight */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"

#include <inttypes.h>
#include <stdio.h>

/* The blocks that every release without a weight_block_size has: DeepSeek V3. */
#define BLOCK 128

/* fl(f8 * scale); the types of both codes and scales are exact as floats. */
static void decode(const struct q8_coded *c, float *ret, const struct q8_coded_run *run)
{
    c->kernels->decode_f8[c->part[0]->dtype == Q8_F8_E5M2](ret, run->codes, run->n, run->group,
                                                           run->scale);
}

/*
 * One scale, one for each row, or one for each block of the config's size, of 128 x 128 where it
 * says none.  A grid of blocks is cut at the edges, not padded (compressed-tensors 0.20,
 * FP8BlockDequantizer; transformers 5.23 takes rows / scale rows for the block, wrongly).
 */
static bool fit(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                struct q8_err *err)
{
    const uint64_t rows = config->block_rows ? config->block_rows : BLOCK;
    const uint64_t cols = config->block_cols ? config->block_cols : BLOCK;
    char expected[120];

    if (!q8_coded_fit_matrix(c, t, 1, err))
        return false;
    if (q8_coded_takes_scales(c, rows, cols))
        return true;
    (void)snprintf(expected, sizeof expected,
                   "one, one for each row, or [%" PRIu64 ", %" PRIu64 "] for blocks of %" PRIu64
                   " x %" PRIu64,
                   q8_div_up(c->height, rows), q8_div_up(c->cols, cols), rows, cols);
    return q8_coded_fail_shape(c, 1, expected, err);
}

/* Blocks of 32 columns with exponents for scales. */
static bool fit_mx(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                   struct q8_err *err)
{
    if (!q8_coded_fit_matrix(c, t, 1, err))
        return false;
    if (q8_coded_takes_blocks(c, 1, 32))
        return true;
    return fit(c, config, t, err);
}

#define ROW .types = Q8_IS_F8, .read = q8_coded_read_rows, .bits = 8, .decode = decode

#define BLOCKS(end, more)                                                                          \
    {                                                                                              \
        .title = "FP8 in blocks",                                                                  \
        .source = "transformers 5.23 finegrained_fp8, compressed-tensors 0.20 "                    \
                  "FP8BlockDequantizer",                                                           \
        .codes = end, .name = end, .fit = fit, .straight = true,                                   \
        .part = {{.suffix = ""},                                                                   \
                 {end "_scale_inv", Q8_IS_FLOAT | Q8_IS_E8M0, Q8_CODED_NEEDED},                    \
                 {more, Q8_IS_FLOAT, Q8_CODED_DROPPED}},                                           \
        ROW                                                                                        \
    }

/* Of a Linear, and of experts in one tensor, whose name is no module's. */
const struct q8_coding q8_coding_fp8_block = BLOCKS(".weight", ".activation_scale");
const struct q8_coding q8_coding_fp8_fused = BLOCKS("", "_activation_scale");

const struct q8_coding q8_coding_fp8_scaled = {
    .title = "FP8 with scales",
    .source = "compressed-tensors 0.20 float_quantized, fbgemm_fp8, ModelOpt FP8",
    .codes = ".weight",
    .name = ".weight",
    .part = {{.suffix = ""},
             {".weight_scale", Q8_IS_FLOAT, Q8_CODED_NEEDED},
             {".input_scale", Q8_IS_FLOAT, Q8_CODED_DROPPED}},
    .fit = fit,
    ROW,
};

const struct q8_coding q8_coding_mxfp8 = {
    .title = "MXFP8",
    .source = "compressed-tensors 0.20 mxfp8_quantized",
    .codes = ".weight",
    .name = ".weight",
    .part = {{.suffix = ""}, {".weight_scale", Q8_IS_E8M0, Q8_CODED_NEEDED}},
    .fit = fit_mx,
    ROW,
};

const struct q8_coding q8_coding_fp8_scale = {
    .title = "FP8 in blocks",
    .source = "transformers 5.23 quantizer_finegrained_fp8 (DeepSeek V4)",
    .codes = ".weight",
    .name = ".weight",
    .straight = true,
    .part = {{.suffix = ""}, {".scale", Q8_IS_FLOAT | Q8_IS_E8M0, Q8_CODED_NEEDED}},
    .fit = fit,
    ROW,
};

const struct q8_coding q8_coding_fp8_qscale = {
    .title = "FP8 with scales",
    .source = "transformers 5.23 quantizer_finegrained_fp8 (Mistral)",
    .codes = ".weight",
    .name = ".weight",
    .straight = true,
    .part = {{.suffix = ""},
             {".qscale_weight", Q8_IS_FLOAT | Q8_IS_E8M0, Q8_CODED_NEEDED},
             {".qscale_act", Q8_IS_FLOAT, Q8_CODED_DROPPED}},
    .fit = fit,
    ROW,
};
