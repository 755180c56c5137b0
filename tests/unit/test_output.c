/* test_output.c - reports: where they may go, and that they are there as a whole or not at all */
#include "src/cli/guard.h"
#include "src/cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* A folder that is the current one, and reports. */
struct fixture {
    char dir[32];
    struct q8_outputs os;
    struct q8_arena mem;
    struct q8_err err;
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    (void)strcpy(f->dir, "/tmp/q8-output-XXXXXX");
    if (!mkdtemp(f->dir) || chdir(f->dir) < 0)
        return 1;
    q8_arena_init(&f->mem, UINT64_C(1) << 20);
    *state = f;
    return q8_outputs_init(&f->os, &f->err) ? 0 : 1;
}

static int end(void **state)
{
    struct fixture *f = *state;
    char command[64];

    q8_outputs_drop(&f->os);
    q8_outputs_close(&f->os);
    q8_arena_clear(&f->mem);
    (void)snprintf(command, sizeof command, "rm -rf %s", f->dir);
    free(f);
    return chdir("/") < 0 || system(command) != 0;
}

static void put(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void assert_text(const char *path, const char *text)
{
    char have[200] = "";
    FILE *in = fopen(path, "r");

    assert_non_null(in);
    (void)!fread(have, 1, sizeof have - 1, in);
    assert_string_equal(have, text);
    (void)fclose(in);
}

static bool check(struct fixture *f, const char *path, const char *why)
{
    const struct q8_guard guard = {path, why};

    return q8_guard_check(&f->os, &guard, 1, &f->mem, &f->err);
}

static struct q8_output *add(struct fixture *f, const char *option, const char *path)
{
    return q8_outputs_add(&f->os, option, path, NULL);
}

static void output_is_there_when_all_are_whole(void **state)
{
    struct fixture *f = *state;
    struct q8_output *a = add(f, "--json", "a"), *full = add(f, "--csv", "/dev/full");

    put("a", "old");
    assert_true(check(f, NULL, NULL));
    assert_true(q8_outputs_open(&f->os, &f->mem, &f->err));
    fputs("new", a->out);
    fputs("new", full->out);
    assert_text("a", "old");
    assert_false(q8_outputs_keep(&f->os, &f->err));
    assert_string_equal(f->err.text, "cannot write /dev/full: No space left on device");
    assert_text("a", "old");
    assert_int_equal(access(a->part, F_OK), 0);
    q8_outputs_drop(&f->os);
    assert_int_equal(system("[ \"$(ls)\" = a ]"), 0);
}

static void output_replaces_what_a_link_leads_to(void **state)
{
    struct fixture *f = *state;
    struct q8_output *a = add(f, "--json", "far");
    struct stat st;

    put("a", "old");
    assert_int_equal(chmod("a", 0640), 0);
    assert_int_equal(symlink("a", "near") + symlink("near", "far"), 0);
    assert_true(check(f, NULL, NULL));
    assert_true(q8_outputs_open(&f->os, &f->mem, &f->err));
    fputs("# q8-convert --to=x", a->out);
    assert_true(q8_outputs_keep(&f->os, &f->err));
    assert_text("a", "# q8-convert --to=x");
    assert_true(lstat("far", &st) == 0 && S_ISLNK(st.st_mode));
    assert_true(lstat("a", &st) == 0 && (st.st_mode & 07777) == 0640);
    q8_outputs_fail(&f->os, &(struct q8_err){.code = Q8_EIO}); /* what is kept stays */
    assert_text("a", "# q8-convert --to=x");
}

static void output_through_a_circle_of_links_is_an_error(void **state)
{
    struct fixture *f = *state;

    (void)add(f, "--json", "a");
    assert_int_equal(symlink("b", "a") + symlink("a", "b"), 0);
    assert_false(check(f, NULL, NULL));
    assert_int_equal(f->err.code, Q8_EIO);
    assert_string_equal(f->err.text, "cannot write a: Too many levels of symbolic links");
}

static void output_over_what_is_read_is_refused(void **state)
{
    static const char *const names[] = {"read", "link", "hard", "./read", "../%s/read"};
    struct fixture *f = *state;

    put("read", "data");
    assert_int_equal(symlink("read", "link") + link("read", "hard"), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];

        (void)snprintf(path, sizeof path, names[i], f->dir + strlen("/tmp/"));
        f->err = (struct q8_err){0};
        f->os.count = 0;
        (void)add(f, "--json", path);
        assert_false(check(f, "read", NULL));
        assert_int_equal(f->err.code, Q8_EUSAGE);
        assert_non_null(strstr(f->err.text, "would overwrite read, which is read"));
        assert_false(f->os.list[0].allowed);
        assert_true(q8_outputs_open(&f->os, &f->mem, &f->err)); /* opens nothing */
        q8_outputs_fail(&f->os, &f->err);
        assert_text("read", "data");
    }
}

static void output_among_a_model_spares_all_but_reports(void **state)
{
    static const struct {
        const char *text;
        bool allowed;
    } files[] = {{"{\"a\": 1}", false},
                 {"", true},
                 {"{\n \"schema\": \"q8-inspect/1\",\n", true},
                 {"{\n \"schema\": \"q8-verify/2\",\n", true},
                 {"{\n \"schema\": \"q8-manifest/1\",\n", false},
                 {"{\n \"schema\": \"q8-verify-baseline/1\",\n", false},
                 {"name,dtype,shape,elements,nan", true},
                 {"# q8-convert --to=bnb-int8 --overrides THIS", true},
                 {"<!DOCTYPE html>\n<html><head><title>notes", false},
                 {"<!DOCTYPE html>\n<meta name=\"generator\" content=\"q8-verify 1\">", true},
                 {"<?xml version=\"1.0\"?>\n<testsuite name=\"q8-verify\"", true},
                 {"<?xml version=\"1.0\"?>\n<testsuite name=\"others\"", false}};
    struct fixture *f = *state;

    assert_int_equal(mkdir("model", 0777), 0);
    put("model/config.json", "{}");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put("model/file", files[i].text);
        f->err = (struct q8_err){0};
        f->os.count = 0;
        (void)add(f, "--json", "model/file");
        assert_int_equal(check(f, "model", NULL), files[i].allowed);
    }
    put("file", "weights");
    assert_int_equal(symlink("../file", "model/link"), 0); /* as in the cache of the hub */
    f->os.count = 0;
    f->err = (struct q8_err){0};
    (void)add(f, "--json", "file");
    assert_false(check(f, "model", NULL));
    assert_string_equal(f->err.text, "--json=file would overwrite model/link, which is read");
}

static void output_below_what_is_filled_is_refused(void **state)
{
    static const char *const names[] = {"out", "out/x", "link/x", "out/new/x"};
    struct fixture *f = *state;

    assert_int_equal(mkdir("out", 0777) + mkdir("out/new", 0777) + symlink("out", "link"), 0);
    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        f->err = (struct q8_err){0};
        f->os.count = 0;
        (void)add(f, "--json", names[i]);
        assert_false(check(f, "out/", "which is filled"));
        assert_non_null(strstr(f->err.text, "lies in out/, which is filled"));
    }
    assert_int_equal(rmdir("out/new") + rmdir("out"), 0);
    f->err = (struct q8_err){0};
    f->os.count = 0;
    (void)add(f, "--json", names[0]);
    assert_false(check(f, "out/", "which is filled"));
    assert_string_equal(f->err.text, "--json=out is out/, which is filled");
    f->err = (struct q8_err){0};
    f->os.count = 0;
    (void)add(f, "--json", "output");
    assert_true(check(f, "out/", "which is filled"));
}

static void output_two_to_one_file_are_refused(void **state)
{
    struct fixture *f = *state;

    (void)add(f, "--json", "new");
    (void)add(f, "--csv", "./new");
    assert_false(check(f, NULL, NULL));
    assert_string_equal(f->err.text, "--json=new and --csv=./new are the same file");
    f->err = (struct q8_err){0};
    f->os.count = 0;
    (void)add(f, "--json", "/dev/null");
    (void)add(f, "--csv", "/dev/null");
    assert_true(check(f, NULL, NULL));
}

/* Also where the run has failed before: it must be known which old reports may go. */
static void output_is_judged_after_an_error_too(void **state)
{
    struct fixture *f = *state;
    struct q8_output *a = add(f, "--json", "a"), *read = add(f, "--csv", "read");

    put("read", "name,dtype,shape,elements,");
    put("a", "name,dtype,shape,elements,");
    f->err.code = Q8_EUSAGE;
    assert_false(check(f, "read", NULL));
    assert_true(a->allowed);
    assert_false(read->allowed);
    q8_outputs_fail(&f->os, &f->err);
    assert_int_equal(system("[ \"$(ls)\" = read ]"), 0);
}

static void excuse(FILE *out, const char *model, const struct q8_err *err)
{
    fprintf(out, "%s: %d", model, err->code);
}

static void output_of_a_run_that_ends_is_excused(void **state)
{
    struct fixture *f = *state;
    struct q8_output *a = q8_outputs_add(&f->os, "--junit", "a", excuse),
                     *b = add(f, "--json", "b"), *last = add(f, "--write-baseline", "last");
    const struct q8_err stopped = {.code = Q8_ESIGNAL + SIGINT};

    put("b", "# q8-convert --to=x");
    put("last", "# q8-convert --to=x");
    last->lasting = true;
    f->os.model = "model";
    assert_true(check(f, NULL, NULL));
    assert_true(q8_outputs_open(&f->os, &f->mem, &f->err));
    fputs("half", a->out);
    fputs("half", b->out);
    q8_outputs_abandon(&f->os, &stopped);
    assert_text("a", "model: 130");
    assert_int_equal(system("[ \"$(echo *)\" = 'a last' ]"), 0);
    (void)pthread_mutex_unlock(&f->os.lock);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(output_is_there_when_all_are_whole),
        TEST(output_replaces_what_a_link_leads_to),
        TEST(output_through_a_circle_of_links_is_an_error),
        TEST(output_over_what_is_read_is_refused),
        TEST(output_among_a_model_spares_all_but_reports),
        TEST(output_below_what_is_filled_is_refused),
        TEST(output_two_to_one_file_are_refused),
        TEST(output_is_judged_after_an_error_too),
        TEST(output_of_a_run_that_ends_is_excused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
