/* narrow.c - check of the operation narrow */
#include "tests/checkkernels/check.h"

#include <string.h>

#define PIECE 4096 /* of all ties, in floats */

static const char *const whats[Q8_FLOATS] = {"narrow f16", "narrow bf16", "narrow f32"};

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->narrow[in->type](ret, in->x, in->n);
}

/* Worked out by hand from the definition of the types. */
static void check_paper(struct check *c, bool flush)
{
    static const uint32_t x[] = {0x3f800000, 0x33800000, 0x33000000, 0x33000001, 0xb8000000,
                                 0x477fefff, 0x477ff000, 0xff800001, 0x00000001, 0x3f808000,
                                 0x3f818000, 0x7f7fffff, 0x80400000};
    static const uint16_t f16[] = {0x3c00, 0x0001, 0x0000, 0x0001, 0x8200, 0x7bff, 0x7c00,
                                   0xfe00, 0x0000, 0x3c04, 0x3c0c, 0x7c00, 0x8000},
                          bf16[] = {0x3f80, 0x3380, 0x3300, 0x3300, 0xb800, 0x4780, 0x4780,
                                    0xffc0, 0x0000, 0x3f80, 0x3f82, 0x7f80, 0x8040};
    const size_t n = sizeof x / sizeof *x;
    float floats[sizeof x / sizeof *x];
    uint16_t got[2][sizeof x / sizeof *x];

    memcpy(floats, x, sizeof x);
    (void)q8_denormals_flush(flush);
    c->fast.narrow[Q8_FLOAT_F16](got[0], floats, n);
    c->fast.narrow[Q8_FLOAT_BF16](got[1], floats, n);
    (void)q8_denormals_flush(false);
    check_that(c, memcmp(got[0], f16, sizeof f16) == 0, "narrow %s: f16, denormals %s",
               q8_isa_name(c->isa), flush ? "flushed" : "kept");
    check_that(c, memcmp(got[1], bf16, sizeof bf16) == 0, "narrow %s: bf16, denormals %s",
               q8_isa_name(c->isa), flush ? "flushed" : "kept");
}

/* Every float that ends as a tie of the type does, and those beside it. */
static void check_ties(struct check *c, struct check_input *in)
{
    static uint32_t x[PIECE];

    in->what = whats[in->type];
    in->n = PIECE;
    in->x = x;
    for (uint32_t tie = 0; tie < 0x20000; tie += PIECE / 4) {
        for (uint32_t i = 0; i < PIECE; i++) {
            const uint32_t bits = tie + i / 4;

            x[i] = (in->type == Q8_FLOAT_F16 ? 0x33000000 + (bits << 12) : bits << 15) + i % 4 - 2;
        }
        check_same(c, run, in, PIECE * 2);
    }
}

void check_narrow(struct check *c)
{
    struct check_input in = {0};

    check_paper(c, false);
    check_paper(c, true);
    if (c->isa == Q8_ISA_ref)
        return;
    for (in.type = Q8_FLOAT_F16; in.type <= Q8_FLOAT_BF16; in.type++)
        check_ties(c, &in);
    for (size_t i = 0; (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++)
            for (in.type = 0; in.type < Q8_FLOATS; in.type++) {
                void *x = check_place(c, in.n * sizeof(float), sizeof(float));

                check_fill(c, x, in.n, Q8_FLOAT_F32, in.style, false, false, 1);
                in.x = x;
                in.what = whats[in.type];
                check_same(c, run, &in, in.n * q8_float_bytes(in.type));
            }
}
