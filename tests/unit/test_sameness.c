/* test_sameness.c - elements of the same bytes, in pieces cut anywhere */
#include "src/flow/sameness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* Shows `bytes` bytes in pieces of `piece`. */
static bool holds(const unsigned char *x, uint64_t bytes, uint64_t size, uint64_t piece)
{
    struct q8_sameness s = {.size = size};

    for (uint64_t at = 0, n; at < bytes; at += n) {
        n = bytes - at < piece ? bytes - at : piece;
        q8_sameness_see(&s, x + at, n);
    }
    return q8_sameness_holds(&s);
}

static void sameness_holds_until_a_byte_differs(void **state)
{
    unsigned char x[48];

    (void)state;
    for (uint64_t size = 1; size <= Q8_SAMENESS_BYTES; size *= 2)
        for (uint64_t piece = 1; piece <= sizeof x; piece++) {
            for (size_t i = 0; i < sizeof x; i++)
                x[i] = (unsigned char)(i % size + 1);
            assert_true(holds(x, sizeof x, size, piece));
            for (size_t i = 0; i < sizeof x; i++) {
                x[i] ^= 0x80;
                assert_false(holds(x, sizeof x, size, piece));
                x[i] ^= 0x80;
            }
        }
}

static void sameness_of_one_element_says_nothing(void **state)
{
    static const unsigned char zeros[16];

    (void)state;
    assert_false(holds(zeros, 0, 4, 4));
    assert_false(holds(zeros, 4, 4, 4));
    assert_true(holds(zeros, 8, 4, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sameness_holds_until_a_byte_differs),
        cmocka_unit_test(sameness_of_one_element_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
