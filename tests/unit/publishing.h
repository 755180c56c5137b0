/* publishing.h - a run that publishes "out" in a directory of its own, for tests of that */
#ifndef Q8_TESTS_PUBLISHING_H
#define Q8_TESTS_PUBLISHING_H

#include "src/convert/output/head.h"
#include "src/convert/output/publish.h"

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

static inline int enter(void **state)
{
    static struct run r;

    r = (struct run){.dir = "/tmp/q8-test-publish-XXXXXX", .p.parent = -1, .p.dir.fd = -1};
    q8_arena_init(&r.mem, 1 << 20);
    *state = &r;
    return mkdtemp(r.dir) && chdir(r.dir) == 0 ? 0 : -1;
}

static inline int leave(void **state)
{
    struct run *r = *state;
    char command[100];

    q8_publish_close(&r->p, true);
    q8_arena_clear(&r->mem);
    (void)snprintf(command, sizeof command, "rm -r %s", r->dir);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static inline bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Opens anew, with a clean error. */
static inline bool open_out(struct run *r, bool resume, bool force)
{
    r->err = (struct q8_err){0};
    return q8_publish_open(&r->p, &(struct q8_publish_wish){"out", resume, force, NULL, NULL},
                           &r->mem, &r->err);
}

static inline bool check_out(struct run *r, bool resume, bool force)
{
    r->err = (struct q8_err){0};
    return q8_publish_check(&(struct q8_publish_wish){"out", resume, force, NULL, NULL}, &r->mem,
                            &r->err);
}

/* The journal of a run that makes these files. */
static inline void write_journal(struct run *r, const char *first, const char *second)
{
    const struct q8_head head = {0};
    struct q8_claim names = {0};
    struct q8_memo text;

    assert_true(q8_claim_add(&names, first, &r->mem, &r->err));
    assert_true(q8_claim_add(&names, second, &r->mem, &r->err));
    assert_true(q8_head_own(&names, &r->mem, &r->err));
    assert_true(q8_head_text(&head, &names, &text, &r->mem, &r->err));
    write_file("out.partial/q8-journal", text.text);
    r->p.claim = names;
}

/* A run that was killed with a whole journal, or an empty one. */
static inline void make_partial(struct run *r, bool whole)
{
    assert_true(open_out(r, false, false));
    if (whole) {
        write_journal(r, "done", "folder/inner");
        write_file("out.partial/done", "x");
        assert_int_equal(mkdir("out.partial/folder", 0777), 0);
        write_file("out.partial/folder/inner", "x");
    } else {
        write_file("out.partial/q8-journal", "");
    }
    q8_publish_close(&r->p, true);
    assert_true(is_there("out.partial/q8-journal"));
}

/* What a run makes in the partial directory: its manifest, and a file. */
static inline void fill(struct run *r, const char *name)
{
    char path[64], manifest[128];

    (void)snprintf(path, sizeof path, "out.partial/%s", name);
    (void)snprintf(manifest, sizeof manifest,
                   "{\"schema\": \"q8-manifest/1\", \"files\": [{\"name\": \"%s\"}]}", name);
    write_journal(r, name, "q8-manifest.json");
    write_file("out.partial/q8-manifest.json", manifest);
    write_file(path, "x");
}

/* A whole output, with one file besides its manifest. */
static inline void make_output(struct run *r, const char *name)
{
    assert_true(open_out(r, false, true));
    fill(r, name);
    assert_true(q8_publish_finish(&r->p, false, &r->mem, &r->err));
    q8_publish_close(&r->p, false);
}

/* How somebody adds to a directory: NAME is what is refused. */
static inline void add(const char *folder, int how)
{
    char path[64];

    (void)snprintf(path, sizeof path, "%s/%s", folder, how < 4 ? "thesis" : "done");
    if (how >= 4)
        assert_int_equal(unlink(path), 0);
    switch (how) {
    case 0: write_file(path, "x"); break;
    case 1: assert_int_equal(mkdir(path, 0777), 0); break;
    case 2:
    case 4: assert_int_equal(symlink("/elsewhere", path), 0); break;
    case 3:
    case 5: assert_int_equal(mkfifo(path, 0666), 0); break;
    default: assert_int_equal(link("precious", path), 0); break;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

#endif
