/*
 * fuzz_texts.c - the parsers of small texts: JSON, lists of names, thresholds, overrides, baselines
 *
 * The first byte says which.  What is refused is refused with a reason; JSON that is taken can be
 * written, and is then taken again.
 */
#include "src/base/json.h"
#include "src/base/json_write.h"
#include "src/model/names.h"
#include "src/model/select.h"
#include "src/verify/baseline.h"
#include "src/verify/gate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

/* The path of a file in memory that holds those bytes. */
static const char *file_of(const char *text, size_t size)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("text", 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    check(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, text, size, 0) == (ssize_t)size, path);
    return path;
}

/* Asks a list of names in the way of each of its readers. */
static void ask_names(const struct cJSON *list, struct q8_arena *mem)
{
    static const char *const modules[] = {"model.layers.0.mlp.down_proj", "lm_head", "a.b", ""};

    for (int rule = Q8_NAMES_TRANSFORMERS; rule <= Q8_NAMES_SGLANG_BNB; rule++) {
        struct q8_names names = {0};
        struct q8_err err = {0};

        if (q8_names_init(&names, list, (enum q8_names_rule)rule, mem, &err)) {
            for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
                (void)q8_names_find(&names, modules[i]);
            (void)q8_names_has(&names, "Linear");
        } else {
            check(err.code && *err.text, "a list refused without a reason");
        }
    }
}

static void try_json(const char *text, size_t size, struct q8_arena *mem, struct q8_err *err)
{
    struct cJSON *root = q8_json_parse(text, size, err), *again;
    struct q8_json json = {.indent = 1};
    struct q8_err other = {0};
    char *out = NULL;
    size_t length = 0;

    if (!root)
        return;
    json.out = open_memstream(&out, &length);
    check(json.out != NULL, "out of memory");
    q8_json_value(&json, NULL, root);
    (void)fclose(json.out);
    again = q8_json_parse(out, length, &other);
    check(again || other.code == Q8_ELIMIT, other.text);
    ask_names(q8_json_kind(root) == '[' ? root : q8_json_get(root, "ignore"), mem);
    q8_json_free(again);
    q8_json_free(root);
    free(out);
}

static void try_gate(const char *path, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_gate gate = {0};

    if (q8_gate_init(&gate, mem, err) && q8_gate_file(&gate, path, mem, err))
        (void)q8_gate_ask(&gate, Q8_WEIGHTS_OFF, "model.layers.0.mlp.down_proj", err);
}

static void try_select(const char *path, struct q8_arena *mem, struct q8_err *err)
{
    struct q8_select select = {0};
    struct q8_choice choice;

    if (q8_select_file(&select, path, mem, err))
        (void)(q8_select_ask(&select, "model.layers.0.mlp.down_proj", &choice, err) &&
               q8_select_ask(&select, "", &choice, err));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct q8_baseline baseline;
    struct q8_err err = {0};
    struct q8_arena mem;
    char *text;

    if (!size)
        return 0;
    q8_arena_init(&mem, UINT64_C(256) << 20);
    text = malloc(size); /* as long as it is, so that a sanitizer sees its end */
    check(text != NULL, "out of memory");
    memcpy(text, bytes + 1, size - 1);
    text[size - 1] = '\0';
    switch (*bytes) {
    case 'g': try_gate(file_of(text, size - 1), &mem, &err); break;
    case 's': try_select(file_of(text, size - 1), &mem, &err); break;
    case 'b': (void)q8_baseline_read(&baseline, file_of(text, size - 1), &mem, &err); break;
    default: try_json(text, size - 1, &mem, &err);
    }
    check(!err.code || *err.text, "refused without a reason");
    q8_arena_clear(&mem);
    free(text);
    return 0;
}
