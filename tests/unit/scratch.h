/* scratch.h - tiny checkpoints for tests: a directory in /tmp with what a test puts there */
#ifndef Q8_TESTS_SCRATCH_H
#define Q8_TESTS_SCRATCH_H

#include "src/model/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A tensor of a file that is to be made. */
struct scratch_tensor {
    const char *name;  /* needs no escaping in JSON */
    const char *dtype; /* "BF16" */
    const char *shape; /* JSON: "[2, 3]" */
    const void *data;  /* its bytes */
    uint64_t bytes;    /* how many */
};

/* A checkpoint and the memory that it is read into. */
struct scratch {
    char dir[64];          /* its directory */
    struct q8_arena mem;   /* 16 MiB at most */
    struct q8_err err;     /* for the calls of the test */
    struct q8_model model; /* once opened */
};

/* An element of a list of scratch tensors: NAME DTYPE SHAPE and an array. */
#define SCRATCH(name, dtype, shape, array)                                                         \
    {                                                                                              \
        name, dtype, shape, array, sizeof(array)                                                   \
    }

/* An element of a list of weights. */
#define SCRATCH_WEIGHT(name, height, width)                                                        \
    {                                                                                              \
        .module = name, .view = {.rows = height, .cols = width }                                   \
    }

static inline void scratch_write(const struct scratch *s, const char *name, const void *bytes,
                                 uint64_t n, const char *mode)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", s->dir, name);
    file = fopen(path, mode);
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        abort();
}

/* Makes the directory with config.json (none: NULL) and a model.safetensors. */
static inline void scratch_make(struct scratch *s, const char *config,
                                const struct scratch_tensor *t, size_t count)
{
    char header[8192];
    uint64_t length, at = 0;
    size_t used = (size_t)snprintf(header, sizeof header, "{");

    *s = (struct scratch){.dir = "/tmp/q8-test-scratch-XXXXXX"};
    q8_arena_init(&s->mem, 16 << 20);
    if (!mkdtemp(s->dir))
        abort();
    for (size_t i = 0; i < count; at += t[i++].bytes)
        used += (size_t)snprintf(
            header + used, sizeof header - used,
            "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%llu,%llu]}", i ? "," : "",
            t[i].name, t[i].dtype, t[i].shape, (unsigned long long)at,
            (unsigned long long)(at + t[i].bytes));
    length = used + 1;
    scratch_write(s, "model.safetensors", &length, 8, "wb");
    scratch_write(s, "model.safetensors", header, used, "ab");
    scratch_write(s, "model.safetensors", "}", 1, "ab");
    for (size_t i = 0; i < count; i++)
        scratch_write(s, "model.safetensors", t[i].data, t[i].bytes, "ab");
    if (config)
        scratch_write(s, "config.json", config, strlen(config), "wb");
}

/* Opens the directory, or the weight file alone where there is no config.json. */
static inline bool scratch_open(struct scratch *s)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/config.json", s->dir);
    if (access(path, F_OK) == 0)
        return q8_model_open(&s->model, s->dir, &s->mem, &s->err);
    (void)snprintf(path, sizeof path, "%s/model.safetensors", s->dir);
    return q8_model_open(&s->model, q8_strndup(&s->mem, path, strlen(path), &s->err), &s->mem,
                         &s->err);
}

/* Removes everything. */
static inline void scratch_close(struct scratch *s)
{
    char path[128];

    q8_model_close(&s->model);
    q8_arena_clear(&s->mem);
    (void)snprintf(path, sizeof path, "%s/config.json", s->dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/model.safetensors", s->dir);
    (void)unlink(path);
    (void)rmdir(s->dir);
}

#endif
