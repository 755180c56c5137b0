/* decode.c - check of the operation decode */
#include "tests/checkkernels/check.h"

#include <string.h>

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->decode(ret, in->x, in->n, in->group, in->extra);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const int8_t codes[] = {-128, 127, 0, 5, -1};
    static const float step[] = {0.5f, 2, 0.25f}, want[] = {-64, 63.5f, 0, 10, -0.25f};
    float ret[5];

    c->fast.decode(ret, codes, 5, 2, step);
    check_that(c, memcmp(ret, want, sizeof want) == 0, "decode %s: groups of 2",
               q8_isa_name(c->isa));
}

/* All groups on a row of codes; steps of any size, denormals too. */
static void check_row(struct check *c, struct check_input *in)
{
    static float step[CHECK_LONGEST];

    in->extra = step;
    for (size_t i = 0; (in->group = check_group(c, in->n, i)) != 0; i++) {
        size_t groups = (in->n + in->group - 1) / in->group;

        check_fill(c, step, groups, Q8_FLOAT_F32, in->style, true, false, 1);
        check_same(c, run, in, in->n * sizeof(float));
    }
}

void check_decode(struct check *c)
{
    struct check_input in = {.what = "decode"};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    for (size_t i = 0; (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++) {
            int8_t *x = check_place(c, in.n, 1);

            for (size_t k = 0; k < in.n; k++)
                x[k] = (int8_t)check_random(c);
            in.x = x;
            check_row(c, &in);
        }
}
