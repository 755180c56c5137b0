/* engine_cuda_slot.c - the slots that rows go to the GPU through, in turn */
#include "src/forward/engine_cuda_parts.h"

#include <string.h>

int q8_cuda_next_slot(struct q8_cuda_engine *e, struct q8_cuda_slot **ret)
{
    e->turn = (e->turn + 1) % Q8_CUDA_STREAMS;
    *ret = &e->slot[e->turn];
    (*ret)->staged = 0;
    return q8_cuda_wait(&e->gpu, e->turn);
}

void *q8_cuda_stage(struct q8_cuda_slot *s, uint64_t bytes)
{
    void *staging = s->staging + s->staged;

    s->staged += (bytes + 15) / 16 * 16;
    return staging;
}

int q8_cuda_put_rows(struct q8_cuda_engine *e, struct q8_cuda_slot *s, struct q8_cuda_rows rows)
{
    char *staging = q8_cuda_stage(s, rows.pitch * rows.count);

    for (uint64_t r = 0; r < rows.count; r++) {
        char *to = staging + r * rows.pitch;

        memcpy(to, (const char *)rows.host + r * rows.width, rows.width);
        memset(to + rows.width, 0, rows.pitch - rows.width);
    }
    return q8_cuda_put(&e->gpu, e->turn, rows.device, staging, rows.pitch * rows.count);
}

uint64_t q8_cuda_rows_at_once(const struct q8_cuda_engine *e, uint64_t pitch)
{
    return e->capacity / pitch / Q8_CUDA_ROWS * Q8_CUDA_ROWS;
}

int q8_cuda_wait_all(struct q8_cuda_engine *e)
{
    int code = Q8_CUDA_OK;

    for (unsigned i = 0; !code && i < Q8_CUDA_STREAMS; i++)
        code = q8_cuda_wait(&e->gpu, i);
    return code;
}
