/*
 * products.c - the products of one module as raw numbers, for the oracle suite to compare
 *
 *   products REFERENCE QUANTIZED MODULE ACTIVATIONS TOKENS THRESHOLD PREFIX
 *
 * Writes PREFIX.x (activations, float32 [tokens, cols]), PREFIX.codes and PREFIX.scales of them,
 * PREFIX.acc (int32 [tokens, rows]), PREFIX.int8 and PREFIX.reference (float32 [tokens, rows]), and
 * prints the outlier columns.  ACTIVATIONS holds that module alone.
 */
#include "src/forward/activations.h"
#include "src/compare/match.h"
#include "src/compare/values.h"
#include "src/forward/engine_parts.h"
#include "src/scheme/scheme.h"
#include "src/forward/act_codes.h"
#include "src/verify/verify.h"
#include "src/model/floats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All that is read of the weight: one tile. */
struct weight {
    struct q8_decoder decoder;
    float *floats, *reference, *found;
};

static bool save(const char *prefix, const char *suffix, const void *bytes, size_t n)
{
    char path[4096];
    FILE *f;
    bool ok;

    (void)snprintf(path, sizeof path, "%s.%s", prefix, suffix);
    f = fopen(path, "wb");
    ok = f && fwrite(bytes, 1, n, f) == n;
    return f && fclose(f) == 0 && ok;
}

static const struct q8_compared *find_item(const struct q8_compare *pairs, const char *module)
{
    for (uint64_t i = 0; i < pairs->items; i++)
        if (pairs->item[i].b.stored && strcmp(pairs->item[i].b.stored->module, module) == 0)
            return &pairs->item[i];
    fprintf(stderr, "products: no int8 weight %s\n", module);
    exit(1);
}

static bool read_weight(struct weight *w, const struct q8_compare *pairs,
                        const struct q8_compared *c, const struct q8_kernels *k,
                        struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_stored *stored = c->b.stored;
    const struct q8_view view = q8_side_view(&c->a);
    const uint64_t elements = stored->rows * stored->cols;
    struct q8_walk walk = {.tile_bytes = elements * 8, .room = elements * 8};
    void *x;

    w->floats = q8_alloc(mem, elements, sizeof(float), err);
    w->reference = q8_alloc(mem, elements, sizeof(float), err);
    w->found = q8_alloc(mem, stored->rows, sizeof(float), err);
    q8_walk_fit(&walk, &view);
    if (err->code || !q8_walk_open(&walk, mem, err) ||
        !(x = q8_walk_read(&walk, pairs->options.a, &view, 0, stored->rows, err)) ||
        !q8_decoder_init(&w->decoder, &pairs->stored_b, elements, k, mem, err) ||
        !q8_decode_rows(&w->decoder, stored, 0, stored->rows, w->floats, err))
        return false;
    k->widen[q8_dtype_float(c->a.tensor->dtype)](w->reference, x, elements);
    if (q8_scheme_part(stored->scheme, Q8_PART_ABSMAX))
        memcpy(w->found, w->decoder.scales, stored->rows * sizeof(float));
    return true;
}

static bool multiply(const struct q8_compared *c, const struct weight *w,
                     const struct q8_multiply *job, float *x, const struct q8_kernels *k,
                     const char *prefix, struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_stored *stored = c->b.stored;
    const struct q8_engine_room room = {job->tokens,
                                        stored->cols,
                                        stored->rows,
                                        job->tokens * stored->cols,
                                        job->tokens * stored->rows,
                                        stored->rows * stored->cols};
    const struct q8_operands operands = {
        .rows = stored->rows,
        .codes = (const int8_t *)w->decoder.codes,
        .step = w->decoder.step,
        .scale = q8_scheme_part(stored->scheme, Q8_PART_ABSMAX) ? w->found : NULL,
        .weights = w->floats,
        .reference = w->reference};
    int32_t *acc = q8_alloc(mem, room.products, sizeof *acc, err);
    char *scratch = q8_alloc(mem, Q8_GEMM_SCRATCH + 64, 1, err);
    struct q8_products products = {0};
    struct q8_engine engine;
    struct q8_act_codes tokens;
    float *y, *y_int8;
    uint64_t outliers;

    if (err->code || !q8_act_codes_init(&tokens, &room, k, mem, err) ||
        !q8_engine_cpu(&engine, &room, q8_isa_detect(Q8_ISAS - 1), mem, err) ||
        !engine.begin(engine.self, job, x, &outliers, err) ||
        !engine.tile(engine.self, &operands, &products, &y, &y_int8, err))
        return false;
    q8_act_codes_take(&tokens, job, x);
    scratch += (64 - (uintptr_t)scratch % 64) % 64;
    if (tokens.keeps == stored->cols)
        k->gemm_s8(acc, stored->rows, tokens.codes, operands.codes, job->tokens, stored->rows,
                   stored->cols, scratch);
    for (uint64_t i = 0; i < tokens.outliers; i++)
        printf("%s%u", i ? " " : "", tokens.outlier[i]);
    printf("\n");
    return (save(prefix, "x", x, room.elements * sizeof *x) &&
            save(prefix, "codes", tokens.codes, job->tokens * tokens.keeps) &&
            save(prefix, "scales", tokens.scale, job->tokens * sizeof(float)) &&
            save(prefix, "acc", acc, room.products * sizeof *acc) &&
            save(prefix, "int8", y_int8, room.products * sizeof *y_int8) &&
            save(prefix, "reference", y, room.products * sizeof *y)) ||
           q8_fail_errno(err, "cannot write %s", prefix);
}

static bool run(char **argv, struct q8_model model[2], struct q8_arena *mem, struct q8_err *err)
{
    const struct q8_activations_options options = {
        .path = *argv[4] ? argv[4] : NULL, .tokens = strtoull(argv[5], NULL, 10), .seed = 1};
    struct q8_compare pairs = {.options = {.a = &model[0], .b = &model[1]}};
    struct q8_multiply job = {.threshold = strtod(argv[6], NULL)};
    const struct q8_compared *c;
    struct q8_activations activations = {0};
    struct q8_kernels k;
    struct weight w;
    struct q8_weight weight;
    struct q8_arch arch;
    const struct q8_weight_list weights = {
        .model = &model[0], .arch = &arch, .weight = &weight, .count = 1};
    float *x;
    bool ok;

    q8_kernels_init(&k, q8_isa_detect(Q8_ISAS - 1));
    q8_arch_init(&arch, NULL, NULL);
    if (!q8_model_open(&model[0], argv[1], mem, err) ||
        !q8_model_open(&model[1], argv[2], mem, err) || !q8_compare_pair(&pairs, mem, err))
        return false;
    c = find_item(&pairs, argv[3]);
    job.cols = c->b.cols;
    job.type = q8_dtype_float(c->a.tensor->dtype);
    job.mode = q8_mode_of(c->b.stored->scheme->product);
    weight = (struct q8_weight){.module = argv[3], .view = {.rows = c->b.rows, .cols = c->b.cols}};
    ok = q8_activations_open(&activations, &options, &weights, mem, err);
    (void)q8_activations_find(&activations, argv[3], &job.tokens);
    x = ok ? q8_alloc(mem, job.tokens * job.cols, sizeof *x, err) : NULL;
    ok = x && q8_activations_fill(&activations, argv[3], job.cols, job.type, x, err) &&
         read_weight(&w, &pairs, c, &k, mem, err) &&
         multiply(c, &w, &job, x, &k, argv[7], mem, err);
    q8_activations_close(&activations);
    return ok;
}

int main(int argc, char **argv)
{
    struct q8_model model[2] = {{0}, {0}};
    struct q8_err err = {0};
    struct q8_arena mem;

    if (argc != 8) {
        fprintf(stderr, "usage: products REFERENCE QUANTIZED MODULE ACTIVATIONS TOKENS THRESHOLD "
                        "PREFIX\n");
        return 2;
    }
    q8_arena_init(&mem, UINT64_C(4) << 30);
    (void)run(argv, model, &mem, &err);
    if (err.code)
        fprintf(stderr, "products: %s\n", err.text);
    q8_model_close(&model[0]);
    q8_model_close(&model[1]);
    q8_arena_clear(&mem);
    return err.code;
}
