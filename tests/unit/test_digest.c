/* test_digest.c - checksums; expected values from xxhsum 0.8.1 -H2 and Python 3.11 hashlib */
#include "src/base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* bytes((i * 7) & 255 for i in range(n)) */
static unsigned char bytes[100000];

static const struct {
    size_t n;
    const char *xxh;
} rows[] = {
    {0, "99aa06d3014798d86001c324468d497f"},
    {1000, "abee229cdadad76d10ad30264426c830"},
    {100000, "4fb78cd2670dad5801271d2740e5fca3"},
};

static int make_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7);
    return 0;
}

static void digest_xxh_once_is_what_xxhsum_prints(void **state)
{
    char text[Q8_DIGEST_TEXT];
    struct q8_digest d;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        d = q8_xxh_once(bytes, rows[i].n);
        assert_string_equal(q8_digest_text(&d, text), rows[i].xxh);
    }
    d = q8_xxh_once("abc", 3);
    assert_string_equal(q8_digest_text(&d, text), "06b05ab6733a618578af5f94892f3950");
}

static void digest_parse_takes_what_text_gives(void **state)
{
    static const char *const bad[] = {"",
                                      "06b05ab6733a618578af5f94892f395",
                                      "06b05ab6733a618578af5f94892f39500",
                                      "06B05ab6733a618578af5f94892f3950",
                                      "+6b05ab6733a618578af5f94892f3950",
                                      " 6b05ab6733a618578af5f94892f3950",
                                      "0xb05ab6733a618578af5f94892f3950"};
    struct q8_digest abc = q8_xxh_once("abc", 3), d = {{1}};

    (void)state;
    assert_true(q8_digest_parse("06b05ab6733a618578af5f94892f3950", &d));
    assert_true(q8_digest_same(&d, &abc));
    d.byte[15] ^= 1;
    assert_false(q8_digest_same(&d, &abc));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(q8_digest_parse(bad[i], &d));
}

static void digest_xxh_in_pieces_is_the_same(void **state)
{
    static const size_t pieces[] = {1, 7, 240, 255, 1024, 65536};
    char text[Q8_DIGEST_TEXT];
    struct q8_digest d;
    struct q8_err err = {0};
    struct q8_xxh x = {0};

    (void)state;
    assert_true(q8_xxh_open(&x, &err));
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            q8_xxh_reset(&x);
            q8_xxh_add(&x, NULL, 0);
            for (size_t at = 0; at < rows[i].n; at += pieces[p])
                q8_xxh_add(&x, bytes + at, pieces[p] < rows[i].n - at ? pieces[p] : rows[i].n - at);
            d = q8_xxh_sum(&x);
            assert_string_equal(q8_digest_text(&d, text), rows[i].xxh);
        }
    q8_xxh_close(&x);
    q8_xxh_close(&x);
}

static void digest_sha_is_what_hashlib_gives(void **state)
{
    static const struct {
        size_t n;
        const char *want;
    } shas[] = {
        {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {100000, "931030b89f42c06dcdda12a43dfcd601d745d11bbb5fcd1a00fea442e8405157"},
    };
    char text[Q8_SHA_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof shas / sizeof *shas; i++) {
        struct q8_sha s = {0};

        q8_sha_start(&s);
        for (size_t at = 0; at < shas[i].n; at += 12500)
            q8_sha_add(&s, bytes + at, 12500);
        q8_sha_text(&s, text);
        assert_string_equal(text, shas[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_xxh_once_is_what_xxhsum_prints),
        cmocka_unit_test(digest_parse_takes_what_text_gives),
        cmocka_unit_test(digest_xxh_in_pieces_is_the_same),
        cmocka_unit_test(digest_sha_is_what_hashlib_gives),
    };

    return cmocka_run_group_tests(tests, make_bytes, NULL);
}
