/* fake_result.c - a result of q8-verify without models; the numbers are invented */
#include "tests/unit/fake_result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *role;
    uint64_t rows, cols;
    double sqnr;
} roles[FAKE_RESULT_ROLES] = {
    {"mlp.down_proj", 8192, 28672, 38},      {"mlp.gate_proj", 28672, 8192, 40},
    {"mlp.up_proj", 28672, 8192, 41},        {"self_attn.k_proj", 1024, 8192, 38},
    {"self_attn.o_proj", 8192, 8192, 37},    {"self_attn.q_proj", 8192, 8192, 39},
    {"self_attn.v_proj", 1024, 8192, 40.25},
};

static void *get(struct fake_result *f, uint64_t count, uint64_t size)
{
    struct q8_err err = {0};
    void *p = q8_alloc(&f->mem, count, size, &err);

    if (!p)
        abort();
    return p;
}

static const struct q8_compared *pair(struct fake_result *f, const char *module, uint64_t rows,
                                      uint64_t cols)
{
    struct q8_stored *stored = get(f, 1, sizeof *stored);
    struct q8_compared *item = get(f, 1, sizeof *item);

    *stored = (struct q8_stored){.module = module,
                                 .scheme = &q8_schemes[Q8_SCHEME_LLM_INT8],
                                 .rows = rows,
                                 .cols = cols,
                                 .group = cols};
    item->name = module;
    item->b = (struct q8_side){.stored = stored, .rows = rows, .cols = cols};
    return item;
}

static void measure(struct q8_layer *layer, double sqnr)
{
    layer->have_weights = true;
    layer->weights = (struct q8_weights){
        .sqnr = sqnr,
        .relative_mse = pow(10, -sqnr / 10),
        .cosine = 1 - pow(10, -sqnr / 10) / 2,
        .most_steps = 0.5,
        .ties = 3,
        .scales = layer->item->b.rows,
        .worst = {{17, sqnr - 4}, {4, sqnr - 3}, {0, sqnr - 2.5}},
        .worsts = 3,
    };
}

static void multiply(struct q8_layer *layer, double sqnr)
{
    layer->have_matmul = true;
    layer->matmul = (struct q8_matmul){
        .from = strstr(layer->module, "o_proj") || strstr(layer->module, "down_proj")
                    ? Q8_ACTIVATIONS_GAUSSIAN
                    : Q8_ACTIVATIONS_GAINS,
        .mode = Q8_MODE_BNB,
        .threshold = 6,
        .tokens = 128,
        .outliers = strstr(layer->module, "q_proj") ? 2 : 0,
        .relative_error = pow(10, -sqnr / 20),
        .sqnr = sqnr,
        .cosine = 1 - pow(10, -sqnr / 10) / 2,
        .most = 0.25,
        .kl = (double)NAN,
    };
}

static void add(struct fake_result *f, const char *module, uint64_t number, const char *role,
                uint64_t rows, uint64_t cols, double sqnr)
{
    struct q8_layer *layer = &f->v.layer[f->v.layers++];

    *layer = (struct q8_layer){.module = module,
                               .item = pair(f, module, rows, cols),
                               .kind = Q8_KIND_LINEAR,
                               .number = number,
                               .role = role};
    if (f->v.options.level >= Q8_LEVEL_WEIGHTS)
        measure(layer, sqnr);
    if (f->v.options.level >= Q8_LEVEL_MATMUL && strcmp(module, "lm_head") != 0)
        multiply(layer, sqnr - 6);
    else if (f->v.options.level >= Q8_LEVEL_MATMUL)
        layer->unmeasured = "its 262144 columns are too many for int32";
}

static void add_layers(struct fake_result *f, uint64_t layers)
{
    struct q8_err err = {0};

    for (uint64_t l = 0; l < layers; l++)
        for (int r = 0; r < FAKE_RESULT_ROLES; r++) {
            char *name = q8_sprintf(&f->mem, &err, "model.layers.%d.%s", (int)l, roles[r].role);

            if (!name)
                abort();
            add(f, name, l, roles[r].role, roles[r].rows, roles[r].cols,
                roles[r].sqnr + (double)(l % 3) / 2);
        }
    add(f, FAKE_RESULT_HOSTILE, UINT64_MAX, FAKE_RESULT_HOSTILE, 64, 64, (double)INFINITY);
    add(f, FAKE_RESULT_WORSE, 0, &FAKE_RESULT_WORSE[strlen("model.layers.0.")], 64, 64, 44);
    add(f, "lm_head", UINT64_MAX, "lm_head", 128256, 262144, 40);
}

static int compare(const void *a, const void *b)
{
    const struct q8_layer *x = a, *y = b;

    return strcmp(x->module, y->module);
}

/* Nothing for a level that is deeper than the run. */
static void find(struct fake_result *f, enum q8_level level, bool fails, const char *kind,
                 const char *name, const char *text)
{
    const struct q8_finding finding = {.level = level, .kind = kind, .name = name, .fails = fails};
    struct q8_err err = {0};

    if (level > f->v.options.level)
        return;
    if (!q8_findings_add(&f->v.findings, &finding, &err, "%s", text))
        abort();
    for (uint64_t i = 0; i < f->v.layers; i++)
        if (strcmp(f->v.layer[i].module, name) == 0)
            f->v.layer[i].failing += fails;
}

static void find_notes(struct fake_result *f)
{
    find(f, Q8_LEVEL_INTEGRITY, false, "side-file", "tokenizer.json",
         "is not the reference's: <b>text</b> \x1b[2J decides, not weights");
    find(f, Q8_LEVEL_INTEGRITY, false, "no-status", Q8_WHOLE_MODEL, "config.json names no status");
    find(f, Q8_LEVEL_WEIGHTS, false, "ties", "model.layers.0.mlp.up_proj",
         "3 codes are off within rounding");
}

static void find_faults(struct fake_result *f)
{
    find(f, Q8_LEVEL_INTEGRITY, true, "carried", "model.norm.weight",
         "12 of 16384 bytes differ from the reference, the first at 40");
    find(f, Q8_LEVEL_INTEGRITY, true, "digest", FAKE_RESULT_HOSTILE ".txt",
         "the manifest's digest is another");
    find(f, Q8_LEVEL_INTEGRITY, true, "min-coverage", Q8_WHOLE_MODEL,
         "coverage 97.3 %, but at least 99 % are wanted (--min-coverage)");
    find(f, Q8_LEVEL_INTEGRITY, true, "scale-zero", "model.layers.2.self_attn.q_proj",
         "scale of row 7 is 0, but its codes are not: the row is multiplied as 0");
    find(f, Q8_LEVEL_WEIGHTS, true, "rows-swapped", "model.layers.1.mlp.down_proj",
         "rows 3 and 7 are each in the place of the other");
    find(f, Q8_LEVEL_WEIGHTS, true, "min-sqnr", "model.layers.1.mlp.down_proj",
         "SQNR 17.5 dB, but at least 30 dB are wanted (the default)");
    find(f, Q8_LEVEL_WEIGHTS, true, "byte-flip", FAKE_RESULT_WORSE,
         "code of row 1, column 2 is -5, not 123 <script>alert(1)</script>");
    find(f, Q8_LEVEL_MATMUL, true, "min-sqnr", "model.layers.1.mlp.down_proj",
         "SQNR 11.5 dB, but at least 20 dB are wanted (the default)");
    find(f, Q8_LEVEL_MATMUL, true, "drop", "model.layers.0.mlp.up_proj",
         "SQNR 35 dB, 1.5 dB below the baseline (base.json); at most 0.5 dB are allowed");
}

/* Layer 1's down_proj has two rows swapped: 38.5 dB become 17.5. */
static void spoil(struct fake_result *f)
{
    for (uint64_t i = 0; i < f->v.layers; i++) {
        struct q8_layer *layer = &f->v.layer[i];

        if (strcmp(layer->module, "model.layers.1.mlp.down_proj") != 0)
            continue;
        if (layer->have_weights)
            measure(layer, 17.5);
        if (layer->have_matmul)
            multiply(layer, 11.5);
        layer->weights.off = 57000;
        layer->weights.off_nearest = 57000. / (8192. * 28672);
        layer->weights.scales_off = 2;
        layer->weights.scale_off = 0.0625;
    }
}

static void set_options(struct fake_result *f, enum q8_level level)
{
    struct q8_verify *v = &f->v;

    f->reference.path = "/models/<Llama>-3.1-70B \"&\" friends";
    f->quantized.path = "/out/model-int8 <b>&amp;/";
    v->options.reference = &f->reference;
    v->options.quantized = &f->quantized;
    v->options.level = level;
    v->options.mode = Q8_MODES;
    v->options.threshold = (double)NAN;
    v->options.activations.tokens = 128;
    v->options.activations.seed = 1;
    v->engine = level >= Q8_LEVEL_MATMUL ? "cpu" : NULL;
    v->pairs.stored_b.layout = Q8_LAYOUT_BNB;
    q8_arch_init(&v->arch, "llama", "LlamaForCausalLM");
    for (unsigned i = 0; i < sizeof v->reference.byte; i++)
        v->reference.byte[i] = (unsigned char)i;
}

void fake_result_make(struct fake_result *f, uint64_t layers, enum q8_level level, bool fails)
{
    struct q8_verify *v = &f->v;

    memset(f, 0, sizeof *f);
    q8_arena_init(&f->mem, UINT64_MAX);
    set_options(f, level);
    v->layer = get(f, layers * FAKE_RESULT_ROLES + 3, sizeof *v->layer);
    add_layers(f, layers);
    v->files = 9; /* of the manifest */
    qsort(v->layer, v->layers, sizeof *v->layer, compare);
    q8_findings_init(&v->findings, &f->mem);
    find_notes(f);
    if (fails) {
        find_faults(f);
        spoil(f);
    }
    q8_findings_sort(&v->findings);
    for (uint64_t i = 0; i < v->layers; i++)
        v->total.failing_layers += v->layer[i].failing > 0;
    v->failed = fails;
    v->total.parameters = UINT64_C(70553706496);
    v->total.linear = UINT64_C(68451041280);
    v->total.int8 = UINT64_C(66602862325);
    v->total.coverage = 97.3;
    v->total.carried = 12;
    v->total.same = fails ? 11 : 12;
    v->total.weights_sqnr = level >= Q8_LEVEL_WEIGHTS ? 38.75 : (double)NAN;
    v->total.matmul_sqnr = level >= Q8_LEVEL_MATMUL ? 33.25 : (double)NAN;
    v->total.seconds = 86421.125;
}

char *fake_result_print(const struct fake_result *f, fake_result_fn *report)
{
    struct q8_err err = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out || !report(&f->v, out, &err) || fclose(out) != 0 || strlen(text) != size)
        abort();
    return text;
}

char *fake_result_report(fake_result_fn *report, uint64_t layers, enum q8_level level, bool fails)
{
    struct fake_result f;
    char *text;

    fake_result_make(&f, layers, level, fails);
    text = fake_result_print(&f, report);
    q8_arena_clear(&f.mem);
    return text;
}

unsigned fake_result_count(const char *text, const char *what)
{
    unsigned n = 0;

    while ((text = strstr(text, what)) != NULL) {
        text += strlen(what);
        n++;
    }
    return n;
}
