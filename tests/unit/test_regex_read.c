/* test_regex_read.c - what a pattern of Python's becomes for PCRE2 */
#include "src/pattern/regex_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* By hand: literals in a row that are in whatever matches. */
static void regex_knows_what_matches_need(void **state)
{
    static const struct {
        const char *pattern, *needed;
    } rows[] = {
        {"", ""},
        {"abc", "abc"},
        {".*\\.layers\\.12\\.mlp\\..*", ".layers.12.mlp."},
        {"model\\.(?:a|b)\\.x", "model."},
        {"^a|abc", ""},
        {"(abc|d)ef", "ef"},
        {"abc?d", "ab"},
        {"abc*", "ab"},
        {"ab{0}c", "a"},
        {"a(?!bcd)e", "a"},
        {"(abc)?d", "d"},
        {"(?:abc)", "abc"},
        {"(?:abc)?", ""},
        {"(?:abc)?de", "de"},
        {"(?:abc|d)e", ""},
        {"(?:ab)(cdef)?", "ab"},
        {"(?:.*abc)(?:(?<=\\.)|(?=\\.|$))", "abc"},
        {"(?:ab)c|d", ""},
        {"(?i)abc", ""},
        {"(?i:abc)d", "d"},
        {"\xC3\xA9\\u20ac\\U0001F600b+", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"a\\0b", "a"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct q8_regex_pcre2 ret;
        struct q8_err err = {0};
        struct q8_arena mem;

        q8_arena_init(&mem, 1 << 20);
        assert_true(q8_regex_translate(&ret, rows[i].pattern, &mem, &err));
        if (strcmp(ret.needed, rows[i].needed) != 0)
            fail_msg("%s needs '%s', not '%s'", rows[i].pattern, ret.needed, rows[i].needed);
        q8_arena_clear(&mem);
    }
}

/* Whatever is read, what is written is this much at most; the longest items are \S and \b. */
static void regex_translation_has_room(void **state)
{
    static const char *const items[] = {"\\S",      "\\b",      "\\B", "[\\W]",
                                        "(?a:\\S)", "\xC3\xA9", "\\0"};

    (void)state;
    for (size_t i = 0; i < COUNT(items); i++) {
        struct q8_regex_pcre2 ret;
        struct q8_err err = {0};
        struct q8_arena own;
        char text[2000 * 8];

        q8_arena_init(&own, 64 << 20);
        text[0] = '\0';
        for (size_t k = 0; k < 2000; k++)
            strcpy(text + k * strlen(items[i]), items[i]);
        assert_true(q8_regex_translate(&ret, text, &own, &err));
        q8_arena_clear(&own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regex_knows_what_matches_need),
        cmocka_unit_test(regex_translation_has_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
