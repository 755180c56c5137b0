/* check_engine.c - checkcuda: whole tiles of the engine against the CPU's */
#include "tests/gpu/gpu.h"

#include "src/forward/engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A weight, its tile, and what both engines make of it. */
struct task {
    struct gpu_shape shape;
    struct q8_multiply job;
    float *x, *scratch; /* [tokens, cols] */
    struct q8_operands w;
    uint64_t tile; /* rows at a time */
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static struct q8_multiply job_of(const struct gpu_shape *s, enum q8_mode mode, enum q8_float type)
{
    return (struct q8_multiply){.mode = mode,
                                .threshold = mode == Q8_MODE_W8A8 || mode == Q8_MODE_W8A16 ? 0 : 6,
                                .type = type,
                                .tokens = s->tokens,
                                .cols = s->cols};
}

/* All that an engine takes but slots, and of these from what one product needs to a whole tile. */
static uint64_t draw_memory(struct gpu *g, const struct q8_engine_room *r)
{
    const uint64_t tokens = q8_cuda_tokens(r->tokens), cols = q8_cuda_pitch(r->cols);
    const uint64_t rows = q8_cuda_rows(r->rows), line = sizeof(struct q8_cuda_line);
    const uint64_t x = r->elements + Q8_CUDA_COLUMNS * tokens + Q8_CUDA_TOKENS * (cols + 16);
    const uint64_t y = r->products + Q8_CUDA_ROWS * tokens + Q8_CUDA_TOKENS * (rows + 32);
    const uint64_t least = cols * Q8_CUDA_ROWS;
    const uint64_t most = r->tile + Q8_CUDA_COLUMNS * rows + Q8_CUDA_ROWS * cols + least;
    const uint64_t slot = least + gpu_random(g) % (most - least);

    return Q8_CUDA_STREAMS * (Q8_CUDA_WORKSPACE + 7 * slot + line * rows) + 5 * x + 12 * y +
           (line + sizeof(struct q8_cuda_difference)) * tokens + 5 * cols;
}

static void draw(struct gpu *g, struct task *k)
{
    const uint64_t n = k->shape.rows * k->shape.cols;
    int8_t *codes = gpu_host(g, n, 1);
    float *step = gpu_host(g, k->shape.rows, sizeof *step);
    float *scale = gpu_host(g, k->shape.rows, sizeof *scale);
    float *weights = gpu_host(g, n, sizeof *weights), *reference = gpu_host(g, n, sizeof *weights);

    k->x = gpu_host(g, k->shape.tokens * k->shape.cols, sizeof *k->x);
    k->scratch = gpu_host(g, k->shape.tokens * k->shape.cols, sizeof *k->x);
    gpu_floats(g, k->x, k->shape.tokens * k->shape.cols, k->job.type, 3);
    for (uint64_t i = 0; i < k->shape.tokens * k->shape.cols; i++)
        if (i % k->shape.cols % 61 == 3) /* these stand out */
            k->x[i] = gpu_round(k->job.type, k->x[i] * 30);
    gpu_codes(g, codes, n);
    for (uint64_t r = 0; r < k->shape.rows; r++) {
        scale[r] = gpu_round(Q8_FLOAT_F16, 1 + gpu_uniform(g) / 2);
        step[r] =
            k->job.mode == Q8_MODE_BNB ? scale[r] / 127 : gpu_round(k->job.type, scale[r] / 127);
    }
    for (uint64_t i = 0; i < n; i++) {
        weights[i] = (float)codes[i] * step[i / k->shape.cols];
        reference[i] = gpu_round(k->job.type, weights[i] + gpu_uniform(g) * 0.01f);
        k->job.least = fminf(k->job.least, reference[i]);
        k->job.most = fmaxf(k->job.most, reference[i]);
    }
    k->w = (struct q8_operands){k->shape.rows, codes, step, scale, weights, reference};
}

/* Elements of y: the reference's products and the int8 ones, [2, tokens, rows]. */
static uint64_t size_of_y(const struct task *k)
{
    return 2 * k->shape.tokens * k->shape.rows;
}

/* Rows [row, row + n) of W through an engine, to their place in y. */
static void run_tile(struct gpu *g, struct q8_engine *e, const struct task *k, uint64_t row,
                     uint64_t n, struct q8_products *products, float *y)
{
    const uint64_t at = row * k->shape.cols, rows = k->shape.rows;
    const struct q8_operands w = {n,
                                  k->w.codes + at,
                                  k->w.step + row,
                                  k->w.scale + row,
                                  k->w.weights + at,
                                  k->w.reference + at};
    float *part[2];

    if (!e->tile(e->self, &w, products, &part[0], &part[1], &g->err)) {
        gpu_that(g, false, "engine: %s", g->err.text);
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        for (uint64_t t = 0; t < k->shape.tokens; t++)
            memcpy(y + (i * k->shape.tokens + t) * rows + row, part[i] + t * n, n * sizeof *y);
}

/* All of W, `tile` rows at a time. */
static void run(struct gpu *g, struct q8_engine *e, const struct task *k,
                struct q8_products *products, float *y)
{
    uint64_t outliers;

    memcpy(k->scratch, k->x, k->shape.tokens * k->shape.cols * sizeof *k->x);
    if (!e->begin(e->self, &k->job, k->scratch, &outliers, &g->err)) {
        gpu_that(g, false, "engine: %s", g->err.text);
        return;
    }
    for (uint64_t row = 0; row < k->shape.rows; row += k->tile) {
        const uint64_t left = k->shape.rows - row;

        run_tile(g, e, k, row, left < k->tile ? left : k->tile, products, y);
    }
}

static struct q8_engine open_engine(struct gpu *g, const struct q8_engine_room *room,
                                    unsigned engine, uint64_t memory)
{
    const struct q8_device device = {.engine = engine, .number = g->cuda.device, .memory = memory};
    const struct q8_engine_setup setup = {q8_isa_detect(Q8_ISAS - 1), &device, 1};
    struct q8_engine e = {0};

    gpu_that(g, q8_engines[engine].open(&e, room, &setup, &g->mem, &g->err), "engine: %s",
             g->err.text);
    return e;
}

/* One step of a number that the type has. */
static double step_of(enum q8_float type, double y)
{
    switch (type) {
    case Q8_FLOAT_F16: return fmax(fabs(y) * 0x1p-10, 0x1p-24);
    case Q8_FLOAT_BF16: return fmax(fabs(y) * 0x1p-7, 0x1p-133);
    default: return 0;
    }
}

/*
 * How many products of floats are further apart than two orders of summing make them: each is
 * within K 2^-23 of the magnitudes of the exact sum.  `rounded`: to the type, which may fall on
 * either side.
 */
static uint64_t count_far(const struct task *k, const float *w, const float *cpu, const float *gpu,
                          bool rounded)
{
    const uint64_t cols = k->shape.cols, rows = k->shape.rows;
    uint64_t far = 0;

    for (uint64_t i = 0; i < k->shape.tokens * rows; i++) {
        const float *x = k->x + i / rows * cols, *row = w + i % rows * cols;
        double bound = 0;

        for (uint64_t c = 0; c < cols; c++)
            bound += fabs((double)x[c] * (double)row[c]);
        bound *= (double)(cols + 1) * 0x1p-22;
        if (rounded) /* and so are its operands, by up to 2^-8 */
            bound = bound * 1.01 + step_of(k->job.type, (double)cpu[i]);
        far += !(fabs((double)cpu[i] - (double)gpu[i]) <= bound);
    }
    return far;
}

/* What both made of a weight. */
static void compare(struct gpu *g, const struct task *k, float *const y[2],
                    const struct q8_products products[2])
{
    const uint64_t n = k->shape.tokens * k->shape.rows;
    const bool exact = k->job.mode != Q8_MODE_W8A16;
    const char *mode = q8_mode_name(k->job.mode);
    const int type = (int)k->job.type, tokens = (int)k->shape.tokens, cols = (int)k->shape.cols;
    const int rows = (int)k->shape.rows;
    uint64_t far = count_far(k, k->w.reference, y[0], y[1], false);

    gpu_that(g, far == 0, "engine, %s, type %d, [%d, %d] by %d rows: %d of the reference differ",
             mode, type, tokens, cols, rows, (int)far);
    far = exact ? memcmp(y[0] + n, y[1] + n, n * sizeof(float)) != 0
                : count_far(k, k->w.weights, y[0] + n, y[1] + n, true);
    gpu_that(g, far == 0, "engine, %s, type %d, [%d, %d] by %d rows: int8 products differ", mode,
             type, tokens, cols, rows);
    gpu_that(g,
             products[0].bad == products[1].bad &&
                 (!exact || products[0].diff.b2 == products[1].diff.b2),
             "engine, %s: sums of the int8 products differ", mode);
}

static void multiply(struct gpu *g, struct q8_engine e[2], const struct task *k)
{
    struct q8_products products[2] = {{.bad = 0}, {.bad = 0}};
    float *y[2];

    for (unsigned i = 0; i < 2; i++) {
        y[i] = gpu_host(g, size_of_y(k), sizeof *y[i]);
        memset(y[i], 0xff, size_of_y(k) * sizeof *y[i]);
        run(g, &e[i], k, &products[i], y[i]);
    }
    compare(g, k, y, products);
}

/* Weights through engines that have room for any of them. */
static void check_tasks(struct gpu *g, struct task *k, unsigned n, uint64_t memory)
{
    struct q8_engine_room room = {0};
    struct q8_engine e[2];

    for (unsigned i = 0; i < n; i++) {
        const struct gpu_shape *s = &k[i].shape;

        draw(g, &k[i]);
        room.tokens = larger(room.tokens, s->tokens);
        room.cols = larger(room.cols, s->cols);
        room.rows = larger(room.rows, k[i].tile);
        room.elements = larger(room.elements, s->tokens * s->cols);
        room.products = larger(room.products, s->tokens * k[i].tile);
        room.tile = larger(room.tile, k[i].tile * s->cols);
    }
    e[0] = open_engine(g, &room, 0, 0);
    e[1] = open_engine(g, &room, 1, memory ? memory : draw_memory(g, &room));
    for (unsigned i = 0; e[0].self && e[1].self && i < n; i++)
        multiply(g, e, &k[i]);
    if (e[1].close)
        e[1].close(e[1].self);
    gpu_clear(g);
}

/* Weights of any shape, mode and type through one engine, whose memory cuts tiles into parts. */
static void check_any(struct gpu *g)
{
    static const uint16_t lengths[] = {1, 2, 15, 16, 17, 31, 32, 33, 63, 65, 100, 128, 257};
    const unsigned n = sizeof lengths / sizeof *lengths;
    struct task k[3];

    for (unsigned i = 0; i < sizeof k / sizeof *k; i++) {
        const enum q8_mode mode = (enum q8_mode)(gpu_random(g) % Q8_MODES);
        const enum q8_float type = (enum q8_float)(gpu_random(g) % Q8_FLOATS);

        k[i] = (struct task){.shape = {lengths[gpu_random(g) % n], lengths[gpu_random(g) % n],
                                       lengths[gpu_random(g) % n]}};
        k[i].tile = 1 + gpu_random(g) % k[i].shape.rows;
        k[i].job = job_of(&k[i].shape, mode, type);
        if (gpu_random(g) % 3 == 0)
            k[i].job.threshold = 0;
    }
    check_tasks(g, k, sizeof k / sizeof *k, 0);
}

void gpu_check_engine(struct gpu *g)
{
    struct task k = {.tile = 0};

    for (unsigned i = 0; (k.shape = gpu_shape(g, i)).tokens; i++)
        for (enum q8_mode mode = 0; k.shape.cols && mode < Q8_MODES; mode++)
            for (enum q8_float type = 0; type < Q8_FLOATS; type++) {
                k.tile = k.shape.rows;
                k.job = job_of(&k.shape, mode, type);
                check_tasks(g, &k, 1, UINT64_C(1) << 30);
            }
    for (unsigned i = 0; i < (g->few ? 30 : 300); i++)
        check_any(g);
}

static bool write_file(const char *folder, const char *name, const void *bytes, uint64_t n)
{
    char path[4096];
    FILE *f;
    bool ok;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    if (!f)
        return false;
    ok = fwrite(bytes, 1, n, f) == n;
    return fclose(f) == 0 && ok;
}

bool gpu_dump(struct gpu *g, const char *folder)
{
    struct task k = {.shape = {128, 1024, 512},
                     .tile = 512,
                     .job = {.mode = Q8_MODE_BNB,
                             .threshold = 6,
                             .type = Q8_FLOAT_F16,
                             .tokens = 128,
                             .cols = 1024}};
    const uint64_t n = k.shape.tokens * k.shape.rows;
    const struct q8_engine_room room = {128, 1024, 512, 128 * 1024, n, 512 * 1024};
    struct q8_products products = {.bad = 0};
    struct q8_engine e;
    float *y = gpu_host(g, 2 * n, sizeof *y);

    draw(g, &k);
    e = open_engine(g, &room, 1, UINT64_C(1) << 30);
    if (e.self)
        run(g, &e, &k, &products, y);
    if (e.close)
        e.close(e.self);
    return g->failed == 0 && write_file(folder, "x", k.x, 128 * 1024 * sizeof *k.x) &&
           write_file(folder, "codes", k.w.codes, 512 * 1024) &&
           write_file(folder, "scale", k.w.scale, 512 * sizeof *k.w.scale) &&
           write_file(folder, "reference", k.w.reference, 512 * 1024 * sizeof *k.w.reference) &&
           write_file(folder, "y_reference", y, n * sizeof *y) &&
           write_file(folder, "y_int8", y + n, n * sizeof *y);
}
