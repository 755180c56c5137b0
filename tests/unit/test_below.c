/* test_below.c - where paths and links below a folder lead, and what is opened of it */
#include "src/model/folder/below.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/*
 * In a directory of its own: cache/models--o--m/{blobs/b, refs/r, snapshots/rev/{f,sub/f}}, which
 * is a snapshot of the hub's cache, and the same below cache/other.
 */
struct place {
    char dir[64];
    struct q8_root root; /* of the snapshot */
    struct q8_err err;
};

static void make(const char *path, bool is_folder)
{
    FILE *file;

    if (is_folder) {
        assert_int_equal(mkdir(path, 0777), 0);
        return;
    }
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(path, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    static const char *const below[] = {"",           "/blobs",         "/refs",
                                        "/snapshots", "/snapshots/rev", "/snapshots/rev/sub"};
    static const char *const files[] = {"/blobs/b", "/refs/r", "/snapshots/rev/f",
                                        "/snapshots/rev/sub/f"};
    struct place *p = calloc(1, sizeof *p);
    char path[100];

    assert_non_null(p);
    strcpy(p->dir, "/tmp/q8-below-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    assert_int_equal(chdir(p->dir), 0);
    make("cache", true);
    for (int other = 0; other < 2; other++) {
        const char *model = other ? "cache/other" : "cache/models--o--m";

        for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
            (void)snprintf(path, sizeof path, "%s%s", model, below[i]);
            make(path, true);
        }
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            (void)snprintf(path, sizeof path, "%s%s", model, files[i]);
            make(path, false);
        }
    }
    assert_true(q8_root_open(&p->root, "cache/models--o--m/snapshots/rev", &p->err));
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[100];

    q8_root_close(&p->root);
    (void)snprintf(command, sizeof command, "rm -r %s", p->dir);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(system(command), 0);
    free(p);
    return 0;
}

/* Makes a link at that path below the root, which says `target`. */
static void make_link(const struct place *p, const char *path, const char *target)
{
    (void)unlinkat(p->root.fd, path, 0);
    assert_int_equal(symlinkat(target, p->root.fd, path), 0);
}

static enum q8_lead lead(struct place *p, const char *path, const char *real)
{
    struct q8_spot spot;

    assert_true(q8_root_look(&p->root, path, &spot, &p->err));
    if (real)
        assert_string_equal(spot.real, real);
    return spot.lead;
}

/* Where the link at `path`, which says `target`, leads. */
static enum q8_lead leads(struct place *p, const char *path, const char *target, const char *real)
{
    make_link(p, path, target);
    return lead(p, path, real);
}

static void below_path_is_what_it_names(void **state)
{
    struct place *p = *state;

    assert_int_equal(lead(p, "", ""), Q8_LEAD_FOLDER);
    assert_int_equal(lead(p, "sub", "sub"), Q8_LEAD_FOLDER);
    assert_int_equal(lead(p, "sub/f", "sub/f"), Q8_LEAD_FILE);
    assert_int_equal(lead(p, "./sub//../f", "f"), Q8_LEAD_FILE);
    assert_int_equal(lead(p, "none", NULL), Q8_LEAD_NOWHERE);
    assert_int_equal(lead(p, "f/x", NULL), Q8_LEAD_NOWHERE);
    assert_int_equal(lead(p, "..", NULL), Q8_LEAD_OUT);
    assert_int_equal(mkfifoat(p->root.fd, "pipe", 0666), 0);
    assert_int_equal(lead(p, "pipe", NULL), Q8_LEAD_SPECIAL);
}

static void below_links_within_are_followed(void **state)
{
    struct place *p = *state;

    assert_int_equal(leads(p, "x", "f", "f"), Q8_LEAD_FILE);
    assert_int_equal(leads(p, "y", "x", "f"), Q8_LEAD_FILE);
    assert_int_equal(leads(p, "sub/x", "../y", "f"), Q8_LEAD_FILE);
    assert_int_equal(leads(p, "s", "sub", "sub"), Q8_LEAD_FOLDER);
    assert_int_equal(lead(p, "s/f", "sub/f"), Q8_LEAD_FILE);
    assert_int_equal(leads(p, "z", "s/../f", "f"), Q8_LEAD_FILE);
    assert_int_equal(leads(p, "latest", ".", ""), Q8_LEAD_FOLDER);
    assert_int_equal(leads(p, "sub/up", "..", ""), Q8_LEAD_FOLDER);
    assert_int_equal(lead(p, "sub/up/sub/up/f", "f"), Q8_LEAD_FILE);
}

static void below_other_links_are_not(void **state)
{
    struct place *p = *state;
    char whole[PATH_MAX];

    assert_int_equal(leads(p, "x", "none", NULL), Q8_LEAD_NOWHERE);
    assert_int_equal(leads(p, "x", "x", NULL), Q8_LEAD_CIRCLE);
    make_link(p, "y", "x");
    assert_int_equal(leads(p, "x", "y", NULL), Q8_LEAD_CIRCLE);
    assert_int_equal(leads(p, "x", "/etc/passwd", NULL), Q8_LEAD_OUT);
    assert_int_equal(leads(p, "x", "/etc", NULL), Q8_LEAD_OUT);
    assert_int_equal(leads(p, "x", "/none/at/all", NULL), Q8_LEAD_NOWHERE);
    assert_int_equal(leads(p, "x", "../rev/f", NULL), Q8_LEAD_OUT);
    assert_non_null(realpath(p->root.path, whole));
    assert_int_equal(leads(p, "x", whole, NULL), Q8_LEAD_OUT);
    make_link(p, "y", "..");
    assert_int_equal(leads(p, "x", "y/rev/f", NULL), Q8_LEAD_OUT);
    assert_int_equal(leads(p, "sub/x", "../../../refs/r", NULL), Q8_LEAD_OUT);
}

static void below_blobs_of_the_cache_are_followed(void **state)
{
    struct place *p = *state;

    assert_int_equal(leads(p, "x", "../../blobs/b", "../../blobs/b"), Q8_LEAD_FILE);
    assert_int_equal(leads(p, "sub/x", "../../../blobs/b", "../../blobs/b"), Q8_LEAD_FILE);
    assert_int_equal(leads(p, "x", "../../blobs/none", NULL), Q8_LEAD_NOWHERE);
    assert_int_equal(leads(p, "x", "../../blobs", NULL), Q8_LEAD_OUT);
    assert_int_equal(leads(p, "x", "../../blobs/../refs/r", NULL), Q8_LEAD_OUT);
    assert_int_equal(leads(p, "x", "../../refs/r", NULL), Q8_LEAD_OUT);
    assert_int_equal(leads(p, "x", "../../../other/blobs/b", NULL), Q8_LEAD_OUT);
    make_link(p, "../../blobs/c", "../refs/r"); /* no blob is a link */
    assert_int_equal(leads(p, "x", "../../blobs/c", NULL), Q8_LEAD_OUT);
}

static void below_blobs_of_another_root_are_not(void **state)
{
    static const char *const roots[] = {"cache/models--o--m/snapshots/rev/sub",
                                        "cache/other/copies/rev", "cache/models--o--m/snapshots"};
    static const char *const targets[] = {"../../../blobs/b", "../../blobs/b", "../blobs/b"};
    static const enum q8_lead want[] = {Q8_LEAD_FILE, Q8_LEAD_OUT, Q8_LEAD_OUT};
    struct place *p = *state;

    assert_int_equal(rename("cache/other/snapshots", "cache/other/copies"), 0);
    for (size_t i = 0; i < 3; i++) {
        q8_root_close(&p->root);
        assert_true(q8_root_open(&p->root, roots[i], &p->err));
        assert_int_equal(leads(p, "x", targets[i], NULL), want[i]);
    }
}

/* Looks at `path`, puts a link to /etc in place of `swapped`, and opens. */
static void open_swapped(struct place *p, const char *path, const char *swapped)
{
    struct q8_err err = {0};
    struct q8_file file;
    struct q8_spot spot;

    assert_true(q8_root_look(&p->root, path, &spot, &p->err));
    assert_true(q8_root_file(&p->root, spot.real, "it", &file, &p->err));
    q8_file_close(&file);
    assert_int_equal(renameat(p->root.fd, swapped, p->root.fd, "away"), 0);
    assert_int_equal(symlinkat("away", p->root.fd, swapped), 0);
    assert_false(q8_root_file(&p->root, spot.real, "it", &file, &err));
    assert_int_equal(err.code, Q8_EIO);
    assert_int_equal(unlinkat(p->root.fd, swapped, 0), 0);
    assert_int_equal(renameat(p->root.fd, "away", p->root.fd, swapped), 0);
}

static void below_link_swapped_in_is_not_followed(void **state)
{
    struct place *p = *state;
    struct q8_err err = {0};
    struct q8_file file;

    open_swapped(p, "f", "f");
    open_swapped(p, "sub/f", "sub/f");
    open_swapped(p, "sub/f", "sub");
    make_link(p, "x", "../../blobs/b");
    open_swapped(p, "x", "../../blobs/b");
    open_swapped(p, "x", "../../blobs");
    assert_true(q8_root_folder(&p->root, "none", &err) < 0);
    assert_int_equal(err.code, Q8_EIO);
    assert_int_equal(mkfifoat(p->root.fd, "pipe", 0666), 0); /* does not hang */
    err = (struct q8_err){0};
    assert_false(q8_root_file(&p->root, "pipe", "it", &file, &err));
    assert_int_equal(err.code, Q8_EINPUT);
}

static void below_long_paths_are_refused(void **state)
{
    struct place *p = *state;
    static char path[2 * PATH_MAX];
    struct q8_spot spot;

    memset(path, 'x', sizeof path - 1);
    assert_false(q8_root_look(&p->root, path, &spot, &p->err));
    assert_int_equal(p->err.code, Q8_ELIMIT);
    p->err = (struct q8_err){0};
    path[NAME_MAX + 1] = 0;
    assert_int_equal(lead(p, path, NULL), Q8_LEAD_NOWHERE);
    for (size_t i = 0; i < PATH_MAX - 2; i++) /* through a link it grows too long */
        path[i] = i % 2 ? '/' : 'a';
    path[PATH_MAX - 2] = 0;
    make_link(p, "l", "sub");
    memcpy(path, "l/", 2);
    assert_false(q8_root_look(&p->root, path, &spot, &p->err));
    assert_int_equal(p->err.code, Q8_ELIMIT);
}

static void below_root_that_is_not_there_fails(void **state)
{
    struct place *p = *state;
    struct q8_root root;

    assert_false(q8_root_open(&root, "no\x1bne", &p->err));
    assert_int_equal(p->err.code, Q8_EIO);
    assert_string_equal(p->err.text,
                        "cannot open the directory no\\x1bne: No such file or directory");
    q8_root_close(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(below_path_is_what_it_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_links_within_are_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_other_links_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_blobs_of_the_cache_are_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_blobs_of_another_root_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_link_swapped_in_is_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_long_paths_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_root_that_is_not_there_fails, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
