/* ints.c - whole numbers of 1 to 8 bits that are times a scale, row by row */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"

#include <inttypes.h>

/* ---- scales, zeros and the order of columns, wherever the codes lie ---- */

/* One scale, one for each row, block of the config's size, or equal group of a row. */
static bool fit_scales(struct q8_coded *c, const struct q8_coded_config *config, struct q8_err *err)
{
    const struct q8_tensor *s = c->part[1];
    const uint64_t groups = s->rank ? s->dim[s->rank - 1] : 1;

    if (q8_coded_takes_scales(c, config->block_rows, config->block_cols) ||
        (groups && c->cols % groups == 0 && q8_coded_takes_blocks(c, 1, c->cols / groups)))
        return true;
    return q8_coded_fail_shape(c, 1, "one, one for each row, or [rows, groups] in equal groups",
                               err);
}

/* Words of 32 bits that n codes take. */
static uint64_t count_words(uint64_t n, unsigned bits)
{
    return n / 32 * bits + q8_div_up(n % 32 * bits, 32);
}

/* Zeros: shaped as scales, or I32 [ceil(rows * bits / 32), groups], packed down the rows. */
static bool fit_zeros(struct q8_coded *c, unsigned part, struct q8_err *err)
{
    const struct q8_tensor *z = c->part[part];

    c->zero = z;
    if (z->dtype == Q8_I8)
        return q8_coded_same_shape(c, part, 1) ||
               q8_coded_fail_shape(c, part, "one for each scale", err);
    c->zero_add = -(float)(1u << (c->bits - 1));
    return (c->block_rows == 1 && z->rank == 2 && z->dim[0] == count_words(c->rows, c->bits) &&
            z->dim[1] == c->grid_cols) ||
           q8_coded_fail_shape(c, part, "one for each scale, packed down the rows", err);
}

/* Columns that name their groups, which is not more than there is room for. */
static bool fit_groups(struct q8_coded *c, unsigned part, struct q8_err *err)
{
    if (c->grid_cols > Q8_CODED_GROUPS)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "'%s' is there, and %" PRIu64 " groups: q8 reads up to %d in such an order",
                       c->coding->part[part].suffix, c->grid_cols, Q8_CODED_GROUPS);
    return q8_coded_fit_order(c, part, err);
}

/* ---- I8, compressed-tensors int-quantized and naive-quantized ---- */

/* part[2]: zeros. */
static bool fit_plain(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                      struct q8_err *err)
{
    return q8_coded_fit_matrix(c, t, 1, err) && fit_scales(c, config, err) &&
           (!c->part[2] || fit_zeros(c, 2, err));
}

static bool is_symmetric(const struct q8_coded *c, const struct q8_coded_config *config)
{
    (void)config;
    return c->part[0]->rank == 2 && !c->part[2];
}

const struct q8_coding q8_coding_int_plain = {
    .title = "int8 with scales",
    .source = "compressed-tensors 0.20 int_quantized",
    .codes = ".weight",
    .name = ".weight",
    .types = Q8_IS(Q8_I8),
    .part = {{.suffix = ""},
             {".weight_scale", Q8_IS_FLOAT, Q8_CODED_NEEDED},
             {".weight_zero_point", Q8_IS(Q8_I8), Q8_CODED_MAYBE},
             {".input_scale", Q8_IS_FLOAT, Q8_CODED_DROPPED},
             {".input_zero_point", Q8_IS(Q8_I8), Q8_CODED_DROPPED}},
    .fit = fit_plain,
    .is_int8 = is_symmetric,
    .read = q8_coded_read_rows,
    .codes_are = Q8_CODES_STEPS,
    .bits = 8,
    .decode = q8_coded_decode_ints,
};

/* ---- I32 [rows, ceil(columns * bits / 32)], compressed-tensors pack-quantized ---- */

enum { SHAPE = 2, ZEROS, ORDER }; /* parts */

/* weight_shape: rows and columns. */
static bool read_shape(const struct q8_coded *c, uint64_t ret[2], struct q8_err *err)
{
    const struct q8_tensor *t = c->part[SHAPE];
    uint32_t narrow[2];

    if (t->rank != 1 || t->dim[0] != 2)
        return q8_coded_fail_shape(c, SHAPE, "[2]", err);
    if (t->dtype == Q8_I64)
        return q8_model_read(c->model, t, 0, ret, 2 * sizeof *ret, err);
    if (!q8_model_read(c->model, t, 0, narrow, sizeof narrow, err))
        return false;
    ret[0] = narrow[0];
    ret[1] = narrow[1];
    return true;
}

/* 1 << the bits of a code, for each that fits the words of a row and what the config says. */
static uint32_t find_bits(const struct q8_coded *c, const struct q8_coded_config *config,
                          uint64_t cols)
{
    uint32_t ret = 0;

    for (unsigned bits = 1; bits <= 8; bits++)
        if (count_words(cols, bits) == c->part[0]->dim[1] &&
            (!config->bits || config->bits & 1u << bits))
            ret |= 1u << bits;
    return ret;
}

static bool fit_packed(struct q8_coded *c, const struct q8_coded_config *config,
                       struct q8_tensor *t, struct q8_err *err)
{
    const struct q8_tensor *codes = c->part[0];
    uint64_t shape[2];
    uint32_t bits;

    if (!read_shape(c, shape, err))
        return false;
    if (codes->rank != 2 || !codes->nbytes || codes->dim[0] != shape[0] || shape[1] >> 63)
        return q8_coded_fail_shape(c, 0, "[rows, words] with the rows of weight_shape", err);
    bits = find_bits(c, config, shape[1]);
    if (!bits || bits & (bits - 1))
        return q8_fail(err, bits ? Q8_EUNSUPPORTED : Q8_EINPUT,
                       "weight_shape is [%" PRIu64 ", %" PRIu64 "], for which rows of %" PRIu64
                       " words hold codes of %s",
                       shape[0], shape[1], codes->dim[1],
                       bits ? "several sizes: config.json does not say which"
                            : "no size from 1 to 8 bits that config.json allows");
    c->bits = (unsigned)__builtin_ctz(bits);
    c->height = c->rows = shape[0];
    c->cols = shape[1];
    c->width = codes->dim[1] * sizeof(uint32_t);
    t->rank = 2;
    t->dim[0] = c->rows;
    t->dim[1] = c->cols;
    return fit_scales(c, config, err) && (!c->part[ZEROS] || fit_zeros(c, ZEROS, err)) &&
           (!c->part[ORDER] || fit_groups(c, ORDER, err));
}

/* What cannot be told is left to it as well: it says what is wrong. */
static bool is_packed_int8(const struct q8_coded *c, const struct q8_coded_config *config)
{
    struct q8_err err = {0};
    uint64_t shape[2];

    return !c->part[ZEROS] && !c->part[ORDER] && c->part[0]->rank == 2 &&
           (!read_shape(c, shape, &err) || find_bits(c, config, shape[1]) & 1u << 8);
}

const struct q8_coding q8_coding_int_packed = {
    .title = "packed whole numbers",
    .source = "compressed-tensors 0.20 pack_quantized; weight_g_idx: vLLM 0.33",
    .codes = ".weight_packed",
    .name = ".weight",
    .types = Q8_IS(Q8_I32),
    .part = {{.suffix = ""},
             {".weight_scale", Q8_IS_FLOAT, Q8_CODED_NEEDED},
             {".weight_shape", Q8_IS(Q8_I64) | Q8_IS(Q8_I32), Q8_CODED_NEEDED},
             {".weight_zero_point", Q8_IS(Q8_I8) | Q8_IS(Q8_I32), Q8_CODED_MAYBE},
             {".weight_g_idx", Q8_IS(Q8_I32), Q8_CODED_MAYBE},
             {".input_scale", Q8_IS_FLOAT, Q8_CODED_DROPPED}},
    .fit = fit_packed,
    .is_int8 = is_packed_int8,
    .read = q8_coded_read_rows,
    .codes_are = Q8_CODES_STEPS,
    .unpack = q8_coded_unpack_bits,
    .decode = q8_coded_decode_ints,
};

/* ---- I8 and the magnitude of each row, bitsandbytes ---- */

enum { FORMAT = 2 }; /* part */

/* fl(fl(code * absmax) * fl(1 / 127)) */
static void decode_absmax(const struct q8_coded *c, float *ret, const struct q8_coded_run *run)
{
    q8_coded_decode_ints(c, ret, run);
    for (uint64_t i = 0; i < run->n; i++)
        ret[i] *= 0.007874015718698502f;
}

/* Old versions had other orders of the bytes than by row, which is 0. */
static bool fit_absmax(struct q8_coded *c, const struct q8_coded_config *config,
                       struct q8_tensor *t, struct q8_err *err)
{
    const struct q8_tensor *format = c->part[FORMAT];
    unsigned char order = 0;

    (void)config;
    if (!q8_coded_fit_matrix(c, t, 1, err))
        return false;
    if (!q8_coded_takes_blocks(c, 1, c->cols))
        return q8_coded_fail_shape(c, 1, "one for each row", err);
    if (format && format->nbytes != 1)
        return q8_coded_fail_shape(c, FORMAT, "one byte", err);
    if (format && !q8_model_read(c->model, format, 0, &order, 1, err))
        return false;
    return order == 0 || q8_fail(err, Q8_EUNSUPPORTED,
                                 "its codes are in the order %d of an old bitsandbytes; q8 reads "
                                 "rows (0)",
                                 order);
}

static bool is_matrix(const struct q8_coded *c, const struct q8_coded_config *config)
{
    (void)config;
    return c->part[0]->rank == 2;
}

const struct q8_coding q8_coding_int_absmax = {
    .title = "LLM.int8()",
    .source = "bitsandbytes 0.50.2 int8_vectorwise_dequant",
    .codes = ".weight",
    .name = ".weight",
    .types = Q8_IS(Q8_I8),
    .part = {{.suffix = ""},
             {".SCB", Q8_IS(Q8_F32), Q8_CODED_NEEDED},
             {".weight_format", Q8_IS(Q8_U8), Q8_CODED_MAYBE}},
    .fit = fit_absmax,
    .is_int8 = is_matrix,
    .read = q8_coded_read_rows,
    .codes_are = Q8_CODES_ABSMAX,
    .bits = 8,
    .decode = decode_absmax,
};

/* ---- I8, torchao's Int8Tensor ---- */

/* part[3], a scale of the columns, is in the codes already, and its reader takes it out again. */
static bool fit_torchao(struct q8_coded *c, const struct q8_coded_config *config,
                        struct q8_tensor *t, struct q8_err *err)
{
    if (c->part[3])
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "there is a '%s' beside it, which q8 does not read: dequantize it with "
                       "torchao first",
                       c->coding->part[3].suffix);
    return fit_plain(c, config, t, err);
}

const struct q8_coding q8_coding_int_torchao = {
    .title = "int8 of torchao",
    .source = "torchao 0.18 Int8Tensor.dequantize",
    .codes = "._weight_qdata",
    .name = ".weight",
    .types = Q8_IS(Q8_I8),
    .method = "torchao",
    .part = {{.suffix = ""},
             {"._weight_scale", Q8_IS_FLOAT, Q8_CODED_NEEDED},
             {"._weight_zero_point", Q8_IS(Q8_I8), Q8_CODED_MAYBE},
             {"._weight_act_pre_scale", Q8_IS_FLOAT, Q8_CODED_MAYBE}},
    .fit = fit_torchao,
    .read = q8_coded_read_rows,
    .bits = 8,
    .decode = q8_coded_decode_ints,
};
