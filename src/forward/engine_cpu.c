/* engine_cpu.c - products on the CPU: exact in int8, one fixed chain of operations in float */
#include "src/forward/engine_parts.h"

#include "src/forward/act_codes.h"

#include <math.h>
#include <string.h>

/* What bitsandbytes multiplies absmax times absmax by: 0.50.2, backends/default/ops.py. */
#define PER_PRODUCT 6.200124e-05f

/* What a code of 1 is worth per absmax: the same file. */
#define PER_ABSMAX ((float)7.874015718698502e-3)

struct cpu {
    struct q8_kernels kernels;
    struct q8_multiply job;
    struct q8_act_codes tokens;
    void *scratch;            /* Q8_GEMM_SCRATCH bytes */
    int32_t *acc;             /* [tokens, rows] */
    float *reference, *int8;  /* [tokens, rows] products */
    float *apart;             /* [tokens, rows] of the outlier columns */
    float *weights;           /* [rows, cols] of W as they are multiplied in 16 bit */
    int8_t *codes;            /* [rows, keeps] of W in the paper's modes */
    struct q8_affine *affine; /* [rows] of W in the paper's modes */
    int64_t *sum;             /* [rows] of the codes */
};

static bool begin(void *self, const struct q8_multiply *job, float *x, uint64_t *ret_outliers,
                  struct q8_err *err)
{
    struct cpu *c = self;

    (void)err;
    c->job = *job;
    q8_act_codes_take(&c->tokens, job, x);
    *ret_outliers = c->tokens.outliers;
    return true;
}

/* bitsandbytes: the sum times both absmax.  Source: int8_mm_dequant of the same file. */
static void scale_bnb(struct cpu *c, const struct q8_operands *w)
{
    for (uint64_t t = 0; t < c->job.tokens; t++)
        for (uint64_t r = 0; r < w->rows; r++) {
            const uint64_t i = t * w->rows + r;
            const float stats = c->tokens.scale[t] * w->scale[r];

            c->int8[i] = q8_float_round(c->job.type, (float)c->acc[i] * stats * PER_PRODUCT);
        }
}

/* W8A8: the sum times both steps, which are exact in float. */
static void scale_w8a8(struct cpu *c, const struct q8_operands *w)
{
    for (uint64_t t = 0; t < c->job.tokens; t++)
        for (uint64_t r = 0; r < w->rows; r++) {
            const uint64_t i = t * w->rows + r;

            c->int8[i] =
                q8_float_round(c->job.type, (float)c->acc[i] * (c->tokens.scale[t] * w->step[r]));
        }
}

/* The paper's modes: sum of (x + zx) * (w + zw), in whole numbers, times both scales. */
static void scale_paper(struct cpu *c, uint64_t rows)
{
    const int64_t keeps = (int64_t)c->tokens.keeps;

    for (uint64_t t = 0; t < c->job.tokens; t++)
        for (uint64_t r = 0; r < rows; r++) {
            const uint64_t i = t * rows + r;
            const int64_t zx = c->tokens.zero[t], zw = c->affine[r].zero;
            const int64_t total =
                c->acc[i] + zw * c->tokens.sum[t] + zx * c->sum[r] + keeps * zx * zw;

            c->int8[i] = q8_float_round(c->job.type,
                                        (float)total * (c->tokens.scale[t] * c->affine[r].scale));
        }
}

/* Adds the outlier columns, multiplied in the type of the activations. */
static void add_apart(struct cpu *c, const struct q8_operands *w)
{
    const uint64_t n = c->tokens.outliers;

    if (n == 0)
        return;
    for (uint64_t r = 0; r < w->rows; r++)
        for (uint64_t i = 0; i < n; i++) {
            const uint64_t at = r * c->job.cols + c->tokens.outlier[i];

            c->weights[r * n + i] =
                c->job.mode == Q8_MODE_BNB
                    ? q8_float_round(c->job.type, (float)w->codes[at] * w->scale[r] * PER_ABSMAX)
                    : w->reference[at];
        }
    c->kernels.gemm_f32(c->apart, w->rows, c->tokens.apart, c->weights, c->job.tokens, w->rows, n,
                        c->scratch);
    for (uint64_t i = 0; i < c->job.tokens * w->rows; i++)
        c->int8[i] = q8_float_round(c->job.type, c->int8[i] + c->apart[i]);
}

/* Y of int8 weights, as the mode has it. */
static void multiply(struct cpu *c, const struct q8_operands *w)
{
    const uint64_t tokens = c->job.tokens, cols = c->job.cols;
    const bool paper = q8_modes[c->job.mode].paper;

    if (c->job.mode == Q8_MODE_W8A16) {
        for (uint64_t i = 0; i < w->rows * cols; i++)
            c->weights[i] = q8_float_round(c->job.type, w->weights[i]);
        c->kernels.gemm_f32(c->int8, w->rows, c->tokens.x, c->weights, tokens, w->rows, cols,
                            c->scratch);
        for (uint64_t i = 0; i < tokens * w->rows; i++)
            c->int8[i] = q8_float_round(c->job.type, c->int8[i]);
        return;
    }
    if (paper)
        q8_act_codes_encode(&c->tokens, w->reference, w->rows, c->codes, c->affine, c->sum);
    c->kernels.gemm_s8(c->acc, w->rows, c->tokens.codes, paper ? c->codes : w->codes, tokens,
                       w->rows, c->tokens.keeps, c->scratch);
    if (paper)
        scale_paper(c, w->rows);
    else if (c->job.mode == Q8_MODE_BNB)
        scale_bnb(c, w);
    else
        scale_w8a8(c, w);
    add_apart(c, w);
}

/* Sets what is not finite to 0 on both sides; returns how much that is. */
static uint64_t leave_out(float *a, float *b, uint64_t n)
{
    uint64_t bad = 0;

    for (uint64_t i = 0; i < n; i++)
        if (!isfinite(b[i]) || !isfinite(a[i])) {
            a[i] = b[i] = 0;
            bad++;
        }
    return bad;
}

static void compare(struct cpu *c, uint64_t rows, struct q8_products *products)
{
    products->bad += leave_out(c->reference, c->int8, c->job.tokens * rows);
    for (uint64_t t = 0; t < c->job.tokens; t++) {
        struct q8_diff d, *sum = &products->diff;

        c->kernels.diff(&d, c->reference + t * rows, c->int8 + t * rows, rows);
        sum->err2 += d.err2;
        sum->val2 += d.val2;
        sum->b2 += d.b2;
        sum->dot += d.dot;
        sum->most = d.most > sum->most ? d.most : sum->most;
    }
}

static bool tile(void *self, const struct q8_operands *w, struct q8_products *products,
                 float **y_reference, float **y_int8, struct q8_err *err)
{
    struct cpu *c = self;

    (void)err;
    c->kernels.gemm_f32(c->reference, w->rows, c->tokens.x, w->reference, c->job.tokens, w->rows,
                        c->job.cols, c->scratch);
    multiply(c, w);
    compare(c, w->rows, products);
    if (y_reference)
        *y_reference = c->reference;
    if (y_int8)
        *y_int8 = c->int8;
    return true;
}

bool q8_engine_cpu(struct q8_engine *ret, const struct q8_engine_room *room, enum q8_isa isa,
                   struct q8_arena *mem, struct q8_err *err)
{
    struct cpu *c = q8_alloc(mem, 1, sizeof *c, err);

    if (!c)
        return false;
    q8_kernels_init(&c->kernels, isa);
    c->scratch = q8_alloc(mem, Q8_GEMM_SCRATCH + 64, 1, err);
    c->acc = q8_alloc(mem, room->products, sizeof *c->acc, err);
    c->reference = q8_alloc(mem, room->products, sizeof *c->reference, err);
    c->int8 = q8_alloc(mem, room->products, sizeof *c->int8, err);
    c->apart = q8_alloc(mem, room->products, sizeof *c->apart, err);
    c->weights = q8_alloc(mem, room->tile, sizeof *c->weights, err);
    c->codes = q8_alloc(mem, room->tile, sizeof *c->codes, err);
    c->affine = q8_alloc(mem, room->rows, sizeof *c->affine, err);
    c->sum = q8_alloc(mem, room->rows, sizeof *c->sum, err);
    if (err->code || !q8_act_codes_init(&c->tokens, room, &c->kernels, mem, err))
        return false;
    c->scratch = (char *)c->scratch + (64 - (uintptr_t)c->scratch % 64) % 64;
    *ret = (struct q8_engine){"cpu", c, begin, tile, NULL};
    return true;
}
