/* decode_f4.c - check of the operation decode_f4 */
#include "tests/checkkernels/check.h"

#include <math.h>
#include <string.h>

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->decode_f4(ret, in->x, in->n, in->group, in->extra);
    check_one_nan(ret, in->n);
}

/* By definition (OCP MX 1.0, table 5): 1.m * 2^(e - 1), 0.m for e = 0. */
static double value(unsigned code)
{
    const int exponent = code >> 1 & 3, m = code & 1;
    const double ret = ldexp(m + (exponent > 0) * 2, (exponent > 0 ? exponent : 1) - 2);

    return code & 8 ? -ret : ret;
}

/* All pairs of codes with one scale: their product in double is exact, so this is one rounding. */
static void check_scale(struct check *c, float scale, bool flush)
{
    uint8_t codes[256];
    float got[512], want[512];

    for (unsigned i = 0; i < 256; i++) {
        codes[i] = (uint8_t)i;
        want[2 * i] = (float)(value(i & 15) * (double)scale); /* the low half first */
        want[2 * i + 1] = (float)(value(i >> 4) * (double)scale);
    }
    check_one_nan(want, 512);
    (void)q8_denormals_flush(flush);
    c->fast.decode_f4(got, codes, 512, 512, &scale);
    check_that(c, q8_denormals_flush(false) == flush, "decode_f4 %s changes what denormals are",
               q8_isa_name(c->isa));
    check_one_nan(got, 512);
    check_that(c, memcmp(got, want, sizeof got) == 0, "decode_f4 %s: all codes times %a",
               q8_isa_name(c->isa), (double)scale);
}

/* All groups on a row of codes; scales of any kind. */
static void check_row(struct check *c, struct check_input *in)
{
    static float scale[CHECK_LONGEST];

    in->extra = scale;
    for (size_t i = 0; (in->group = check_group(c, in->n, i)) != 0; i++) {
        check_fill(c, scale, (in->n + in->group - 1) / in->group, Q8_FLOAT_F32, in->style, false,
                   false, 1);
        check_same(c, run, in, in->n * sizeof(float));
    }
}

void check_decode_f4(struct check *c)
{
    static const float scales[] = {1, -0.0f, 3.3f, 0x1p-127f, 0x1p-149f, 0x1p127f, -INFINITY, NAN};
    struct check_input in = {.what = "decode_f4"};

    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        check_scale(c, scales[i], false);
        check_scale(c, scales[i], true);
    }
    for (size_t i = 0; c->isa > 0 && (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++) {
            const size_t bytes = (in.n + 1) / 2;
            uint8_t *x = check_place(c, bytes, 1);

            for (size_t k = 0; k < bytes; k++)
                x[k] = (uint8_t)check_random(c);
            in.x = x;
            check_row(c, &in);
        }
}
