/* scales.c - names for scales that are not what they should be */
#include "src/verify/diagnose/diagnose_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the scales that are off at most one in so many counts as a single one. */
#define SINGLE 8

/* A scale as its type orders it: neighbours differ by 1.  Both signs count from 0. */
static int64_t rank_of(const struct q8_survey *s, float scale)
{
    int64_t rank;
    uint32_t bits;

    memcpy(&bits, &scale, sizeof bits);
    switch (s->stored->scales->dtype) {
    case Q8_F16: rank = q8_float_to_half(fabsf(scale)); break;
    case Q8_BF16: rank = q8_float_to_bf16(fabsf(scale)); break;
    default: rank = bits & 0x7fffffff; break;
    }
    return bits >> 31 ? -rank : rank;
}

/* How far a number may have been moved when it was rounded to the type of the scales. */
static double rounding(const struct q8_survey *s, double scale)
{
    switch (s->stored->scales->dtype) {
    case Q8_F16: return fmax(fabs(scale) * 0x1p-11, 0x1p-25);
    case Q8_BF16: return fabs(scale) * 0x1p-8;
    default: return fabs(scale) * 0x1p-24;
    }
}

/* Narrows the factors that explain all scales so far. */
static void narrow(struct q8_scale_survey *n, const struct q8_survey *s, float want, float have)
{
    const double w = (double)want, h = (double)have, sign = h < 0 ? -1 : 1;
    const double from = sign * (fabs(h) - rounding(s, h)) / (w + rounding(s, w));
    const double to = sign * (fabs(h) + rounding(s, h)) / (w - rounding(s, w));

    if (n->live++ == 0) {
        n->low = -INFINITY;
        n->high = INFINITY;
    }
    n->low = fmax(n->low, fmin(from, to));
    n->high = fmin(n->high, fmax(from, to));
    if (!isfinite(want) || !isfinite(have) || have == 0)
        n->low = INFINITY;
}

void q8_scales_add(struct q8_scale_survey *n, const struct q8_survey *s, uint64_t row,
                   const float *want, const float *have)
{
    for (uint64_t g = 0; g < s->expect.groups && (row == 0 || !s->stored->scheme->shared); g++) {
        n->all++;
        if (want[g] != s->dead)
            narrow(n, s, want[g], have[g]);
        if (want[g] == have[g] || (isnan(want[g]) && isnan(have[g])))
            continue;
        if (n->off < 2)
            n->first[n->off] = (struct q8_scale_off){row, g, want[g], have[g]};
        n->off++;
        n->ulps += isfinite(want[g]) && isfinite(have[g]) &&
                   llabs(rank_of(s, want[g]) - rank_of(s, have[g])) == 1;
    }
}

/* The roundest number between two. */
static double pick(double low, double high)
{
    static const double known[] = {2, 4, 10, 100, 127, 127.5, 128, 255, 127.5 / 127};
    const double middle = low + (high - low) / 2;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (unsigned turn = 0; turn < 4; turn++) {
            const double f = (turn & 1 ? 1 / known[i] : known[i]) * (turn & 2 ? -1 : 1);

            if (low <= f && f <= high)
                return f;
        }
    return low <= -1 && -1 <= high ? -1 : middle;
}

/* "row 5", "row 5, group 2": 64 bytes. */
static const char *place_of(const struct q8_survey *s, const struct q8_scale_off *at, char text[64])
{
    if (s->stored->scheme->shared)
        (void)snprintf(text, 64, "that of all rows");
    else if (s->expect.groups == 1)
        (void)snprintf(text, 64, "row %" PRIu64, at->row);
    else
        (void)snprintf(text, 64, "row %" PRIu64 ", group %" PRIu64, at->row, at->group);
    return text;
}

/* "0.0123 instead of 0.0124", in as many digits as tell them apart: 64 bytes. */
static const char *both_of(const struct q8_scale_off *at, char text[64])
{
    char want[24], have[24];

    for (int digits = 3; digits <= 9; digits++) {
        (void)snprintf(want, sizeof want, "%.*g", digits, (double)at->want);
        (void)snprintf(have, sizeof have, "%.*g", digits, (double)at->have);
        if (strcmp(want, have) != 0)
            break;
    }
    (void)snprintf(text, 64, "%s instead of %s", have, want);
    return text;
}

/* Two scales that stand in each other's place. */
static bool are_swapped(const struct q8_scale_survey *n)
{
    return n->off == 2 && n->first[0].want == n->first[1].have &&
           n->first[1].want == n->first[0].have;
}

/* What the order of the rows' scales tells. */
static bool tell_order(struct q8_survey *s, const struct q8_finding *finding, const char *codes,
                       struct q8_err *err)
{
    struct q8_findings *to = &s->v->findings;
    struct q8_finding f = *finding;
    struct q8_order o;

    if (s->stored->scheme->shared)
        return false;
    o = q8_order_find(s->scale_want, s->scale_have, s->stored->rows, s->spare);
    if (o.kind == Q8_ORDER_SWAPPED) {
        f.kind = "scales-swapped";
        q8_findings_add(to, &f, err, "the scales of rows %" PRIu64 " and %" PRIu64 " are swapped%s",
                        o.first, o.last, codes);
    } else if (o.kind == Q8_ORDER_SHIFTED) {
        f.kind = "scales-shifted";
        q8_findings_add(to, &f, err,
                        "scales from row %" PRIu64 " on stand %" PRIu64 " row%s further %s%s",
                        o.first, o.by, o.by == 1 ? "" : "s", o.up ? "up" : "down", codes);
    } else if (o.kind == Q8_ORDER_PERMUTED) {
        f.kind = "scales-permuted";
        q8_findings_add(to, &f, err,
                        "the scales of %" PRIu64
                        " rows stand in another order; the first is row %" PRIu64 "%s",
                        o.out, o.first, codes);
    } else {
        return false;
    }
    return true;
}

/* All of them by one factor. */
static bool tell_factor(struct q8_survey *s, const struct q8_finding *finding, const char *codes,
                        struct q8_err *err)
{
    const struct q8_scale_survey *n = &s->scale;
    struct q8_finding f = *finding;
    double factor;

    if (n->live < 2 || n->low > n->high || (n->low <= 1 && n->high >= 1))
        return false;
    factor = pick(n->low, n->high);
    f.kind = "scales-factor";
    if (factor > 1)
        q8_findings_add(&s->v->findings, &f, err, "all scales are %.6g times too large%s", factor,
                        codes);
    else if (factor > 0)
        q8_findings_add(&s->v->findings, &f, err, "all scales are %.6g times too small%s",
                        1 / factor, codes);
    else
        q8_findings_add(&s->v->findings, &f, err, "all scales are %.6g times what they should be%s",
                        factor, codes);
    return true;
}

bool q8_scales_tell(struct q8_survey *s, const struct q8_finding *finding, bool fit,
                    struct q8_err *err)
{
    const char *const codes = fit ? "; the codes fit the stored scales" : "";
    const struct q8_scale_survey *n = &s->scale;
    struct q8_findings *to = &s->v->findings;
    struct q8_finding f = *finding;
    char place[64], other[64], both[64];

    place_of(s, &n->first[0], place);
    both_of(&n->first[0], both);
    if (are_swapped(n)) {
        f.kind = "scales-swapped";
        q8_findings_add(to, &f, err, "the scales of %s and of %s are swapped%s", place,
                        place_of(s, &n->first[1], other), codes);
    } else if (n->off == 1) {
        f.kind = n->ulps ? "scales-ulp" : "scale-wrong";
        q8_findings_add(to, &f, err, "one scale of %" PRIu64 " %s: %s: %s%s", n->all,
                        n->ulps ? "differs in the last bit" : "is wrong", place, both, codes);
    } else if (tell_order(s, &f, codes, err)) {
        return !err->code;
    } else if (n->ulps == n->off) {
        f.kind = "scales-ulp";
        q8_findings_add(to, &f, err,
                        "%" PRIu64 " scales of %" PRIu64
                        " differ in the last bit; the first is %s: %s%s",
                        n->off, n->all, place, both, codes);
    } else if (tell_factor(s, &f, codes, err)) {
        return !err->code;
    } else {
        f.kind = n->off <= n->all / SINGLE ? "scale-wrong" : "scales-differ";
        q8_findings_add(to, &f, err,
                        "%" PRIu64 " scales of %" PRIu64 " are wrong; the first is %s: %s%s",
                        n->off, n->all, place, both, codes);
    }
    return !err->code;
}
