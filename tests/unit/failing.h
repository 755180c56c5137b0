/* failing.h - calls that fail: for tests that are linked with --wrap for each of failing.c */
#ifndef Q8_TESTS_FAILING_H
#define Q8_TESTS_FAILING_H

#include "src/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Which calls fail, and how. */
enum failing {
    FAILING_MEMORY, /* allocations: there is none */
    FAILING_CALLS,  /* system calls: EIO */
    FAILING_EINTR,  /* those that move bytes or flush: interrupted */
    FAILING_SHORT,  /* those that move bytes: the first half of them alone */
    FAILING_END,    /* pread, pwrite and write: no bytes */
    FAILINGS
};

/* From here on the `at`-th of those calls fails, once, counted from 1. */
void failing_begin(enum failing how, unsigned at);

/* No more; whether it has failed. */
bool failing_end(void);

/* failing_try.c: a file of the current directory, which is one of the test's own. */
void failing_put(const char *path, const char *text);

/* What is done; `code` and a part of the text: how it ends where no call fails. */
struct failing_scene {
    bool (*run)(const char *path, struct q8_err *err);
    const char *path;
    int code;
    const char *text;
};

/*
 * Runs each scene as often as it makes calls, and lets one fail at a time.  Either that does not
 * matter, or the error says so; none is lost, no descriptor stays open, and what is interrupted or
 * moved in parts is as if it were not.  In between "new/a", "new" and "copy" are removed.
 */
void failing_try(const struct failing_scene *scene, size_t count);

#define FAILING_TRY(scenes) failing_try(scenes, sizeof(scenes) / sizeof *(scenes))

/* For cmocka: enters an empty directory, and leaves and removes it. */
int failing_enter(void **state);
int failing_leave(void **state);

#endif
