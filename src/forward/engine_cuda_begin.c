/* engine_cuda_begin.c - activations to the GPU, and their codes */
#include "src/forward/engine_cuda_parts.h"

#include "src/base/num.h"

#include <inttypes.h>
#include <string.h>

/* An array to the device, in pieces. */
static int put_array(struct q8_cuda_engine *e, void *device, const void *host, uint64_t bytes)
{
    const uint64_t most = e->capacity;
    int code = Q8_CUDA_OK;

    for (uint64_t at = 0, n; !code && at < bytes; at += n) {
        struct q8_cuda_slot *s;

        n = q8_min(most, bytes - at);
        code = q8_cuda_next_slot(e, &s);
        if (!code)
            code = q8_cuda_put_rows(
                e, s, (struct q8_cuda_rows){(char *)device + at, n, (const char *)host + at, n, 1});
    }
    return code;
}

/* X in its own type. */
static int put_activations(struct q8_cuda_engine *e, const float *x)
{
    const uint64_t cols = e->job.cols, most = q8_cuda_rows_at_once(e, e->pitch);
    const uint64_t size = e->job.type == Q8_FLOAT_F32 ? sizeof(float) : sizeof(uint16_t);
    int code = Q8_CUDA_OK;

    for (uint64_t t = 0, n; !code && t < e->job.tokens; t += n) {
        char *to = (char *)e->x + t * e->pitch * size;
        struct q8_cuda_slot *s;

        n = q8_min(most, e->job.tokens - t);
        code = q8_cuda_next_slot(e, &s);
        if (!code)
            code = q8_cuda_put_rows(e, s,
                                    (struct q8_cuda_rows){s->floats, e->pitch * sizeof(float),
                                                          x + t * cols, cols * sizeof(float), n});
        if (!code)
            code = q8_cuda_narrow(&e->gpu, e->turn, to, s->floats, n * e->pitch, e->job.type);
    }
    return code ? code : q8_cuda_wait_all(e);
}

/* Outlier columns in rising order. */
static int list_outliers(struct q8_cuda_engine *e, const struct q8_cuda_activations *a)
{
    const struct q8_cuda_block mask = {e->job.cols, 1, e->job.cols, e->job.cols};
    int code = q8_cuda_zero(&e->gpu, 0, e->stands_out, e->job.cols);

    if (!code)
        code = q8_cuda_outliers(&e->gpu, 0, a);
    if (!code)
        code = q8_cuda_get(&e->gpu, 0, e->mask, e->stands_out, &mask);
    if (!code)
        code = q8_cuda_wait(&e->gpu, 0);
    for (uint64_t c = 0; !code && c < e->job.cols; c++)
        if (e->mask[c])
            e->list[e->outliers++] = (uint32_t)c;
    return code ? code : put_array(e, e->column, e->list, e->outliers * sizeof *e->list);
}

static int quantize(struct q8_cuda_engine *e)
{
    const struct q8_cuda_activations a = {
        .rule = e->job.mode == Q8_MODE_BNB ? Q8_CUDA_BNB : Q8_CUDA_W8A8,
        .type = e->job.type,
        .x = e->x,
        .tokens = e->job.tokens,
        .cols = e->job.cols,
        .pitch = e->pitch,
        .threshold = e->job.threshold > 0 ? (float)e->job.threshold : -1,
        .stands_out = e->stands_out,
        .codes = e->x_codes,
        .line = e->x_line,
    };
    int code = Q8_CUDA_OK;

    if (a.rule == Q8_CUDA_BNB)
        code = list_outliers(e, &a);
    return code ? code : q8_cuda_quantize(&e->gpu, 0, &a);
}

/* The paper's modes, for comparison only, are quantized by the host. */
static int quantize_paper(struct q8_cuda_engine *e, const float *x)
{
    const struct q8_act_codes *t = &e->tokens;
    uint64_t most;
    int code = Q8_CUDA_OK;

    q8_act_codes_take(&e->tokens, &e->job, x);
    e->outliers = t->outliers;
    e->keeps = t->keeps;
    e->codes_pitch = q8_cuda_pitch(t->keeps);
    most = q8_min(q8_cuda_rows_at_once(e, e->codes_pitch), e->lines);
    for (uint64_t r = 0, n; !code && r < e->job.tokens; r += n) {
        struct q8_cuda_line *line;
        struct q8_cuda_slot *s;

        n = q8_min(most, e->job.tokens - r);
        code = q8_cuda_next_slot(e, &s);
        if (!code)
            code = q8_cuda_put_rows(e, s,
                                    (struct q8_cuda_rows){e->x_codes + r * e->codes_pitch,
                                                          e->codes_pitch, t->codes + r * t->keeps,
                                                          t->keeps, n});
        line = q8_cuda_stage(s, n * sizeof *line);
        for (uint64_t i = 0; i < n; i++)
            line[i] = (struct q8_cuda_line){t->scale[r + i], t->zero[r + i], t->sum[r + i]};
        if (!code)
            code = q8_cuda_put(&e->gpu, e->turn, e->x_line + r, line, n * sizeof *line);
    }
    return code ? code : put_array(e, e->column, t->outlier, t->outliers * sizeof *t->outlier);
}

bool q8_engine_cuda_begin(void *self, const struct q8_multiply *job, float *x,
                          uint64_t *ret_outliers, struct q8_err *err)
{
    struct q8_cuda_engine *e = self;
    int code;

    if (job->cols > Q8_MULTIPLY_COLS)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "%" PRIu64 " columns: int32 holds the sums of up to %" PRIu64
                       " products of int8 codes",
                       job->cols, Q8_MULTIPLY_COLS);
    e->job = *job;
    e->outliers = 0;
    e->keeps = job->cols;
    e->pitch = e->codes_pitch = q8_cuda_pitch(job->cols);
    code = put_activations(e, x);
    if (!code && q8_modes[job->mode].paper)
        code = quantize_paper(e, x);
    else if (!code && job->mode != Q8_MODE_W8A16)
        code = quantize(e);
    if (!code)
        code = q8_cuda_wait_all(e);
    if (code)
        return q8_engine_cuda_fail(e, (enum q8_cuda_code)code, 0, err);
    *ret_outliers = e->outliers;
    return true;
}
