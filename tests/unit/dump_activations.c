/*
 * dump_activations.c - the activations of one module, as q8-verify has them, for the judge
 *
 * Raw float32 [tokens, cols] on standard output, rounded to the type of the module's weight (F64:
 * to float32); where they come from on standard error.
 *
 *     dump_activations MODEL MODULE TOKENS SEED [ACTIVATIONS]
 */
#include "src/forward/activations.h"
#include "src/model/floats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The model and its modules. */
struct dump {
    struct q8_arena mem;
    struct q8_err err;
    struct q8_model model;
    struct q8_arch arch;
    struct q8_weight_list weights;
};

static bool open_model(struct dump *d, const char *path)
{
    uint64_t kept = 0;

    if (!q8_model_open(&d->model, path, &d->mem, &d->err))
        return false;
    q8_model_arch(&d->arch, &d->model);
    if (!q8_weights_find(&d->weights, &d->model, &d->arch, &d->mem, &d->err))
        return false;
    for (uint64_t i = 0; i < d->weights.count; i++)
        if (Q8_LINEAR_KINDS & 1u << d->weights.weight[i].kind)
            d->weights.weight[kept++] = d->weights.weight[i];
    d->weights.count = kept;
    return true;
}

static bool dump_module(struct dump *d, const struct q8_activations *p, const char *name)
{
    const struct q8_weight *w = q8_weights_find_module(&d->weights, name);
    uint64_t tokens, cols;
    enum q8_activations_kind kind;
    float *x;

    if (!w)
        return q8_fail(&d->err, Q8_EUSAGE, "no such module");
    cols = w->view.cols;
    kind = q8_activations_find(p, name, &tokens);
    x = q8_alloc(&d->mem, tokens * cols, sizeof *x, &d->err);
    if (!x ||
        !q8_activations_fill(p, name, cols, q8_dtype_float(w->view.tensor->dtype), x, &d->err))
        return false;
    (void)fprintf(stderr, "%s\n", q8_activations_kind_name(kind));
    return fwrite(x, sizeof *x, tokens * cols, stdout) == tokens * cols ||
           q8_fail(&d->err, Q8_EIO, "cannot write");
}

int main(int argc, char **argv)
{
    struct q8_activations_options options = {0};
    struct q8_activations activations = {0};
    struct dump d = {0};
    bool ok;

    if (argc != 5 && argc != 6)
        return Q8_EUSAGE;
    options.tokens = strtoull(argv[3], NULL, 10);
    options.seed = strtoull(argv[4], NULL, 10);
    options.path = argc == 6 ? argv[5] : NULL;
    q8_arena_init(&d.mem, UINT64_C(1) << 30);
    ok = open_model(&d, argv[1]) &&
         q8_activations_open(&activations, &options, &d.weights, &d.mem, &d.err) &&
         dump_module(&d, &activations, argv[2]);
    if (!ok)
        (void)fprintf(stderr, "dump_activations: %s\n", d.err.text);
    q8_activations_close(&activations);
    q8_model_close(&d.model);
    q8_arena_clear(&d.mem);
    return ok ? 0 : d.err.code;
}
