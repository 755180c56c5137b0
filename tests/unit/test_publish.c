/* test_publish.c - the partial directory: locked, taken over, renamed; never what is another's */
#include "src/convert/publish.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* A run that publishes "out" in a directory of its own, which is the current one. */
struct run {
    char dir[64];
    struct q8_arena mem;
    struct q8_publish p;
    struct q8_err err;
};

static int enter(void **state)
{
    static struct run r;

    r = (struct run){.dir = "/tmp/q8-test-publish-XXXXXX", .p.lock = -1};
    q8_arena_init(&r.mem, 1 << 20);
    *state = &r;
    return mkdtemp(r.dir) && chdir(r.dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    struct run *r = *state;
    char command[100];

    q8_publish_close(&r->p, true, &r->mem);
    q8_arena_clear(&r->mem);
    (void)snprintf(command, sizeof command, "rm -r %s", r->dir);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Opens anew, with a clean error. */
static bool open_out(struct run *r, bool resume, bool force)
{
    r->err = (struct q8_err){0};
    return q8_publish_open(&r->p, "out", resume, force, &r->mem, &r->err);
}

/* A run that was killed with that much of a journal. */
static void make_partial(struct run *r, const char *journal)
{
    assert_true(open_out(r, false, false));
    write_file("out.partial/q8-journal", journal);
    write_file("out.partial/done", "x");
    q8_publish_close(&r->p, true, &r->mem);
    assert_true(is_there("out.partial/done"));
}

/* A whole output, with one file besides its manifest. */
static void make_output(struct run *r, const char *name)
{
    char path[64];

    assert_true(open_out(r, false, true));
    (void)snprintf(path, sizeof path, "out.partial/%s", name);
    write_file("out.partial/q8-journal", "x");
    write_file("out.partial/q8-manifest.json", "{}");
    write_file(path, "x");
    assert_true(q8_publish_finish(&r->p, false, &r->mem, &r->err));
    q8_publish_close(&r->p, false, &r->mem);
}

static void publish_finish_gives_the_directory_its_name(void **state)
{
    struct run *r = *state;
    struct stat st;

    assert_true(q8_publish_open(&r->p, "out//", false, false, &r->mem, &r->err));
    assert_string_equal(r->p.output, "out");
    assert_string_equal(r->p.journal, "out.partial/q8-journal");
    assert_int_equal(stat("out.partial", &st), 0);
    assert_true(st.st_mode & S_ISVTX);
    write_file(r->p.journal, "x");
    write_file("out.partial/model", "x");
    assert_false(is_there("out"));
    assert_true(q8_publish_finish(&r->p, true, &r->mem, &r->err));
    assert_true(r->p.done);
    q8_publish_close(&r->p, false, &r->mem); /* takes nothing away from what is published */
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
    assert_false(q8_publish_open(&other, "out", true, true, &r->mem, &r->err));
    assert_int_equal(r->err.code, Q8_EBUSY);
    r->err = (struct q8_err){0};
    assert_false(q8_publish_check("out", false, false, &r->mem, &r->err));
    assert_int_equal(r->err.code, Q8_EBUSY);
    q8_publish_close(&r->p, false, &r->mem);
    assert_false(is_there("out.partial"));
    assert_true(open_out(r, false, false));
}

static void publish_open_continues_only_when_told(void **state)
{
    struct run *r = *state;

    make_partial(r, "a line\n");
    assert_false(open_out(r, false, false));
    assert_int_equal(r->err.code, Q8_EUSAGE);
    assert_true(is_there("out.partial/done"));
    q8_publish_close(&r->p, true, &r->mem);
    assert_true(open_out(r, true, false));
    assert_true(r->p.resumed);
    assert_true(is_there("out.partial/done"));
    q8_publish_close(&r->p, true, &r->mem);
    assert_true(open_out(r, false, true)); /* starts over */
    assert_false(r->p.resumed);
    assert_false(is_there("out.partial/done"));
    q8_publish_close(&r->p, false, &r->mem);
    make_partial(r, ""); /* nothing to be continued */
    assert_true(open_out(r, true, false));
    assert_false(r->p.resumed);
    assert_false(is_there("out.partial/done"));
}

static void publish_open_replaces_only_its_own_output(void **state)
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
}

static void publish_open_touches_no_directory_of_others(void **state)
{
    struct run *r = *state;

    assert_int_equal(mkdir("out.partial", 0777), 0);
    write_file("out.partial/thesis", "x");
    for (int i = 0; i < 2; i++) {
        assert_false(open_out(r, i == 0, i == 1));
        assert_int_equal(r->err.code, Q8_EUSAGE);
        assert_non_null(strstr(r->err.text, "remove it by hand"));
        r->err = (struct q8_err){0};
        q8_publish_close(&r->p, false, &r->mem);
        assert_true(is_there("out.partial/thesis"));
        assert_false(q8_publish_check("out", i == 0, i == 1, &r->mem, &r->err));
    }
    assert_int_equal(unlink("out.partial/thesis"), 0);
    assert_int_equal(rmdir("out.partial"), 0);
    assert_int_equal(symlink("elsewhere", "out.partial"), 0);
    assert_false(open_out(r, false, true));
    assert_int_equal(r->err.code, Q8_EUSAGE);
    assert_false(is_there("elsewhere"));
}

static void publish_finish_leaves_a_late_output_alone(void **state)
{
    struct run *r = *state;

    assert_true(open_out(r, false, false));
    write_file(r->p.journal, "x");
    assert_int_equal(mkdir("out", 0777), 0); /* empty: a plain rename would take its place */
    assert_false(q8_publish_finish(&r->p, false, &r->mem, &r->err));
    assert_int_equal(r->err.code, Q8_EIO);
    assert_false(r->p.done);
    assert_true(is_there("out"));
    assert_true(is_there("out.partial"));
}

static void publish_names_no_directory_that_is_there_always(void **state)
{
    static const char *const names[] = {"", "/", "//", ".", ".."};
    struct run *r = *state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        r->err = (struct q8_err){0};
        assert_false(q8_publish_open(&r->p, names[i], false, true, &r->mem, &r->err));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(publish_finish_gives_the_directory_its_name),
        TEST(publish_open_is_one_run_at_a_time),
        TEST(publish_open_continues_only_when_told),
        TEST(publish_open_replaces_only_its_own_output),
        TEST(publish_open_touches_no_directory_of_others),
        TEST(publish_finish_leaves_a_late_output_alone),
        TEST(publish_names_no_directory_that_is_there_always),
        TEST(publish_below_follows_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
