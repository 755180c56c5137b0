/*
 * test_glob.c - shell patterns; expected answers from Python's fnmatch.fnmatchcase, but for those
 * with a backslash or '^', which are fnmatch(3)'s
 */
#include "src/pattern/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void glob_matches_whole_names(void **state)
{
    static const struct {
        const char *glob, *name;
        bool want;
    } rows[] = {
        {"*", "", 1},
        {"", "", 1},
        {"?", "", 0},
        {"*", "a.b", 1},
        {"a*", "b", 0},
        {"*b", "a.b", 1},
        {"*b", "b.a", 0},
        {"a*b*c", "a.b.b.c", 1},
        {"a*b*c", "a.b.b", 0},
        {"a**", "a", 1},
        {"a?c", "abc", 1},
        {"a?c", "ac", 0},
        {"a?c", "a\xC3\xA9\x63", 1},
        {"a?c", "a\xFF\x63", 1},
        {"\xFF*", "\xFE", 0},
        {"[a-c]", "b", 1},
        {"[a-c]", "d", 0},
        {"[!a-c]", "d", 1},
        {"[^a-c]", "b", 0},
        {"[!a-c]", "", 0},
        {"[]]", "]", 1},
        {"[!]]", "]", 0},
        {"[]-]*", "-x", 1},
        {"[a-]", "-", 1},
        {"[c-a]", "b", 0},
        {"[ab", "[ab", 1},
        {"[", "[", 1},
        {"[!", "[!", 1},
        {"x[0-9]y*", "x7yz", 1},
        {"*[0-9]", "a10", 1},
        {"\\*", "*", 1},
        {"\\*", "a", 0},
        {"[\\]]", "]", 1},
        {"a\\", "a\\", 1},
        {"*.layers.*.q_proj", "model.layers.0.self_attn.q_proj", 1},
        {"*.layers.*.q_proj", "model.layers.0.self_attn.k_proj", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (q8_glob_matches(rows[i].glob, rows[i].name) != rows[i].want)
            fail_msg("%s and %s: expected %d", rows[i].glob, rows[i].name, rows[i].want);
}

/* A matcher that tries every way to share the text among the stars would not come back. */
static void glob_of_many_stars_ends(void **state)
{
    char glob[2001], name[60001];

    (void)state;
    for (size_t i = 0; i < sizeof glob - 1; i += 2)
        memcpy(glob + i, "*a", 3);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_true(q8_glob_matches(glob, name));
    name[sizeof name - 2] = 'b';
    assert_false(q8_glob_matches(glob, name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glob_matches_whole_names),
        cmocka_unit_test(glob_of_many_stars_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
