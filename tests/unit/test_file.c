/* test_file.c - whole reads and writes, and what is said when a file is not what it was */
#include "src/base/arena.h"
#include "src/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* Every test runs in an empty directory of its own. */
static int enter_folder(void **state)
{
    char name[] = "/tmp/q8-test-file-XXXXXX";

    if (!mkdtemp(name) || chdir(name) < 0)
        return -1;
    *state = strdup(name);
    return *state ? 0 : -1;
}

static int leave_folder(void **state)
{
    static const char *const names[] = {"a", "b", "link", "pipe"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(names[i]);
    (void)rmdir("folder");
    (void)rmdir(*state);
    free(*state);
    return 0;
}

static void put_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void file_open_says_what_is_missing(void **state)
{
    struct q8_err err = {0};
    struct q8_file f;

    (void)state;
    assert_false(q8_file_open(&f, "no\x1bne", &err));
    assert_int_equal(err.code, Q8_EIO);
    assert_string_equal(err.text, "cannot open no\\x1bne: No such file or directory");
}

static void file_there_takes_only_enoent_and_enotdir_for_absence(void **state)
{
    struct q8_err err = {0}, too_long = {0};
    char name[600];
    struct stat st;

    (void)state;
    put_text("a", "12345");
    assert_int_equal(symlink("nowhere", "link"), 0);
    assert_int_equal(symlink("b", "b"), 0);
    assert_int_equal(q8_file_there(AT_FDCWD, "a", 0, &st, &err), Q8_THERE);
    assert_int_equal(st.st_size, 5);
    assert_int_equal(q8_file_there(AT_FDCWD, "none", 0, &st, &err), Q8_THERE_NOT);
    assert_int_equal(q8_file_there(AT_FDCWD, "a/none", 0, NULL, &err), Q8_THERE_NOT);
    assert_int_equal(q8_file_there(AT_FDCWD, "link", 0, NULL, &err), Q8_THERE_NOT);
    assert_int_equal(q8_file_there(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, NULL, &err), Q8_THERE);
    assert_int_equal(err.code, 0);
    assert_int_equal(st.st_size, 5);

    assert_int_equal(q8_file_there(AT_FDCWD, "b", 0, NULL, &err), Q8_THERE_UNKNOWN);
    assert_int_equal(err.code, Q8_EIO);
    assert_string_equal(err.text, "cannot look at b: Too many levels of symbolic links");
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(q8_file_there(AT_FDCWD, name, 0, NULL, &too_long), Q8_THERE_UNKNOWN);
    assert_int_equal(too_long.code, Q8_EIO);
}

static void file_open_refuses_folders_and_pipes_without_hanging(void **state)
{
    struct q8_err err = {0}, err2 = {0};
    struct q8_file f;

    (void)state;
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_int_equal(mkfifo("pipe", 0666), 0);
    assert_false(q8_file_open(&f, "folder", &err));
    assert_int_equal(err.code, Q8_EINPUT);
    assert_string_equal(err.text, "folder is a directory, not a file");
    assert_false(q8_file_open(&f, "pipe", &err2));
    assert_int_equal(err2.code, Q8_EINPUT);
}

static void file_open_follows_links(void **state)
{
    struct q8_err err = {0};
    struct q8_file f;

    (void)state;
    put_text("a", "hello");
    assert_int_equal(symlink("a", "link"), 0);
    assert_true(q8_file_open(&f, "link", &err));
    assert_int_equal(f.size, 5);
    assert_true(q8_file_same(&f, &err));
    assert_true(fcntl(f.fd, F_GETFD) & FD_CLOEXEC);
    q8_file_close(&f);
    assert_int_equal(f.fd, -1);
    q8_file_close(&f);
}

static void file_read_beyond_the_end_says_that_it_changed(void **state)
{
    struct q8_err err = {0};
    struct q8_file f;
    char buf[8] = {0};

    (void)state;
    put_text("a", "hello");
    assert_true(q8_file_open(&f, "a", &err));
    assert_true(q8_file_read(&f, 1, buf, 4, &err));
    assert_string_equal(buf, "ello");
    assert_true(q8_file_read(&f, 5, buf, 0, &err));
    assert_int_equal(truncate("a", 3), 0);
    assert_false(q8_file_read(&f, 1, buf, 4, &err));
    assert_int_equal(err.code, Q8_EIO);
    assert_string_equal(err.text, "a ends at byte 3 or before, but had 5 bytes when it was opened: "
                                  "it changed during the run");
    q8_file_close(&f);
}

/* Lengths around the pieces that it reads; test_digest has xxhsum's own digests. */
static void file_digest_is_that_of_the_bytes(void **state)
{
    static const uint64_t lengths[] = {0, 1, 16383, 16384, 16385, 40000};
    static char text[40001];
    struct q8_err err = {0};
    struct q8_digest sum;
    struct q8_file f;

    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)('a' + i % 23);
    put_text("a", text);
    assert_true(q8_file_open(&f, "a", &err));
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const struct q8_digest want = q8_xxh_once(text, lengths[i]);

        assert_true(q8_file_digest(&f, lengths[i], &sum, &err));
        assert_true(q8_digest_same(&sum, &want));
    }
    assert_true(q8_file_source(&f).read(&f, 23, text, 2, &err));
    assert_memory_equal(text, "ab", 2);
    assert_false(q8_file_digest(&f, 40001, &sum, &err));
    assert_int_equal(err.code, Q8_EIO);
    q8_file_close(&f);
}

/* What was shown of a file. */
struct shown {
    char bytes[200000];
    uint64_t length, most; /* of all, and of one piece */
    uint64_t stop;         /* refuse once that many are there */
};

static bool take(void *self, const void *bytes, uint64_t n, struct q8_err *err)
{
    struct shown *s = self;

    (void)err;
    memcpy(s->bytes + s->length, bytes, n);
    s->length += n;
    if (n > s->most)
        s->most = n;
    return s->length < s->stop;
}

static void file_show_gives_the_range_in_pieces(void **state)
{
    static struct shown shown;
    static char text[150001];
    struct q8_err err = {0};
    struct q8_file f;

    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)('a' + i % 23);
    put_text("a", text);
    assert_true(q8_file_open(&f, "a", &err));
    shown.stop = UINT64_MAX;
    assert_true(q8_file_show(&f, 7, 0, take, &shown, &err));
    assert_int_equal(shown.most, 0);
    assert_true(q8_file_show(&f, 7, 149990, take, &shown, &err));
    assert_int_equal(shown.length, 149990);
    assert_memory_equal(shown.bytes, text + 7, 149990);
    assert_int_equal(shown.most, 65536);
    memset(&shown, 0, sizeof shown);
    shown.stop = 1;
    assert_false(q8_file_show(&f, 0, 150000, take, &shown, &err));
    assert_int_equal(shown.length, 65536);
    assert_int_equal(err.code, 0);
    shown.stop = UINT64_MAX;
    assert_false(q8_file_show(&f, 149000, 1001, take, &shown, &err));
    assert_int_equal(err.code, Q8_EIO);
    q8_file_close(&f);
}

static void file_write_says_where_it_stopped(void **state)
{
    struct q8_err err = {0};
    struct q8_file f;

    (void)state;
    put_text("a", "hello");
    assert_true(q8_file_open(&f, "a", &err)); /* for reading only */
    assert_false(q8_file_write(&f, 2, "xyz", 3, &err));
    assert_string_equal(err.text, "cannot write 3 bytes at byte 2 of a: Bad file descriptor");
    q8_file_close(&f);
}

static void file_same_sees_writes_and_replacement(void **state)
{
    const struct timespec newer[2] = {{1000, 6}, {1000, 6}};
    struct q8_err err = {0}, err2 = {0}, err3 = {0};
    struct q8_file f;

    (void)state;
    put_text("a", "hello");
    assert_true(q8_file_open(&f, "a", &err));
    assert_true(q8_file_same(&f, &err));
    assert_false(q8_file_changed(&f));
    assert_int_equal(utimensat(AT_FDCWD, "a", newer, 0), 0);
    assert_true(q8_file_changed(&f));
    assert_false(q8_file_same(&f, &err));
    assert_int_equal(err.code, Q8_EIO);
    q8_file_close(&f);
    assert_true(q8_file_open(&f, "a", &err2));
    put_text("b", "hello");
    assert_int_equal(rename("b", "a"), 0);
    assert_false(q8_file_same(&f, &err2));
    assert_string_equal(err2.text, "a was replaced by another file during the run: run again");
    assert_int_equal(unlink("a"), 0);
    assert_false(q8_file_same(&f, &err3));
    assert_string_equal(err3.text, "cannot look again at a: No such file or directory");
    q8_file_close(&f);
}

/* As `touch -r` after a write in place does; the inode's own time cannot be set. */
static void file_same_sees_writes_whose_time_was_set_back(void **state)
{
    const struct timespec tick = {0, 20000000}; /* the clock of a file system steps */
    struct timespec times[2];
    struct q8_err err = {0};
    struct q8_file f;

    (void)state;
    put_text("a", "hello");
    assert_true(q8_file_open(&f, "a", &err));
    times[0] = f.stat.st_atim;
    times[1] = f.stat.st_mtim;
    assert_int_equal(nanosleep(&tick, NULL), 0);
    put_text("a", "HELLO");
    assert_int_equal(utimensat(AT_FDCWD, "a", times, 0), 0);
    assert_false(q8_file_changed(&f)); /* for all it knows */
    assert_false(q8_file_same(&f, &err));
    assert_string_equal(err.text, "a was written to during the run: run again later");
    q8_file_close(&f);
}

static void file_text_has_a_nul_behind_and_a_limit(void **state)
{
    struct q8_err err = {0};
    struct q8_arena mem;
    uint64_t len = 99;
    char *text;

    (void)state;
    q8_arena_init(&mem, 1 << 20);
    put_text("a", "hello");
    text = q8_file_text("a", 5, &len, &mem, &err);
    assert_non_null(text);
    assert_int_equal(len, 5);
    assert_string_equal(text, "hello");
    assert_null(q8_file_text("a", 4, &len, &mem, &err));
    assert_int_equal(err.code, Q8_ELIMIT);
    assert_string_equal(err.text, "a has 5 bytes (at most 4)");
    q8_arena_clear(&mem);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file_open_says_what_is_missing),
        TEST(file_there_takes_only_enoent_and_enotdir_for_absence),
        TEST(file_open_refuses_folders_and_pipes_without_hanging),
        TEST(file_open_follows_links),
        TEST(file_read_beyond_the_end_says_that_it_changed),
        TEST(file_digest_is_that_of_the_bytes),
        TEST(file_show_gives_the_range_in_pieces),
        TEST(file_write_says_where_it_stopped),
        TEST(file_same_sees_writes_and_replacement),
        TEST(file_same_sees_writes_whose_time_was_set_back),
        TEST(file_text_has_a_nul_behind_and_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
