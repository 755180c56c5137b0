/* test_text.c - numbers and names for people; expected values are from paper */
#include "src/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

static void text_bytes_has_three_digits_and_binary_units(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *want;
    } rows[] = {
        {0, "0 B"},
        {532, "532 B"},
        {1023, "1023 B"},
        {1024, "1.00 KiB"},
        {1536, "1.50 KiB"},
        {10480000, "9.99 MiB"}, /* 9.9945 */
        {10485760, "10.0 MiB"},
        {104857600, "100 MiB"},
        {1048051711, "999 MiB"}, /* the last below 999.5 MiB */
        {1048051712, "1000 MiB"},
        {1073217535, "1023 MiB"},
        {1073217536, "1.00 GiB"}, /* 1023.5 MiB */
        {UINT64_MAX, "16.0 EiB"},
    };
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(q8_text_bytes(rows[i].bytes, text, sizeof text), rows[i].want);
}

static void text_count_has_three_digits_and_decimal_units(void **state)
{
    char text[32];

    (void)state;
    assert_string_equal(q8_text_count(0, text, sizeof text), "0");
    assert_string_equal(q8_text_count(999, text, sizeof text), "999");
    assert_string_equal(q8_text_count(1000, text, sizeof text), "1.00 K");
    assert_string_equal(q8_text_count(3276800, text, sizeof text), "3.28 M");
    assert_string_equal(q8_text_count(999600, text, sizeof text), "1.00 M");
    assert_string_equal(q8_text_count(1100048384, text, sizeof text), "1.10 B");
    assert_string_equal(q8_text_count(UINT64_C(70553706496), text, sizeof text), "70.6 B");
    assert_string_equal(q8_text_count(UINT64_C(1026000000000), text, sizeof text), "1.03 T");
}

static void text_seconds_never_shows_sixty(void **state)
{
    char text[32];

    (void)state;
    assert_string_equal(q8_text_seconds(0, text, sizeof text), "0.0s");
    assert_string_equal(q8_text_seconds(0.42, text, sizeof text), "0.4s");
    assert_string_equal(q8_text_seconds(9.97, text, sizeof text), "10s");
    assert_string_equal(q8_text_seconds(59.4, text, sizeof text), "59s");
    assert_string_equal(q8_text_seconds(59.6, text, sizeof text), "1m 00s");
    assert_string_equal(q8_text_seconds(200, text, sizeof text), "3m 20s");
    assert_string_equal(q8_text_seconds(3599.7, text, sizeof text), "1h 00m");
    assert_string_equal(q8_text_seconds(7530, text, sizeof text), "2h 05m");
    assert_string_equal(q8_text_seconds(-1, text, sizeof text), "?");
    assert_string_equal(q8_text_seconds((double)NAN, text, sizeof text), "?");
    assert_string_equal(q8_text_seconds((double)INFINITY, text, sizeof text), "?");
}

static void text_escape_passes_plain_names(void **state)
{
    char text[64];

    (void)state;
    assert_string_equal(q8_text_escape("", text, sizeof text), "");
    assert_string_equal(q8_text_escape("model.layers.0.weight", text, sizeof text),
                        "model.layers.0.weight");
    assert_string_equal(q8_text_escape("größe.\xe6\x9d\x83.\xf0\x9f\x98\x80", text, sizeof text),
                        "größe.\xe6\x9d\x83.\xf0\x9f\x98\x80");
}

static void text_escape_defuses_what_a_terminal_obeys(void **state)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"a\x1b[2Jb", "a\\x1b[2Jb"}, /* clears the screen */
        {"a\nb\tc\rd\x07", "a\\x0ab\\x09c\\x0dd\\x07"},
        {"\x7f", "\\x7f"},
        {"\\x1b", "\\\\x1b"},            /* not to be taken for an escape of ours */
        {"\xc2\x9b[2J", "\\u{009b}[2J"}, /* C1 CSI */
        {"\xc2\x80\xc2\x9f\xc2\xa0", "\\u{0080}\\u{009f}\xc2\xa0"},
        {"\xd8\x9c", "\\u{061c}"},
        {"\xe2\x80\x8e\xe2\x80\x8f", "\\u{200e}\\u{200f}"},
        {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9", "\xe2\x80\xa7\\u{2028}\\u{2029}"},
        {"\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf", "\\u{202a}\\u{202e}\xe2\x80\xaf"},
        {"\xe2\x81\xa6\xe2\x81\xa9", "\\u{2066}\\u{2069}"},
        {"\xef\xbb\xbf", "\\u{feff}"},
        {"\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd\\u{fffe}\\u{ffff}"},
        {"\xf3\xa0\x81\x81", "\\u{e0041}"}, /* tag latin capital letter a */
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(q8_text_escape(rows[i].name, text, sizeof text), rows[i].want);
}

static void text_escape_shows_bytes_that_are_not_utf8(void **state)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"\x9b[2J", "\\x9b[2J"}, /* a bare C1 byte, 8-bit terminals */
        {"\xff\xfe", "\\xff\\xfe"},
        {"\xc0\xaf", "\\xc0\\xaf"}, /* overlong '/' */
        {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
        {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
        {"a\xe2\x80", "a\\xe2\\x80"}, /* cut short by the end */
        {"\xe2\x80z", "\\xe2\\x80z"},
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(q8_text_escape(rows[i].name, text, sizeof text), rows[i].want);
}

static void text_escape_cuts_between_characters_and_escapes(void **state)
{
    char text[64];

    (void)state;
    assert_string_equal(q8_text_escape("abcdefgh", text, 9), "abcdefgh");
    assert_string_equal(q8_text_escape("abcdefghi", text, 9), "abcde...");
    assert_string_equal(q8_text_escape("abc\x1b\x1b", text, 10), "abc...");
    assert_string_equal(q8_text_escape("abcd\xc3\xa4zzzz", text, 9), "abcd...");
    assert_string_equal(q8_text_escape("abc\xc3\xa4zzzz", text, 9), "abc\xc3\xa4...");
    assert_string_equal(q8_text_escape("abcdef", text, 4), "...");
    assert_string_equal(q8_text_escape("abcdef", text, 3), "..");
    assert_string_equal(q8_text_escape("abcdef", text, 1), "");
}

static void text_escape_stays_inside_every_size(void **state)
{
    char text[64];

    (void)state;
    for (size_t size = 0; size < sizeof text; size++) {
        memset(text, '#', sizeof text);
        q8_text_escape("ab\x1b\xe2\x80\xae\xc3\xa4\\\xffzzzzzzzzzzzzzzz", text, size);
        assert_true(size == 0 || strlen(text) < size);
        assert_int_equal(text[size], '#');
    }
}

static void text_distance_counts_edits(void **state)
{
    char a[301], b[301];

    (void)state;
    assert_int_equal(q8_text_distance("", ""), 0);
    assert_int_equal(q8_text_distance("", "abc"), 3);
    assert_int_equal(q8_text_distance("kitten", "sitting"), 3); /* the textbook pair */
    assert_int_equal(q8_text_distance("model.layer.0", "model.layers.0"), 1);
    memset(a, 'a', 300);
    memset(b, 'b', 300);
    a[300] = b[300] = '\0';
    assert_int_equal(q8_text_distance(a, b), 255);
}

static void text_stem_is_what_stands_before_the_end(void **state)
{
    (void)state;
    assert_int_equal(q8_text_stem("a.b.weight", ".weight"), 3);
    assert_int_equal(q8_text_stem(".weight", ".weight"), 0); /* nothing in front */
    assert_int_equal(q8_text_stem("weight", ".weight"), 0);
    assert_int_equal(q8_text_stem("a.weights", ".weight"), 0);
    assert_int_equal(q8_text_stem("", ".weight"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_bytes_has_three_digits_and_binary_units),
        cmocka_unit_test(text_count_has_three_digits_and_decimal_units),
        cmocka_unit_test(text_seconds_never_shows_sixty),
        cmocka_unit_test(text_escape_passes_plain_names),
        cmocka_unit_test(text_escape_defuses_what_a_terminal_obeys),
        cmocka_unit_test(text_escape_shows_bytes_that_are_not_utf8),
        cmocka_unit_test(text_escape_cuts_between_characters_and_escapes),
        cmocka_unit_test(text_escape_stays_inside_every_size),
        cmocka_unit_test(text_stem_is_what_stands_before_the_end),
        cmocka_unit_test(text_distance_counts_edits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
