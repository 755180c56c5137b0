/* fake_layers.h - a finished verification, made by hand, for tests of what judges or prints it */
#ifndef Q8_TESTS_FAKE_LAYERS_H
#define Q8_TESTS_FAKE_LAYERS_H

#include "src/verify/verify.h"
#include "src/verify/gate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAKE_LAYERS 8 /* at most */

/* Two layers that most tests have. */
#define FAKE_Q "model.layers.0.self_attn.q_proj"
#define FAKE_UP "model.layers.1.mlp.up_proj"

/* The result, and all that it points to.  Do not copy it. */
struct fake_verify {
    struct q8_arena mem;
    struct q8_err err;                    /* for the calls of the test */
    struct q8_model reference, quantized; /* paths "model" and "model-int8", no tensors */
    struct q8_gate gate;                  /* the defaults */
    struct q8_compared item[FAKE_LAYERS]; /* one for each layer, [4, 4] */
    struct q8_layer layer[FAKE_LAYERS];   /* those of v */
    char path[FAKE_LAYERS][40];           /* of files that were made; "": none */
    struct q8_verify v;                   /* level matmul, no layer yet, coverage 100 */
};

static inline void fake_open(struct fake_verify *f)
{
    *f = (struct fake_verify){.reference.path = "model", .quantized.path = "model-int8"};
    q8_arena_init(&f->mem, 16 << 20);
    if (!q8_gate_init(&f->gate, &f->mem, &f->err))
        abort();
    f->v.options = (struct q8_verify_options){.reference = &f->reference,
                                              .quantized = &f->quantized,
                                              .level = Q8_LEVEL_MATMUL,
                                              .mode = Q8_MODES,
                                              .threshold = NAN,
                                              .activations = {.tokens = 128, .seed = 1},
                                              .gate = &f->gate,
                                              .max_drop = 0.5,
                                              .threads = 1};
    f->v.pairs.item = f->item;
    f->v.layer = f->layer;
    f->v.engine = "cpu";
    f->v.total.coverage = 100;
    q8_findings_init(&f->v.findings, &f->mem);
}

/* Adds a layer without a fault; the caller keeps to the order of names. */
static inline struct q8_layer *fake_layer(struct fake_verify *f, const char *module)
{
    const uint64_t i = f->v.layers;
    struct q8_compared *item = &f->item[i];

    if (i == FAKE_LAYERS)
        abort();
    *item = (struct q8_compared){.name = q8_sprintf(&f->mem, &f->err, "%s.weight", module),
                                 .a = {.rows = 4, .cols = 4},
                                 .b = {.rows = 4, .cols = 4},
                                 .verdict = Q8_OTHER_VALUES,
                                 .elements = 16};
    f->layer[i] = (struct q8_layer){.module = module,
                                    .item = item,
                                    .number = UINT64_MAX,
                                    .role = module,
                                    .have_weights = true,
                                    .have_matmul = true};
    f->layer[i].weights = (struct q8_weights){
        .sqnr = 40, .relative_mse = 1e-4, .cosine = 0.99995, .most_steps = 0.5, .scales = 4};
    f->layer[i].matmul = (struct q8_matmul){.from = Q8_ACTIVATIONS_GAUSSIAN,
                                            .mode = Q8_MODE_BNB,
                                            .threshold = 6,
                                            .tokens = 128,
                                            .relative_error = 0.02,
                                            .sqnr = 34,
                                            .cosine = 0.9998,
                                            .most = 0.125,
                                            .kl = NAN};
    f->v.pairs.items = f->v.layers = i + 1;
    return &f->layer[i];
}

/* Makes a file in /tmp, which goes with fake_close; returns its path. */
static inline const char *fake_file(struct fake_verify *f, const void *bytes, size_t n)
{
    size_t i = 0;
    int fd;

    while (i < FAKE_LAYERS && f->path[i][0])
        i++;
    if (i == FAKE_LAYERS)
        abort();
    (void)strcpy(f->path[i], "/tmp/q8-test-verify-XXXXXX");
    fd = mkstemp(f->path[i]);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || close(fd) != 0)
        abort();
    return f->path[i];
}

/* The threshold that holds. */
static inline const struct q8_threshold *fake_ask(const struct fake_verify *f,
                                                  enum q8_metric metric, const char *module)
{
    struct q8_err err = {0};
    const struct q8_threshold *t = q8_gate_ask(&f->gate, metric, module, &err);

    if (!t)
        abort();
    return t;
}

/* Adds the threshold of an option. */
static inline bool fake_option(struct fake_verify *f, const char *word, const char *arg)
{
    return q8_gate_option(&f->gate, word, arg, &f->mem, &f->err);
}

/* Adds the lines of a thresholds file. */
static inline bool fake_thresholds(struct fake_verify *f, const char *text)
{
    return q8_gate_file(&f->gate, fake_file(f, text, strlen(text)), &f->mem, &f->err);
}

/* The only finding of that kind about that name; NULL: there is none, or more than one. */
static inline const struct q8_finding *fake_find(const struct fake_verify *f, const char *kind,
                                                 const char *name)
{
    const struct q8_finding *found = NULL;
    unsigned count = 0;

    for (uint64_t i = 0; i < f->v.findings.count; i++)
        if (strcmp(f->v.findings.list[i].kind, kind) == 0 &&
            strcmp(f->v.findings.list[i].name, name) == 0) {
            found = &f->v.findings.list[i];
            count++;
        }
    return count == 1 ? found : NULL;
}

static inline void fake_close(struct fake_verify *f)
{
    for (size_t i = 0; i < FAKE_LAYERS; i++)
        if (f->path[i][0])
            (void)unlink(f->path[i]);
    q8_arena_clear(&f->mem);
}

/* For cmocka: *state becomes a struct fake_verify with two clean layers, FAKE_Q and FAKE_UP. */
static inline int fake_setup(void **state)
{
    struct fake_verify *f = malloc(sizeof *f);

    if (!f)
        return -1;
    fake_open(f);
    (void)fake_layer(f, FAKE_Q);
    (void)fake_layer(f, FAKE_UP);
    *state = f;
    return 0;
}

static inline int fake_teardown(void **state)
{
    fake_close(*state);
    free(*state);
    return 0;
}

/* A row of a list of tests. */
#define FAKE_TEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

#endif
