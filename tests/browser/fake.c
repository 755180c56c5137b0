/* fake.c - a result of q8-inspect without a model; the numbers are invented, but look like some */
#include "tests/browser/fake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *role;
    uint64_t rows, cols;
    double sqnr;
} roles[] = {
    {"self_attn.q_proj", 8192, 8192, 39},
    {"self_attn.k_proj", 1024, 8192, 38},
    {"self_attn.v_proj", 1024, 8192, 40},
    {"self_attn.o_proj", 8192, 8192, 37},
    {"mlp.gate_proj", 28672, 8192, 40},
    {"mlp.up_proj", 28672, 8192, 41},
    {"mlp.down_proj", 8192, 28672, 38},
    {"input_layernorm.weight", 8192, 0, 0},
    {"post_attention_layernorm.weight", 8192, 0, 0},
};

static void *get(struct fake *f, uint64_t count, uint64_t size)
{
    struct q8_err err = {0};
    void *p = q8_alloc(&f->mem, count, size, &err);

    if (!p)
        abort();
    return p;
}

/* Even in [0, 1); a linear congruential generator with Knuth's constants. */
static double draw(struct fake *f)
{
    f->seed = f->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(f->seed >> 11) * 0x1p-53;
}

static struct q8_numbers numbers(struct fake *f, uint64_t elements, double deviation)
{
    struct q8_numbers n = {
        .elements = elements,
        .zeros = elements / 100000,
        .denormals = 0,
        .mean = deviation * 1e-3 * (draw(f) - 0.5),
        .deviation = deviation,
        .absmax = deviation * (8 + 30 * draw(f) * draw(f)),
        .kurtosis = 3 + draw(f),
        .first_exponent = -24,
        .exponents = 27,
    };
    double sigma = log2(deviation);

    n.most = n.absmax;
    n.least = -n.absmax * 0.93;
    n.sum2 = deviation * deviation * (double)elements;
    n.histogram = get(f, (uint64_t)n.exponents, sizeof *n.histogram);
    for (int i = 0; i < n.exponents; i++) { /* about that of normal numbers */
        double x = exp2(n.first_exponent + i - sigma);

        n.histogram[i] = (uint64_t)((double)elements * x * 0.8 * exp(-x * x / 2));
    }
    n.histogram[25] = 3;
    return n;
}

static void fill_marks(struct fake *f, struct q8_matrix *m, const struct q8_subject *s)
{
    m->worsts = Q8_WORST_ROWS;
    for (unsigned i = 0; i < m->worsts; i++)
        m->worst[i] = (struct q8_row_mark){(uint64_t)(draw(f) * (double)s->view.rows),
                                           m->absmax.most / (1 + i * 0.1), 9.0 + draw(f)};
    m->have_columns = true;
    m->outliers = draw(f) < 0.25 ? 1 + (uint64_t)(10 * draw(f)) : 0;
    for (unsigned i = 0; i < m->outliers && i < Q8_OUTLIER_COLUMNS; i++)
        m->column[i] = (struct q8_column_mark){
            (uint64_t)(draw(f) * (double)s->view.cols), s->numbers.deviation * 3,
            s->numbers.absmax / (1 + i), 12.0 - i, 0.2 * draw(f) / (1 + i)};
}

static struct q8_matrix *matrix(struct fake *f, const struct q8_subject *s, double sqnr)
{
    static const double gain[Q8_COSTS] = {0, 0.02, 4.1, 5.2, 6.4};
    struct q8_matrix *m = get(f, 1, sizeof *m);
    double deviation = s->numbers.deviation;

    m->absmax = (struct q8_spread){deviation * 3, deviation * 4.2, s->numbers.absmax};
    m->crest = (struct q8_spread){3.4, 4.4, s->numbers.absmax / deviation};
    m->column_rms = (struct q8_spread){deviation * 0.8, deviation, deviation * 3};
    fill_marks(f, m, s);
    m->have_costs = true;
    sqnr += 3 * (draw(f) - 0.5);
    for (unsigned i = 0; i < Q8_COSTS; i++) {
        double x = sqnr + gain[i] * (sqnr < 25 ? 3 : 1);

        m->cost[i] = (struct q8_cost){NULL,
                                      UINT64_MAX,
                                      x,
                                      deviation * deviation * pow(10, -x / 10),
                                      s->numbers.absmax / 254,
                                      0.01 + 0.1 * draw(f)};
    }
    return m;
}

static struct q8_code_numbers *codes(struct fake *f)
{
    struct q8_code_numbers *c = get(f, 1, sizeof *c);

    *c = (struct q8_code_numbers){
        .scale = {2.1e-4, 7.9e-4, 3.2e-3 * (1 + draw(f))},
        .scales = 8192,
        .saturated = 1e-4 * draw(f),
        .least = -127,
        .most = 127,
        .used = 255 - (unsigned)(9 * draw(f)),
        .bits = 7.3 - 1.5 * draw(f) * draw(f),
    };
    return c;
}

static void add(struct fake *f, const char *name, const struct q8_subject *s, uint64_t rows,
                uint64_t cols, double sqnr)
{
    struct q8_tensor *t = get(f, 1, sizeof *t);
    struct q8_subject *to = &f->in.subject[f->in.subjects++];

    *t = (struct q8_tensor){.name = name,
                            .dtype = Q8_BF16,
                            .rank = cols ? 2 : 1,
                            .dim = {rows, cols},
                            .nbytes = 2 * rows * (cols ? cols : 1)};
    *to = *s;
    to->name = name;
    to->tensor = t;
    to->shown = true;
    to->view = (struct q8_view){.tensor = t, .rows = rows, .cols = cols};
    to->numbers = numbers(f, rows * (cols ? cols : 1), cols ? 0.02 : 0.4);
    if (!cols)
        return;
    if (f->in.stored.count && sqnr > 0) {
        to->codes = codes(f);
        t->dtype = Q8_I8;
    } else {
        to->matrix = matrix(f, to, sqnr);
        to->matrix->have_costs = sqnr > 0;
    }
}

static void add_layer(struct fake *f, uint64_t layer)
{
    struct q8_err err = {0};

    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
        struct q8_subject s = {.kind = roles[r].cols ? Q8_KIND_LINEAR : Q8_KIND_OTHER,
                               .layer = layer,
                               .role = roles[r].role};
        char *name = q8_sprintf(&f->mem, &err, "model.layers.%d.%s", (int)layer, roles[r].role);
        struct q8_subject *last;

        if (!name)
            abort();
        if (layer == 2 && r == 3) /* its place in the map stays empty */
            continue;
        add(f, name, &s, roles[r].rows, roles[r].cols,
            roles[r].sqnr - (layer == 1 && r == 6 ? 21 : 0) - (layer < 4 && r < 2 ? 9 : 0));
        last = &f->in.subject[f->in.subjects - 1];
        if (layer == 2 && r == 5) {
            last->numbers.nans = 2;
            if (last->matrix)
                last->matrix->unusable = 1;
        }
        if (layer % 16 == 3 && r == 1 && last->matrix)
            for (unsigned i = 2; i < Q8_COSTS; i++)
                last->matrix->cost[i].obstacle = "160 columns are not whole groups";
    }
}

static void add_extras(struct fake *f)
{
    struct q8_subject s = {.layer = UINT64_MAX, .kind = Q8_KIND_OTHER};
    struct q8_subject *last;

    s.role = FAKE_HOSTILE;
    add(f, FAKE_HOSTILE, &s, 64, 0, 0);
    s.role = "bad \xff\xe2\x80\xae\"bytes\" & 'quotes' </script><!--";
    add(f, s.role, &s, 64, 0, 0);
    last = &f->in.subject[f->in.subjects - 1];
    last->unmeasured = "<b>an I64 tensor</b> holds no weights";
    memset(&last->numbers, 0, sizeof last->numbers);
    s.role = "model.norm.weight";
    add(f, s.role, &s, 8192, 0, 0);
    s.kind = Q8_KIND_HEAD;
    s.role = "lm_head";
    add(f, s.role, &s, 128256, 8192, 0);
    s.kind = Q8_KIND_EMBEDDING;
    s.role = "model.embed_tokens";
    add(f, s.role, &s, 128256, 8192, 0);
    s = (struct q8_subject){.layer = 0, .kind = Q8_KIND_LINEAR};
    s.role = "<svg onload=alert(2)>";
    add(f, "model.layers.0.<svg onload=alert(2)>", &s, 256, 256, 36);
    s.layer = 1;
    add(f, "model.layers.1.<svg onload=alert(2)>", &s, 256, 256, 36);
}

static int compare(const void *a, const void *b)
{
    const struct q8_subject *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static void fill_outliers(struct fake *f, uint64_t layers)
{
    static const struct {
        uint64_t dimension;
        double share, factor;
    } found[] = {{2533, 0.95, 14}, {1415, 0.85, 9},  {4743, 0.6, 7.5},
                 {281, 0.35, 7},   {7890, 0.1, 6.4}, {3431, 0.05, 6.1}};
    enum { FOUND = sizeof found / sizeof *found };
    struct q8_outlier_list *list = &f->in.outliers;

    list->source = get(f, layers, sizeof *list->source);
    list->hit = get(f, layers * FOUND, sizeof *list->hit);
    list->feature = get(f, FOUND, sizeof *list->feature);
    list->sources = layers;
    list->count = FOUND;
    for (unsigned d = 0; d < FOUND; d++)
        list->feature[d] = (struct q8_feature){.dimension = found[d].dimension,
                                               .features = 8192,
                                               .of = layers,
                                               .least = 100,
                                               .median = found[d].factor};
    for (uint64_t i = 0; i < layers; i++) {
        list->source[i] = (struct q8_feature_source){"norm", "input_layernorm",       i, 8192, 0.4,
                                                     0,      "q_proj, k_proj, v_proj"};
        for (unsigned d = 0; d < FOUND; d++) {
            struct q8_feature *to = &list->feature[d];
            double factor = found[d].factor * (0.9 + 1.2 * draw(f) * draw(f));

            if (factor < 6 || (draw(f) > found[d].share && i > 0))
                continue;
            list->hit[list->hits++] =
                (struct q8_feature_hit){i, found[d].dimension, factor * 0.4, factor};
            list->source[i].outliers++;
            to->layers++;
            to->sources++;
            to->least = fmin(to->least, factor);
            to->most = fmax(to->most, factor);
            to->systematic = to->layers * 4 >= layers;
        }
    }
}

static void fill_doctor(struct fake *f)
{
    struct q8_suggestion *d = &f->suggestion;

    d->in = &f->in;
    d->cure = get(f, f->in.subjects, sizeof *d->cure);
    for (uint64_t i = 0; i < f->in.subjects; i++) {
        const struct q8_subject *s = &f->in.subject[i];
        double before = s->matrix && s->matrix->have_costs ? s->matrix->cost[1].sqnr : 99;
        bool groups = before < FAKE_MIN_SQNR && !s->matrix->cost[2].obstacle && before > 24;

        if (!(before < FAKE_MIN_SQNR))
            continue;
        f->in.total.below++;
        d->cure[d->cures] = (struct q8_cure){s,
                                             groups ? q8_target_find("ct-w8a16-g128") : NULL,
                                             before,
                                             groups ? s->matrix->cost[2].sqnr : (double)INFINITY,
                                             groups ? s->view.rows * s->view.cols / 64
                                                    : s->view.rows * s->view.cols,
                                             d->cures == 2 ? q8_arch_group(s->name) : NULL};
        d->bytes += d->cure[d->cures++].bytes;
    }
}

static void set_options(struct fake *f)
{
    struct q8_inspect *in = &f->in;

    memset(f, 0, sizeof *f);
    q8_arena_init(&f->mem, UINT64_MAX);
    f->seed = 8;
    f->model = (struct q8_model){.path = "/models/<Llama>-3.1-70B \"&\" friends",
                                 .dir = "/models",
                                 .bytes = UINT64_C(141107412992)};
    in->model = &f->model;
    in->options.target = q8_target_find("ct-w8a16");
    in->options.min_sqnr = FAKE_MIN_SQNR;
    in->options.threshold = 6;
    q8_arch_init(&in->arch, "llama", "LlamaForCausalLM");
}

void fake_make(struct fake *f, uint64_t layers, bool int8)
{
    struct q8_inspect *in = &f->in;

    set_options(f);
    in->stored.count = int8;
    in->stored.layout = int8 ? Q8_LAYOUT_PACKED : Q8_LAYOUT_NONE;
    in->subject = get(f, layers * 9 + 7, sizeof *in->subject);
    for (uint64_t l = 0; l < layers; l++)
        add_layer(f, l);
    add_extras(f);
    qsort(in->subject, in->subjects, sizeof *in->subject, compare);
    fill_outliers(f, layers);
    fill_doctor(f);
    in->total.tensors = in->subjects;
    in->total.parameters = UINT64_C(70553706496);
    in->total.linear = UINT64_C(68451041280);
    in->total.bad = 1;
    in->total.seconds = 86421.125;
    for (unsigned i = 0; i < Q8_COSTS; i++)
        in->total.sqnr[i] = int8 ? (double)NAN : 38.4 + 1.3 * i;
}

static void add_expert(struct fake *f, uint64_t layer, uint64_t expert)
{
    static const char *const leaf[] = {"down_proj", "gate_proj", "up_proj"};
    struct q8_err err = {0};

    for (int i = 0; i < 3; i++) {
        const bool low = layer == 1 && expert == 7 && i == 2;
        char *name = q8_sprintf(&f->mem, &err, "model.layers.%d.mlp.experts.%d.%s", (int)layer,
                                (int)expert, leaf[i]);
        struct q8_subject s = {.kind = Q8_KIND_EXPERT, .layer = layer};

        if (!name)
            abort();
        s.role = strstr(name, "mlp.");
        add(f, name, &s, i ? 2048 : 7168, i ? 7168 : 2048, low ? 12 : 38);
    }
}

void fake_make_experts(struct fake *f, uint64_t layers, uint64_t experts)
{
    struct q8_inspect *in = &f->in;

    set_options(f);
    in->subject = get(f, layers * (experts * 3 + 4), sizeof *in->subject);
    for (uint64_t layer = 0; layer < layers; layer++) {
        for (unsigned r = 0; r < 4; r++) {
            struct q8_err err = {0};
            struct q8_subject s = {.kind = Q8_KIND_LINEAR, .layer = layer, .role = roles[r].role};
            char *name = q8_sprintf(&f->mem, &err, "model.layers.%d.%s", (int)layer, s.role);

            if (!name)
                abort();
            add(f, name, &s, roles[r].rows, roles[r].cols, roles[r].sqnr);
        }
        for (uint64_t expert = 0; expert < experts; expert++)
            add_expert(f, layer, expert);
    }
    qsort(in->subject, in->subjects, sizeof *in->subject, compare);
    in->total.tensors = in->subjects;
    in->total.below = 1;
    for (unsigned i = 0; i < Q8_COSTS; i++)
        in->total.sqnr[i] = 38.4 + 1.3 * i;
}
