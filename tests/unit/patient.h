/* patient.h - two small int8 weights that a test damages, and what the diagnosis says of them */
#ifndef Q8_TESTS_PATIENT_H
#define Q8_TESTS_PATIENT_H

#include "src/verify/diagnose/diagnose.h"
#include "src/compare/match.h"
#include "src/scheme/encode.h"
#include "src/scheme/target.h"
#include "tests/unit/scratch.h"

#include <math.h>

#define PATIENT_ELEMENTS (256 * 1024) /* of a weight, at most */

/* How weights are stored. */
enum layout { BITSANDBYTES, CHANNEL, PACKED, GROUPS, LAYOUTS };

static const char *const layout_names[LAYOUTS] = {"bnb-int8", "ct-w8a8", "ct-w8a16",
                                                  "ct-w8a16-g32"};

/* Two modules "m.0.up" and "m.1.up" of one shape; the first is the patient. */
struct patient {
    enum layout layout;
    bool half;    /* the reference is BF16, and so are scales; else both are F32 */
    bool library; /* codes by llm-compressor's own rule */
    bool plain;   /* packed without ^ 0x80, or ^ 0x80 where plain codes belong */
    bool shared;  /* one scale for all rows (CHANNEL) */
    bool turned;  /* its reference is stored [cols, rows], of a GPT-2 */
    uint64_t rows, cols, groups;
    float x[2][PATIENT_ELEMENTS];
    int8_t codes[2][PATIENT_ELEMENTS], was[2][PATIENT_ELEMENTS];
    /* [rows, groups] as their type holds them; as they were made */
    float scales[2][PATIENT_ELEMENTS], right[2][PATIENT_ELEMENTS];
    uint64_t seed;
};

/* What came of it. */
struct verdict {
    struct scratch a, b;
    struct q8_verify verify;
    struct q8_layer layer[2];
    struct q8_pool pool;
    bool ok;
};

static inline uint64_t patient_random(struct patient *p, uint64_t below)
{
    p->seed = p->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (p->seed >> 33) % below;
}

/* As the type of the weight holds it. */
static inline float patient_round(const struct patient *p, float value)
{
    return p->half ? q8_bf16_to_float(q8_float_to_bf16(value)) : value;
}

/* llm-compressor's code of a weight: its quotient is rounded if that is `library`. */
static inline int8_t patient_code(const struct patient *p, float x, float scale)
{
    const float y = p->library ? patient_round(p, x / scale) : x / scale;

    return (int8_t)rintf(fminf(fmaxf(y, -128), 127));
}

/* Codes and scales of a weight. */
static inline void patient_encode(struct patient *p, int which, const float *x)
{
    const struct q8_scheme *scheme = q8_target_find(layout_names[p->layout])->scheme;
    const bool narrow = p->half && p->layout != BITSANDBYTES;
    static unsigned char scales[PATIENT_ELEMENTS * 4];
    struct q8_encoder e = {.scheme = scheme};
    const struct q8_tile tile = {
        .x = x,
        .type = Q8_FLOAT_F32,
        .rows = p->rows,
        .cols = p->cols,
        .codes = p->codes[which],
        .scales = scales,
        .scale_dtype = narrow ? Q8_BF16 : Q8_F32,
    };
    struct q8_stats stats = {0};
    struct q8_arena mem;
    struct q8_err err = {0};

    q8_arena_init(&mem, 16 << 20);
    if (!q8_encoder_init(&e, Q8_ISA_ref, p->cols, &mem, &err) ||
        !q8_encode_rows(&e, &tile, &stats, &err))
        abort();
    for (uint64_t i = 0; i < p->rows * p->groups; i++) {
        uint32_t bits = 0;

        memcpy(&bits, scales + i * (narrow ? 2 : 4), narrow ? 2 : 4);
        p->scales[which][i] = q8_bits_to_float(narrow ? Q8_FLOAT_BF16 : Q8_FLOAT_F32, bits);
    }
    for (uint64_t i = 0; p->shared && i < p->rows; i++) /* the largest step is that of all */
        p->scales[which][0] = fmaxf(p->scales[which][0], p->scales[which][i]);
    for (uint64_t i = 0; (p->library || p->shared) && i < p->rows * p->cols; i++)
        p->codes[which][i] =
            patient_code(p, x[i], p->scales[which][p->shared ? 0 : i / (p->cols / p->groups)]);
    q8_arena_clear(&mem);
}

/*
 * Random weights, nearly normal; rows have their own sizes.  Both have two rows alike, and two
 * rows of zeros.
 */
static inline void patient_make(struct patient *p)
{
    p->groups = p->layout == GROUPS ? p->cols / 32 : 1;
    for (int w = 0; w < 2; w++) {
        for (uint64_t i = 0; i < p->rows * p->cols; i++) {
            float sum = 0;

            for (unsigned k = 0; k < 4; k++)
                sum += (float)patient_random(p, 20001) - 10000;
            p->x[w][i] = patient_round(p, sum * (1 + (float)(i / p->cols * 37 % 11)) / 1e6f);
        }
        memcpy(p->x[w] + 5 * p->cols, p->x[w] + 2 * p->cols, p->cols * sizeof(float));
        memset(p->x[w] + 9 * p->cols, 0, p->cols * sizeof(float));
        memset(p->x[w] + (p->rows - 3) * p->cols, 0, p->cols * sizeof(float));
        patient_encode(p, w, p->x[w]);
    }
    for (int w = 0; w < 2; w++) {
        memcpy(p->was[w], p->codes[w], p->rows * p->cols);
        memcpy(p->right[w], p->scales[w], p->rows * p->groups * sizeof(float));
    }
}

/* Floats as the file has them; returns bytes. */
static inline uint64_t patient_floats(const float *x, uint64_t n, bool narrow, void *ret)
{
    for (uint64_t i = 0; i < n; i++) {
        const uint16_t bits = q8_float_to_bf16(x[i]);

        if (narrow)
            memcpy((char *)ret + i * 2, &bits, 2);
        else
            memcpy((char *)ret + i * 4, &x[i], 4);
    }
    return n * (narrow ? 2 : 4);
}

/* The files of both models. */
static inline void patient_write(const struct patient *p, struct verdict *v)
{
    static const char *const modules[2] = {"m.0.up", "m.1.up"};
    static const char *const gpt2[2] = {"transformer.h.0.attn.c_proj",
                                        "transformer.h.1.attn.c_proj"};
    static const char *const config =
        "{\"architectures\": [\"GPT2LMHeadModel\"], \"model_type\": \"gpt2\"}";
    static char names[8][64], shapes[4][40];
    static unsigned char data[8][PATIENT_ELEMENTS * 4];
    static const char *const parts[LAYOUTS][2] = {{"weight", "SCB"},
                                                  {"weight", "weight_scale"},
                                                  {"weight_packed", "weight_scale"},
                                                  {"weight_packed", "weight_scale"}};
    const int64_t shape[2] = {(int64_t)p->rows, (int64_t)p->cols};
    const bool packed = p->layout >= PACKED, scb = p->layout == BITSANDBYTES;
    const uint64_t elements = p->rows * p->cols;
    struct scratch_tensor a[2], b[6];
    size_t count = 0;

    (void)snprintf(shapes[0], sizeof shapes[0], "[%d,%d]", (int)p->rows, (int)p->cols);
    (void)snprintf(shapes[1], sizeof shapes[1], "[%d,%d]", (int)p->rows, (int)p->cols / 4);
    (void)snprintf(shapes[2], sizeof shapes[2], scb ? "[%d]" : "[%d,%d]",
                   p->shared ? 1 : (int)p->rows, (int)p->groups);
    (void)snprintf(shapes[3], sizeof shapes[3], "[%d,%d]", (int)p->cols, (int)p->rows);
    for (int w = 0; w < 2; w++) {
        static float turned[PATIENT_ELEMENTS];
        const char *const *module = p->turned ? gpt2 : modules;

        for (int k = 0; k < 4; k++)
            (void)snprintf(names[w * 4 + k], sizeof names[0], "%s.%s", module[w],
                           k == 0   ? "weight"
                           : k == 3 ? "weight_shape"
                                    : parts[p->layout][k - 1]);
        for (uint64_t i = 0; i < elements; i++)
            turned[i] = p->turned ? p->x[w][i % p->rows * p->cols + i / p->rows] : p->x[w][i];
        a[w] = (struct scratch_tensor){names[w * 4], p->half ? "BF16" : "F32",
                                       shapes[p->turned ? 3 : 0], data[w * 4], 0};
        a[w].bytes = patient_floats(turned, elements, p->half, data[w * 4]);
        for (uint64_t i = 0; i < elements; i++)
            data[w * 4 + 1][i] =
                (uint8_t)(p->codes[w][i] ^ (packed != (p->plain && w == 0) ? 0x80 : 0));
        b[count++] = (struct scratch_tensor){names[w * 4 + 1], packed ? "I32" : "I8",
                                             shapes[packed], data[w * 4 + 1], elements};
        b[count] = (struct scratch_tensor){names[w * 4 + 2], p->half && !scb ? "BF16" : "F32",
                                           shapes[2], data[w * 4 + 2], 0};
        b[count++].bytes = patient_floats(p->scales[w], p->shared ? 1 : p->rows * p->groups,
                                          p->half && !scb, data[w * 4 + 2]);
        if (packed)
            b[count++] = (struct scratch_tensor){names[w * 4 + 3], "I64", "[2]", shape, 16};
    }
    scratch_make(&v->a, p->turned ? config : NULL, a, 2);
    scratch_make(&v->b, p->turned ? config : NULL, b, count);
}

static inline bool patient_item(void *self, uint64_t i, unsigned worker, struct q8_pool *pool,
                                struct q8_err *err)
{
    struct verdict *v = self;

    (void)worker;
    return q8_diagnose(&v->verify, &v->layer[i], true, pool, err);
}

/* Examines the first of them.  Close the verdict. */
static inline void patient_examine(const struct patient *p, struct verdict *v)
{
    struct q8_verify *verify = &v->verify;

    *v = (struct verdict){.pool = {.threads = 1, .item = patient_item}};
    patient_write(p, v);
    if (!scratch_open(&v->a) || !scratch_open(&v->b)) {
        (void)fprintf(stderr, "%s%s\n", v->a.err.text, v->b.err.text);
        abort();
    }
    verify->options = (struct q8_verify_options){
        .reference = &v->a.model, .quantized = &v->b.model, .isa = q8_isa_detect(Q8_ISAS)};
    verify->pairs.options = (struct q8_compare_options){.a = &v->a.model, .b = &v->b.model};
    if (!q8_compare_pair(&verify->pairs, &v->a.mem, &v->a.err) || verify->pairs.items != 2) {
        (void)fprintf(stderr, "%d items %s\n", (int)verify->pairs.items, v->a.err.text);
        abort();
    }
    for (int w = 0; w < 2; w++)
        v->layer[w] = (struct q8_layer){
            .module = w ? "second" : "first",
            .item = &verify->pairs.item[w],
            .have_weights = true,
            .weights.scales_off =
                memcmp(p->scales[w], p->right[w], p->rows * p->groups * sizeof(float)) != 0,
            .stored = q8_xxh_once(p->codes[w], p->rows * p->cols),
            .expected = q8_xxh_once(p->was[w], p->rows * p->cols),
        };
    verify->layer = v->layer;
    verify->layers = 2;
    q8_findings_init(&verify->findings, &v->a.mem);
    v->pool.progress.items_total = 1;
    v->pool.self = v;
    v->ok = q8_pool_run(&v->pool, &v->a.err);
    q8_findings_sort(&verify->findings);
}

static inline void patient_release(struct verdict *v)
{
    scratch_close(&v->a);
    scratch_close(&v->b);
}

#endif
