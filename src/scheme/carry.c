/* carry.c - int8 codes of one file that are codes of another: nothing is rounded */
#include "src/scheme/carry.h"

#include "src/base/num.h"
#include "src/model/floats.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

bool q8_carry_init(struct q8_carry *ret, const struct q8_tensor *t, const struct q8_scheme *scheme,
                   uint64_t group)
{
    struct q8_carry c = {.coded = t->coded,
                         .absmax = q8_scheme_part(scheme, Q8_PART_ABSMAX) != NULL,
                         .group = group};

    if (!t->coded || t->rank != 2 || scheme->shared || !group ||
        !q8_coded_codes(t->coded, &c.codes) || t->dim[1] % group != 0 ||
        c.codes.group % group != 0 || (c.absmax && !c.codes.absmax))
        return false;
    c.cols = t->dim[1];
    c.groups = c.cols / group;
    *ret = c;
    return true;
}

/* The steps of one row, each as often as there are groups in one of the source. */
static void spread_steps(const struct q8_carry *c, unsigned char *steps)
{
    const uint64_t size = q8_dtype_size(c->codes.dtype);

    for (uint64_t g = c->groups; g-- > 0;) /* from the end: those in front are the source */
        memmove(steps + g * size, steps + g * c->group / c->codes.group * size, size);
}

/* What bitsandbytes stores is 127 steps; its factor is 1 / 127 in F32. */
static void divide_absmax(unsigned char *steps, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        float x;

        memcpy(&x, steps + i * sizeof x, sizeof x);
        x *= 0.007874015718698502f;
        memcpy(steps + i * sizeof x, &x, sizeof x);
    }
}

static bool check_steps(const struct q8_carry *c, const unsigned char *steps, uint64_t row,
                        struct q8_err *err)
{
    for (uint64_t i = 0; i < c->codes.groups; i++) {
        float x;

        q8_floats_read(&x, c->codes.dtype, steps + i * q8_dtype_size(c->codes.dtype), 1);
        if (!isfinite(x))
            return q8_fail(err, Q8_EINPUT, "row %" PRIu64 " has %s for a scale", row,
                           isnan(x) ? "a NaN" : "an infinity");
    }
    return true;
}

/* The squares of a row; `any`: it has a number other than 0. */
static double sum_squares(const struct q8_carry *c, const int8_t *codes, const unsigned char *steps,
                          bool *any)
{
    double sum = 0;

    *any = false;
    for (uint64_t g = 0; g < c->groups; g++, codes += c->group) {
        uint64_t squares = 0;
        double step;
        float x;

        for (uint64_t i = 0; i < c->group; i++)
            squares += (uint64_t)(codes[i] * codes[i]);
        q8_floats_read(&x, c->codes.dtype, steps + g * q8_dtype_size(c->codes.dtype), 1);
        step = c->absmax ? (double)x / 127 : (double)x;
        *any |= squares > 0 && step != 0;
        sum += (double)squares * (step * step);
    }
    return sum;
}

static bool carry_rows(const struct q8_carry *c, const struct q8_carried *to,
                       struct q8_stats *stats, struct q8_err *err)
{
    unsigned char *steps = to->steps;

    if (!q8_coded_read_codes(c->coded, to->row, to->rows, to->codes, err))
        return false;
    for (uint64_t r = 0; r < to->rows; r++, steps += c->groups * q8_dtype_size(c->codes.dtype)) {
        double squares;
        bool any;

        if (!q8_coded_read_steps(c->coded, to->row + r, steps, err) ||
            !check_steps(c, steps, to->row + r, err))
            return false;
        if (c->codes.absmax && !c->absmax)
            divide_absmax(steps, c->codes.groups);
        spread_steps(c, steps);
        squares = sum_squares(c, to->codes + r * c->cols, steps, &any);
        stats->val2 += to->measure ? squares : 0;
        stats->zero_rows += !any;
    }
    return true;
}

/* Steps may be denormals. */
bool q8_carry_rows(const struct q8_carry *carry, const struct q8_carried *to,
                   struct q8_stats *stats, struct q8_err *err)
{
    const bool flushed = q8_denormals_flush(false);
    const bool ok = carry_rows(carry, to, stats, err);

    (void)q8_denormals_flush(flushed);
    return ok;
}
