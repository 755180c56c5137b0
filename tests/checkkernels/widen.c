/* widen.c - check of the operation widen */
#include "tests/checkkernels/check.h"

#include <string.h>

static const char *const whats[Q8_FLOATS] = {"widen f16", "widen bf16", "widen f32"};

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->widen[in->type](ret, in->x, in->n);
}

/* Worked out by hand from the definition of the types. */
static void check_paper(struct check *c)
{
    static const uint16_t f16[] = {0x3c00, 1, 0xfc01, 0x8000, 0x7bff, 0x7c00},
                          bf16[] = {0x3f80, 1, 0xff81, 0x8000};
    static const uint32_t f32[] = {1, 0xff800001},
                          from_f16[] = {0x3f800000, 0x33800000, 0xffc02000,
                                        0x80000000, 0x477fe000, 0x7f800000},
                          from_bf16[] = {0x3f800000, 0x00010000, 0xff810000, 0x80000000};
    const char *isa = q8_isa_name(c->isa);
    float ret[6];

    c->fast.widen[Q8_FLOAT_F16](ret, f16, 6);
    check_that(c, memcmp(ret, from_f16, sizeof from_f16) == 0,
               "widen %s: f16 1, 2^-24, a signaling NaN, -0, 65504, Inf", isa);
    c->fast.widen[Q8_FLOAT_BF16](ret, bf16, 4);
    check_that(c, memcmp(ret, from_bf16, sizeof from_bf16) == 0,
               "widen %s: bf16 1, a denormal, a signaling NaN, -0", isa);
    c->fast.widen[Q8_FLOAT_F32](ret, f32, 2);
    check_that(c, memcmp(ret, f32, sizeof f32) == 0, "widen %s: f32 stays as it is", isa);
}

/* Every 16-bit pattern, in rows of 4,096. */
static void check_patterns(struct check *c)
{
    static uint16_t x[4096];
    struct check_input in = {.n = 4096, .x = x};

    for (in.type = Q8_FLOAT_F16; in.type <= Q8_FLOAT_BF16; in.type++)
        for (uint32_t first = 0; first < 0x10000; first += 4096) {
            for (uint32_t i = 0; i < 4096; i++)
                x[i] = (uint16_t)(first + i);
            in.what = whats[in.type];
            check_same(c, run, &in, in.n * sizeof(float));
        }
}

void check_widen(struct check *c)
{
    struct check_input in = {0};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    check_patterns(c);
    for (size_t i = 0; (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++)
            for (in.type = 0; in.type < Q8_FLOATS; in.type++) {
                size_t size = in.type == Q8_FLOAT_F32 ? 4 : 2;
                void *x = check_place(c, in.n * size, size);

                check_fill(c, x, in.n, in.type, in.style, false, false, 1);
                in.x = x;
                in.what = whats[in.type];
                check_same(c, run, &in, in.n * sizeof(float));
            }
}
