/* check_quantize.c - checkcuda: conversions, codes, scales and outlier columns, bit for bit */
#include "tests/gpu/gpu.h"

#include "src/forward/act_codes.h"

#include <math.h>
#include <string.h>

/* Every half, every bfloat16, and numbers between them. */
static void check_narrow(struct gpu *g, enum q8_float type)
{
    const uint64_t n = g->few ? 10007 : 1000003, size = type == Q8_FLOAT_F32 ? 4 : 2;
    float *x = gpu_host(g, n, sizeof *x);
    char *got = gpu_host(g, n, size);
    uint64_t wrong = 0;
    void *ret;

    for (uint64_t i = 0; i < n; i++) {
        const uint32_t bits = gpu_random(g);

        memcpy(&x[i], &bits, sizeof bits);
        if (i % 3 == 0)
            x[i] = gpu_uniform(g) * 0x1p-12f;
        if (i % 3 == 1)
            x[i] = q8_half_to_float((uint16_t)i);
    }
    ret = gpu_take(g, n * size);
    gpu_ok(g, q8_cuda_narrow(&g->cuda, 1, ret, gpu_put(g, x, n * sizeof *x, 0), n, type));
    gpu_get(g, got, ret, n * size, n * size, 1);
    for (uint64_t i = 0; i < n; i++) {
        const uint16_t bits =
            type == Q8_FLOAT_F16 ? q8_float_to_half(x[i]) : q8_float_to_bf16(x[i]);

        wrong +=
            memcmp(got + i * size, type == Q8_FLOAT_F32 ? (const void *)&x[i] : &bits, size) != 0;
    }
    gpu_that(g, wrong == 0, "narrow to type %d: %d of %d differ", (int)type, (int)wrong, (int)n);
    gpu_clear(g);
}

/* Among common numbers some that stand out, and in every seventh row one that is not finite. */
static void draw(struct gpu *g, float *x, const struct gpu_shape *s, enum q8_float type)
{
    gpu_floats(g, x, s->tokens * s->cols, type, 4);
    for (uint64_t i = 0; i < s->tokens * s->cols; i++) {
        if (i % s->cols % 37 == 5 && gpu_random(g) % 4 == 0)
            x[i] = gpu_round(type, gpu_uniform(g) * 100);
        if (gpu_random(g) % 1000 == 0)
            x[i] = 0;
    }
    for (uint64_t t = 6; t < s->tokens && s->cols; t += 7)
        x[t * s->cols + gpu_random(g) % s->cols] = t % 2 ? NAN : -INFINITY;
    for (uint64_t t = 3; t < s->tokens; t += 11)
        memset(x + t * s->cols, 0, s->cols * sizeof *x);
}

/* What the CPU makes of it. */
static void take_tokens(struct gpu *g, struct q8_act_codes *t, const struct q8_multiply *job,
                        const float *x)
{
    const struct q8_engine_room room = {.tokens = job->tokens,
                                        .cols = job->cols,
                                        .rows = 1,
                                        .elements = job->tokens * job->cols,
                                        .products = job->tokens,
                                        .tile = job->cols};

    gpu_that(g, q8_act_codes_init(t, &room, &g->kernels, &g->mem, &g->err), "%s", g->err.text);
    q8_act_codes_take(t, job, x);
}

/*
 * Scales have the same bits, or are both NaN; the CPU's code of a NaN is anything.  Behind the
 * columns there are zeros.
 */
static uint64_t count_wrong(const struct q8_act_codes *t, const int8_t *codes,
                            const struct q8_cuda_line *line, const float *x)
{
    const uint64_t cols = t->job.cols, pitch = q8_cuda_pitch(cols);
    uint64_t wrong = 0;

    for (uint64_t r = 0; r < t->job.tokens; r++) {
        const bool finite = isfinite(t->scale[r]);

        wrong += finite ? memcmp(&line[r].scale, &t->scale[r], sizeof(float)) != 0
                        : isfinite(line[r].scale);
        for (uint64_t c = 0; c < cols; c++)
            wrong += codes[r * pitch + c] != t->codes[r * cols + c] && finite &&
                     isfinite(x[r * cols + c]);
        for (uint64_t c = cols; c < pitch; c++)
            wrong += codes[r * pitch + c] != 0;
    }
    return wrong;
}

static void check_shape(struct gpu *g, const struct gpu_shape *s, enum q8_float type,
                        enum q8_mode mode, double threshold)
{
    const uint64_t pitch = q8_cuda_pitch(s->cols);
    const struct q8_multiply job = {
        .mode = mode, .threshold = threshold, .type = type, .tokens = s->tokens, .cols = s->cols};
    float *x = gpu_host(g, s->tokens * s->cols, sizeof *x);
    int8_t *codes = gpu_host(g, s->tokens * pitch, 1);
    struct q8_cuda_line *line = gpu_host(g, s->tokens, sizeof *line);
    uint8_t *mask = gpu_host(g, s->cols, 1);
    struct q8_cuda_activations a = {.rule = mode == Q8_MODE_BNB ? Q8_CUDA_BNB : Q8_CUDA_W8A8,
                                    .type = type,
                                    .tokens = s->tokens,
                                    .cols = s->cols,
                                    .pitch = pitch,
                                    .threshold = threshold > 0 ? (float)threshold : -1};
    uint64_t wrong = 0, outliers = 0;
    struct q8_act_codes t;

    draw(g, x, s, type);
    take_tokens(g, &t, &job, x);
    a.x = gpu_typed(g, x, s->tokens, s->cols, pitch, type);
    a.stands_out = gpu_take(g, s->cols);
    memset(codes, 0x55, s->tokens * pitch);
    a.codes = gpu_put(g, codes, s->tokens * pitch, 0);
    a.line = gpu_take(g, s->tokens * sizeof *line);
    gpu_ok(g, q8_cuda_outliers(&g->cuda, 1, &a));
    gpu_ok(g, q8_cuda_quantize(&g->cuda, 1, &a));
    gpu_get(g, mask, a.stands_out, s->cols, s->cols, 1);
    gpu_get(g, line, a.line, s->tokens * sizeof *line, s->tokens * sizeof *line, 1);
    gpu_get(g, codes, a.codes, pitch, pitch, s->tokens);
    for (uint64_t c = 0; c < s->cols; c++)
        if (mask[c]) {
            wrong += outliers >= t.outliers || t.outlier[outliers] != c;
            outliers++;
        }
    gpu_that(g, wrong == 0 && outliers == t.outliers, "outliers of [%d, %d], type %d: %d, not %d",
             (int)s->tokens, (int)s->cols, (int)type, (int)outliers, (int)t.outliers);
    wrong = count_wrong(&t, codes, line, x);
    gpu_that(g, wrong == 0, "%s [%d, %d], type %d, threshold %g: %d codes and scales differ",
             q8_mode_name(mode), (int)s->tokens, (int)s->cols, (int)type, threshold, (int)wrong);
    gpu_clear(g);
}

void gpu_check_quantize(struct gpu *g)
{
    struct gpu_shape s;

    for (enum q8_float type = 0; type < Q8_FLOATS; type++) {
        check_narrow(g, type);
        for (unsigned i = 0; (s = gpu_shape(g, i)).tokens; i++) {
            check_shape(g, &s, type, Q8_MODE_BNB, 6.0);
            check_shape(g, &s, type, Q8_MODE_BNB, 0);
            check_shape(g, &s, type, Q8_MODE_W8A8, 0);
        }
    }
}
