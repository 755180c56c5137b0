/*
 * test_diagnose_random.c - faults planted at random into random weights of every layout: each gets
 * its name, and nothing else is found
 */
#include "tests/unit/patient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ROUNDS 4

static struct patient p;

static int8_t *row_of(uint64_t row)
{
    return p.codes[0] + row * p.cols;
}

static void swap_bytes(void *a, void *b, uint64_t n)
{
    unsigned char *x = a, *y = b;

    for (uint64_t i = 0; i < n; i++) {
        const unsigned char t = x[i];

        x[i] = y[i];
        y[i] = t;
    }
}

static void swap_rows(uint64_t i, uint64_t j, bool codes, bool scales)
{
    if (codes)
        swap_bytes(row_of(i), row_of(j), p.cols);
    if (scales)
        swap_bytes(p.scales[0] + i * p.groups, p.scales[0] + j * p.groups,
                   p.groups * sizeof(float));
}

/* Two rows whose codes and scales differ. */
static void pick_rows(uint64_t *ret_i, uint64_t *ret_j)
{
    do {
        *ret_i = patient_random(&p, p.rows);
        *ret_j = patient_random(&p, p.rows);
    } while (memcmp(row_of(*ret_i), row_of(*ret_j), p.cols) == 0 ||
             p.scales[0][*ret_i * p.groups] == p.scales[0][*ret_j * p.groups]);
}

static void swap_two_rows(void)
{
    uint64_t i, j;

    pick_rows(&i, &j);
    swap_rows(i, j, true, patient_random(&p, 2));
}

static void swap_two_scales(void)
{
    uint64_t i, j;

    pick_rows(&i, &j);
    swap_rows(i, j, false, true);
}

/* Moves rows from one on, round about or with a copy left behind. */
static void shift_rows(bool codes, bool scales)
{
    const uint64_t from = patient_random(&p, p.rows / 2), by = 1 + patient_random(&p, 5);
    const uint64_t n = p.rows - from - by, one = p.groups * sizeof(float);
    const bool round = patient_random(&p, 2), up = patient_random(&p, 2);
    char *scale = (char *)p.scales[0];

    for (uint64_t k = 0; round && k < by; k++) /* one step of a roll, by swaps */
        for (uint64_t r = p.rows - 1; r > from; r--)
            swap_rows(r, r - 1, codes, scales);
    if (!round && codes)
        memmove(row_of(from + by * !up), row_of(from + by * up), n * p.cols);
    if (!round && scales)
        memmove(scale + (from + by * !up) * one, scale + (from + by * up) * one, n * one);
}

static void shift_whole_rows(void)
{
    shift_rows(true, patient_random(&p, 2));
}

static void shift_scales(void)
{
    shift_rows(false, true);
}

static void permute(bool codes, bool scales)
{
    for (uint64_t r = p.rows - 1; r > 0; r--)
        swap_rows(r, patient_random(&p, r + 1), codes, scales);
}

static void permute_rows(void)
{
    permute(true, patient_random(&p, 2));
}

static void permute_scales(void)
{
    permute(false, true);
}

static void swap_columns(void)
{
    const uint64_t i = patient_random(&p, p.cols), j = (i + 1 + patient_random(&p, p.cols - 1));

    for (uint64_t r = 0; r < p.rows; r++)
        swap_bytes(row_of(r) + i, row_of(r) + j % p.cols, 1);
}

static void roll_columns(void)
{
    const uint64_t by = 1 + patient_random(&p, p.cols - 1);
    static int8_t row[2 * PATIENT_ELEMENTS];

    for (uint64_t r = 0; r < p.rows; r++) {
        memcpy(row, row_of(r), p.cols);
        memcpy(row + p.cols, row_of(r), p.cols);
        memcpy(row_of(r), row + p.cols - by, p.cols);
    }
}

static void turn_codes(void)
{
    for (uint64_t r = 0; r < p.rows; r++)
        for (uint64_t c = 0; c < r; c++)
            swap_bytes(row_of(r) + c, row_of(c) + r, 1);
}

/* Quantized the wrong way round. */
static void turn_weight(void)
{
    static float x[PATIENT_ELEMENTS];

    for (uint64_t r = 0; r < p.rows; r++)
        for (uint64_t c = 0; c < p.cols; c++)
            x[r * p.cols + c] = p.x[0][c * p.rows + r];
    patient_encode(&p, 0, x);
}

static void shift_bytes(void)
{
    const uint64_t all = p.rows * p.cols, from = patient_random(&p, all / 2);
    const uint64_t by = 1 + patient_random(&p, p.cols - 1);
    int8_t *at = p.codes[0] + from;

    if (patient_random(&p, 2))
        memmove(at + by, at, all - from - by);
    else
        memmove(at, at + by, all - from - by);
}

static void negate(void)
{
    for (uint64_t i = 0; i < p.rows * p.cols; i++)
        p.codes[0][i] = (int8_t)-p.codes[0][i];
}

static void negate_row(void)
{
    uint64_t i, j;

    pick_rows(&i, &j);
    for (uint64_t c = 0; c < p.cols; c++)
        row_of(i)[c] = (int8_t)-row_of(i)[c];
    for (uint64_t c = 0; c < p.cols; c++)
        row_of(j)[c] = (int8_t)-row_of(j)[c];
}

static void unsign(void)
{
    p.plain = true;
}

static void zero_run(void)
{
    const uint64_t from = patient_random(&p, p.rows / 2) * p.cols + patient_random(&p, p.cols);

    memset(p.codes[0] + from, 0, p.cols * 3 / 2 + patient_random(&p, p.cols * 3));
}

static void zero_column(void)
{
    const uint64_t c = patient_random(&p, p.cols);

    for (uint64_t r = 0; r < p.rows; r++)
        row_of(r)[c] = 0;
}

static void clip(void)
{
    const int most = 40 + (int)patient_random(&p, 60);

    for (uint64_t i = 0; i < p.rows * p.cols; i++)
        p.codes[0][i] = (int8_t)fmin(fmax(p.codes[0][i], -most), most);
}

/* A code that can be changed up and down, and is no tie. */
static int8_t *pick_code(void)
{
    int8_t *code;

    do
        code = p.codes[0] + patient_random(&p, p.rows * p.cols);
    while (abs(*code) > 60 || abs(*code) < 3 || *code != p.was[0][code - p.codes[0]]);
    return code;
}

static void add_ones(void)
{
    for (uint64_t n = 1 + patient_random(&p, 9); n > 0; n--)
        *pick_code() += patient_random(&p, 2) ? 1 : -1;
}

static void flip_bit(void)
{
    int8_t *code = pick_code();

    *code = (int8_t)(*code ^ 2 << patient_random(&p, 7));
}

static void change_codes(void)
{
    for (uint64_t n = 3; n > 0; n--)
        *pick_code() += (int8_t)(2 + n * 7);
}

/* A scale of a group that is not all zeros. */
static float *pick_scale(void)
{
    uint64_t i, j;

    pick_rows(&i, &j);
    i = p.scales[0][i * p.groups] > p.scales[0][j * p.groups] ? i : j;
    return &p.scales[0][i * p.groups + patient_random(&p, p.groups)];
}

static void scale_ulps(void)
{
    const uint32_t one = p.half && p.layout != BITSANDBYTES ? 0x10000 : 1;

    for (uint64_t n = 1 + patient_random(&p, 3); n > 0; n--) {
        float *scale = p.scales[0] + (10 + n) * p.groups;
        uint32_t bits;

        memcpy(&bits, scale, 4);
        bits += one;
        memcpy(scale, &bits, 4);
    }
}

static void scale_all(void)
{
    static const float factors[] = {2, 0.5f, 1 / 127.0f, 127, 3, 1.1f, -1, 0.25f};
    const float factor = factors[patient_random(&p, 8)];

    for (uint64_t i = 0; i < p.rows * p.groups; i++) {
        p.scales[0][i] *= factor;
        if (p.layout != BITSANDBYTES)
            p.scales[0][i] = patient_round(&p, p.scales[0][i]);
    }
}

static void scale_one(void)
{
    *pick_scale() *= 4;
}

static void scale_at_random(void)
{
    for (uint64_t i = 0; i < p.rows * p.groups; i++)
        p.scales[0][i] = ldexpf(p.scales[0][i], 1 + (int)patient_random(&p, 3));
    p.scales[0][0] = p.scales[0][1] * 8;
}

static void take_other(void)
{
    memcpy(p.codes[0], p.codes[1], sizeof p.codes[0]);
    if (patient_random(&p, 2))
        memcpy(p.scales[0], p.scales[1], sizeof p.scales[0]);
}

static void leave(void)
{
}

/* Faults and their names. */
static const struct {
    void (*plant)(void);
    const char *kind; /* NULL: nothing is to be found */
    bool square;      /* only of square weights */
    bool scales;      /* other-weight, rows and transposed: a finding about scales may be beside */
} faults[] = {
    {leave, NULL, false, false},
    {take_other, "other-weight", false, true},
    {turn_codes, "transposed", true, false},
    {turn_weight, "transposed", true, false},
    {swap_two_rows, "rows-swapped", false, false},
    {shift_whole_rows, "rows-shifted", false, false},
    {permute_rows, "rows-permuted", false, false},
    {swap_columns, "columns-swapped", false, false},
    {roll_columns, "columns-shifted", false, false},
    {shift_bytes, "bytes-shifted", false, false},
    {negate, "codes-negated", false, false},
    {negate_row, "codes-negated", false, false},
    {unsign, "codes-unsigned", false, false},
    {zero_run, "codes-zeroed", false, false},
    {zero_column, "codes-zeroed", false, false},
    {clip, "codes-clipped", false, false},
    {add_ones, "codes-off-by-one", false, false},
    {flip_bit, "byte-flip", false, false},
    {change_codes, "codes-differ", false, false},
    {scale_ulps, "scales-ulp", false, false},
    {scale_all, "scales-factor", false, false},
    {scale_one, "scale-wrong", false, false},
    {scale_at_random, "scales-differ", false, false},
    {swap_two_scales, "scales-swapped", false, false},
    {shift_scales, "scales-shifted", false, false},
    {permute_scales, "scales-permuted", false, false},
};

static void expect(size_t fault)
{
    const char *kind = faults[fault].kind;
    const struct q8_findings *have;
    struct verdict v;

    patient_examine(&p, &v);
    if (!v.ok)
        fail_msg("%s", v.a.err.text);
    have = &v.verify.findings;
    if (have->count != (kind ? 1u : 0u) + (faults[fault].scales && have->count == 2) ||
        (kind && strcmp(have->list[0].kind, kind) != 0)) {
        for (uint64_t i = 0; i < have->count; i++)
            print_message("  %s: %s\n", have->list[i].kind, have->list[i].text);
        fail_msg("expected %s, fault %d, %s %s%s [%d, %d]", kind ? kind : "nothing", (int)fault,
                 layout_names[p.layout], p.half ? "BF16" : "F32", p.library ? " library" : "",
                 (int)p.rows, (int)p.cols);
    }
    patient_release(&v);
}

static void diagnose_names_faults_planted_at_random(void **state)
{
    uint64_t seed = 0x5eed0005;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (unsigned i = 0; i < ROUNDS * LAYOUTS * 3; i++)
        for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
            p.seed = seed++;
            p.layout = i % LAYOUTS;
            p.half = i / LAYOUTS % 3 > 0;
            p.library = i / LAYOUTS % 3 == 2 && p.layout != BITSANDBYTES;
            p.plain = false;
            p.cols = 32 + 32 * patient_random(&p, 5);
            p.rows = faults[f].square ? (p.cols > 128 ? (p.cols = 96) : p.cols)
                                      : 32 + patient_random(&p, 90);
            if (i < LAYOUTS && !faults[f].square) { /* several tiles */
                p.rows = i % 2 ? 17 : 1150;
                p.cols = i % 2 ? 15360 : 224;
            }
            patient_make(&p);
            faults[f].plant();
            expect(f);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(diagnose_names_faults_planted_at_random)};

    return cmocka_run_group_tests_name("diagnose_random", tests, NULL, NULL);
}
