/*
 * fuzz_gguf.c - a GGUF file as a model: names, config.json, and the bytes that tensors become
 *
 * What is not refused can be read, all of it, from wherever its tensors lie.
 */
#include "src/base/num.h"
#include "src/model/coded/decode.h"
#include "src/model/foreign.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define PIECE 3000 /* bytes of the start and the end of a tensor that are read */

/* Stops the run: the fuzzer keeps the input. */
static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

/* The file of this process, whose name says what it is; it is written anew each time. */
static const char *write_file(const uint8_t *bytes, size_t size)
{
    static char path[64];
    int fd;

    (void)snprintf(path, sizeof path, "/tmp/q8-fuzz-%ld.gguf", (long)getpid());
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0, path);
    return path;
}

static void read_tensor(const struct q8_model *m, const struct q8_tensor *t, struct q8_err *err)
{
    unsigned char some[PIECE];
    const uint64_t n = q8_min(t->nbytes, sizeof some);

    if (n)
        check((q8_model_read(m, t, 0, some, n, err) &&
               q8_model_read(m, t, t->nbytes - n, some, n, err)) ||
                  err->code == Q8_EINPUT, /* beyond F16 */
              err->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct q8_decode_options options = {Q8_DECODE_ALL, Q8_DTYPES, Q8_ISA_ref};
    const char *path = write_file(bytes, size);
    struct q8_err err = {0};
    struct q8_model model;
    struct q8_arena mem;

    q8_arena_init(&mem, UINT64_C(64) << 20);
    if (q8_model_open(&model, path, &mem, &err) && q8_model_decode(&model, &options, &mem, &err)) {
        check(!model.config == !model.config_root, "a config without its text");
        for (uint64_t i = 0; i < model.index.count; i++)
            read_tensor(&model, &model.index.tensor[i], &err);
        (void)q8_model_is_float(&model, &err);
    } else {
        check(err.code && err.text[0], "refused without a reason");
    }
    q8_model_close(&model);
    q8_arena_clear(&mem);
    (void)unlink(path);
    return 0;
}
