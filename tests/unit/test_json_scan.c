/* test_json_scan.c - the pull reader; what is valid and what is not: RFC 8259, Unicode table 3-7 */
#include "formats/format.h"
#include "src/base/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A reader over a text, with all that it needs. */
struct reader {
    struct q8_source source;
    struct q8_arena mem;
    struct q8_err err;
    struct q8_scan s;
};

static void start(struct reader *r, const char *text, uint64_t size)
{
    r->source = q8_source_memory(text, size);
    r->err = (struct q8_err){0};
    q8_arena_init(&r->mem, 16 << 20);
    assert_true(q8_scan_init(&r->s, &r->source, 0, &r->mem, &r->err));
}

/* Whether the whole text is one valid value. */
static bool valid(const char *text, uint64_t size)
{
    struct reader r;
    bool ok;

    start(&r, text, size);
    ok = q8_scan_skip(&r.s) && q8_scan_done(&r.s);
    assert_int_equal(r.err.code, ok ? 0 : Q8_EINPUT);
    q8_arena_clear(&r.mem);
    return ok;
}

static void scan_takes_values_one_by_one(void **state)
{
    static const char text[] =
        " {\"a\" : [1, 18446744073709551615],\"b\":\"x\", \"c\":{\"d\":[[]]},"
        "\"e\":[ ], \"f\":{}}\n";
    struct reader r;
    uint64_t n = 0;

    (void)state;
    start(&r, text, strlen(text));
    assert_int_equal(q8_scan_peek(&r.s), '{');
    assert_true(q8_scan_open(&r.s, '{') && q8_scan_key(&r.s));
    assert_string_equal(r.s.text, "a");
    assert_true(q8_scan_open(&r.s, '[') && q8_scan_more(&r.s) && q8_scan_u64(&r.s, &n));
    assert_int_equal(n, 1);
    assert_true(q8_scan_more(&r.s) && q8_scan_u64(&r.s, &n));
    assert_true(n == UINT64_MAX);
    assert_false(q8_scan_more(&r.s));
    assert_true(q8_scan_key(&r.s) && q8_scan_string(&r.s));
    assert_string_equal(r.s.text, "x");
    assert_int_equal(r.s.length, 1);
    assert_true(q8_scan_key(&r.s) && q8_scan_skip(&r.s));
    assert_true(q8_scan_key(&r.s) && q8_scan_open(&r.s, '['));
    assert_false(q8_scan_more(&r.s));
    assert_true(q8_scan_key(&r.s));
    assert_string_equal(r.s.text, "f");
    assert_true(q8_scan_open(&r.s, '{'));
    assert_false(q8_scan_key(&r.s));
    assert_false(q8_scan_key(&r.s));
    assert_int_equal(r.err.code, 0);
    assert_true(q8_scan_done(&r.s));
    q8_arena_clear(&r.mem);
}

static void scan_unescapes_strings(void **state)
{
    static const char text[] =
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u00e9\\u20AC\\ud83D\\uDE00\x7f\"";
    struct reader r;

    (void)state;
    start(&r, text, strlen(text));
    assert_true(q8_scan_string(&r.s) && q8_scan_done(&r.s));
    assert_string_equal(r.s.text, "\"\\/\b\f\n\r\t\x01\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f");
    q8_arena_clear(&r.mem);
}

static void scan_accepts_what_the_grammar_allows(void **state)
{
    static const char *const good[] = {
        "0",
        "-0",
        "1.5e+10",
        "1E-2",
        "123456789012345678901234567890",
        " [ ] ",
        "[[],{}]",
        "null",
        "true",
        "false",
        "\"\"",
        "{\"\":0}",
        "[1 , 2]",
        "\t\r\n 1\t\r\n ",
        "\"\xc2\x80\xdf\xbf\"",
        "\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
        "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
        "\"\\ud800\\udc00\\udbff\\udfff\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!valid(good[i], strlen(good[i])))
            fail_msg("refused: %s", good[i]);
}

static const char *const refused[] = {"",
                                      " ",
                                      "[",
                                      "]",
                                      "{",
                                      "}",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "[1}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\":1 \"b\":2}",
                                      "{1:2}",
                                      "{\"a\" 1}",
                                      "1 2",
                                      "{}x",
                                      "01",
                                      "-01",
                                      "00",
                                      "+1",
                                      ".5",
                                      "5.",
                                      "5.e1",
                                      "1e",
                                      "1e+",
                                      "-",
                                      "--1",
                                      "0x1",
                                      "1f",
                                      "nul",
                                      "nulll",
                                      "tru",
                                      "True",
                                      "fals",
                                      "NaN",
                                      "Infinity",
                                      "\xef\xbb\xbf 1",
                                      "\f1",
                                      "\v1",
                                      "\"",
                                      "\"a",
                                      "\"\\",
                                      "\"\\\"",
                                      "\"\\x41\"",
                                      "\"\\'\"",
                                      "\"\\u12\"",
                                      "\"\\u00g0\"",
                                      "\"\\u+123\"",
                                      "\"\x01\"",
                                      "\"\x1f\"",
                                      "\"a\nb\"",
                                      "\"\\u0000\"",
                                      "\"\\ud800\"",
                                      "\"\\ud800x\"",
                                      "\"\\ud800\\n\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\\ud800\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\x80\"",
                                      "\"\xbf\"",
                                      "\"\xc0\x80\"",
                                      "\"\xc1\xbf\"",
                                      "\"\xc2\"",
                                      "\"\xc2\xc0\"",
                                      "\"\xe0\x9f\xbf\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xe2\x82\"",
                                      "\"\xf0\x8f\xbf\xbf\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xf5\x80\x80\x80\"",
                                      "\"\xff\"",
                                      "\"\xe2\x82"};

static void scan_refuses_what_the_grammar_does_not_allow(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (valid(refused[i], strlen(refused[i])))
            fail_msg("accepted: %s", refused[i]);
    assert_false(valid("1\0", 2));
    assert_false(valid("\"a\0b\"", 5));
}

static void scan_u64_takes_digits_only(void **state)
{
    static const char *const bad[] = {
        "-1",    "-0",   "1.0", "1e0", "18446744073709551616", "99999999999999999999999",
        "\"1\"", "null", "[1]"};
    struct reader r;
    uint64_t n = 7;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        start(&r, bad[i], strlen(bad[i]));
        assert_false(q8_scan_u64(&r.s, &n));
        assert_int_equal(r.err.code, Q8_EINPUT);
        q8_arena_clear(&r.mem);
    }
}

static void scan_keeps_its_first_failure(void **state)
{
    static const char text[] = "[1,x,2]";
    struct reader r;
    uint64_t n;

    (void)state;
    start(&r, text, strlen(text));
    assert_true(q8_scan_open(&r.s, '[') && q8_scan_more(&r.s) && q8_scan_u64(&r.s, &n));
    assert_true(q8_scan_more(&r.s));
    assert_false(q8_scan_u64(&r.s, &n));
    assert_string_equal(r.err.text, "JSON at byte 3: a value was expected");
    assert_false(q8_scan_more(&r.s));
    assert_false(q8_scan_key(&r.s));
    assert_false(q8_scan_string(&r.s));
    assert_false(q8_scan_open(&r.s, '['));
    assert_false(q8_scan_skip(&r.s));
    assert_false(q8_scan_done(&r.s));
    assert_int_equal(q8_scan_peek(&r.s), 0);
    assert_string_equal(r.err.text, "JSON at byte 3: a value was expected");
    q8_arena_clear(&r.mem);
}

static void scan_stops_at_depth_64(void **state)
{
    char text[130];

    (void)state;
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    assert_true(valid(text, 128));
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_false(valid(text, 130));
}

static void scan_stops_at_strings_of_a_mebibyte(void **state)
{
    size_t limit = 1 << 20;
    char *text = malloc(limit + 3);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', limit + 3);
    text[0] = text[limit + 1] = '"';
    assert_true(valid(text, limit + 2));
    text[limit + 1] = 'x';
    text[limit + 2] = '"';
    assert_false(valid(text, limit + 3));
    free(text);
}

/* Bytes of a long array that must be asked for in order, a window at a time. */
static bool fill_ones(void *self, uint64_t off, void *buf, uint64_t n, struct q8_err *err)
{
    uint64_t *asked = self;

    (void)err;
    assert_true(n <= Q8_SCAN_WINDOW);
    for (uint64_t i = 0; i < n; i++)
        ((char *)buf)[i] = off + i == 0 ? '[' : (off + i) % 2 ? '1' : ',';
    *asked += n;
    return true;
}

static void scan_reads_each_byte_once_in_constant_memory(void **state)
{
    uint64_t size = 1000001, asked = 0, taken; /* "[1,1,...,1," without its end */
    const struct q8_source source = {size, fill_ones, &asked};
    struct q8_arena mem;
    struct q8_err err = {0};
    struct q8_scan s;

    (void)state;
    q8_arena_init(&mem, 128 << 10);
    assert_true(q8_scan_init(&s, &source, 0, &mem, &err));
    assert_false(q8_scan_skip(&s));
    assert_int_equal(err.code, Q8_EINPUT);
    assert_int_equal(asked, size);
    taken = mem.used;
    assert_true(taken < 128 << 10);
    q8_arena_clear(&mem);
}

static bool fill_nothing(void *self, uint64_t off, void *buf, uint64_t n, struct q8_err *err)
{
    (void)self, (void)off, (void)buf, (void)n;
    return q8_fail(err, Q8_EIO, "the disk is gone");
}

static void scan_passes_on_what_the_source_says(void **state)
{
    const struct q8_source source = {10, fill_nothing, NULL};
    struct q8_arena mem;
    struct q8_err err = {0};
    struct q8_scan s;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    assert_true(q8_scan_init(&s, &source, 0, &mem, &err));
    assert_false(q8_scan_open(&s, '{'));
    assert_int_equal(err.code, Q8_EIO);
    assert_string_equal(err.text, "the disk is gone");
    q8_arena_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan_takes_values_one_by_one),
        cmocka_unit_test(scan_unescapes_strings),
        cmocka_unit_test(scan_accepts_what_the_grammar_allows),
        cmocka_unit_test(scan_refuses_what_the_grammar_does_not_allow),
        cmocka_unit_test(scan_u64_takes_digits_only),
        cmocka_unit_test(scan_keeps_its_first_failure),
        cmocka_unit_test(scan_stops_at_depth_64),
        cmocka_unit_test(scan_stops_at_strings_of_a_mebibyte),
        cmocka_unit_test(scan_reads_each_byte_once_in_constant_memory),
        cmocka_unit_test(scan_passes_on_what_the_source_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
