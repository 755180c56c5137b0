/* test_gaussian.c - the generator: its table against mpmath, its words against published ones */
#include "src/forward/gaussian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static float table[Q8_GAUSSIAN_TABLE];

static int fill_table(void **state)
{
    (void)state;
    q8_gaussian_table(table);
    return 0;
}

/* mpmath 1.3 with 25 digits: sqrt(2) erfinv(2 (u + 0.5) / 65536 - 1), rounded to a float. */
static void gaussian_table_holds_the_quantiles_of_mpmath(void **state)
{
    static const struct {
        unsigned u;
        float quantile;
    } cases[] = {
        {0, -0x1.14cb7ap+2f},     {1, -0x1.04e092p+2f},    {655, -0x1.29c324p+1f},
        {1638, -0x1.f5be7ep+0f},  {2048, -0x1.dcd4e4p+0f}, {32767, -0x1.40d932p-16f},
        {32768, 0x1.40d932p-16f}, {49152, 0x1.5959dep-1f}, {60000, 0x1.602a98p+0f},
        {63897, 0x1.f5be7ep+0f},  {64881, 0x1.29d5eap+1f}, {65535, 0x1.14cb7ap+2f},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(table[cases[i].u] == cases[i].quantile);
}

/* All of them: FNV-1a of the bytes of the same table, little-endian, computed in Python. */
static void gaussian_table_has_the_sum_of_mpmath(void **state)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    (void)state;
    for (size_t u = 0; u < Q8_GAUSSIAN_TABLE; u++) {
        uint32_t bits;

        memcpy(&bits, &table[u], sizeof bits);
        for (unsigned k = 0; k < 32; k += 8)
            hash = (hash ^ (bits >> k & 255)) * UINT64_C(0x100000001b3);
    }
    assert_true(hash == UINT64_C(0x0107dbc5528d4a51));
}

static void gaussian_table_has_a_mean_of_0_and_an_rms_of_1(void **state)
{
    double sum = 0, square = 0;

    (void)state;
    for (size_t u = 0; u < Q8_GAUSSIAN_TABLE; u++) {
        sum += (double)table[u];
        square += (double)table[u] * (double)table[u];
        assert_true(u == 0 || table[u] > table[u - 1]);
    }
    assert_true(sum == 0);
    square /= Q8_GAUSSIAN_TABLE; /* numpy: 0.99997972 */
    assert_true(square > 0.9999797 && square < 0.9999798);
}

/* splitmix64 from 1234567: rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64. */
static void gaussian_words_are_those_of_splitmix64(void **state)
{
    static const uint64_t words[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                     UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                     UINT64_C(16408922859458223821)};

    (void)state;
    for (unsigned w = 0; w < 5; w++)
        assert_true(q8_gaussian_word(1234567, w) == words[w]);
}

/* FNV-1a-64 of "" and of "foobar": draft-eastlake-fnv, test vectors. */
static void gaussian_start_mixes_name_with_seed(void **state)
{
    static const struct {
        const char *name;
        uint64_t hash;
    } cases[] = {{"", UINT64_C(0xcbf29ce484222325)}, {"foobar", UINT64_C(0x85944171f73967e8)}};

    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (uint64_t seed = UINT64_MAX - 1; seed != 2; seed++) /* word 0 mixes start + step */
            assert_true(q8_gaussian_start(seed, cases[i].name) ==
                        q8_gaussian_word((cases[i].hash ^ seed) - UINT64_C(0x9e3779b97f4a7c15), 0));
}

/* Word 0 of splitmix64 from 1234567 is 0x599ed017fb08fc85, lowest 16 bits first; word 1 is
 * 0x2c73f08458540fa5. */
static void gaussian_numbers_take_the_lowest_bits_first(void **state)
{
    static const unsigned at[] = {0xfc85, 0xfb08, 0xd017, 0x599e, 0x0fa5, 0x5854, 0xf084, 0x2c73};
    float x[9];

    (void)state;
    for (unsigned first = 0; first < 8; first++)
        for (unsigned n = 0; n <= 8 - first; n++) {
            x[n] = 77;
            q8_gaussian_fill(x, table, 1234567, first, n);
            for (unsigned i = 0; i < n; i++)
                assert_true(x[i] == table[at[first + i]]);
            assert_true(x[n] == 77);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaussian_table_holds_the_quantiles_of_mpmath),
        cmocka_unit_test(gaussian_table_has_the_sum_of_mpmath),
        cmocka_unit_test(gaussian_table_has_a_mean_of_0_and_an_rms_of_1),
        cmocka_unit_test(gaussian_words_are_those_of_splitmix64),
        cmocka_unit_test(gaussian_start_mixes_name_with_seed),
        cmocka_unit_test(gaussian_numbers_take_the_lowest_bits_first),
    };

    return cmocka_run_group_tests(tests, fill_table, NULL);
}
