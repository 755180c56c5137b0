/* test_file_park.c - files that are closed between their uses */
#include "src/base/file_park.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

/* Closed between its uses it works as if it were open, and sees another in its place. */
static void file_park_opens_it_for_each_use(void **state)
{
    struct q8_err err = {0};
    struct q8_file f, w;
    char text[6] = "", folder[] = "/tmp/q8-test-park-XXXXXX";
    FILE *out;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    out = fopen("a", "w");
    assert_non_null(out);
    assert_true(fputs("12345", out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_true(q8_file_open(&f, "a", &err));
    q8_file_park(&f);
    assert_int_equal(f.fd, -1);
    assert_true(q8_file_read(&f, 1, text, 3, &err));
    assert_string_equal(text, "234");
    assert_true(q8_file_same(&f, &err));
    assert_false(q8_file_changed(&f));

    assert_true(q8_file_take(&w, open("b", O_RDWR | O_CREAT | O_EXCL, 0666), "b", &err));
    assert_true(q8_file_room(&w, 4, &err));
    q8_file_park(&w);
    assert_true(q8_file_write(&w, 1, "xy", 2, &err));
    q8_file_flush(&w, 0, 4);
    assert_true(q8_file_sync(&w, &err));
    assert_true(q8_file_read(&w, 0, text, 4, &err));
    assert_memory_equal(text, "\0xy", 4);
    q8_file_close(&w);

    assert_int_equal(rename("b", "a"), 0);
    assert_true(q8_file_changed(&f));
    assert_false(q8_file_read(&f, 0, text, 1, &err));
    assert_int_equal(err.code, Q8_EIO);
    assert_string_equal(err.text, "a was replaced by another file during the run: run again");
    q8_file_close(&f);
    assert_int_equal(unlink("a"), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* What is gone cannot be used; a flush, which may do nothing, does nothing. */
static void file_park_says_that_it_is_gone(void **state)
{
    char text[1], path[] = "/tmp/q8-test-park-XXXXXX";
    struct q8_err err = {0};
    struct q8_file f;

    (void)state;
    assert_true(q8_file_take(&f, mkstemp(path), path, &err));
    q8_file_park(&f);
    q8_file_park(&f);
    assert_true(f.parked && f.writable);
    assert_int_equal(unlink(path), 0);
    q8_file_flush(&f, 0, 1);
    assert_false(q8_file_changed(&f));
    assert_false(q8_file_sync(&f, &err));
    assert_int_equal(err.code, Q8_EIO);
    assert_non_null(strstr(err.text, "cannot open /tmp/q8-test-park-"));
    err = (struct q8_err){0};
    assert_false(q8_file_write(&f, 0, "x", 1, &err));
    assert_int_equal(err.code, Q8_EIO);
    err = (struct q8_err){0};
    assert_false(q8_file_read(&f, 0, text, 1, &err));
    assert_int_equal(err.code, Q8_EIO);
    err = (struct q8_err){0};
    assert_false(q8_file_same(&f, &err));
    assert_non_null(strstr(err.text, "cannot look again at"));
    q8_file_close(&f);
}

static void file_scarce_is_a_quarter_of_the_limit(void **state)
{
    struct rlimit files, few;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    few = files;
    few.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_false(q8_file_scarce(16));
    assert_true(q8_file_scarce(17));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_park_opens_it_for_each_use),
        cmocka_unit_test(file_park_says_that_it_is_gone),
        cmocka_unit_test(file_scarce_is_a_quarter_of_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
