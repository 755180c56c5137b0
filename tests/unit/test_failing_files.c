/* test_failing_files.c - each call of what reads and writes files and texts fails once */
#include "tests/unit/failing.h"

#include "formats/format.h"
#include "formats/npz.h"
#include "src/base/dir.h"
#include "src/base/file_park.h"
#include "src/base/json.h"
#include "src/base/memo.h"
#include "src/base/pour.h"
#include "src/model/select.h"
#include "src/verify/baseline.h"
#include "src/verify/gate.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char *testdata;

static bool print_lines(void *self, FILE *out, struct q8_err *err)
{
    (void)self;
    (void)err;
    for (int i = 0; i < 1000; i++)
        (void)fprintf(out, "line %d\n", i);
    return true;
}

static bool write_and_read(struct q8_file *f, struct q8_err *err)
{
    struct q8_digest digest;
    char text[3] = "";

    if (!q8_file_write(f, 1, "xy", 2, err))
        return false;
    if (!f->parked) /* it may do nothing, without a word */
        q8_file_flush(f, 0, 4);
    if (!q8_file_read(f, 1, text, 2, err) || !q8_file_sync(f, err) ||
        !q8_file_digest(f, 4, &digest, err))
        return false;
    assert_string_equal(text, "xy");
    return true;
}

/* Files in folders of a directory; `how` "parked": closed between their uses. */
static bool use_files(const char *how, struct q8_err *err)
{
    const struct q8_printer printer = {print_lines, NULL};
    struct q8_dir d = {.path = ".", .owner = geteuid()};
    struct q8_file f = {.fd = -1};
    uint64_t bytes = 0;
    bool ok;

    d.fd = open(".", O_RDONLY | O_DIRECTORY);
    if (d.fd < 0)
        return q8_fail_errno(err, "cannot open .");
    ok = q8_dir_make(&d, "new/a", err) && q8_dir_create(&f, &d, "./new/a", 4, false, err);
    if (ok && strcmp(how, "parked") == 0)
        q8_file_park(&f);
    ok = ok && write_and_read(&f, err);
    q8_file_close(&f);
    f.fd = -1;
    ok = ok && q8_dir_sync(&d, "new/a", err) && q8_dir_file(&f, &d, "./new/a", Q8_DIR_KEEP, err) &&
         q8_file_print(&f, &printer, &bytes, err);
    assert_true(!ok || bytes == 8890);
    q8_file_close(&f);
    ok = ok && q8_dir_remove(&d, "new/a", false, err) && q8_dir_remove(&d, "new", true, err);
    q8_dir_close(&d);
    return ok;
}

static bool pour_pipe(const char *text, struct q8_err *err)
{
    char path[40], *got;
    struct q8_arena mem;
    uint64_t length;
    int ends[2];

    q8_arena_init(&mem, 1 << 20);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dprintf(ends[1], "%s", text), strlen(text));
    (void)close(ends[1]);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    got = q8_pour_text(path, 100, &length, &mem, err);
    if (got)
        assert_string_equal(got, text);
    (void)close(ends[0]);
    q8_arena_clear(&mem);
    return got != NULL;
}

static bool visit(void *self, const struct q8_tensor *array, const void *data, struct q8_err *err)
{
    (void)self;
    (void)array;
    (void)data;
    (void)err;
    return true;
}

static bool read_npz(const char *name, struct q8_err *err)
{
    const struct q8_npz_visitor visitor = {visit, NULL};
    struct q8_source source;
    struct q8_arena mem;
    struct q8_file f;
    char path[4096];
    bool ok;

    (void)snprintf(path, sizeof path, "%s/%s", testdata, name);
    q8_arena_init(&mem, UINT64_C(64) << 20);
    if (!q8_file_open(&f, path, err))
        return false;
    source = q8_file_source(&f);
    ok = q8_npz_read(&source, &visitor, &mem, err);
    q8_file_close(&f);
    q8_arena_clear(&mem);
    return ok;
}

static bool copy_bytes(void *self, uint64_t off, const void *buf, uint64_t n, struct q8_err *err)
{
    return q8_file_write(self, off, buf, n, err);
}

/* Reads the index of a weight file, and prints it. */
static bool print_weights(const char *name, struct q8_err *err)
{
    const struct q8_format *format = q8_format_find("safetensors");
    struct q8_file f, copy = {.fd = -1};
    struct q8_sink sink = {copy_bytes, &copy};
    struct q8_index index = {0};
    struct q8_source source;
    struct q8_arena mem;
    char path[4096];
    uint64_t size;
    int fd;
    bool ok;

    (void)snprintf(path, sizeof path, "%s/%s", testdata, name);
    if (!q8_file_open(&f, path, err))
        return false;
    q8_arena_init(&mem, UINT64_C(64) << 20);
    fd = open("copy", O_RDWR | O_CREAT, 0666);
    ok = fd >= 0 || q8_fail_errno(err, "cannot create copy");
    if (ok && !(ok = q8_file_take(&copy, fd, "copy", err)))
        (void)close(fd);
    source = q8_file_source(&f);
    ok = ok && q8_format_parse(format, &source, &index, &mem, err) &&
         format->print(&index, NULL, &size, &mem, err) &&
         format->print(&index, &sink, &size, &mem, err);
    q8_file_close(&f);
    q8_file_close(&copy);
    q8_arena_clear(&mem);
    return ok;
}

static bool read_json(const char *text, struct q8_err *err)
{
    const uint64_t length = strlen(text);
    struct cJSON *root = q8_json_parse(text, length, err);
    uint64_t start = 0, end = 0;
    bool ok = root && q8_json_find(text, length, "b", &start, &end, err);

    assert_true(!ok || (start == 18 && end == 22));
    q8_json_free(root);
    return ok;
}

static bool print_text(const char *text, struct q8_err *err)
{
    struct q8_arena mem;
    struct q8_memo m;
    bool ok;

    q8_arena_init(&mem, 1 << 20);
    ok = q8_memo_open(&m, &mem, err);
    for (int i = 0; ok && i < 1000; i++)
        (void)fputs(text, m.out);
    ok = ok && q8_memo_close(&m, err);
    assert_true(!ok || m.size == 1000 * strlen(text));
    q8_arena_clear(&mem);
    return ok;
}

/* Patterns and thresholds of a file, asked for a module that they match. */
static bool ask_patterns(const char *path, struct q8_err *err)
{
    struct q8_select s = {0};
    struct q8_gate g = {0};
    struct q8_choice choice;
    struct q8_arena mem;
    bool ok;

    q8_arena_init(&mem, UINT64_C(64) << 20);
    ok = q8_select_file(&s, path, &mem, err) && q8_select_ask(&s, "model.a.b1", &choice, err) &&
         q8_gate_init(&g, &mem, err) && q8_gate_file(&g, "thresholds", &mem, err) &&
         q8_gate_ask(&g, Q8_WEIGHTS_SQNR, "model.a.b1", err);
    q8_arena_clear(&mem);
    return ok;
}

static bool read_baseline(const char *path, struct q8_err *err)
{
    struct q8_baseline baseline;
    struct q8_arena mem;
    bool ok;

    q8_arena_init(&mem, UINT64_C(64) << 20);
    ok = q8_baseline_read(&baseline, path, &mem, err);
    assert_true(!ok || baseline.layers == 1);
    q8_arena_clear(&mem);
    return ok;
}

static void put_texts(void)
{
    failing_put("patterns",
                "# what is left out\nskip re:model\\.(?P<x>[a-c]).*\\d\nonly model.*\n");
    failing_put("thresholds", "weights min-sqnr 30\nweights min-sqnr 20 re:.*b[0-9]\n");
    failing_put("base.json", "{\"schema\": \"q8-verify-baseline/1\", \"version\": \"0.1.0\","
                             " \"level\": \"weights\", \"settings\": \"s\", \"layers\": [{"
                             "\"module\": \"a\", \"reference\": "
                             "\"00112233445566778899aabbccddeeff\", \"weights_sqnr_db\": 40.5,"
                             " \"matmul_sqnr_db\": null}]}");
}

static int enter(void **state)
{
    if (failing_enter(state) < 0)
        return -1;
    put_texts();
    return 0;
}

static void failing_calls_on_files_and_texts_are_told(void **state)
{
    static const struct failing_scene scenes[] = {
        {use_files, "open", 0, ""},
        {use_files, "parked", 0, ""},
        {pour_pipe, "some text", 0, ""},
        {pour_pipe,
         "more than a hundred bytes, which is all that is taken here: "
         "the rest of them is not waited for, and none is lost without a word",
         Q8_ELIMIT, " has more than 100 bytes"},
        {read_npz, "good/savez.npz", 0, ""},
        {read_npz, "good/savez-compressed.npz", 0, ""},
        {print_weights, "good/metadata.safetensors", 0, ""},
        {print_weights, "good/every-dtype.safetensors", 0, ""},
        {read_json, "{\"a\": [1.5], \"b\": null, \"c\": NaN}", 0, ""},
        {print_text, "a line\n", 0, ""},
        {ask_patterns, "patterns", 0, ""},
        {read_baseline, "base.json", 0, ""},
    };

    (void)state;
    FAILING_TRY(scenes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_calls_on_files_and_texts_are_told),
    };

    testdata = argc > 1 ? argv[1] : "testdata";
    return cmocka_run_group_tests(tests, enter, failing_leave);
}
