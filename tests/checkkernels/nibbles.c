/* nibbles.c - check of the operation nibbles */
#include "tests/checkkernels/check.h"

#include <string.h>

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->nibbles(ret, in->x, in->n);
}

/* Every byte; an odd length leaves the last half out. */
static void check_paper(struct check *c)
{
    uint8_t packed[256];
    int8_t want[512], got[512];

    for (int i = 0; i < 256; i++) {
        packed[i] = (uint8_t)i;
        want[2 * i] = (int8_t)(i % 16 - 8);
        want[2 * i + 1] = (int8_t)(i / 16 - 8);
    }
    got[511] = want[511] = 99;
    c->fast.nibbles(got, packed, 511);
    check_that(c, memcmp(got, want, sizeof got) == 0, "nibbles %s: every byte",
               q8_isa_name(c->isa));
}

void check_nibbles(struct check *c)
{
    struct check_input in = {.what = "nibbles"};

    check_paper(c);
    for (size_t i = 0; c->isa > 0 && (in.n = check_length(i)) != SIZE_MAX; i++)
        for (int turn = 0; turn < 8; turn++) {
            const size_t bytes = (in.n + 1) / 2;
            uint8_t *x = check_place(c, bytes, 1);

            for (size_t k = 0; k < bytes; k++)
                x[k] = (uint8_t)check_random(c);
            in.x = x;
            check_same(c, run, &in, in.n);
        }
}
