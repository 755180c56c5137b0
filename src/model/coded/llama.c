/*
 * llama.c - weights of llama.cpp that are not in the file as the model has them
 *
 * Q8_0 is 32 elements in 34 bytes, d as F16 and 32 codes: fl(code * d) (gguf 0.19, quants.py).
 * Rows of heads: llama.cpp, convert_hf_to_gguf.py, LlamaModel.permute.
 */
#include "src/model/coded/llama.h"

#include "src/base/num.h"
#include "src/model/coded/coded_parts.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <string.h>

#define BLOCK 32
#define BYTES 34
#define BLOCKS 240 /* at a time, on the stack */
#define PIECE 4096 /* elements at a time */

/* Elements of the file, which follow each other there, as floats of Q8_0. */
static bool read_blocks(const struct q8_coded *c, uint64_t first, uint64_t count, float *ret,
                        struct q8_err *err)
{
    const struct q8_tensor *t = c->part[0];
    unsigned char raw[BLOCKS * BYTES];

    for (uint64_t n; count > 0; first += n, count -= n, ret += n) {
        const uint64_t skip = first % BLOCK;

        n = q8_min(count, BLOCKS * BLOCK - skip);
        if (!q8_model_read(c->model, t, first / BLOCK * BYTES, raw,
                           q8_div_up(skip + n, BLOCK) * BYTES, err))
            return false;
        for (uint64_t i = 0; i < n;) {
            const unsigned char *block = raw + (skip + i) / BLOCK * BYTES;
            const uint64_t from = (skip + i) % BLOCK, some = q8_min(BLOCK - from, n - i);
            const unsigned low = block[t->swapped], high = block[!t->swapped];
            const float d = q8_half_to_float((uint16_t)(low | high << 8));
            const signed char *code = (const signed char *)block + 2 + from;

            for (uint64_t k = 0; k < some; k++)
                ret[i + k] = (float)code[k] * d;
            i += some;
        }
    }
    return true;
}

/* Elements of the file, which follow each other there, as floats. */
static bool read_floats(const struct q8_coded *c, uint64_t first, uint64_t count, float *ret,
                        struct q8_err *err)
{
    const struct q8_tensor *t = c->part[0];
    const uint64_t size = q8_dtype_size(t->dtype);
    unsigned char raw[PIECE * sizeof(float)];

    if (t->dtype == Q8_GGUF_Q8_0)
        return read_blocks(c, first, count, ret, err);
    if (!q8_model_read(c->model, t, first * size, raw, count * size, err))
        return false;
    c->kernels->widen[q8_dtype_float(t->dtype)](ret, raw, count);
    return true;
}

/* The same as the tensor has them. */
static bool read_run(const struct q8_coded *c, uint64_t first, uint64_t count, unsigned char *ret,
                     struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(c->dtype);
    float x[PIECE];

    if (c->part[0]->dtype == c->dtype && !c->less_one)
        return q8_model_read(c->model, c->part[0], first * size, ret, count * size, err);
    for (uint64_t n; count > 0; first += n, count -= n, ret += n * size) {
        n = q8_min(count, PIECE);
        if (!read_floats(c, first, n, x, err))
            return false;
        for (uint64_t i = 0; c->less_one && i < n; i++)
            x[i] -= 1;
        q8_coded_narrow(c, ret, x, n);
    }
    return true;
}

/* Where a row of the model is in the file. */
static uint64_t find_row(const struct q8_order *o, uint64_t row)
{
    const uint64_t in = row % (o->outer * o->inner * o->run);
    const uint64_t outer = in / (o->inner * o->run), inner = in / o->run % o->inner;

    return row - in + (inner * o->outer + outer) * o->run + in % o->run;
}

static bool read(const struct q8_coded *c, uint64_t first, uint64_t count, void *ret,
                 struct q8_err *err)
{
    const uint64_t size = q8_dtype_size(c->dtype);
    unsigned char *to = ret;

    if (!c->row_order.outer)
        return read_run(c, first, count, to, err);
    for (uint64_t n; count > 0; first += n, count -= n, to += n * size) {
        const uint64_t col = first % c->cols;

        n = q8_min(count, c->cols - col);
        if (!read_run(c, find_row(&c->row_order, first / c->cols) * c->cols + col, n, to, err))
            return false;
    }
    return true;
}

bool q8_llama_read_row(const struct q8_coded *c, uint64_t row, int8_t *codes, unsigned char *steps,
                       struct q8_err *err)
{
    const struct q8_tensor *t = c->part[0];
    const uint64_t first = (c->row_order.outer ? find_row(&c->row_order, row) : row) * c->cols;
    unsigned char raw[BLOCKS * BYTES];

    for (uint64_t i = 0, n; i < c->cols / BLOCK; i += n) {
        n = q8_min(c->cols / BLOCK - i, BLOCKS);
        if (!q8_model_read(c->model, t, (first / BLOCK + i) * BYTES, raw, n * BYTES, err))
            return false;
        for (uint64_t k = 0; k < n; k++) {
            const unsigned char *block = raw + k * BYTES;

            if (codes && (block[0] || block[1])) /* of a step that F16 rounded to 0 they are 0 */
                memcpy(codes + (i + k) * BLOCK, block + 2, BLOCK);
            else if (codes)
                memset(codes + (i + k) * BLOCK, 0, BLOCK);
            if (steps)
                memcpy(steps + (i + k) * 2,
                       (const unsigned char[]){block[t->swapped], block[!t->swapped]}, 2);
        }
    }
    return true;
}

/* In the table for its title: no tensor is found to be one by its name. */
const struct q8_coding q8_coding_q8_0 = {
    .title = "Q8_0",
    .source = "gguf 0.19, quants.py, Q8_0",
    .read = read,
    .codes_are = Q8_CODES_BLOCKS,
};
static const struct q8_coding moved = {
    .title = "as before llama.cpp", .source = "llama.cpp, convert_hf_to_gguf.py", .read = read};

/* Whether the rows are whole groups of the order. */
static bool check_order(const struct q8_order *o, uint64_t rows, struct q8_err *err)
{
    uint64_t group;

    if (!o->outer || (q8_mul(o->outer, o->inner, &group) && q8_mul(group, o->run, &group) &&
                      group && rows % group == 0))
        return true;
    return q8_fail(err, Q8_EINPUT,
                   "%" PRIu64 " rows are no whole groups of %" PRIu64 " x %" PRIu64 " x %" PRIu64,
                   rows, o->outer, o->inner, o->run);
}

/* The type that it becomes; its own where q8 has no floats of it. */
static enum q8_dtype find_dtype(const struct q8_tensor *t, const struct q8_llama_change *change)
{
    switch (t->dtype) {
    case Q8_GGUF_Q8_0:
    case Q8_F16:
    case Q8_BF16:
    case Q8_F32: return change->dtype;
    default: return t->dtype;
    }
}

bool q8_llama_make(const struct q8_llama *llama, struct q8_tensor *t,
                   const struct q8_llama_change *change, struct q8_err *err)
{
    const enum q8_dtype dtype = find_dtype(t, change);
    struct q8_tensor *part;
    struct q8_coded *c;

    if ((dtype == t->dtype && !change->order.outer && !change->less_one) || !t->nbytes ||
        t->rank == 0)
        return true;
    if (t->dtype >= Q8_SAFETENSORS_DTYPES && t->dtype != Q8_GGUF_Q8_0) /* refused elsewhere */
        return true;
    if (change->less_one && t->dtype != Q8_F32)
        return q8_fail(err, Q8_EUNSUPPORTED, "a norm of type %s, where llama.cpp writes F32",
                       q8_dtypes[t->dtype].name);
    part = q8_alloc(llama->mem, 1, sizeof *part, err);
    c = q8_alloc(llama->mem, 1, sizeof *c, err);
    if (!part || !c || !check_order(&change->order, t->dim[0], err))
        return false;
    *part = *t;
    t->dtype = dtype;
    t->offset = 0; /* of what is computed */
    t->swapped = false;
    if (!q8_tensor_bytes(t, &t->nbytes, err))
        return false;
    *c = (struct q8_coded){.coding = part->dtype == Q8_GGUF_Q8_0 ? &q8_coding_q8_0 : &moved,
                           .part = {part},
                           .model = llama->model,
                           .kernels = llama->kernels,
                           .dtype = dtype,
                           .via = Q8_F32,
                           .asked = true,
                           .rows = t->dim[0],
                           .height = t->dim[0],
                           .cols = q8_tensor_elements(t) / t->dim[0],
                           .row_order = change->order,
                           .less_one = change->less_one};
    t->coded = c;
    return true;
}
