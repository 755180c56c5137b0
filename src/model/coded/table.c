/* table.c - the schemes whose weights become floats: a line each */
#include "src/model/coded/coded_parts.h"

#include <stddef.h>

/* In this order: the first whose parts are there is meant. */
/* clang-format off */
#define CODINGS(row)       \
    row(fp8_block)         \
    row(fp8_fused)         \
    row(fp8_scaled)        \
    row(mxfp8)             \
    row(fp8_scale)         \
    row(fp8_qscale)        \
    row(mxfp4_blocks)      \
    row(mxfp4_packed)      \
    row(mxfp4_scale)       \
    row(nvfp4)             \
    row(nvfp4_modelopt)    \
    row(int_plain)         \
    row(int_packed)        \
    row(int_absmax)        \
    row(int_torchao)       \
    row(nf4)               \
    row(fp4)               \
    row(gptq)              \
    row(awq)               \
    row(q8_0)
/* clang-format on */

#define DECLARE(name) extern const struct q8_coding q8_coding_##name;
CODINGS(DECLARE)

#define POINT(name) &q8_coding_##name,
const struct q8_coding *const q8_codings[] = {CODINGS(POINT) NULL};
