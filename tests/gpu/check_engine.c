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
    struct q8_engine_room room;
};

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
    k->room = (struct q8_engine_room){k->shape.tokens,
                                      k->shape.cols,
                                      k->shape.rows,
                                      k->shape.tokens * k->shape.cols,
                                      k->shape.tokens * k->shape.rows,
                                      n};
}

/* y: the reference's products and the int8 ones, [2, tokens, rows]. */
static void run(struct gpu *g, struct q8_engine *e, const struct task *k,
                struct q8_products *products, float *y)
{
    const uint64_t n = k->shape.tokens * k->shape.rows;
    float *reference, *int8;
    uint64_t outliers;

    memcpy(k->scratch, k->x, k->shape.tokens * k->shape.cols * sizeof *k->x);
    if (!e->begin(e->self, &k->job, k->scratch, &outliers, &g->err) ||
        !e->tile(e->self, &k->w, products, &reference, &int8, &g->err)) {
        gpu_that(g, false, "engine: %s", g->err.text);
        return;
    }
    memcpy(y, reference, n * sizeof *y);
    memcpy(y + n, int8, n * sizeof *y);
}

static struct q8_engine open_engine(struct gpu *g, const struct task *k, unsigned engine,
                                    uint64_t memory)
{
    const struct q8_device device = {.engine = engine, .number = g->cuda.device, .memory = memory};
    const struct q8_engine_setup setup = {q8_isa_detect(Q8_ISAS - 1), &device, 1};
    struct q8_engine e = {0};

    gpu_that(g, q8_engines[engine].open(&e, &k->room, &setup, &g->mem, &g->err), "engine: %s",
             g->err.text);
    return e;
}

static void check_task(struct gpu *g, struct task *k, uint64_t memory)
{
    const uint64_t n = k->shape.tokens * k->shape.rows;
    struct q8_products want = {.bad = 0}, got = {.bad = 0};
    const bool exact = k->job.mode != Q8_MODE_W8A16;
    struct q8_engine cpu, cuda;
    float *y[2];
    double gap;

    draw(g, k);
    y[0] = gpu_host(g, 2 * n, sizeof *y[0]);
    y[1] = gpu_host(g, 2 * n, sizeof *y[1]);
    cpu = open_engine(g, k, 0, 0);
    cuda = open_engine(g, k, 1, memory);
    if (cpu.self && cuda.self) {
        run(g, &cpu, k, &want, y[0]);
        run(g, &cuda, k, &got, y[1]);
        gpu_that(g, !exact || memcmp(y[0] + n, y[1] + n, n * sizeof(float)) == 0,
                 "engine, %s, type %d, [%d, %d] by %d rows: int8 products differ",
                 q8_mode_name(k->job.mode), (int)k->job.type, (int)k->shape.tokens,
                 (int)k->shape.cols, (int)k->shape.rows);
        gpu_that(g, got.bad == want.bad && (!exact || got.diff.b2 == want.diff.b2),
                 "engine, %s: sums of the int8 products differ", q8_mode_name(k->job.mode));
        gap = fabs(got.diff.val2 - want.diff.val2);
        gpu_that(g, gap <= want.diff.val2 * 1e-3, "engine, %s: the references are far apart",
                 q8_mode_name(k->job.mode));
    }
    if (cuda.close)
        cuda.close(cuda.self);
    gpu_clear(g);
}

void gpu_check_engine(struct gpu *g)
{
    struct task k = {.job = {.mode = Q8_MODE_BNB}};

    for (unsigned i = 0; (k.shape = gpu_shape(g, i)).tokens; i++)
        for (enum q8_mode mode = 0; k.shape.cols && mode < Q8_MODES; mode++)
            for (enum q8_float type = 0; type < Q8_FLOATS; type++) {
                k.job = (struct q8_multiply){
                    .mode = mode,
                    .threshold = mode == Q8_MODE_W8A8 || mode == Q8_MODE_W8A16 ? 0 : 6,
                    .type = type,
                    .tokens = k.shape.tokens,
                    .cols = k.shape.cols};
                check_task(g, &k, UINT64_C(1) << 30);
            }
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
                     .job = {.mode = Q8_MODE_BNB,
                             .threshold = 6,
                             .type = Q8_FLOAT_F16,
                             .tokens = 128,
                             .cols = 1024}};
    const uint64_t n = k.shape.tokens * k.shape.rows;
    struct q8_products products = {.bad = 0};
    struct q8_engine e;
    float *y = gpu_host(g, 2 * n, sizeof *y);

    draw(g, &k);
    e = open_engine(g, &k, 1, UINT64_C(1) << 30);
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
