/* test_carry.c - int8 codes that are carried over: which can be, and the steps that are stored */
#include "src/scheme/carry.h"

#include "src/model/coded/decode.h"
#include "src/scheme/target.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* numpy 2.4: float32(s) * float32(1 / 127) */
static const float absmax[4] = {127, 1, 3, 0.3F};
static const uint32_t divided[4] = {0x3f800000, 0x3c010204, 0x3cc18306, 0x3b1acf38};

static int8_t codes[4 * 128];
static const uint16_t halves[8] = {0x3c00, 0x3c01, 0x3c02, 0x3c03, 0x3c04, 0x3c05, 0x3c06, 0x3c07};

#define CODES(text) SCRATCH("m.weight", "I8", text, codes)

/* The weight of those tensors, as floats. */
static const struct q8_tensor *open_weight(struct scratch *s, const struct scratch_tensor *t,
                                           size_t count)
{
    const struct q8_decode_options options = {Q8_DECODE_ALL, Q8_DTYPES, Q8_ISA_ref};
    const struct q8_tensor *ret;

    for (size_t i = 0; i < sizeof codes; i++)
        codes[i] = (int8_t)(i * 7);
    scratch_make(s, "{}", t, count);
    assert_true(scratch_open(s));
    if (!q8_model_decode(&s->model, &options, &s->mem, &s->err))
        fail_msg("%s", s->err.text);
    ret = q8_index_find(&s->model.index, "m.weight");
    assert_non_null(ret);
    return ret;
}

static bool init(struct q8_carry *ret, const struct q8_tensor *t, const char *target)
{
    const struct q8_scheme *scheme = q8_target_find(target)->scheme;

    return q8_carry_init(ret, t, scheme, scheme->group ? scheme->group : t->dim[1]);
}

static void carry_divides_an_absmax(void **state)
{
    static const struct scratch_tensor t[] = {CODES("[4, 128]"),
                                              SCRATCH("m.SCB", "F32", "[4]", absmax)};
    int8_t have[sizeof codes];
    uint32_t steps[4 * 4];
    struct q8_stats stats = {0};
    struct q8_carry c;
    struct scratch s;
    const struct q8_tensor *w = open_weight(&s, t, COUNT(t));

    (void)state;
    assert_true(init(&c, w, "ct-w8a8"));
    assert_true(c.codes.dtype == Q8_F32 && c.groups == 1);
    assert_true(q8_carry_rows(&c, &(struct q8_carried){0, 4, have, steps, true}, &stats, &s.err));
    assert_memory_equal(steps, divided, sizeof divided);
    assert_memory_equal(have, codes, sizeof codes);
    assert_true(stats.err2 == 0 && stats.val2 > 0 && stats.zero_rows == 0);

    assert_true(init(&c, w, "ct-w8a16-g32")); /* a step stands once for each group */
    assert_true(q8_carry_rows(&c, &(struct q8_carried){1, 2, have, steps, false}, &stats, &s.err));
    for (int i = 0; i < 8; i++)
        assert_int_equal(steps[i], divided[1 + i / 4]);
    assert_memory_equal(have, codes + 128, 256);

    assert_true(init(&c, w, "bnb-int8")); /* its own stays as it is */
    assert_true(q8_carry_rows(&c, &(struct q8_carried){0, 4, have, steps, false}, &stats, &s.err));
    assert_memory_equal(steps, absmax, sizeof absmax);
    scratch_close(&s);
}

static void carry_spreads_the_steps_of_larger_groups(void **state)
{
    static const struct scratch_tensor t[] = {CODES("[4, 128]"),
                                              SCRATCH("m.weight_scale", "F16", "[4, 2]", halves)};
    int8_t have[sizeof codes];
    uint16_t steps[4 * 4];
    struct q8_stats stats = {0};
    struct q8_carry c;
    struct scratch s;
    const struct q8_tensor *w = open_weight(&s, t, COUNT(t));

    (void)state;
    assert_true(init(&c, w, "ct-w8a16-g64") && c.codes.dtype == Q8_F16 && c.groups == 2);
    assert_true(init(&c, w, "ct-w8a16-g32") && c.groups == 4);
    assert_true(q8_carry_rows(&c, &(struct q8_carried){0, 4, have, steps, false}, &stats, &s.err));
    for (int i = 0; i < 16; i++)
        assert_int_equal(steps[i], halves[i / 2]);
    assert_false(init(&c, w, "ct-w8a16-g128")); /* two steps are not one */
    assert_false(init(&c, w, "ct-w8a8"));
    assert_false(init(&c, w, "bnb-int8")); /* an absmax of F16 steps is none of the file's */
    scratch_close(&s);
}

static void carry_leaves_zero_points_and_floats(void **state)
{
    static const struct scratch_tensor zeros[] = {
        CODES("[4, 128]"),
        SCRATCH("m.weight_scale", "F16", "[4, 2]", halves),
        {"m.weight_zero_point", "I8", "[4, 2]", codes, 8}};
    static const struct scratch_tensor plain[] = {{"m.weight", "F16", "[2, 4]", halves, 16}};
    struct q8_carry c;
    struct scratch s;

    (void)state;
    assert_false(init(&c, open_weight(&s, zeros, COUNT(zeros)), "ct-w8a16-g64"));
    scratch_close(&s);
    assert_false(init(&c, open_weight(&s, plain, COUNT(plain)), "ct-w8a8"));
    scratch_close(&s);
}

/* 2^(b - 128) as BF16 has it; FP4 1 0 in each byte are 2 and 0 halves of it. */
static void carry_halves_the_powers_of_mxfp4(void **state)
{
    static uint8_t nibbles[5 * 16];
    static const uint8_t powers[5] = {127, 2, 1, 0, 255};
    static const uint16_t want[4] = {0x3f00, 0x0080, 0x0040, 0x0020};
    static const struct scratch_tensor t[] = {SCRATCH("m.weight_packed", "U8", "[5, 16]", nibbles),
                                              SCRATCH("m.weight_scale", "U8", "[5, 1]", powers)};
    int8_t have[5 * 32];
    uint16_t steps[5];
    struct q8_stats stats = {0};
    struct q8_carry c;
    struct scratch s;

    (void)state;
    for (size_t i = 0; i < sizeof nibbles; i++)
        nibbles[i] = (uint8_t)(i * 0x11);
    assert_true(init(&c, open_weight(&s, t, COUNT(t)), "ct-w8a16-g32"));
    assert_true(c.codes.dtype == Q8_BF16);
    assert_true(q8_carry_rows(&c, &(struct q8_carried){0, 4, have, steps, false}, &stats, &s.err));
    assert_memory_equal(steps, want, sizeof want);
    for (int i = 0; i < 32; i++) {
        static const int8_t twice[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

        assert_int_equal(have[i], twice[i / 2]);
    }
    assert_false(q8_carry_rows(&c, &(struct q8_carried){4, 1, have, steps, false}, &stats, &s.err));
    assert_int_equal(s.err.code, Q8_EINPUT);
    assert_non_null(strstr(s.err.text, "row 4 has a NaN for a scale"));
    scratch_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carry_divides_an_absmax),
        cmocka_unit_test(carry_spreads_the_steps_of_larger_groups),
        cmocka_unit_test(carry_leaves_zero_points_and_floats),
        cmocka_unit_test(carry_halves_the_powers_of_mxfp4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
