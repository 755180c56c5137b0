/* widen_e8m0.c - check of the operation widen_e8m0 */
#include "tests/checkkernels/check.h"

#include <math.h>
#include <string.h>

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->widen_e8m0(ret, in->x, in->n);
}

/* Every byte, by definition (OCP MX 1.0, 5.4.1), denormals flushed. */
static void check_paper(struct check *c)
{
    uint8_t x[256];
    float want[256], got[256];

    for (int i = 0; i < 256; i++) {
        x[i] = (uint8_t)i;
        want[i] = i < 255 ? (float)ldexp(1, i - 127) : NAN;
    }
    (void)q8_denormals_flush(true);
    c->fast.widen_e8m0(got, x, 256);
    (void)q8_denormals_flush(false);
    check_that(c, memcmp(got, want, sizeof got) == 0, "widen_e8m0 %s: every byte",
               q8_isa_name(c->isa));
}

void check_widen_e8m0(struct check *c)
{
    struct check_input in = {.what = "widen_e8m0"};

    check_paper(c);
    for (size_t i = 0; c->isa > 0 && (in.n = check_length(i)) != SIZE_MAX; i++)
        for (int turn = 0; turn < 8; turn++) {
            uint8_t *x = check_place(c, in.n, 1);

            for (size_t k = 0; k < in.n; k++)
                x[k] = (uint8_t)(check_random(c) % 4 ? check_random(c) : check_random(c) % 2 - 1);
            in.x = x;
            check_same(c, run, &in, in.n * sizeof(float));
        }
}
