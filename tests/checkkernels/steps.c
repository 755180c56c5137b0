/* steps.c - check of the operation steps */
#include "tests/checkkernels/check.h"

#include <string.h>

#define MOST_PARTS 9

static const char *const whats[Q8_FLOATS] = {"steps f16", "steps bf16", "steps f32"};

/* Steps, and behind them the factors; group is the parts of one. */
static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->steps[in->type]((float *)ret + in->n, ret, in->x, in->n, in->group);
}

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* One step and factor of every version. */
static void expect(struct check *c, enum q8_float type, float absmax, float step, float factor)
{
    const uint32_t bits = bits_of(absmax);
    float got[2];

    c->fast.steps[type](&got[1], &got[0], &bits, 1, 1);
    check_that(c, got[0] == step && got[1] == factor, "%s %s: absmax %a gives %a, %a", whats[type],
               q8_isa_name(c->isa), (double)absmax, (double)got[0], (double)got[1]);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const float epsilon[Q8_FLOATS] = {0x1p-10f, 0x1p-7f, 0x1p-23f};
    const uint32_t absmax[] = {bits_of(127.5f), bits_of(255), 0, bits_of(1), bits_of(510), 0};
    float step[2], factor[2];

    for (enum q8_float type = 0; type < Q8_FLOATS; type++) {
        expect(c, type, 255, 2, 0.5f);
        expect(c, type, 0, 0, 0);
        expect(c, type, 127.5f * 1.001953125f, type == Q8_FLOAT_BF16 ? 1 : 1.001953125f,
               type == Q8_FLOAT_BF16 ? 1 : 1 / 1.001953125f);
        c->fast.steps[type](factor, step, absmax, 2, 3); /* the largest of 3 */
        check_that(c, step[0] == 2 && step[1] == 4 && factor[0] == 0.5f && factor[1] == 0.25f,
                   "%s %s: groups of 3 parts", whats[type], q8_isa_name(c->isa));
    }
    /* an epsilon for a step that rounds to 0, and a least denormal of fp16 that does not */
    expect(c, Q8_FLOAT_F16, 127.5f * 0x1p-26f, epsilon[Q8_FLOAT_F16], 0x1p10f);
    expect(c, Q8_FLOAT_F16, 127.5f * 0x1p-24f, 0x1p-24f, 0x1p24f);
    expect(c, Q8_FLOAT_BF16, 0x1p-149f, epsilon[Q8_FLOAT_BF16], 0x1p7f);
    expect(c, Q8_FLOAT_F32, 0x1p-149f, epsilon[Q8_FLOAT_F32], 0x1p23f);
    /* ties of bf16 go to even */
    expect(c, Q8_FLOAT_BF16, 127.5f * 1.00390625f, 1, 1);
    expect(c, Q8_FLOAT_BF16, 127.5f * 1.01171875f, 1.015625f, 1 / 1.015625f);
    /* the least step that is kept, and one that is not */
    expect(c, Q8_FLOAT_BF16, 127.5f * 0x1p-100f, 0x1p-100f, 0x1p100f);
    expect(c, Q8_FLOAT_BF16, 127.5f * 0x1p-101f, 0, 0);
    expect(c, Q8_FLOAT_F32, 127 * 0x1p-100f, 0, 0);
}

/* Absmax of any size: as weights have them, 0, denormals, around the least step, up to the end. */
static void draw(struct check *c, enum check_style style, uint32_t *x, size_t n)
{
    check_fill(c, x, n, Q8_FLOAT_F32, style, true, false, 1);
    for (size_t i = 0; i < n; i++)
        x[i] &= 0x7fffffff;
    for (size_t i = 0; i < n; i++)
        switch (check_random(c) % 8) {
        case 0: x[i] = 0; break;
        case 1: x[i] = bits_of(127.5f * Q8_STEP_LEAST) + check_random(c) % 9 - 4; break;
        case 2: x[i] = bits_of(127.5f * 0x1p-25f) + check_random(c) % 9 - 4; break;
        case 3: x[i] = check_random(c) % 0x7f800000; break;
        default: break;
        }
}

void check_steps(struct check *c)
{
    struct check_input in = {0};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    for (size_t i = 0; (in.n = check_length(i)) <= 1000; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++)
            for (in.group = 1; in.group <= MOST_PARTS; in.group++) {
                uint32_t *x = check_place(c, in.n * in.group * sizeof *x, sizeof *x);

                draw(c, in.style, x, in.n * in.group);
                in.x = x;
                for (in.type = 0; in.type < Q8_FLOATS; in.type++) {
                    in.what = whats[in.type];
                    check_same(c, run, &in, 2 * in.n * sizeof(float));
                }
            }
}
