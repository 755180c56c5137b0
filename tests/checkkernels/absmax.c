/* absmax.c - check of the operation absmax */
#include "tests/checkkernels/check.h"

#include <string.h>

#define UNTOUCHED 0xa5

static const char *const types[Q8_FLOATS] = {"f16", "bf16", "f32"};

static void compare(struct check *c, enum q8_float type, enum check_style style, const void *x,
                    size_t n, size_t group)
{
    static uint32_t want[CHECK_LONGEST + 2], got[CHECK_LONGEST + 2]; /* one kept on each side */
    size_t groups = (n + group - 1) / group, bytes = (groups + 2) * sizeof *want;

    memset(want, UNTOUCHED, bytes);
    memset(got, UNTOUCHED, bytes);
    if (sigsetjmp(check_fault, 0) != 0) {
        check_that(c, false, "absmax %s %s touches memory beyond its row: n %zu, group %zu",
                   types[type], q8_isa_name(c->isa), n, group);
        return;
    }
    c->ref.absmax[type](want + 1, x, n, group);
    c->fast.absmax[type](got + 1, x, n, group);
    check_that(c, memcmp(want, got, bytes) == 0 && want[groups + 1] == UNTOUCHED * 0x1010101u,
               "absmax %s %s: other bits than ref: style %s, n %zu, group %zu", types[type],
               q8_isa_name(c->isa), check_styles[style], n, group);
}

/* Worked out by hand from the definition of the types. */
static void check_paper(struct check *c)
{
    static const uint16_t zeros[] = {0x8000, 0, 0x8000},
                          f16[] = {0xbc00, 0x3bff, 0xfc00, 0xfc01, 1};
    static const uint32_t f32[] = {0x80000001, 0, 0x80000000, 0xff7fffff, 0x7f800000};
    uint32_t ret[3];

    c->fast.absmax[Q8_FLOAT_F16](ret, zeros, 3, 3);
    check_that(c, ret[0] == 0, "absmax %s: zeros of both signs", q8_isa_name(c->isa));
    c->fast.absmax[Q8_FLOAT_F16](ret, f16, 5, 2);
    check_that(c, ret[0] == 0x3c00 && ret[1] == 0x7c01 && ret[2] == 1,
               "absmax %s: 1.0 and below, -Inf and NaN, a denormal", q8_isa_name(c->isa));
    c->fast.absmax[Q8_FLOAT_F32](ret, f32, 5, 3);
    check_that(c, ret[0] == 1 && ret[1] == 0x7f800000, "absmax %s: a denormal, Inf",
               q8_isa_name(c->isa));
}

void check_absmax(struct check *c)
{
    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    for (size_t i = 0, n; (n = check_length(i)) != SIZE_MAX; i++)
        for (enum check_style style = 0; style < CHECK_STYLES; style++)
            for (enum q8_float type = 0; type < Q8_FLOATS; type++) {
                size_t size = type == Q8_FLOAT_F32 ? 4 : 2, group;
                void *x = check_place(c, n * size, size);

                check_fill(c, x, n, type, style, false, false, 1);
                for (size_t g = 0; (group = check_group(c, n, g)) != 0; g++)
                    compare(c, type, style, x, n, group);
            }
}
