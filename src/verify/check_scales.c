/* check_scales.c - level 1 of an int8 weight: what its scales and codes tell by themselves */
#include "src/verify/check_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { NOT_FINITE, NEGATIVE, ZERO, RANGE };

static void count(struct q8_scale_faults *f, unsigned kind, uint64_t row)
{
    if (f->count[kind]++ == 0)
        f->row[kind] = row;
}

void q8_check_scales(struct q8_checker *w, uint64_t row, uint64_t n)
{
    const struct q8_stored *stored = w->stored;
    const uint64_t groups = stored->cols / stored->group;
    const int8_t *codes = (const int8_t *)w->walk.decoder.codes;

    for (uint64_t r = 0; r < n; r++) {
        for (uint64_t g = 0; g < groups; g++) {
            const float scale = w->found[r * groups + g];

            if (!isfinite(scale))
                count(&w->faults, NOT_FINITE, row + r);
            else if (scale < 0)
                count(&w->faults, NEGATIVE, row + r);
            else if (scale == 0 &&
                     !q8_codes_zero(codes + r * stored->cols + g * stored->group, stored->group))
                count(&w->faults, ZERO, row + r);
        }
        if (stored->scheme->least > -128 && memchr(codes + r * stored->cols, 0x80, stored->cols))
            count(&w->faults, RANGE, row + r);
    }
}

bool q8_check_scales_end(struct q8_checker *w, struct q8_err *err)
{
    static const struct {
        const char *kind, *text;
    } faults[] = {
        [NOT_FINITE] = {"scale-not-finite", "scales are NaN or infinite, and so is all that they "
                                            "are multiplied with"},
        [NEGATIVE] = {"scale-negative", "scales are negative, which turns the sign of their rows"},
        [ZERO] = {"scale-zero", "scales are 0 and their codes are not: the weights load as 0"},
        [RANGE] = {"code-range", "rows hold the code -128, which bitsandbytes never writes"},
    };
    struct q8_finding finding = {
        .level = Q8_LEVEL_INTEGRITY, .name = w->layer->module, .fails = true};

    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) {
        finding.kind = faults[i].kind;
        if (w->faults.count[i] &&
            !q8_findings_add(&w->v->findings, &finding, err,
                             "%" PRIu64 " %s; the first is row %" PRIu64, w->faults.count[i],
                             faults[i].text, w->faults.row[i]))
            return false;
    }
    if (q8_sameness_holds(&w->faults.same) &&
        !q8_findings_constant(&w->v->findings, Q8_LEVEL_WEIGHTS, w->layer->module, err))
        return false;
    finding.kind = "reference-not-finite";
    return w->faults.bad_rows == 0 ||
           q8_findings_add(&w->v->findings, &finding, err,
                           "%" PRIu64 " rows of the reference hold a NaN or an infinity; the first "
                           "is row %" PRIu64,
                           w->faults.bad_rows, w->faults.bad_row);
}
