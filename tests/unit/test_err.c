/* test_err.c - one failure, its kind and its sentence; expected values are from paper */
#include "src/base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void err_first_failure_wins(void **state)
{
    struct q8_err err = {0};

    (void)state;
    assert_false(q8_fail(&err, Q8_EINPUT, "%s has %d bytes", "a.bin", 7));
    assert_false(q8_fail(&err, Q8_EIO, "later"));
    errno = ENOENT;
    assert_false(q8_fail_errno(&err, "later still"));
    assert_int_equal(err.code, Q8_EINPUT);
    assert_string_equal(err.text, "a.bin has 7 bytes");
}

static void err_errno_adds_the_words_of_the_system(void **state)
{
    struct q8_err err = {0}, memory = {0};

    (void)state;
    errno = ENOENT;
    assert_false(q8_fail_errno(&err, "cannot open %s", "a.bin"));
    assert_int_equal(err.code, Q8_EIO);
    assert_string_equal(err.text, "cannot open a.bin: No such file or directory");
    errno = ENOMEM;
    assert_false(q8_fail_errno(&memory, "cannot start a thread"));
    assert_int_equal(memory.code, Q8_ELIMIT);
}

static void err_places_stand_from_the_outside_in(void **state)
{
    struct q8_err err = {0};

    (void)state;
    (void)q8_fail(&err, Q8_ELIMIT, "too long");
    assert_false(q8_fail_in(&err, "tensor 'a'"));
    assert_false(q8_fail_in(&err, "model.safetensors"));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_string_equal(err.text, "model.safetensors: tensor 'a': too long");
}

static void err_percent_signs_of_names_are_not_formats(void **state)
{
    struct q8_err err = {0};

    (void)state;
    (void)q8_fail(&err, Q8_EINPUT, "no '%s'", "%n%s");
    (void)q8_fail_in(&err, "%s%n");
    assert_string_equal(err.text, "%s%n: no '%n%s'");
}

static void err_long_text_is_cut(void **state)
{
    struct q8_err err = {0}, system = {0};

    (void)state;
    (void)q8_fail(&err, Q8_EINPUT, "%03000d", 7);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    errno = ENOENT; /* no room left for its words */
    (void)q8_fail_errno(&system, "%03000d", 7);
    assert_int_equal(strlen(system.text), sizeof system.text - 1);
    assert_int_equal(system.code, Q8_EIO);
}

static void err_long_place_leaves_room_for_the_reason(void **state)
{
    struct q8_err err = {0};
    char place[3000];

    (void)state;
    memset(place, 'p', sizeof place - 1);
    place[sizeof place - 1] = '\0';
    (void)q8_fail(&err, Q8_EINPUT, "the reason");
    for (int i = 0; i < 2; i++)
        (void)q8_fail_in(&err, place);
    assert_string_equal(strchr(err.text, ':') + 402, ": the reason");
}

static void err_place_is_said_once(void **state)
{
    static const char *const said[][3] = {
        {"m/a: is cut short", "m/a", "m/a: is cut short"},
        {"m/a ends at byte 7", "m/a", "m/a ends at byte 7"},
        {"cannot open m/a: no", "m/a", "cannot open m/a: no"},
        {"m/ab: is cut short", "m/a", "m/a: m/ab: is cut short"},
        {"m/b/m/a: no", "m/a", "m/a: m/b/m/a: no"},
        {"not a JSON file", "a", "a: not a JSON file"},
        {"no", "", ": no"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct q8_err err = {0};

        (void)q8_fail(&err, Q8_EINPUT, "%s", said[i][0]);
        assert_false(q8_fail_in(&err, said[i][1]));
        assert_string_equal(err.text, said[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_place_is_said_once),
        cmocka_unit_test(err_first_failure_wins),
        cmocka_unit_test(err_errno_adds_the_words_of_the_system),
        cmocka_unit_test(err_places_stand_from_the_outside_in),
        cmocka_unit_test(err_percent_signs_of_names_are_not_formats),
        cmocka_unit_test(err_long_text_is_cut),
        cmocka_unit_test(err_long_place_leaves_room_for_the_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
