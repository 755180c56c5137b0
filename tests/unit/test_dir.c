/* test_dir.c - what lies below an open directory, and what leads out of it and is refused */
#include "src/base/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

/* The directory of the test, which is the current one. */
static struct q8_dir here;

static int enter_folder(void **state)
{
    char name[] = "/tmp/q8-test-dir-XXXXXX";

    if (!mkdtemp(name) || chdir(name) < 0)
        return -1;
    here =
        (struct q8_dir){.fd = open(".", O_RDONLY | O_DIRECTORY), .path = ".", .owner = geteuid()};
    *state = strdup(name);
    return *state && here.fd >= 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    char command[100];

    q8_dir_close(&here);
    (void)snprintf(command, sizeof command, "rm -r %s", (char *)*state);
    free(*state);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void assert_text(const char *path, const char *text)
{
    char found[64] = "";
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    (void)!fgets(found, sizeof found, f);
    assert_int_equal(fclose(f), 0);
    assert_string_equal(found, text);
}

static void dir_create_sets_size_and_room(void **state)
{
    struct q8_err err = {0};
    struct stat st;
    struct q8_file f;
    char buf[4];

    (void)state;
    assert_true(q8_dir_create(&f, &here, "./a", 1 << 20, false, &err));
    assert_int_equal(f.size, 1 << 20);
    assert_int_equal(stat("a", &st), 0);
    assert_int_equal(st.st_size, 1 << 20);
    assert_true(st.st_blocks * 512 >= 1 << 20); /* not a hole */
    assert_true(q8_file_write(&f, (1 << 20) - 4, "tail", 4, &err));
    assert_true(q8_file_read(&f, (1 << 20) - 4, buf, 4, &err));
    assert_memory_equal(buf, "tail", 4);
    assert_true(q8_file_sync(&f, &err));
    assert_true(q8_dir_sync(&here, "a", &err));
    q8_file_close(&f);
}

static void dir_create_keeps_content_only_when_asked(void **state)
{
    struct q8_err err = {0};
    struct q8_file f;
    char buf[8];

    (void)state;
    put_text("a", "hello");
    assert_true(q8_dir_create(&f, &here, "./a", 8, true, &err));
    assert_int_equal(f.size, 8);
    assert_true(q8_file_read(&f, 0, buf, 8, &err));
    assert_memory_equal(buf, "hello\0\0\0", 8);
    q8_file_close(&f);
    assert_true(q8_dir_create(&f, &here, "./a", 2, true, &err));
    assert_int_equal(f.size, 2);
    q8_file_close(&f);
    assert_true(q8_dir_create(&f, &here, "./b", 0, true, &err));
    q8_file_close(&f);
    assert_false(q8_dir_create(&f, &here, "./a", 8, false, &err));
    assert_string_equal(err.text, "cannot create ./a: File exists");
    assert_int_equal(access("a", F_OK), 0);
}

static void dir_create_follows_no_link(void **state)
{
    struct q8_err err = {0};
    struct q8_file f;

    (void)state;
    put_text("a", "hello");
    assert_int_equal(symlink("a", "link"), 0);
    assert_false(q8_dir_create(&f, &here, "./link", 0, true, &err));
    assert_int_equal(err.code, Q8_EIO);
}

static void dir_create_without_room_says_how_much_and_leaves_nothing(void **state)
{
    const struct rlimit small = {4096, RLIM_INFINITY};
    struct q8_err err = {0}, err2 = {0};
    struct rlimit old;
    struct q8_file f;
    bool ok;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ok = q8_dir_create(&f, &here, "./a", 8192, false, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(ok);
    assert_int_equal(err.code, Q8_EIO);
    assert_string_equal(err.text, "cannot set aside 8192 bytes of disk for ./a: File too large");
    assert_int_equal(access("a", F_OK), -1);
    assert_false(q8_dir_create(&f, &here, "./a", UINT64_MAX, false, &err2));
    assert_int_equal(err2.code, Q8_EIO);
    assert_int_equal(access("a", F_OK), -1);
}

/* What stands at a name that is to be written, and leads or belongs elsewhere. */
static void dir_create_writes_through_nothing(void **state)
{
    static const char *const paths[] = {"./link", "./hard", "./pipe", "./folder", "./other"};

    (void)state;
    put_text("a", "hello");
    put_text("other", "hello");
    assert_int_equal(symlink("a", "link"), 0);
    assert_int_equal(link("a", "hard"), 0);
    assert_int_equal(mkfifo("pipe", 0666), 0);
    assert_int_equal(mkdir("folder", 0777), 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct q8_err err = {0};
        struct q8_file f;

        if (i == 4 && (geteuid() != 0 || chown("other", 65534, 65534) < 0))
            continue; /* only root gives files away */
        assert_false(q8_dir_create(&f, &here, paths[i], 0, true, &err));
        assert_true(err.code == Q8_EIO || err.code == Q8_EINPUT);
        assert_non_null(strstr(err.text, paths[i] + 2));
    }
    assert_text("a", "hello");
    assert_text("other", "hello");
}

static void dir_goes_through_no_link_and_no_way_around(void **state)
{
    static const char *const paths[] = {"./link/a", "./../x", "./in/../../x", ".//x", "./in/./a"};

    (void)state;
    assert_int_equal(mkdir("in", 0777), 0);
    put_text("in/a", "hello");
    assert_int_equal(symlink("in", "link"), 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct q8_err err = {0}, err2 = {0};
        struct q8_file f;

        assert_false(q8_dir_create(&f, &here, paths[i], 0, true, &err));
        assert_int_equal(err.code, Q8_EIO);
        assert_false(q8_dir_make(&here, paths[i] + 2, &err2));
    }
    assert_text("in/a", "hello");
}

static void dir_stays_itself_when_its_name_is_anothers(void **state)
{
    struct q8_err err = {0};
    struct q8_dir inner;
    struct q8_file f;

    (void)state;
    assert_int_equal(mkdir("in", 0777), 0);
    assert_int_equal(mkdir("elsewhere", 0777), 0);
    inner = (struct q8_dir){.fd = open("in", O_RDONLY | O_DIRECTORY), .path = "in"};
    assert_int_equal(rename("in", "moved"), 0);
    assert_int_equal(symlink("elsewhere", "in"), 0);
    assert_true(q8_dir_create(&f, &inner, "in/a", 0, false, &err));
    assert_int_equal(access("moved/a", F_OK), 0);
    assert_int_equal(access("elsewhere/a", F_OK), -1);
    q8_file_close(&f);
    q8_dir_close(&inner);
}

static void dir_makes_and_removes_below(void **state)
{
    struct q8_err err = {0};
    struct q8_file f;

    (void)state;
    assert_true(q8_dir_make(&here, "x/y/file", &err));
    assert_true(q8_dir_make(&here, "x/y/other", &err)); /* they are there */
    assert_true(q8_dir_create(&f, &here, "./x/y/file", 5, false, &err));
    q8_file_close(&f);
    assert_true(q8_dir_sync(&here, "x/y/file", &err));
    assert_true(q8_dir_file(&f, &here, "./x/y/file", Q8_DIR_READ, &err));
    assert_int_equal(f.size, 5);
    q8_file_close(&f);
    assert_true(q8_dir_remove(&here, "x/y/file", false, &err));
    assert_true(q8_dir_remove(&here, "x/y/file", false, &err)); /* what is not there is removed */
    assert_true(q8_dir_remove(&here, "none/file", false, &err));
    assert_false(q8_dir_remove(&here, "x", true, &err));
    assert_non_null(strstr(err.text, "cannot remove ./x"));
    assert_int_equal(access("x/y", F_OK), 0);
}

static void dir_look_reads_a_file_with_two_names(void **state)
{
    struct q8_err err = {0};
    struct q8_file f;

    (void)state;
    put_text("a", "hello");
    assert_int_equal(link("a", "hard"), 0);
    assert_true(q8_dir_file(&f, &here, "./a", Q8_DIR_LOOK, &err));
    q8_file_close(&f);
    assert_false(q8_dir_file(&f, &here, "./a", Q8_DIR_READ, &err));
    assert_string_equal(err.text,
                        "./a is a file with a second name elsewhere: another program put it there");
}

static void dir_tells_nothing_there_from_could_not_look(void **state)
{
    char longest[NAME_MAX + 2];
    struct q8_err err = {0};
    struct q8_dir file = {.path = "a"};
    struct stat st;

    (void)state;
    assert_true(q8_dir_empty(&here, &err));
    assert_false(q8_dir_has(&here, "a", &st, &err));
    assert_int_equal(err.code, Q8_OK);
    put_text("a", "hello");
    assert_false(q8_dir_empty(&here, &err));
    assert_int_equal(err.code, Q8_OK);
    assert_true(q8_dir_has(&here, "a", &st, &err));
    assert_int_equal(st.st_size, 5);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(q8_dir_has(&here, longest, &st, &err));
    assert_int_equal(err.code, Q8_EIO);
    assert_non_null(strstr(err.text, "cannot look at ./xxx"));
    err = (struct q8_err){0};
    file.fd = open("a", O_RDONLY | O_CLOEXEC);
    assert_false(q8_dir_empty(&file, &err));
    assert_string_equal(err.text, "cannot look into a: Not a directory");
    q8_dir_close(&file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dir_create_sets_size_and_room),
        TEST(dir_create_keeps_content_only_when_asked),
        TEST(dir_create_follows_no_link),
        TEST(dir_create_without_room_says_how_much_and_leaves_nothing),
        TEST(dir_create_writes_through_nothing),
        TEST(dir_goes_through_no_link_and_no_way_around),
        TEST(dir_stays_itself_when_its_name_is_anothers),
        TEST(dir_makes_and_removes_below),
        TEST(dir_look_reads_a_file_with_two_names),
        TEST(dir_tells_nothing_there_from_could_not_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
