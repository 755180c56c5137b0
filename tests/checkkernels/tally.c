/* tally.c - check of the operation tally */
#include "tests/checkkernels/check.h"

#include <string.h>

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    k->tally(ret, in->x, in->n); /* to what the bytes in ret happen to say */
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const int8_t codes[] = {-128, 127, -1, -1, 0};
    uint64_t count[256] = {[5] = 3, [127] = 10}, want[256] = {[5] = 3, [127] = 11};

    want[0] = want[128] = 1;
    want[255] = 2;
    c->fast.tally(count, codes, 5);
    check_that(c, memcmp(count, want, sizeof want) == 0, "tally %s: of -128, 127, -1, -1, 0",
               q8_isa_name(c->isa));
}

void check_tally(struct check *c)
{
    struct check_input in = {.what = "tally"};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    for (size_t i = 0; (in.n = check_length(i)) != SIZE_MAX; i++) {
        int8_t *x = check_place(c, in.n, 1);

        for (size_t k = 0; k < in.n; k++)
            x[k] = (int8_t)(i % 2 ? check_random(c) : check_random(c) % 3);
        in.x = x;
        check_same(c, run, &in, 256 * sizeof(uint64_t));
    }
}
