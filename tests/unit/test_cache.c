/* test_cache.c - what the hub's client downloaded: where it is, and which revision counts */
#include "src/model/folder/cache.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const variables[] = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME",
                                        "XDG_CACHE_HOME", "HOME"};

/* The folders of a path, all of them. */
static void make(const char *path)
{
    char part[PATH_MAX];

    for (const char *end = path; end; end = strchr(end + 1, '/')) {
        (void)snprintf(part, sizeof part, "%.*s", end > path ? (int)(end - path) : 0, path);
        (void)mkdir(part, 0777);
    }
    assert_int_equal(mkdir(path, 0777), 0);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int enter(void **state)
{
    char name[] = "/tmp/q8-test-cache-XXXXXX";

    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        (void)unsetenv(variables[i]);
    *state = mkdtemp(name) && chdir(name) == 0 ? strdup(name) : NULL;
    return *state ? 0 : -1;
}

static int leave(void **state)
{
    char command[100];

    (void)snprintf(command, sizeof command, "rm -r %s", (char *)*state);
    free(*state);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void set_time(const char *path, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void cache_snapshot_is_that_of_main_else_the_newest(void **state)
{
    static const char *const no_names[] = {"", "gone\n", "../snapshots/old", ".", "\n"};
    char found[PATH_MAX];

    (void)state;
    make("m/refs");
    assert_false(q8_cache_snapshot("m", found));
    make("m/snapshots");
    assert_false(q8_cache_snapshot("m", found));
    make("m/snapshots/old");
    make("m/snapshots/new");
    make("m/snapshots/older");
    put("m/snapshots/newest", "a file");
    set_time("m/snapshots/old", 100);
    set_time("m/snapshots/new", 300);
    set_time("m/snapshots/older", 50);
    assert_true(q8_cache_snapshot("m", found));
    assert_string_equal(found, "m/snapshots/new");
    put("m/refs/main", "old\r\n");
    assert_true(q8_cache_snapshot("m", found));
    assert_string_equal(found, "m/snapshots/old");
    for (size_t i = 0; i < sizeof no_names / sizeof *no_names; i++) {
        put("m/refs/main", no_names[i]);
        assert_true(q8_cache_snapshot("m", found));
        assert_string_equal(found, "m/snapshots/new");
    }
}

static void cache_is_where_the_first_variable_says(void **state)
{
    static const char *const below[] = {"", "", "/hub", "/huggingface/hub",
                                        "/.cache/huggingface/hub"};
    char path[PATH_MAX], found[PATH_MAX];

    (void)state;
    assert_false(q8_cache_find("o/m", found)); /* no variable is set */
    for (int i = 4; i >= 0; i--) {             /* the last first, so that each one wins */
        (void)snprintf(path, sizeof path, "%d%s/models--o--m/snapshots/r", i, below[i]);
        make(path);
        (void)snprintf(path, sizeof path, "%d", i);
        assert_int_equal(setenv(variables[i], path, 1), 0);
        assert_true(q8_cache_find("o/m", found));
        (void)snprintf(path, sizeof path, "%d%s/models--o--m/snapshots/r", i, below[i]);
        assert_string_equal(found, path);
    }
    assert_int_equal(setenv("HF_HUB_CACHE", "", 1), 0); /* an empty one is none */
    assert_true(q8_cache_find("o/m", found));
    assert_string_equal(found, "1/models--o--m/snapshots/r");
    assert_int_equal(setenv("HF_HUB_CACHE", "~/.cache/huggingface/hub", 1), 0);
    assert_true(q8_cache_find("o/m", found));
    assert_string_equal(found, "4/.cache/huggingface/hub/models--o--m/snapshots/r");
    make("1/models--alone/snapshots/r");
    assert_int_equal(setenv("HF_HUB_CACHE", "1", 1), 0);
    assert_true(q8_cache_find("alone", found));
    assert_string_equal(found, "1/models--alone/snapshots/r");
    assert_false(q8_cache_find("o/other", found));
}

static void cache_of_a_path_that_is_too_long_is_none(void **state)
{
    char path[PATH_MAX + 10], found[PATH_MAX];

    (void)state;
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = 0;
    assert_false(q8_cache_snapshot(path, found));
    assert_int_equal(setenv("HF_HUB_CACHE", path, 1), 0);
    assert_false(q8_cache_find("o/m", found));
    path[PATH_MAX - 5] = 0;
    assert_int_equal(setenv("HF_HUB_CACHE", path, 1), 0);
    assert_false(q8_cache_find("o/m", found));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cache_snapshot_is_that_of_main_else_the_newest),
        TEST(cache_is_where_the_first_variable_says),
        TEST(cache_of_a_path_that_is_too_long_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
