/* engine_parts.h - the engines, for the table of them */
#ifndef Q8_FORWARD_ENGINE_PARTS_H
#define Q8_FORWARD_ENGINE_PARTS_H

#include "src/forward/engine.h"

/* engine_cpu.c: the kernels of `isa`.  Memory is `mem`'s: no closing.  Q8_ELIMIT. */
bool q8_engine_cpu(struct q8_engine *ret, const struct q8_engine_room *room, enum q8_isa isa,
                   struct q8_arena *mem, struct q8_err *err);

/* engine_cuda.c: kernels/cuda/cuda.h. */
bool q8_engine_cuda(struct q8_engine *ret, const struct q8_engine_room *room,
                    const struct q8_engine_setup *setup, struct q8_arena *mem, struct q8_err *err);

/* engine_cuda.c: the `find` of that row. */
bool q8_engine_cuda_find(struct q8_device *ret, bool *ret_any, struct q8_err *err);

#endif
