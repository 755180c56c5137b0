/* decode.c - rows of weights that are int8 already, as floats */
#include "src/scheme/decode.h"

#include "src/base/num.h"
#include "src/model/floats.h"

#include <assert.h>

/* What a code of 1 is worth per absmax: bitsandbytes 0.50.2, backends/default/ops.py. */
#define PER_ABSMAX ((float)7.874015718698502e-3)

/* The largest of each buffer over the weights of a list. */
struct sizes {
    uint64_t codes, scales, steps;
};

/* Whether bytes are code ^ 0x80, and rows are padded to whole words. */
static bool is_packed(const struct q8_stored *w)
{
    return w->scheme->part[Q8_CODES_AT].kind == Q8_PART_PACKED;
}

/* Bytes of the codes of a row, as they lie in the file. */
static uint64_t row_bytes(const struct q8_stored *w)
{
    return is_packed(w) ? q8_div_up(w->cols, 4) * 4 : w->cols;
}

bool q8_codes_zero(const int8_t *codes, uint64_t n)
{
    uint64_t i = 0;

    while (i < n && codes[i] == 0)
        i++;
    return i == n;
}

uint64_t q8_decoder_rows(const struct q8_stored *w, uint64_t elements)
{
    const uint64_t rows = elements / w->cols;

    return rows ? q8_min(rows, w->rows) : 1;
}

/* Nothing here overflows: the tensors have more bytes than these parts of them. */
static struct sizes find_sizes(const struct q8_stored_list *list, uint64_t elements)
{
    struct sizes s = {1, 1, 1};

    for (uint64_t i = 0; i < list->count; i++) {
        const struct q8_stored *w = &list->weight[i];
        const uint64_t n = q8_decoder_rows(w, elements), steps = n * (w->cols / w->group);

        s.codes = q8_max(s.codes, n * row_bytes(w));
        s.scales = q8_max(s.scales, steps * q8_dtype_size(w->scales->dtype));
        s.steps = q8_max(s.steps, steps);
    }
    return s;
}

uint64_t q8_decoder_bytes(const struct q8_stored_list *list, uint64_t elements)
{
    const struct sizes s = find_sizes(list, elements);

    return s.codes + s.scales + s.steps * sizeof(float);
}

bool q8_decoder_init(struct q8_decoder *d, const struct q8_stored_list *list, uint64_t elements,
                     const struct q8_kernels *kernels, struct q8_arena *mem, struct q8_err *err)
{
    const struct sizes s = find_sizes(list, elements);

    *d = (struct q8_decoder){.elements = elements, .kernels = kernels, .model = list->model};
    d->codes = q8_alloc(mem, s.codes, 1, err);
    d->scales = q8_alloc(mem, s.scales, 1, err);
    d->step = q8_alloc(mem, s.steps, sizeof *d->step, err);
    return d->codes && d->scales && d->step;
}

/* compressed-tensors' words to codes, front to back in place. */
static void unpack_rows(unsigned char *codes, uint64_t rows, uint64_t cols, uint64_t width)
{
    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t c = 0; c < cols; c++)
            codes[r * cols + c] = codes[r * width + c] ^ 0x80;
}

/* The steps of rows [row, row + n). */
static bool read_steps(struct q8_decoder *d, const struct q8_stored *w, uint64_t row, uint64_t n,
                       struct q8_err *err)
{
    const uint64_t groups = w->cols / w->group, size = q8_dtype_size(w->scales->dtype);
    const uint64_t first = w->scheme->shared ? 0 : row * groups;
    const uint64_t count = w->scheme->shared ? 1 : n * groups;
    const bool absmax = w->scheme->part[Q8_SCALES_AT].kind == Q8_PART_ABSMAX;

    if (!q8_model_read(d->model, w->scales, first * size, d->scales, count * size, err))
        return false;
    d->kernels->widen[q8_dtype_float(w->scales->dtype)](d->step, d->scales, count);
    for (uint64_t i = 0; absmax && i < count; i++)
        d->step[i] *= PER_ABSMAX;
    for (uint64_t i = count; i < n; i++)
        d->step[i] = d->step[0];
    return true;
}

bool q8_decode_rows(struct q8_decoder *d, const struct q8_stored *w, uint64_t row, uint64_t n,
                    float *ret, struct q8_err *err)
{
    const uint64_t width = row_bytes(w), groups = w->cols / w->group;

    assert(n <= q8_decoder_rows(w, d->elements) && q8_within(row, n, w->rows));
    if (!n)
        return true;
    if (!q8_model_read(d->model, w->codes, row * width, d->codes, n * width, err) ||
        !read_steps(d, w, row, n, err))
        return false;
    if (is_packed(w))
        unpack_rows(d->codes, n, w->cols, width);
    for (uint64_t r = 0; ret && r < n; r++)
        d->kernels->decode(ret + r * w->cols, (const int8_t *)d->codes + r * w->cols, w->cols,
                           w->group, d->step + r * groups);
    return true;
}
