/* cast.c - floats of another type */
#include "src/model/coded/coded_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PIECE 4096 /* elements at a time, on the stack */

/*
 * Router biases decide which experts are run: transformers keeps them in fp32 whatever the dtype
 * (5.23, _keep_in_fp32_modules_strict of 16 classes), and so do vLLM and SGLang.
 */
static const char kept[] = ".e_score_correction_bias";

bool q8_coded_casts(const struct q8_tensor *t, enum q8_dtype dtype)
{
    return dtype != Q8_DTYPES && q8_dtype_is_float(t->dtype) && t->dtype != dtype &&
           !(t->dtype == Q8_F32 && q8_text_ends(t->name, kept));
}

/* As one matrix: a row for each last dimension. */
static bool fit(struct q8_coded *c, const struct q8_coded_config *config, struct q8_tensor *t,
                struct q8_err *err)
{
    const struct q8_tensor *from = c->part[0];

    (void)config;
    (void)err;
    t->rank = from->rank;
    memcpy(t->dim, from->dim, sizeof t->dim);
    c->cols = from->rank ? from->dim[from->rank - 1] : 1;
    c->rows = q8_tensor_elements(from) / c->cols;
    c->height = c->rows;
    return true;
}

/* torch narrows doubles by way of floats too. */
static bool narrow_doubles(const struct q8_coded *c, uint64_t first, float *ret,
                           const unsigned char *bytes, uint64_t n, struct q8_err *err)
{
    q8_floats_read(ret, Q8_F64, bytes, n);
    for (uint64_t i = 0; i < n; i++) {
        double wide;

        memcpy(&wide, bytes + i * sizeof wide, sizeof wide);
        if (isinf(ret[i]) && isfinite(wide))
            return q8_coded_fail_range(c, first + i, wide, err);
    }
    return true;
}

static bool read_cast(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                      struct q8_err *err)
{
    const struct q8_tensor *from = c->part[0];
    const uint64_t wide = q8_dtype_size(from->dtype), size = q8_dtype_size(c->dtype);
    unsigned char raw[PIECE * sizeof(double)], *to = ret;
    float value[PIECE];

    for (uint64_t n; count > 0; first += n, count -= n, to += n * size) {
        n = q8_min(count, PIECE);
        if (!q8_model_read(c->model, from, first * wide, raw, n * wide, err))
            return false;
        if (from->dtype != Q8_F64)
            c->kernels->widen[q8_dtype_float(from->dtype)](value, raw, n);
        else if (!narrow_doubles(c, first, value, raw, n, err))
            return false;
        q8_coded_narrow(c, to, value, n);
    }
    return true;
}

const struct q8_coding q8_coding_cast = {
    .title = "a float",
    .source = "torch 2.15, Tensor.to",
    .codes = "",
    .name = "",
    .types = Q8_IS_FLOAT | Q8_IS(Q8_F64),
    .part = {{.suffix = ""}},
    .fit = fit,
    .read = read_cast,
};
