/* decode_zero.c - check of the operation decode_zero */
#include "tests/checkkernels/check.h"

#include <math.h>
#include <string.h>

/* What decode_zero gets beside the codes. */
struct extra {
    float step[CHECK_LONGEST], zero[CHECK_LONGEST];
};

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    const struct extra *e = in->extra;

    k->decode_zero(ret, in->x, in->n, in->group, e->step, e->zero);
    check_one_nan(ret, in->n);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c, bool flush)
{
    static const int8_t codes[] = {-128, 127, 8, 5, -1};
    static const float step[] = {0.5f, 0x1p-149f, NAN}, zero[] = {255, 7, 0};
    static const float want[] = {-191.5f, -64, 0x1p-149f, -0x1p-148f, NAN};
    float ret[5];

    (void)q8_denormals_flush(flush);
    c->fast.decode_zero(ret, codes, 5, 2, step, zero);
    check_that(c, q8_denormals_flush(false) == flush, "decode_zero %s changes what denormals are",
               q8_isa_name(c->isa));
    check_one_nan(ret, 5);
    check_that(c, memcmp(ret, want, sizeof want) == 0, "decode_zero %s: groups of 2, denormals %s",
               q8_isa_name(c->isa), flush ? "flushed" : "kept");
}

/* All groups on a row of codes; steps of any kind, zeros that are bytes or anything. */
static void check_row(struct check *c, struct check_input *in)
{
    static struct extra e;

    in->extra = &e;
    for (size_t i = 0; (in->group = check_group(c, in->n, i)) != 0; i++) {
        const size_t groups = (in->n + in->group - 1) / in->group;

        check_fill(c, e.step, groups, Q8_FLOAT_F32, in->style, false, false, 1);
        check_fill(c, e.zero, groups, Q8_FLOAT_F32, in->style, false, false, 1);
        for (size_t g = 0; check_random(c) % 4 && g < groups; g++)
            e.zero[g] = (float)(check_random(c) % 512) - 256;
        check_same(c, run, in, in->n * sizeof(float));
    }
}

void check_decode_zero(struct check *c)
{
    struct check_input in = {.what = "decode_zero"};

    check_paper(c, false);
    check_paper(c, true);
    for (size_t i = 0; c->isa > 0 && (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++) {
            int8_t *x = check_place(c, in.n, 1);

            for (size_t k = 0; k < in.n; k++)
                x[k] = (int8_t)check_random(c);
            in.x = x;
            check_row(c, &in);
        }
}
