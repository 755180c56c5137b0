/* test_replace.c - what is called OUTPUT already: replaced where it is q8-convert's alone */
#include "tests/unit/publishing.h"

static void replace_takes_only_an_output_of_its_own(void **state)
{
    struct run *r = *state;

    make_output(r, "old");
    assert_false(open_out(r, false, false));
    assert_int_equal(r->err.code, Q8_EUSAGE);
    assert_non_null(strstr(r->err.text, "--force"));
    make_output(r, "new");
    assert_true(is_there("out/new"));
    assert_false(is_there("out/old"));
    assert_false(is_there("out.partial"));
    assert_int_equal(unlink("out/q8-manifest.json"), 0); /* now it is anybody's */
    assert_false(open_out(r, false, true));
    assert_int_equal(r->err.code, Q8_EUSAGE);
    assert_true(is_there("out/new"));
    assert_false(is_there("out.partial"));
    write_file("out/q8-manifest.json", "{\"schema\": \"q8-manifest/1\", \"files\": [{\"name\": "
                                       "\"../new\"}]}"); /* nor does it lead out */
    assert_false(open_out(r, false, true));
    assert_int_equal(r->err.code, Q8_EUSAGE);
    assert_true(is_there("out/new"));
}

static void replace_refuses_what_others_put_there(void **state)
{
    struct run *r = *state;

    write_file("precious", "x");
    for (int how = 0; how < 7; how++) {
        const char *name = how < 4 ? "thesis" : "done";

        make_partial(r, true);
        add("out.partial", how);
        for (int i = 0; i < 2; i++) {
            assert_false(open_out(r, i == 0, i == 1));
            assert_int_equal(r->err.code, Q8_EUSAGE);
            assert_non_null(strstr(r->err.text, name));
            r->err = (struct q8_err){0};
            assert_false(check_out(r, i == 0, i == 1));
        }
        assert_true(is_there("out.partial/folder/inner"));
        assert_int_equal(system("rm -r out.partial"), 0);
        make_output(r, "done");
        if (how < 6) { /* another name of a file loses nothing */
            add("out", how);
            assert_false(open_out(r, false, true));
            assert_int_equal(r->err.code, Q8_EUSAGE);
            assert_non_null(strstr(r->err.text, name));
            assert_false(is_there("out.partial"));
        }
        assert_int_equal(system("rm -r out"), 0);
    }
    assert_true(is_there("precious"));
}

static void replace_judges_the_old_output_again(void **state)
{
    struct run *r = *state;

    for (int how = 0; how < 6; how++) {
        make_output(r, "done");
        assert_true(open_out(r, false, true));
        fill(r, "new");
        if (how == 5)
            assert_int_equal(system("mv out safe && mkdir out && touch out/thesis"), 0);
        else
            add("out", how);
        assert_false(q8_publish_finish(&r->p, false, &r->mem, &r->err));
        assert_int_equal(r->err.code, Q8_EIO);
        assert_non_null(strstr(r->err.text, how < 4 ? "thesis" : how == 4 ? "done" : "out is not"));
        assert_false(r->p.done);
        assert_true(is_there("out.partial/new"));
        assert_true(is_there(how == 5 ? "safe/q8-manifest.json" : "out/q8-manifest.json"));
        q8_publish_close(&r->p, true);
        assert_int_equal(system("rm -rf out out.partial safe"), 0);
    }
}

static void replace_leaves_a_late_output_alone(void **state)
{
    struct run *r = *state;

    assert_true(open_out(r, false, false));
    fill(r, "new");
    assert_int_equal(mkdir("out", 0777), 0); /* empty: a plain rename would take its place */
    assert_false(q8_publish_finish(&r->p, false, &r->mem, &r->err));
    assert_int_equal(r->err.code, Q8_EIO);
    assert_false(r->p.done);
    assert_true(is_there("out"));
    assert_true(is_there("out.partial"));
}

static void replace_takes_an_empty_output(void **state)
{
    struct run *r = *state;
    struct stat st;

    assert_int_equal(mkdir("out", 0750), 0);
    assert_true(check_out(r, false, false));
    assert_true(open_out(r, false, false));
    fill(r, "new");
    assert_true(q8_publish_finish(&r->p, false, &r->mem, &r->err));
    q8_publish_close(&r->p, true);
    assert_true(is_there("out/new"));
    assert_int_equal(stat("out", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(system("rm -r out && mkdir out"), 0);
    assert_true(open_out(r, false, false));
    fill(r, "new");
    write_file("out/thesis", "x"); /* it is no longer empty */
    assert_false(q8_publish_finish(&r->p, false, &r->mem, &r->err));
    assert_int_equal(r->err.code, Q8_EIO);
    assert_true(is_there("out/thesis"));
    assert_true(is_there("out.partial/new"));
}

/* Says of every output whether it is what is wanted, and counts. */
struct judge {
    bool same;
    int asked;
};

static bool is_finished(void *self, const struct q8_dir *output, bool *ret, struct q8_err *err)
{
    struct judge *judge = self;

    (void)err;
    assert_string_equal(output->path, "out");
    judge->asked++;
    *ret = judge->same;
    return true;
}

static void replace_leaves_what_is_finished(void **state)
{
    struct run *r = *state;
    struct judge judge = {.same = true};
    struct q8_publish_wish wish = {"out", true, false, is_finished, &judge};

    assert_true(q8_publish_open(&r->p, &wish, &r->mem, &r->err)); /* nothing is there to ask for */
    assert_int_equal(judge.asked, 0);
    fill(r, "done");
    assert_true(q8_publish_finish(&r->p, false, &r->mem, &r->err));
    q8_publish_close(&r->p, false);
    assert_true(q8_publish_open(&r->p, &wish, &r->mem, &r->err));
    assert_true(r->p.finished);
    assert_int_equal(judge.asked, 1);
    assert_false(is_there("out.partial"));
    assert_true(q8_publish_check(&wish, &r->mem, &r->err));
    judge.same = false;
    assert_false(q8_publish_open(&r->p, &wish, &r->mem, &r->err));
    assert_int_equal(r->err.code, Q8_EUSAGE);
    assert_non_null(strstr(r->err.text, "is not what this run would make"));
    assert_false(is_there("out.partial"));
    assert_true(is_there("out/done"));
}

/* What a kill leaves between the two renames of a file system that cannot exchange. */
static void replace_puts_back_what_was_moved_aside(void **state)
{
    struct run *r = *state;

    make_output(r, "done");
    assert_int_equal(rename("out", "out.old"), 0);
    assert_true(open_out(r, true, false)); /* a directory that somebody called so */
    assert_false(is_there("out"));
    q8_publish_close(&r->p, false);
    assert_int_equal(chmod("out.old", 01755), 0);
    assert_false(open_out(r, false, false));
    assert_non_null(strstr(r->err.text, "puts it back"));
    assert_false(is_there("out.partial"));
    assert_true(open_out(r, true, false));
    assert_true(is_there("out/done"));
    assert_false(is_there("out.old"));
    fill(r, "new");
    assert_true(q8_publish_finish(&r->p, false, &r->mem, &r->err));
    q8_publish_close(&r->p, false);
    assert_true(is_there("out/new"));
    assert_false(is_there("out/done"));
    assert_int_equal(rename("out", "out.old"), 0); /* nor when the new one has its name */
    assert_int_equal(chmod("out.old", 01755), 0);
    make_output(r, "newer");
    assert_false(is_there("out.old"));
    assert_true(is_there("out/newer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(replace_takes_only_an_output_of_its_own), TEST(replace_refuses_what_others_put_there),
        TEST(replace_judges_the_old_output_again),     TEST(replace_leaves_a_late_output_alone),
        TEST(replace_takes_an_empty_output),           TEST(replace_leaves_what_is_finished),
        TEST(replace_puts_back_what_was_moved_aside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
