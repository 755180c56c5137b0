/*
 * dump_activations.c - the activations of one module, as q8-verify has them, for the judge
 *
 * Raw float32 [tokens, cols] on standard output, rounded to the type of the module's weight (F64:
 * to float32); where they come from on standard error.
 *
 *     dump_activations MODEL MODULE TOKENS SEED [ACTIVATIONS]
 */
#include "src/base/json.h"
#include "src/forward/activations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The model and its modules. */
struct dump {
    struct q8_arena mem;
    struct q8_err err;
    struct q8_model model;
    struct q8_arch arch;
    struct q8_outlier_module *module;
    enum q8_float *type;
    uint64_t count;
};

static bool open_model(struct dump *d, const char *path)
{
    const struct cJSON *root;

    if (!q8_model_open(&d->model, path, &d->mem, &d->err))
        return false;
    root = d->model.config_root;
    q8_arch_init(&d->arch, q8_json_string(q8_json_get(root, "model_type")),
                 q8_json_string(q8_json_at(q8_json_get(root, "architectures"), 0)));
    d->module = q8_alloc(&d->mem, d->model.index.count, sizeof *d->module, &d->err);
    d->type = q8_alloc(&d->mem, d->model.index.count, sizeof *d->type, &d->err);
    for (uint64_t i = 0; d->module && d->type && i < d->model.index.count; i++) {
        const struct q8_tensor *t = &d->model.index.tensor[i];
        enum q8_kind kind = q8_arch_kind(&d->arch, t->name, t->rank);
        bool turned = kind == Q8_KIND_CONV1D;

        if (!(Q8_LINEAR_KINDS >> kind & 1))
            continue;
        d->module[d->count] = (struct q8_outlier_module){
            q8_strndup(&d->mem, t->name, strlen(t->name) - strlen(".weight"), &d->err),
            t->dim[turned], t->dim[!turned]};
        d->type[d->count++] = t->dtype == Q8_F16    ? Q8_FLOAT_F16
                              : t->dtype == Q8_BF16 ? Q8_FLOAT_BF16
                                                    : Q8_FLOAT_F32;
    }
    return !d->err.code;
}

static bool dump_module(struct dump *d, const struct q8_activations *p, const char *name)
{
    uint64_t i = 0, tokens, cols;
    enum q8_activations_kind kind;
    float *x;

    while (i < d->count && strcmp(d->module[i].name, name) != 0)
        i++;
    if (i == d->count)
        return q8_fail(&d->err, Q8_EUSAGE, "no such module");
    cols = d->module[i].cols;
    kind = q8_activations_find(p, name, &tokens);
    x = q8_alloc(&d->mem, tokens * cols, sizeof *x, &d->err);
    if (!x || !q8_activations_fill(p, name, cols, d->type[i], x, &d->err))
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
         q8_activations_open(&activations, &options, &d.model, &d.arch, d.module, d.count, &d.mem,
                             &d.err) &&
         dump_module(&d, &activations, argv[2]);
    if (!ok)
        (void)fprintf(stderr, "dump_activations: %s\n", d.err.text);
    q8_activations_close(&activations);
    q8_model_close(&d.model);
    q8_arena_clear(&d.mem);
    return ok ? 0 : d.err.code;
}
