/* act_codes.c - activations as int8: the rows of X by the rule of each mode */
#include "src/forward/act_codes.h"

#include "src/scheme/encode.h"

#include <math.h>
#include <string.h>

#define INFINITY_BITS 0x7f800000u

bool q8_act_codes_init(struct q8_act_codes *t, const struct q8_engine_room *room,
                       const struct q8_kernels *kernels, struct q8_arena *mem, struct q8_err *err)
{
    *t = (struct q8_act_codes){.kernels = kernels};
    t->codes = q8_alloc(mem, room->elements, sizeof *t->codes, err);
    t->apart = q8_alloc(mem, room->elements, sizeof *t->apart, err);
    t->scale = q8_alloc(mem, room->tokens, sizeof *t->scale, err);
    t->zero = q8_alloc(mem, room->tokens, sizeof *t->zero, err);
    t->sum = q8_alloc(mem, room->tokens, sizeof *t->sum, err);
    t->outlier = q8_alloc(mem, room->cols, sizeof *t->outlier, err);
    t->kept = q8_alloc(mem, room->cols, sizeof *t->kept, err);
    t->stands_out = q8_alloc(mem, room->cols, sizeof *t->stands_out, err);
    t->row = q8_alloc(mem, room->cols, sizeof *t->row, err);
    return !err->code;
}

/* The int8 nearest to a number; 0 for NaN, of which C says nothing. */
static int8_t code_of(float y)
{
    return (int8_t)(isnan(y) ? 0.0f : rintf(y < -128.0f ? -128.0f : y > 127.0f ? 127.0f : y));
}

/* The largest magnitude of a row, as bits. */
static uint32_t row_absmax(const struct q8_act_codes *t, const float *x, uint64_t n)
{
    uint32_t bits = 0;

    if (n)
        t->kernels->absmax[Q8_FLOAT_F32](&bits, x, n, n);
    return bits;
}

/* Lists the columns that stand out, their values, and the columns that `keep` codes. */
static void list_columns(struct q8_act_codes *t, bool keep_all)
{
    const uint64_t cols = t->job.cols;

    t->outliers = t->keeps = 0;
    for (uint64_t c = 0; c < cols; c++) {
        if (t->stands_out[c])
            t->outlier[t->outliers++] = (uint32_t)c;
        if (keep_all || !t->stands_out[c])
            t->kept[t->keeps++] = (uint32_t)c;
    }
    for (uint64_t r = 0; r < t->job.tokens; r++)
        for (uint64_t i = 0; i < t->outliers; i++)
            t->apart[r * t->outliers + i] = t->x[r * cols + t->outlier[i]];
}

/* The row as halves, without the elements that stand out. */
static void take_halves(struct q8_act_codes *t, const float *x)
{
    const float threshold = t->job.threshold > 0 ? (float)t->job.threshold : INFINITY;
    const bool decompose = t->job.threshold > 0;

    for (uint64_t c = 0; c < t->job.cols; c++) {
        const float h = q8_half_to_float(q8_float_to_half(x[c]));
        const bool out = decompose && fabsf(h) >= threshold;

        t->row[c] = out ? 0.0f : h;
        t->stands_out[c] |= out;
    }
}

static void take_bnb(struct q8_act_codes *t)
{
    const uint64_t cols = t->job.cols;

    for (uint64_t r = 0; r < t->job.tokens; r++) {
        int8_t *codes = t->codes + r * cols;
        uint32_t bits;
        float factor;

        take_halves(t, t->x + r * cols);
        bits = row_absmax(t, t->row, cols);
        t->scale[r] = q8_bits_to_float(Q8_FLOAT_F32, bits);
        if (bits == 0 || bits >= INFINITY_BITS) {
            memset(codes, 0, cols);
            continue;
        }
        factor = (1.0f / t->scale[r]) * 127.0f;
        t->kernels->encode[Q8_RULE_HALF_TIMES][Q8_FLOAT_F32](codes, NULL, t->row, cols, cols,
                                                             &factor);
    }
    list_columns(t, true);
    for (uint64_t r = 0; r < t->job.tokens; r++)
        for (uint64_t i = 0; i < t->outliers; i++)
            t->codes[r * cols + t->outlier[i]] = 0;
}

static void take_w8a8(struct q8_act_codes *t)
{
    static const enum q8_dtype dtypes[Q8_FLOATS] = {Q8_F16, Q8_BF16, Q8_F32};
    const uint64_t cols = t->job.cols;
    unsigned char bits[sizeof(float)];

    for (uint64_t r = 0; r < t->job.tokens; r++) {
        const float *x = t->x + r * cols;
        const float absmax = q8_bits_to_float(Q8_FLOAT_F32, row_absmax(t, x, cols));
        const float step = q8_llmc_step(absmax, dtypes[t->job.type], bits);

        for (uint64_t c = 0; c < cols; c++)
            t->codes[r * cols + c] = code_of(q8_float_round(t->job.type, x[c] / step));
        t->scale[r] = step;
    }
    list_columns(t, true);
}

void q8_affine_range(const float *x, uint64_t n, float *least, float *most)
{
    for (uint64_t i = 0; i < n; i++) {
        *least = x[i] < *least ? x[i] : *least;
        *most = x[i] > *most ? x[i] : *most;
    }
}

struct q8_affine q8_affine_make(bool asymmetric, float least, float most)
{
    struct q8_affine a = {.scale = 1.0f};
    float scale, zero;

    least = least < 0 ? least : 0;
    most = most > 0 ? most : 0;
    scale = asymmetric ? (most - least) / 255.0f : (most > -least ? most : -least) / 127.0f;
    if (scale == 0)
        return a;
    a.scale = scale;
    zero = rintf(least / scale);
    if (asymmetric) /* in [-255, 0], but where a scale is denormal or infinite */
        a.zero = (zero > -255.0f ? (int32_t)zero : isnan(zero) ? 0 : -255) + 128;
    return a;
}

int64_t q8_affine_codes(const struct q8_affine *a, int8_t *codes, const float *x, uint64_t n)
{
    int64_t sum = 0;

    for (uint64_t i = 0; i < n; i++) {
        codes[i] = code_of(rintf(x[i] / a->scale) - (float)a->zero);
        sum += codes[i];
    }
    return sum;
}

/* The columns of a row that have codes. */
static const float *kept_row(struct q8_act_codes *t, uint64_t r)
{
    const float *x = t->x + r * t->job.cols;

    for (uint64_t i = 0; i < t->keeps; i++)
        t->row[i] = x[t->kept[i]];
    return t->row;
}

static void take_paper(struct q8_act_codes *t)
{
    const struct q8_mode_row *mode = &q8_modes[t->job.mode];
    float least = 0, most = 0;

    for (uint64_t i = 0; t->job.threshold > 0 && i < t->job.tokens * t->job.cols; i++)
        t->stands_out[i % t->job.cols] |= (double)fabsf(t->x[i]) >= t->job.threshold;
    list_columns(t, false);
    for (uint64_t r = 0; !mode->x_rows && r < t->job.tokens; r++)
        q8_affine_range(kept_row(t, r), t->keeps, &least, &most);
    for (uint64_t r = 0; r < t->job.tokens; r++) {
        const float *x = kept_row(t, r);
        struct q8_affine a;

        if (mode->x_rows) {
            least = most = 0;
            q8_affine_range(x, t->keeps, &least, &most);
        }
        a = q8_affine_make(mode->asymmetric, least, most);
        t->scale[r] = a.scale;
        t->zero[r] = a.zero;
        t->sum[r] = q8_affine_codes(&a, t->codes + r * t->keeps, x, t->keeps);
    }
}

void q8_act_codes_take(struct q8_act_codes *t, const struct q8_multiply *job, const float *x)
{
    t->job = *job;
    t->x = x;
    memset(t->stands_out, 0, job->cols * sizeof *t->stands_out);
    switch (job->mode) {
    case Q8_MODE_BNB: take_bnb(t); break;
    case Q8_MODE_W8A8: take_w8a8(t); break;
    case Q8_MODE_W8A16: t->outliers = t->keeps = 0; break;
    default: take_paper(t);
    }
}

void q8_act_codes_encode(struct q8_act_codes *t, const float *reference, uint64_t rows,
                         int8_t *codes, struct q8_affine *affine, int64_t *sum)
{
    const struct q8_mode_row *mode = &q8_modes[t->job.mode];

    for (uint64_t r = 0; r < rows; r++) {
        float least = t->job.least, most = t->job.most;

        for (uint64_t i = 0; i < t->keeps; i++)
            t->row[i] = reference[r * t->job.cols + t->kept[i]];
        if (mode->w_rows) {
            least = most = 0;
            q8_affine_range(t->row, t->keeps, &least, &most);
        }
        affine[r] = q8_affine_make(mode->asymmetric, least, most);
        sum[r] = q8_affine_codes(&affine[r], codes + r * t->keeps, t->row, t->keeps);
    }
}
