/* engine_cuda.c - products on a GPU: its memory, and what is said when it fails */
#include "src/forward/engine_cuda_parts.h"

#include "src/base/num.h"
#include "src/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the largest weight takes, with all that products read and write behind it. */
struct need {
    uint64_t tokens, cols, rows; /* padded */
    uint64_t x, y;               /* elements of X and of a product */
    uint64_t most, least;        /* elements of a slot: for a whole tile; for a few of its rows */
};

/* A side of a matrix, and what it is rounded up to a multiple of. */
struct side {
    uint64_t length, multiple;
};

/* The largest product of two sides where each of them may be padded alone. */
static bool padded_product(uint64_t product, struct side a, struct side b, uint64_t *ret)
{
    uint64_t more_a, more_b;

    return q8_mul(a.length, b.multiple, &more_b) && q8_mul(b.length, a.multiple, &more_a) &&
           q8_add(product, more_a, ret) && q8_add(*ret, more_b, ret) &&
           q8_add(*ret, a.multiple * b.multiple, ret);
}

static bool find_need(struct need *n, const struct q8_engine_room *room)
{
    const uint64_t most = UINT64_MAX / 64; /* so that bytes of a few elements fit too */
    const struct side tokens = {room->tokens, Q8_CUDA_TOKENS};
    const struct side cols = {room->cols, Q8_CUDA_COLUMNS}, rows = {room->rows, Q8_CUDA_ROWS};

    if (room->tokens > most || room->cols > Q8_MULTIPLY_COLS || room->rows > most)
        return false;
    n->tokens = q8_cuda_tokens(room->tokens);
    n->cols = q8_cuda_pitch(room->cols);
    n->rows = q8_cuda_rows(room->rows);
    n->least = n->cols * Q8_CUDA_ROWS;
    return padded_product(room->elements, tokens, cols, &n->x) &&
           padded_product(room->products, tokens, rows, &n->y) &&
           padded_product(room->tile, rows, cols, &n->most) && n->x <= most && n->y <= most &&
           n->most <= most;
}

/* Memory of the device within the limit. */
static int take(struct q8_cuda_engine *e, void *ret, uint64_t count, uint64_t size)
{
    const uint64_t bytes = count * size;
    void *memory;
    int code;

    if (bytes > e->limit - e->taken) {
        snprintf(e->gpu.text, sizeof e->gpu.text,
                 "%" PRIu64 " MiB beside %" PRIu64 " MiB would pass the %" PRIu64
                 " MiB that this thread may take",
                 bytes >> 20, e->taken >> 20, e->limit >> 20);
        return Q8_CUDA_MEMORY;
    }
    code = q8_cuda_alloc(&e->gpu, &memory, bytes);
    if (code)
        return code;
    e->taken += bytes;
    memcpy(ret, &memory, sizeof memory); /* to any pointer */
    return Q8_CUDA_OK;
}

static int take_slot(struct q8_cuda_engine *e, struct q8_cuda_slot *s)
{
    void *staging;
    int code = take(e, &s->floats, e->capacity, sizeof *s->floats);

    if (!code)
        code = take(e, &s->typed, e->capacity, sizeof(uint16_t));
    if (!code)
        code = take(e, &s->codes, e->capacity, sizeof *s->codes);
    if (!code)
        code = take(e, &s->line, e->lines, sizeof *s->line);
    if (!code)
        code = take(e, &s->workspace, Q8_CUDA_WORKSPACE, 1);
    if (!code)
        code = q8_cuda_pin(&e->gpu, &staging, e->staging_bytes);
    if (!code)
        s->staging = staging;
    return code;
}

static int take_all(struct q8_cuda_engine *e, const struct need *n)
{
    int code = take(e, &e->x, n->x, sizeof(float));

    if (!code)
        code = take(e, &e->x_codes, n->x, sizeof *e->x_codes);
    if (!code)
        code = take(e, &e->x_line, n->tokens, sizeof *e->x_line);
    if (!code)
        code = take(e, &e->stands_out, n->cols, sizeof *e->stands_out);
    if (!code)
        code = take(e, &e->column, n->cols, sizeof *e->column);
    if (!code)
        code = take(e, &e->sums, n->y, sizeof *e->sums);
    if (!code)
        code = take(e, &e->reference, n->y, sizeof *e->reference);
    if (!code)
        code = take(e, &e->int8, n->y, sizeof *e->int8);
    if (!code)
        code = take(e, &e->difference, n->tokens, sizeof *e->difference);
    for (unsigned i = 0; !code && i < Q8_CUDA_STREAMS; i++)
        code = take_slot(e, &e->slot[i]);
    return code;
}

/* Gives all memory of the device back. */
static void release(struct q8_cuda_engine *e)
{
    for (unsigned i = 0; i < Q8_CUDA_STREAMS; i++) {
        struct q8_cuda_slot *s = &e->slot[i];

        q8_cuda_free(&e->gpu, s->floats);
        q8_cuda_free(&e->gpu, s->typed);
        q8_cuda_free(&e->gpu, s->codes);
        q8_cuda_free(&e->gpu, s->line);
        q8_cuda_free(&e->gpu, s->workspace);
        q8_cuda_unpin(&e->gpu, s->staging);
        *s = (struct q8_cuda_slot){0};
    }
    q8_cuda_free(&e->gpu, e->x);
    q8_cuda_free(&e->gpu, e->x_codes);
    q8_cuda_free(&e->gpu, e->x_line);
    q8_cuda_free(&e->gpu, e->stands_out);
    q8_cuda_free(&e->gpu, e->column);
    q8_cuda_free(&e->gpu, e->sums);
    q8_cuda_free(&e->gpu, e->reference);
    q8_cuda_free(&e->gpu, e->int8);
    q8_cuda_free(&e->gpu, e->difference);
    e->x = NULL;
    e->x_codes = NULL;
    e->x_line = NULL;
    e->stands_out = NULL;
    e->column = NULL;
    e->sums = NULL;
    e->reference = e->int8 = NULL;
    e->difference = NULL;
    e->taken = 0;
}

static void close_engine(void *self)
{
    struct q8_cuda_engine *e = self;

    release(e);
    q8_cuda_close(&e->gpu);
}

/* The exit status that stands for a code. */
static int code_of(enum q8_cuda_code code)
{
    switch (code) {
    case Q8_CUDA_MEMORY: return Q8_ELIMIT;
    case Q8_CUDA_FAULT: return Q8_EIO;
    default: return Q8_EUNSUPPORTED;
    }
}

bool q8_engine_cuda_fail(const struct q8_cuda_engine *e, enum q8_cuda_code code, uint64_t rows,
                         struct q8_err *err)
{
    static const char more[] = "; more --gpu-memory, fewer --tokens or fewer --threads may help, "
                               "or --device=cpu";
    const char *advice = code == Q8_CUDA_MEMORY ? more : "; --device=cpu needs no GPU";

    if (rows == 0)
        return q8_fail(err, code_of(code),
                       "GPU %d (%s), activations [%" PRIu64 ", %" PRIu64 "]: %s%s", e->gpu.device,
                       e->gpu.name, e->job.tokens, e->job.cols, e->gpu.text, advice);
    return q8_fail(err, code_of(code),
                   "GPU %d (%s), activations [%" PRIu64 ", %" PRIu64 "] times weights [%" PRIu64
                   ", %" PRIu64 "]: %s%s",
                   e->gpu.device, e->gpu.name, e->job.tokens, e->job.cols, rows, e->job.cols,
                   e->gpu.text, advice);
}

/* Slots for a whole tile, or for half of it, and so on. */
static bool take_memory(struct q8_cuda_engine *e, const struct need *n, struct q8_err *err)
{
    int code;

    e->lines = n->rows ? n->rows : Q8_CUDA_ROWS;
    e->least = n->least;
    for (e->capacity = n->most > n->least ? n->most : n->least;; e->capacity /= 2) {
        if (e->capacity < n->least)
            e->capacity = n->least;
        e->staging_bytes = e->capacity * (sizeof(float) + sizeof(int8_t)) +
                           e->lines * sizeof(struct q8_cuda_line) + 256;
        code = take_all(e, n);
        if (!code)
            return true;
        release(e);
        if (code != Q8_CUDA_MEMORY || e->capacity == n->least)
            break;
    }
    return q8_fail(err, code_of(code),
                   "GPU %d (%s) for %" PRIu64 " tokens of up to %" PRIu64 " columns: %s%s",
                   e->gpu.device, e->gpu.name, n->tokens, n->cols, e->gpu.text,
                   code == Q8_CUDA_MEMORY ? "; more --gpu-memory, fewer --tokens or fewer "
                                            "--threads may help, or --device=cpu"
                                          : "; --device=cpu needs no GPU");
}

static bool take_host(struct q8_cuda_engine *e, const struct q8_engine_room *room,
                      struct q8_arena *mem, struct q8_err *err)
{
    e->affine = q8_alloc(mem, room->rows, sizeof *e->affine, err);
    e->sum = q8_alloc(mem, room->rows, sizeof *e->sum, err);
    e->codes = q8_alloc(mem, room->tile, sizeof *e->codes, err);
    e->mask = q8_alloc(mem, room->cols, sizeof *e->mask, err);
    e->list = q8_alloc(mem, room->cols, sizeof *e->list, err);
    e->differences = q8_alloc(mem, room->tokens, sizeof *e->differences, err);
    e->y[0] = q8_alloc(mem, room->products, sizeof *e->y[0], err);
    e->y[1] = q8_alloc(mem, room->products, sizeof *e->y[1], err);
    return !err->code && q8_act_codes_init(&e->tokens, room, &e->kernels, mem, err);
}

bool q8_engine_cuda(struct q8_engine *ret, const struct q8_engine_room *room,
                    const struct q8_engine_setup *setup, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_cuda_engine *e = q8_alloc(mem, 1, sizeof *e, err);
    struct need need;
    int code;

    if (!e)
        return false;
    if (!find_need(&need, room))
        return q8_fail(err, Q8_ELIMIT,
                       "products of %" PRIu64 " tokens, %" PRIu64 " columns and %" PRIu64
                       " rows are beyond any GPU",
                       room->tokens, room->cols, room->rows);
    q8_kernels_init(&e->kernels, setup->isa);
    e->limit = setup->device->memory / setup->engines;
    if (!take_host(e, room, mem, err))
        return false;
    code = q8_cuda_open(&e->gpu, setup->device->number);
    if (code)
        return q8_fail(err, code_of(code), "GPU %d: %s; --device=cpu needs no GPU",
                       setup->device->number, e->gpu.text);
    if (!take_memory(e, &need, err)) {
        q8_cuda_close(&e->gpu);
        return false;
    }
    *ret = (struct q8_engine){"cuda", e, q8_engine_cuda_begin, q8_engine_cuda_tile, close_engine};
    return true;
}

bool q8_engine_cuda_find(struct q8_device *ret, bool *ret_any, struct q8_err *err)
{
    char why[Q8_CUDA_TEXT];
    struct q8_cuda gpu;
    int count, code;

    code = q8_cuda_count(&count, why);
    *ret_any = code != Q8_CUDA_NONE;
    if (code)
        return q8_fail(err, Q8_EUNSUPPORTED, "no CUDA device: %s; --device=cpu needs no GPU", why);
    if (ret->number >= count)
        return q8_fail(err, Q8_EUNSUPPORTED,
                       "there is no CUDA device %d: they are numbered from 0 to %d here "
                       "(CUDA_VISIBLE_DEVICES chooses which)",
                       ret->number, count - 1);
    code = q8_cuda_open(&gpu, ret->number);
    if (!code)
        code = q8_cuda_try(&gpu);
    if (code) {
        q8_cuda_close(&gpu);
        return q8_fail(err, code_of(code), "GPU %d (%s, compute capability %d.%d): %s", ret->number,
                       *gpu.name ? gpu.name : "no name", gpu.major, gpu.minor, gpu.text);
    }
    snprintf(ret->name, sizeof ret->name, "%s", gpu.name);
    if (ret->memory == 0)
        ret->memory = gpu.free / 8 * 7;
    q8_cuda_close(&gpu);
    return true;
}
