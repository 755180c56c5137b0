/* test_publish.c - the partial directory: locked, taken over, renamed; never what is another's */
#include "tests/unit/publishing.h"

static void publish_finish_gives_the_directory_its_name(void **state)
{
    struct run *r = *state;
    struct stat st;

    assert_true(q8_publish_open(&r->p, &(struct q8_publish_wish){"out//", false, false, NULL, NULL},
                                &r->mem, &r->err));
    assert_string_equal(r->p.output, "out");
    assert_string_equal(r->p.partial, "out.partial");
    fill(r, "model");
    assert_false(is_there("out"));
    assert_true(q8_publish_finish(&r->p, true, &r->mem, &r->err));
    assert_true(r->p.done);
    q8_publish_close(&r->p, false); /* takes nothing away from what is published */
    assert_true(is_there("out/model"));
    assert_false(is_there("out/q8-journal"));
    assert_false(is_there("out.partial"));
    assert_int_equal(stat("out", &st), 0);
    assert_false(st.st_mode & S_ISVTX);
}

static void publish_open_is_one_run_at_a_time(void **state)
{
    struct run *r = *state;
    struct q8_publish other;

    assert_true(open_out(r, false, false));
    assert_false(q8_publish_open(&other, &(struct q8_publish_wish){"out", true, true, NULL, NULL},
                                 &r->mem, &r->err));
    assert_int_equal(r->err.code, Q8_EBUSY);
    r->err = (struct q8_err){0};
    assert_false(check_out(r, false, false));
    assert_int_equal(r->err.code, Q8_EBUSY);
    q8_publish_close(&r->p, false);
    assert_false(is_there("out.partial"));
    assert_true(open_out(r, false, false));
}

static void publish_open_continues_only_when_told(void **state)
{
    struct run *r = *state;

    make_partial(r, true);
    assert_false(open_out(r, false, false));
    assert_int_equal(r->err.code, Q8_EUSAGE);
    assert_true(is_there("out.partial/done"));
    q8_publish_close(&r->p, true);
    assert_true(open_out(r, true, false));
    assert_true(r->p.resumed);
    assert_true(is_there("out.partial/done"));
    q8_publish_close(&r->p, true);
    assert_true(open_out(r, false, true)); /* starts over */
    assert_false(r->p.resumed);
    assert_false(is_there("out.partial/done"));
    q8_publish_close(&r->p, false);
    make_partial(r, false); /* nothing to be continued */
    assert_true(open_out(r, true, false));
    assert_false(r->p.resumed);
    assert_false(is_there("out.partial/done"));
}

static void publish_takes_an_empty_partial_directory(void **state)
{
    struct run *r = *state;

    assert_int_equal(mkdir("out.partial", 0777), 0);
    assert_true(open_out(r, false, false)); /* another run has just made it, or nobody's */
    assert_false(r->p.resumed);
}

static void publish_open_touches_no_directory_of_others(void **state)
{
    struct run *r = *state;

    assert_int_equal(mkdir("out.partial", 0777), 0);
    assert_int_equal(chmod("out.partial", 01777), 0); /* which by itself says nothing */
    write_file("out.partial/thesis", "x");
    for (int i = 0; i < 2; i++) {
        assert_false(open_out(r, i == 0, i == 1));
        assert_int_equal(r->err.code, Q8_EUSAGE);
        assert_non_null(strstr(r->err.text, "remove it by hand"));
        r->err = (struct q8_err){0};
        q8_publish_close(&r->p, false);
        assert_true(is_there("out.partial/thesis"));
        assert_false(check_out(r, i == 0, i == 1));
    }
    assert_int_equal(unlink("out.partial/thesis"), 0);
    assert_int_equal(rmdir("out.partial"), 0);
    assert_int_equal(symlink("elsewhere", "out.partial"), 0);
    assert_false(open_out(r, false, true));
    assert_int_equal(r->err.code, Q8_EUSAGE);
    assert_false(is_there("elsewhere"));
}

static void publish_names_no_directory_that_is_there_always(void **state)
{
    static const char *const names[] = {"", "/", "//", ".", ".."};
    struct run *r = *state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        r->err = (struct q8_err){0};
        assert_false(q8_publish_open(
            &r->p, &(struct q8_publish_wish){names[i], false, true, NULL, NULL}, &r->mem, &r->err));
        assert_int_equal(r->err.code, Q8_EUSAGE);
    }
}

static void publish_below_follows_links(void **state)
{
    struct run *r = *state;

    assert_int_equal(mkdir("out", 0777), 0);
    assert_int_equal(mkdir("outside", 0777), 0);
    write_file("out/file", "x");
    write_file("outside/file", "x");
    assert_int_equal(symlink("../out/file", "outside/link"), 0);
    assert_true(q8_publish_below("out/file", "out"));
    assert_true(q8_publish_below("out", "out"));
    assert_true(q8_publish_below("outside/link", "out"));
    assert_false(q8_publish_below("outside/file", "out")); /* its name begins the same */
    assert_false(q8_publish_below("nothing", "out"));
    assert_true(q8_publish_apart("out", "outside/file", &r->mem, &r->err));
    assert_false(q8_publish_apart("out/", "outside/link", &r->mem, &r->err));
    assert_int_equal(r->err.code, Q8_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(publish_finish_gives_the_directory_its_name),
        TEST(publish_open_is_one_run_at_a_time),
        TEST(publish_open_continues_only_when_told),
        TEST(publish_takes_an_empty_partial_directory),
        TEST(publish_open_touches_no_directory_of_others),
        TEST(publish_names_no_directory_that_is_there_always),
        TEST(publish_below_follows_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
