/* errors.c - check of the operation errors */
#include "tests/checkkernels/check.h"

#include <string.h>

static const char *const whats[Q8_RULES][2] = {{"errors half_times", "errors half_times narrow"},
                                               {"errors divide", "errors divide"}};

static void run(const struct q8_kernels *k, const struct check_input *in, void *ret)
{
    struct q8_error e;

    k->errors(&e, in->extra, in->x, in->n);
    memcpy(ret, &e.err2, sizeof e.err2); /* the padding behind `most` is nobody's */
    memcpy((char *)ret + sizeof e.err2, &e.most, sizeof e.most);
}

/* Worked out by hand from kernels.h. */
static void check_paper(struct check *c)
{
    static const float few[] = {1, 0.5f, -0.25f}, large[] = {127.5f, -128, 200, 0.5f, 1.5f},
                       same[] = {1, 1, 1, 1, 1}, factors[] = {1, 2, 4}, steps[] = {1, 0.5f, 0.5f},
                       odd = 2049;
    static float x[4097];
    const char *isa = q8_isa_name(c->isa);
    float factor = 127, step = 1;
    struct q8_error_scheme s = {Q8_RULE_HALF_TIMES, false, 5, &factor, &step};
    struct q8_error e;

    /* codes 127, 64 (a tie), -32: 127 * 1 - 127, 63.5 - 64, -31.75 + 32 */
    c->fast.errors(&e, &s, few, 3);
    check_that(c, e.err2 == 0.3125 && e.most == 0.5f, "errors %s: half_times", isa);

    /* 2049 is a tie of fp16 and becomes 2048: y is 100.5 and the code 100, without it 101 */
    factor = 0x1p-11f * 100.5f;
    c->fast.errors(&e, &s, &odd, 1);
    check_that(c, e.most == 2049 * 127 - 101, "errors %s: not narrow", isa);
    s.narrow = true;
    c->fast.errors(&e, &s, &odd, 1);
    check_that(c, e.most == 2049 * 127 - 100, "errors %s: narrow", isa);

    /* codes 127, -128, 127, 0, 2: errors 0.5, 0, 73, 0.5, -0.5 */
    factor = 1;
    s.rule = Q8_RULE_DIVIDE;
    c->fast.errors(&e, &s, large, 5);
    check_that(c, e.err2 == 5329.75 && e.most == 73, "errors %s: divide, clamped", isa);

    /* codes 1, 1, 2, 2, 4: only 1 - 4 * 0.5 is not 0 */
    s = (struct q8_error_scheme){Q8_RULE_DIVIDE, false, 2, factors, steps};
    c->fast.errors(&e, &s, same, 5);
    check_that(c, e.err2 == 1 && e.most == 1, "errors %s: groups of 2", isa);

    /* codes of 0; the 1 of the lane of 4096 is lost, those of another lane and chunk are not */
    memset(x, 0, sizeof x);
    x[0] = 4096;
    x[1] = x[32] = x[4096] = 1;
    factor = step = 0;
    s = (struct q8_error_scheme){Q8_RULE_DIVIDE, false, 4097, &factor, &step};
    c->fast.errors(&e, &s, x, 4097);
    check_that(c, e.err2 == 16777216.0 + 2 && e.most == 4096, "errors %s: order of the sums", isa);
}

/* Factor and step of a group as src/inspect/measure_cost.c has them, some stretched to clamp. */
static void set_group(struct check *c, enum q8_rule rule, float absmax, float *factor, float *step)
{
    static const float stretch[] = {1, 1, 1, 3, 300};
    const bool half = rule == Q8_RULE_HALF_TIMES;

    *step = half ? q8_half_to_float(q8_float_to_half(absmax))
                 : q8_bf16_to_float(q8_float_to_bf16(absmax / 127.5f));
    *factor = half ? 1.0f / *step * 127.0f : 1.0f / *step * stretch[check_random(c) % 5];
    if (*step < 0x1p-100f)
        *step = *factor = 0;
}

/* All groups of one scheme on a row. */
static void check_scheme(struct check *c, struct check_input *in, struct q8_error_scheme *s)
{
    static float factor[CHECK_LONGEST], step[CHECK_LONGEST];
    static uint32_t absmax[CHECK_LONGEST];

    s->factor = factor;
    s->step = step;
    in->what = whats[s->rule][s->narrow];
    in->extra = s;
    for (size_t i = 0; (s->group = check_group(c, in->n, i)) != 0; i++) {
        c->ref.absmax[Q8_FLOAT_F32](absmax, in->x, in->n, s->group);
        for (size_t g = 0; g < (in->n + s->group - 1) / s->group; g++)
            set_group(c, s->rule, q8_bits_to_float(Q8_FLOAT_F32, absmax[g]), &factor[g], &step[g]);
        in->group = s->group;
        check_same(c, run, in, sizeof(double) + sizeof(float));
    }
}

void check_errors(struct check *c)
{
    struct check_input in = {0};
    struct q8_error_scheme s = {0};

    check_paper(c);
    if (c->isa == Q8_ISA_ref)
        return;
    for (size_t i = 0; (in.n = check_length(i)) != SIZE_MAX; i++)
        for (in.style = 0; in.style < CHECK_STYLES; in.style++) {
            void *x = check_place(c, in.n * sizeof(float), sizeof(float));

            /* `half`: the row lies where q8 measures it as it is, or scales it to */
            check_fill(c, x, in.n, Q8_FLOAT_F32, in.style, true, true, 1);
            in.x = x;
            for (s.rule = 0; s.rule < Q8_RULES; s.rule++)
                for (int narrow = 0; narrow < (s.rule == Q8_RULE_HALF_TIMES ? 2 : 1); narrow++) {
                    s.narrow = narrow;
                    check_scheme(c, &in, &s);
                }
        }
}
