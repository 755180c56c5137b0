/* engine.c - the table of engines, and the choice of a device */
#include "src/forward/engine_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing to look for: the CPU is there. */
static bool find_cpu(struct q8_device *ret, bool *ret_any, struct q8_err *err)
{
    (void)err;
    ret->memory = 0;
    *ret_any = false;
    return true;
}

static bool open_cpu(struct q8_engine *ret, const struct q8_engine_room *room,
                     const struct q8_engine_setup *setup, struct q8_arena *mem, struct q8_err *err)
{
    return q8_engine_cpu(ret, room, setup->isa, mem, err);
}

#ifdef Q8_CUDA
#define find_cuda q8_engine_cuda_find
#define open_cuda q8_engine_cuda
#else
static bool find_cuda(struct q8_device *ret, bool *ret_any, struct q8_err *err)
{
    (void)ret;
    *ret_any = false;
    return q8_fail(err, Q8_EUNSUPPORTED,
                   "this q8 was built without CUDA, so it uses no GPU: take --device=cpu, or build "
                   "it where nvcc is installed");
}

#define open_cuda NULL /* find comes first */
#endif

const struct q8_engine_kind q8_engines[Q8_ENGINES] = {
    {"cpu", find_cpu, open_cpu},
    {"cuda", find_cuda, open_cuda},
};

/* The number behind "cuda:". */
static bool read_number(const char *text, int *ret)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(text, &end, 10);
    *ret = (int)n;
    return *text >= '0' && *text <= '9' && !*end && !errno && n < 1024;
}

/* A GPU if there is one that is of use. */
static bool find_any(struct q8_device *ret)
{
    struct q8_err why = {0};
    bool any;

    ret->engine = 1;
    ret->automatic = true;
    if (!q8_engines[1].find(ret, &any, &why))
        q8_device_fall_back(ret, any ? why.text : "");
    return true;
}

void q8_device_fall_back(struct q8_device *device, const char *why)
{
    *device = (struct q8_device){0};
    snprintf(device->why, sizeof device->why, "%.*s", (int)sizeof device->why - 1, why);
}

bool q8_device_find(struct q8_device *ret, const char *word, uint64_t memory, struct q8_err *err)
{
    bool any;

    *ret = (struct q8_device){.memory = memory};
    if (memory && strcmp(word, "cpu") == 0)
        return q8_fail(err, Q8_EUSAGE, "--gpu-memory is for --device=cuda or --device=auto");
    if (strcmp(word, "auto") == 0)
        return find_any(ret);
    if (strncmp(word, "cuda:", 5) == 0 && read_number(word + 5, &ret->number))
        word = "cuda";
    for (unsigned i = 0; i < Q8_ENGINES; i++)
        if (strcmp(q8_engines[i].name, word) == 0) {
            ret->engine = i;
            return q8_engines[i].find(ret, &any, err);
        }
    return q8_fail(err, Q8_EUSAGE, "--device wants auto, cpu, cuda or cuda:N, not '%s'", word);
}
