/*
 * test_diagnose.c - what the diagnosis says of faults that are planted by hand, word by word, and
 * the order of lists; test_diagnose_random.c plants every fault in every layout
 */
#include "src/verify/diagnose/diagnose_parts.h"
#include "tests/unit/patient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static struct patient p;

/*
 * [32, 64] whose row 12 is 127, 0, ..., 47 in column 40, ...: a scale of 127 in bitsandbytes, and
 * the same codes as weights, but for its 127 (of 127.5) also of a step of 127 / 127.5.
 */
static void make(enum layout layout, bool half)
{
    p = (struct patient){.layout = layout, .half = half, .rows = 32, .cols = 64, .seed = 1};
    patient_make(&p);
    memset(p.x[0] + 12 * 64, 0, 64 * sizeof(float));
    p.x[0][12 * 64] = 127;
    p.x[0][12 * 64 + 40] = 47;
    patient_encode(&p, 0, p.x[0]);
    memcpy(p.was[0], p.codes[0], sizeof p.codes[0]);
}

/* One finding, "kind: text"; NULL: none. */
static void expect(const char *want)
{
    const struct q8_findings *have;
    struct verdict v;
    char text[600] = "";

    patient_examine(&p, &v);
    have = &v.verify.findings;
    assert_true(v.ok);
    assert_int_equal(have->count, want ? 1 : 0);
    if (want) {
        (void)snprintf(text, sizeof text, "%s: %s", have->list[0].kind, have->list[0].text);
        assert_string_equal(text, want);
        assert_string_equal(have->list[0].name, "first");
        assert_int_equal(have->list[0].level, Q8_LEVEL_WEIGHTS);
        assert_true(have->list[0].fails);
    }
    patient_release(&v);
}

/* As expect, of the beginning and a part of the text. */
static void expect_words(const char *kind, const char *words)
{
    struct verdict v;

    patient_examine(&p, &v);
    assert_true(v.ok);
    assert_int_equal(v.verify.findings.count, 1);
    assert_string_equal(v.verify.findings.list[0].kind, kind);
    if (!strstr(v.verify.findings.list[0].text, words))
        fail_msg("%s", v.verify.findings.list[0].text);
    patient_release(&v);
}

static void swap_rows(uint64_t i, uint64_t j)
{
    int8_t row[64];

    memcpy(row, p.codes[0] + i * 64, 64);
    memcpy(p.codes[0] + i * 64, p.codes[0] + j * 64, 64);
    memcpy(p.codes[0] + j * 64, row, 64);
}

static void swap_columns(uint64_t i, uint64_t j)
{
    for (uint64_t r = 0; r < 32; r++) {
        const int8_t code = p.codes[0][r * 64 + i];

        p.codes[0][r * 64 + i] = p.codes[0][r * 64 + j];
        p.codes[0][r * 64 + j] = code;
    }
}

/* 47 is 0x2f, -17 is 0xef. */
static void diagnose_single_codes_are_told_with_their_bits(void **state)
{
    (void)state;
    make(BITSANDBYTES, false);
    expect(NULL);
    p.codes[0][12 * 64 + 40] = -17;
    expect("byte-flip: code [12, 40] is -17, expected 47 (one byte; bits 6 and 7 differ)");
    p.codes[0][12 * 64 + 40] = 47 ^ 4;
    expect("byte-flip: code [12, 40] is 43, expected 47 (one byte; bit 2 differs)");
    p.codes[0][12 * 64 + 40] = 48;
    expect("codes-off-by-one: 1 code of 2048 (0.0488 %) is off by 1; the first is [12, 40]: 48, "
           "expected 47");
    p.codes[0][12 * 64 + 40] = 0;
    p.codes[0][12 * 64] = 0;
    expect("codes-zeroed: 2 codes that should not be 0 are: in row 12, columns 0 to 40");
    p.codes[0][12 * 64 + 40] = 50;
    p.codes[0][12 * 64] = 120;
    expect("codes-differ: 2 codes of 2048 (0.0977 %) are not as expected, by at most 7; the first "
           "is [12, 0]: 120, expected 127");
}

static void diagnose_rows_name_what_moved_with_them(void **state)
{
    float scale;

    (void)state;
    make(BITSANDBYTES, false);
    swap_rows(3, 7);
    expect("rows-swapped: rows 3 and 7 are swapped (codes alone: the scales are in place)");
    scale = p.scales[0][3];
    p.scales[0][3] = p.scales[0][7];
    p.scales[0][7] = scale;
    expect("rows-swapped: rows 3 and 7 are swapped");
    swap_rows(3, 7);
    expect("scales-swapped: the scales of row 3 and of row 7 are swapped");
    make(BITSANDBYTES, false);
    memmove(p.codes[0] + 6 * 64, p.codes[0] + 4 * 64, 26 * 64);
    expect("rows-shifted: rows from row 4 on stand 2 rows further down (codes alone: the scales "
           "are in place)");
    memmove(p.scales[0] + 6, p.scales[0] + 4, 26 * sizeof(float));
    expect("rows-shifted: rows from row 4 on stand 2 rows further down");
    make(BITSANDBYTES, false);
    swap_columns(5, 60);
    expect("columns-swapped: columns 5 and 60 are swapped");
    make(BITSANDBYTES, false);
    memmove(p.codes[0] + 12 * 64 + 43, p.codes[0] + 12 * 64 + 40, 20 * 64 - 43);
    expect("bytes-shifted: codes from [12, 43] on stand 3 bytes too late");
}

/* Bytes that were put in, and a weight that is displaced from the start, as all its columns are. */
static void diagnose_displaced_bytes_are_found_whatever_fills_the_gap(void **state)
{
    (void)state;
    make(PACKED, false);
    memmove(p.codes[0] + 12 * 64 + 140, p.codes[0] + 12 * 64 + 40, 20 * 64 - 140);
    memset(p.codes[0] + 12 * 64 + 40, 0x55, 100);
    expect("bytes-shifted: codes from [12, 40] on stand 100 bytes too late");
    make(PACKED, false);
    memmove(p.codes[0] + 12 * 64 + 40, p.codes[0] + 12 * 64 + 140, 20 * 64 - 140);
    memset(p.codes[0] + 2048 - 100, 0x55, 100);
    expect_words("bytes-shifted", "on stand 100 bytes too early");
    make(PACKED, false);
    memmove(p.codes[0] + 5, p.codes[0], 2048 - 5);
    expect("bytes-shifted: codes from [0, 5] on stand 5 bytes too late");
}

/*
 * Most of a weight is 0, and so is most of it turned; and two rows above the last, which are 0,
 * have lost their scales.
 */
static void diagnose_zeros_are_no_evidence(void **state)
{
    (void)state;
    p = (struct patient){.layout = CHANNEL, .rows = 256, .cols = 256};
    patient_make(&p);
    memset(p.x[0], 0, sizeof p.x[0]);
    for (uint64_t r = 0; r < 256; r++)
        p.x[0][r * 256 + r * 7 % 256] = 1;
    patient_encode(&p, 0, p.x[0]);
    for (uint64_t r = 0; r < 256; r++)
        p.codes[0][r * 256 + r * 7 % 256] = (int8_t)(100 + r % 20);
    expect_words("codes-differ", "256 codes of 65536 (0.391 %) are not as expected, by at most 27");

    p = (struct patient){.layout = BITSANDBYTES, .rows = 32, .cols = 64, .seed = 1};
    patient_make(&p);
    memset(p.x[0] + 29 * 64, 0, 3 * 64 * sizeof(float));
    patient_encode(&p, 0, p.x[0]);
    p.scales[0][27] = p.scales[0][28] = 0;
    expect_words("scale-wrong", "2 scales of 32 are wrong; the first is row 27: 0 instead of ");
}

/* The float above 127 is 127 + 2^-17 = 127.0000076: eight digits. */
static void diagnose_scales_are_told_with_enough_digits(void **state)
{
    (void)state;
    make(BITSANDBYTES, false);
    p.scales[0][12] = nextafterf(127, 200);
    expect("scales-ulp: one scale of 32 differs in the last bit: row 12: 127.00001 instead of "
           "127");
    p.scales[0][12] = 128;
    expect("scale-wrong: one scale of 32 is wrong: row 12: 128 instead of 127");
    p.scales[0][12] = NAN;
    expect("scale-wrong: one scale of 32 is wrong: row 12: nan instead of 127");
    make(BITSANDBYTES, false);
    for (unsigned r = 0; r < 32; r++)
        p.scales[0][r] *= 2;
    expect("scales-factor: all scales are 2 times too large");
    for (unsigned r = 0; r < 32; r++)
        p.scales[0][r] /= 254;
    expect("scales-factor: all scales are 127 times too small");
    make(GROUPS, false);
    p.scales[0][13 * 2 + 1] *= 1.5f;
    expect_words("scale-wrong", "one scale of 64 is wrong: row 13, group 1: ");
}

/* Steps that are a quarter smaller, and the codes that belong to them. */
static void diagnose_other_scales_with_their_codes_are_told_once(void **state)
{
    (void)state;
    for (unsigned layout = CHANNEL; layout < LAYOUTS; layout++) {
        make(layout, false);
        for (uint64_t i = 0; i < 32 * p.groups; i++)
            p.scales[0][i] *= 0.75f + (float)(i % 8) / 64;
        for (uint64_t i = 0; i < 32 * 64; i++)
            p.codes[0][i] = patient_code(&p, p.x[0][i], p.scales[0][i / (64 / p.groups)]);
        expect_words("scales-differ", "; the codes fit the stored scales");
    }
}

static void diagnose_other_weights_are_named(void **state)
{
    (void)state;
    for (int library = 0; library < 2; library++) {
        make(CHANNEL, true);
        p.library = library;
        for (int w = 0; w < 2; w++)
            patient_encode(&p, w, p.x[w]);
        if (!library)
            memcpy(p.was, p.codes, sizeof p.was);
        memcpy(p.codes[0], p.codes[1], 32 * 64);
        memcpy(p.scales[0], p.scales[1], sizeof p.scales[0]);
        expect("other-weight: the codes and scales are those of second");
        patient_encode(&p, 1, p.x[0]);
        expect("other-weight: the codes and scales were exchanged with those of second");
    }
}

/* Differences of 1 and 2 in a third of the codes. */
static void diagnose_small_differences_everywhere_look_like_gptq(void **state)
{
    (void)state;
    make(GROUPS, true);
    for (uint64_t i = 0; i < 32 * 64; i += 3)
        p.codes[0][i] = (int8_t)(p.codes[0][i] + (p.codes[0][i] > 0 ? -1 : 1) * (int)(1 + i % 2));
    expect_words("codes-differ", "(all over the weight, as GPTQ leaves them)");
}

/*
 * Column 1 of all rows is half of the row's largest: 63.5 in bitsandbytes, which CUDA may round to
 * 63.  That is nothing, and hides nothing.
 */
static void diagnose_ties_of_bitsandbytes_are_nothing(void **state)
{
    (void)state;
    make(BITSANDBYTES, true);
    for (uint64_t r = 0; r < 32; r++) {
        p.x[0][r * 64] = 2;
        p.x[0][r * 64 + 1] = 1;
    }
    p.x[0][12 * 64 + 40] = 0.5f;
    patient_encode(&p, 0, p.x[0]);
    for (uint64_t r = 0; r < 32; r++) {
        assert_int_equal(p.codes[0][r * 64 + 1], 64);
        p.codes[0][r * 64 + 1] -= r % 2 == 0;
    }
    expect(NULL);
    p.codes[0][12 * 64 + 40] += 16;
    expect_words("byte-flip", "code [12, 40]");
    p.codes[0][12 * 64 + 40] -= 16;
    swap_columns(5, 60);
    expect("columns-swapped: columns 5 and 60 are swapped");
}

/* One scale for all rows, and a Conv1D, whose reference is stored the other way round. */
static void diagnose_follows_the_layout_of_both_sides(void **state)
{
    (void)state;
    p = (struct patient){.layout = CHANNEL, .shared = true, .rows = 32, .cols = 64, .seed = 2};
    patient_make(&p);
    expect(NULL);
    swap_rows(3, 7);
    expect("rows-swapped: rows 3 and 7 are swapped");
    swap_rows(3, 7);
    p.scales[0][0] *= 2;
    expect_words("scale-wrong", "one scale of 1 is wrong: that of all rows: ");

    p = (struct patient){.turned = true, .rows = 64, .cols = 64, .seed = 3};
    patient_make(&p);
    expect(NULL);
    swap_rows(3, 7);
    expect("rows-swapped: rows 3 and 7 are swapped (codes alone: the scales are in place)");
    swap_rows(3, 7);
    for (uint64_t r = 0; r < 64; r++)
        for (uint64_t c = 0; c < 64; c++)
            p.x[1][c * 64 + r] = p.x[0][r * 64 + c];
    patient_encode(&p, 0, p.x[1]);
    expect("transposed: the codes and scales are those of the weight turned: [column, row]");
}

static void diagnose_stops_with_the_pool(void **state)
{
    struct q8_pool pool = {.threads = 1, .lock = PTHREAD_MUTEX_INITIALIZER, .stop = true};
    struct q8_err err = {0};
    struct verdict v;

    (void)state;
    make(BITSANDBYTES, false);
    patient_examine(&p, &v);
    assert_false(q8_diagnose(&v.verify, &v.layer[0], true, &pool, &err));
    assert_int_equal(err.code, 0);
    assert_string_equal(err.text, "");
    patient_release(&v);
}

static void diagnose_order_tells_swaps_shifts_and_permutations(void **state)
{
    static const struct {
        uint64_t have[8];
        struct q8_order want; /* kind, out, first, last, by, up, whole */
    } cases[] = {
        {{1, 2, 3, 0, 5, 6, 7, 8}, {Q8_ORDER_SAME, 0, 0, 0, 0, false, false}},
        {{1, 2, 6, 0, 5, 3, 7, 8}, {Q8_ORDER_SWAPPED, 2, 2, 5, 0, false, true}},
        {{1, 2, 3, 5, 0, 6, 7, 8}, {Q8_ORDER_SWAPPED, 2, 3, 4, 0, false, true}},
        {{8, 1, 2, 3, 0, 5, 6, 7}, {Q8_ORDER_SHIFTED, 8, 0, 7, 1, false, true}},
        {{3, 0, 5, 6, 7, 8, 1, 2}, {Q8_ORDER_SHIFTED, 8, 2, 7, 2, true, true}},
        {{1, 2, 2, 3, 0, 5, 6, 7}, {Q8_ORDER_SHIFTED, 6, 1, 7, 1, false, false}},
        {{1, 0, 5, 6, 7, 8, 7, 8}, {Q8_ORDER_SHIFTED, 5, 3, 5, 2, true, false}},
        {{8, 7, 6, 5, 0, 3, 2, 1}, {Q8_ORDER_PERMUTED, 8, 0, 7, 0, false, true}},
        {{1, 2, 3, 0, 5, 6, 7, 9}, {Q8_ORDER_OTHER, 1, 7, 7, 0, false, false}},
        {{1, 99, 3, 0, 5, 5, 6, 7}, {Q8_ORDER_OTHER, 4, 1, 7, 0, false, false}},
        {{1, 2, 3, 0, 0, 0, 0, 0}, {Q8_ORDER_OTHER, 4, 4, 7, 0, false, false}},
    };
    const uint64_t want[8] = {1, 2, 3, 0, 5, 6, 7, 8};
    const uint64_t alike[5] = {1, 1, 1, 4, 5}, moved[5] = {1, 1, 1, 1, 4};
    uint64_t a[8], b[8];
    struct q8_order o = q8_order_find(alike, moved, 5, (uint64_t *const[2]){a, b});

    (void)state;
    assert_int_equal(o.kind, Q8_ORDER_SHIFTED);
    assert_int_equal(o.first, 2); /* the last that can have been the first to move */
    for (size_t i = 0; i < COUNT(cases); i++) {
        o = q8_order_find(want, cases[i].have, 8, (uint64_t *const[2]){a, b});
        if (o.kind != cases[i].want.kind || o.first != cases[i].want.first ||
            o.by != cases[i].want.by || o.up != cases[i].want.up || o.whole != cases[i].want.whole)
            fail_msg("case %d: kind %d, first %d, by %d", (int)i, o.kind, (int)o.first, (int)o.by);
        assert_int_equal(o.out, cases[i].want.out);
        assert_int_equal(o.last, cases[i].want.last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diagnose_single_codes_are_told_with_their_bits),
        cmocka_unit_test(diagnose_rows_name_what_moved_with_them),
        cmocka_unit_test(diagnose_displaced_bytes_are_found_whatever_fills_the_gap),
        cmocka_unit_test(diagnose_zeros_are_no_evidence),
        cmocka_unit_test(diagnose_scales_are_told_with_enough_digits),
        cmocka_unit_test(diagnose_other_scales_with_their_codes_are_told_once),
        cmocka_unit_test(diagnose_other_weights_are_named),
        cmocka_unit_test(diagnose_small_differences_everywhere_look_like_gptq),
        cmocka_unit_test(diagnose_ties_of_bitsandbytes_are_nothing),
        cmocka_unit_test(diagnose_follows_the_layout_of_both_sides),
        cmocka_unit_test(diagnose_stops_with_the_pool),
        cmocka_unit_test(diagnose_order_tells_swaps_shifts_and_permutations),
    };

    return cmocka_run_group_tests_name("diagnose", tests, NULL, NULL);
}
