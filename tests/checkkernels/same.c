/* same.c - two versions of an operation on one input: the same bytes, and no others */
#include "tests/checkkernels/check.h"

#include <math.h>
#include <string.h>

#define MARGIN 128 /* untouched bytes on both sides of the result: two vectors */
#define UNTOUCHED 0xa5

static bool is_untouched(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != UNTOUCHED)
            return false;
    return true;
}

static void compare(struct check *c, check_run_fn run, const struct check_input *in, size_t bytes,
                    bool flush)
{
    static _Alignas(64) unsigned char want[CHECK_RESULT + 2 * MARGIN],
        got[CHECK_RESULT + 2 * MARGIN];
    const size_t all = bytes + 2 * MARGIN, at = MARGIN - 8 * (check_random(c) % 8);
    const char *isa = q8_isa_name(c->isa), *style = check_styles[in->style];
    const char *denormals = flush ? "flushed" : "kept";

    memset(want, UNTOUCHED, all);
    memset(got, UNTOUCHED, all);
    if (sigsetjmp(check_fault, 0) != 0) {
        (void)q8_denormals_flush(false);
        check_that(c, false, "%s %s touches memory beyond its row: n %zu, group %zu, rows %zu",
                   in->what, isa, in->n, in->group, in->rows);
        return;
    }
    (void)q8_denormals_flush(flush);
    run(&c->ref, in, want + at);
    run(&c->fast, in, got + at);
    (void)q8_denormals_flush(false);
    check_that(c, memcmp(want, got, all) == 0,
               "%s %s: other bits than ref: style %s, n %zu, group %zu, rows %zu, denormals %s",
               in->what, isa, style, in->n, in->group, in->rows, denormals);
    check_that(c, is_untouched(got, at) && is_untouched(got + at + bytes, all - at - bytes),
               "%s %s writes beyond its result: n %zu, group %zu, rows %zu", in->what, isa, in->n,
               in->group, in->rows);
}

void check_same(struct check *c, check_run_fn run, const struct check_input *in, size_t bytes)
{
    compare(c, run, in, bytes, false);
    compare(c, run, in, bytes, true);
}

void check_one_nan(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]))
            x[i] = NAN;
}
