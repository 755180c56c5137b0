/* failing_try.c - each call of what a test does fails once */
#include "tests/unit/failing.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

void failing_put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static unsigned count_open(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

static void remove_traces(void)
{
    (void)unlink("new/a");
    (void)rmdir("new");
    (void)unlink("copy");
}

/* Whether a failure of this kind may end so. */
static bool may_end(const struct failing_scene *s, enum failing how, const struct q8_err *err)
{
    if (how == FAILING_EINTR || how == FAILING_SHORT)
        return err->code == s->code;
    if (s->code && err->code) /* what explains a failure may find less */
        return true;
    return err->code == (how == FAILING_MEMORY ? Q8_ELIMIT : Q8_EIO);
}

/* Whether there was such a call. */
static bool try_failing(const struct failing_scene *s, enum failing how, unsigned at)
{
    const unsigned open_before = count_open();
    struct q8_err err = {0};
    bool ok, failed;

    failing_begin(how, at);
    ok = s->run(s->path, &err);
    failed = failing_end();
    remove_traces();
    if (ok != !err.code || (err.code && !*err.text))
        fail_msg("%s: call %u of kind %d: %d, but code %d, '%s'", s->path, at, how, ok, err.code,
                 err.text);
    if (failed ? !may_end(s, how, &err) : err.code != s->code || !strstr(err.text, s->text))
        fail_msg("%s: call %u of kind %d: code %d, '%s'", s->path, at, how, err.code, err.text);
    if (count_open() != open_before)
        fail_msg("%s: call %u of kind %d: a descriptor is left", s->path, at, how);
    return failed;
}

void failing_try(const struct failing_scene *scene, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int how = 0; how < FAILINGS; how++)
            for (unsigned at = 1; try_failing(&scene[i], (enum failing)how, at);)
                at++;
}

int failing_enter(void **state)
{
    char name[] = "/tmp/q8-test-failing-XXXXXX";

    if (!mkdtemp(name) || chdir(name) < 0)
        return -1;
    *state = strdup(name);
    return *state ? 0 : -1;
}

int failing_leave(void **state)
{
    char command[100];

    (void)snprintf(command, sizeof command, "rm -r %s", (char *)*state);
    free(*state);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}
