/* decode_f8.c - check of the operation decode_f8 */
#include "tests/checkkernels/check.h"

#include <math.h>
#include <string.h>

static const char *const whats[Q8_FLOAT8S] = {"decode_f8 e4m3", "decode_f8 e5m2"};

/* What decode_f8 gets beside the codes. */
struct extra {
    enum q8_float8 type;
    float scale[CHECK_LONGEST];
};

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    const struct extra *e = in->extra;

    k->decode_f8[e->type](ret, in->x, in->n, in->group, e->scale);
    check_one_nan(ret, in->n);
}

/* By definition (OCP OFP8, table 1): 1.m * 2^(e - bias), 0.m * 2^(1 - bias) for e = 0. */
static double value(enum q8_float8 type, uint8_t code)
{
    const int fraction = type == Q8_FLOAT8_E4M3 ? 3 : 2, bias = type == Q8_FLOAT8_E4M3 ? 7 : 15;
    const int exponent = (code & 0x7f) >> fraction, m = code & ((1 << fraction) - 1);
    double ret = ldexp(m + (exponent > 0) * (1 << fraction),
                       (exponent > 0 ? exponent : 1) - bias - fraction);

    if (type == Q8_FLOAT8_E4M3 && (code & 0x7f) == 0x7f)
        ret = NAN;
    if (type == Q8_FLOAT8_E5M2 && exponent == 31)
        ret = m > 0 ? NAN : INFINITY;
    return code & 0x80 ? -ret : ret;
}

/* All codes with one scale: their product in double is exact, so this is one rounding. */
static void check_scale(struct check *c, enum q8_float8 type, float scale, bool flush)
{
    uint8_t codes[256];
    float got[256], want[256];

    for (unsigned i = 0; i < 256; i++) {
        codes[i] = (uint8_t)i;
        want[i] = (float)(value(type, codes[i]) * (double)scale);
    }
    check_one_nan(want, 256);
    (void)q8_denormals_flush(flush);
    c->fast.decode_f8[type](got, codes, 256, 256, &scale);
    check_that(c, q8_denormals_flush(false) == flush, "%s %s changes what denormals are",
               whats[type], q8_isa_name(c->isa));
    check_one_nan(got, 256);
    check_that(c, memcmp(got, want, sizeof got) == 0, "%s %s: all codes times %a, denormals %s",
               whats[type], q8_isa_name(c->isa), (double)scale, flush ? "flushed" : "kept");
}

static void check_scales(struct check *c, enum q8_float8 type, bool flush)
{
    static const float scales[] = {
        1,         -1,        0,        -0.0f,      3.3f,     0x1p-126f,       0x1p-127f,
        0x1p-149f, 0x1p119f,  0x1p120f, 0x1.8p120f, 0x1p127f, 0x1.fffffep127f, -0x1.2p-140f,
        INFINITY,  -INFINITY, NAN};

    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        check_scale(c, type, scales[i], flush);
    for (int exponent = -149; exponent <= 127; exponent++)
        check_scale(c, type, ldexpf(1 + (float)(check_random(c) >> 9) * 0x1p-23f, exponent), flush);
}

/* All groups on a row of codes; scales of any kind. */
static void check_row(struct check *c, struct check_input *in, struct extra *e)
{
    for (size_t i = 0; (in->group = check_group(c, in->n, i)) != 0; i++) {
        check_fill(c, e->scale, (in->n + in->group - 1) / in->group, Q8_FLOAT_F32, in->style, false,
                   false, 1);
        check_same(c, run, in, in->n * sizeof(float));
    }
}

void check_decode_f8(struct check *c)
{
    static struct extra e;
    struct check_input in = {.extra = &e};

    for (e.type = 0; e.type < Q8_FLOAT8S; e.type++) {
        in.what = whats[e.type];
        check_scales(c, e.type, false);
        check_scales(c, e.type, true);
        for (size_t i = 0; c->isa > 0 && (in.n = check_length(i)) != SIZE_MAX; i++)
            for (in.style = 0; in.style < CHECK_STYLES; in.style++) {
                uint8_t *x = check_place(c, in.n, 1);

                for (size_t k = 0; k < in.n; k++)
                    x[k] = (uint8_t)check_random(c);
                in.x = x;
                check_row(c, &in, &e);
            }
    }
}
