/* encode.c - check of the operation encode */
#include "tests/checkkernels/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MARGIN 64 /* untouched bytes on both sides of the codes: one vector */
#define UNTOUCHED 0xa5

static const char *const types[Q8_FLOATS] = {"f16", "bf16", "f32"};
static const char *const rules[Q8_RULES] = {"half_times", "divide"};

struct row {
    enum q8_rule rule;
    enum q8_float type;
    enum check_style style;
    bool flush;    /* denormals count as 0 */
    const void *x; /* [n] */
    size_t n, group;
    float step;          /* of the ties */
    const float *factor; /* [ceil(n / group)] */
};

struct result {
    unsigned char codes[CHECK_LONGEST + 2 * MARGIN];
    struct q8_sums sums[CHECK_LONGEST + 1];
};

static void run(const struct q8_kernels *k, const struct row *r, bool with_sums, struct result *ret)
{
    q8_encode_fn encode = k->encode[r->rule][r->type];
    size_t groups = (r->n + r->group - 1) / r->group;

    memset(ret->codes, UNTOUCHED, r->n + 2 * MARGIN);
    memset(ret->sums, UNTOUCHED, (groups + 1) * sizeof *ret->sums);
    encode((int8_t *)ret->codes + MARGIN, with_sums ? ret->sums : NULL, r->x, r->n, r->group,
           r->factor);
}

/* Are the bytes around the codes and behind the sums as they were? */
static bool kept_margins(const struct row *r, const struct result *result)
{
    const unsigned char *sums =
        (const unsigned char *)&result->sums[(r->n + r->group - 1) / r->group];
    bool kept = true;

    for (size_t i = 0; i < MARGIN; i++)
        kept &= result->codes[i] == UNTOUCHED && result->codes[MARGIN + r->n + i] == UNTOUCHED;
    for (size_t i = 0; i < sizeof *result->sums; i++)
        kept &= sums[i] == UNTOUCHED;
    return kept;
}

static void compare(struct check *c, const struct row *r)
{
    static struct result want, got, plain;
    size_t groups = (r->n + r->group - 1) / r->group;
    char what[160];

    (void)snprintf(what, sizeof what, "%s %s %s: style %s, n %zu, group %zu, denormals %s",
                   rules[r->rule], types[r->type], q8_isa_name(c->isa), check_styles[r->style],
                   r->n, r->group, r->flush ? "flushed" : "kept");
    if (sigsetjmp(check_fault, 0) != 0) {
        (void)q8_denormals_flush(false);
        check_that(c, false, "encode touches memory beyond its row: %s", what);
        return;
    }
    (void)q8_denormals_flush(r->flush);
    run(&c->ref, r, true, &want);
    run(&c->fast, r, true, &got);
    run(&c->fast, r, false, &plain);
    (void)q8_denormals_flush(false);
    check_that(c, memcmp(want.codes, got.codes, r->n + 2 * MARGIN) == 0, "encode, codes: %s", what);
    check_that(c, memcmp(want.codes, plain.codes, r->n + 2 * MARGIN) == 0,
               "encode, codes without sums: %s", what);
    check_that(c, memcmp(want.sums, got.sums, groups * sizeof *want.sums) == 0, "encode, sums: %s",
               what);
    check_that(c, kept_margins(r, &got), "encode writes beyond its row: %s", what);
}

/* The factor of a group as the definition allows it: from its absmax, or as its ties ask. */
static float factor_of(struct check *c, const struct row *r, float absmax)
{
    static const float stretch[] = {1, 1, 0.5005f, 3, 1e12f}; /* DIVIDE clamps: let it */
    float f;

    if (r->style == CHECK_TIES)
        return r->rule == Q8_RULE_DIVIDE ? r->step : 1 / r->step;
    if (r->rule == Q8_RULE_DIVIDE) {
        f = fmaxf(absmax / 127.5f * stretch[check_random(c) % 5], FLT_MIN);
        return check_random(c) % 2 ? q8_bf16_to_float(q8_float_to_bf16(f)) : f;
    }
    f = q8_half_to_float(q8_float_to_half(absmax));
    return f > 0 ? 1 / f * 127 : 1;
}

static void check_row(struct check *c, struct row *r)
{
    static uint32_t absmax[CHECK_LONGEST];
    static float factor[CHECK_LONGEST];
    size_t size = r->type == Q8_FLOAT_F32 ? 4 : 2;
    void *x = check_place(c, r->n * size, size);

    r->step = ldexpf(1, (int)(check_random(c) % 9) - 4);
    check_fill(c, x, r->n, r->type, r->style, true, r->rule == Q8_RULE_HALF_TIMES, r->step);
    r->x = x;
    r->factor = factor;
    for (size_t i = 0; (r->group = check_group(c, r->n, i)) != 0; i++) {
        c->ref.absmax[r->type](absmax, x, r->n, r->group);
        for (size_t g = 0; g < (r->n + r->group - 1) / r->group; g++)
            factor[g] = factor_of(c, r, q8_bits_to_float(r->type, absmax[g]));
        r->flush = check_random(c) % 2;
        compare(c, r);
    }
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const float odd[] = {1, 3, 5, -1, -3, 254}, large[] = {255, -255, 128, 127.5f, -128.4f};
    static const int8_t odd_codes[] = {0, 2, 2, 0, -2, 127},
                        large_codes[] = {127, -128, 127, 127, -128};
    static float x[4097];
    static int8_t codes[4097];
    const char *isa = q8_isa_name(c->isa);
    float factor = 0.5f;
    struct q8_sums sums;

    /* y is 0.5, 1.5, 2.5, -0.5, -1.5 and 127: five errors of a half */
    c->fast.encode[Q8_RULE_HALF_TIMES][Q8_FLOAT_F32](codes, &sums, odd, 6, 6, &factor);
    check_that(c, memcmp(codes, odd_codes, 6) == 0, "half_times %s: ties go to even", isa);
    check_that(c, sums.err2 == 1.25 && sums.val2 == 0.25 + 2.25 + 6.25 + 0.25 + 2.25 + 16129,
               "half_times %s: sums of ties", isa);

    factor = 1;
    c->fast.encode[Q8_RULE_DIVIDE][Q8_FLOAT_F32](codes, NULL, large, 5, 5, &factor);
    check_that(c, memcmp(codes, large_codes, 5) == 0, "divide %s: clamped", isa);

    /* 2049 is a tie of fp16 and becomes 2048: y is 100.5 and the code 100, without it 101 */
    x[0] = 2049;
    factor = 0x1p-11f * 100.5f;
    c->fast.encode[Q8_RULE_HALF_TIMES][Q8_FLOAT_F32](codes, NULL, x, 1, 1, &factor);
    check_that(c, codes[0] == 100, "half_times %s: the weight is rounded to fp16 first", isa);

    /*
     * 4096^2 + 1 is no float: the 1 of the same lane (element 32) is lost, the 1 of another lane
     * (element 1) and the 1 of another chunk (element 4096) are not.
     */
    memset(x, 0, sizeof x);
    x[0] = 4096;
    x[1] = x[32] = x[4096] = 1;
    factor = 1;
    c->fast.encode[Q8_RULE_DIVIDE][Q8_FLOAT_F32](codes, &sums, x, 4097, 4097, &factor);
    check_that(c, sums.val2 == 16777216.0 + 2 && sums.err2 == 3969.0 * 3969.0,
               "divide %s: order of the sums", isa);
}

/*
 * Every quotient of two numbers of at most 11 bits between 2^-5 and 2^8: what the vector versions
 * do instead of dividing is right for all of them, ties among them.
 */
static void check_quotients(struct check *c)
{
    enum { FIRST = 0x2800, BEHIND = 0x5c00 }; /* 2^-5 and 2^8 as f16 */
    static uint16_t x[BEHIND - FIRST];
    static int8_t want[sizeof x / sizeof *x], got[sizeof x / sizeof *x];
    const size_t n = sizeof x / sizeof *x;

    for (size_t i = 0; i < n; i++) /* of both signs in turn */
        x[i] = (uint16_t)(FIRST + i) | (i & 1 ? 0x8000 : 0);
    for (int f = 1024; f < 2048; f++) {
        const float factor = (float)f / 1024;

        c->ref.encode[Q8_RULE_DIVIDE][Q8_FLOAT_F16](want, NULL, x, n, n, &factor);
        c->fast.encode[Q8_RULE_DIVIDE][Q8_FLOAT_F16](got, NULL, x, n, n, &factor);
        check_that(c, memcmp(want, got, n) == 0, "divide %s: every f16 by %d/1024",
                   q8_isa_name(c->isa), f);
    }
}

void check_encode(struct check *c)
{
    struct row r = {0};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    check_quotients(c);
    for (size_t i = 0; (r.n = check_length(i)) != SIZE_MAX; i++)
        for (r.style = 0; r.style < CHECK_STYLES; r.style++)
            for (r.rule = 0; r.rule < Q8_RULES; r.rule++)
                for (r.type = 0; r.type < Q8_FLOATS; r.type++)
                    check_row(c, &r);
}
