/* model_parts.h - the pieces of opening a checkpoint, each in its own file */
#ifndef Q8_MODEL_MODEL_PARTS_H
#define Q8_MODEL_MODEL_PARTS_H

#include "src/model/model.h"

/* ---- model.c ---- */

/*
 * Adds the shard of that name (below the model's directory), which is new, behind the others.
 * *room is that of m->shard.  Q8_EINPUT for what is no name of a weight file, Q8_ELIMIT.
 */
bool q8_model_shard(struct q8_model *m, const char *name, uint64_t *room, struct q8_arena *mem,
                    struct q8_err *err);

/* ---- placement.c: the index of several weight files ---- */

/* One line of an index file's weight_map. */
struct q8_placed {
    const char *tensor;
    uint32_t shard;
};

/* A weight_map; sorted by tensor once q8_placement_settle has begun. */
struct q8_placement {
    struct q8_placed *entry; /* [count] */
    uint64_t count, room;
    struct q8_arena mem; /* its own: it goes when the model is open */
};

/*
 * Reads the index file at `path`: its weight_map, whose shards become the model's, by name, and
 * into m->metadata what else it says.  Format: formats.md 1.1.6.
 */
bool q8_placement_read(struct q8_placement *map, struct q8_model *m, const char *path,
                       struct q8_arena *mem, struct q8_err *err);

/*
 * Holds the tensors of all shards, sorted by name, against the map.  A tensor that lies in several
 * shards counts once: the copy that the map names, or the first where all have the same bytes;
 * else Q8_EINPUT.  Notes tell of those, of tensors that no shard has and of tensors elsewhere than
 * the map says; m->strays counts what it does not name.
 */
bool q8_placement_settle(struct q8_placement *map, struct q8_model *m, struct q8_arena *mem,
                         struct q8_err *err);

/* ---- aliases.c ---- */

/*
 * Of tensors that are the same bytes of a file, element for element, one stays in the index, which
 * is sorted by name: not the head of a class, else the shortest path, else the first name.  The
 * others are `alias` of their shard, and a note tells of them.  A head that its config does not tie
 * stays.  Q8_ELIMIT.
 */
bool q8_model_aliases(struct q8_model *m, struct q8_arena *mem, struct q8_err *err);

/* ---- wrapped.c ---- */

/*
 * Takes off the tensors' names, and off those of the map, what wrappers of PyTorch put into them:
 * "_orig_mod." and its like anywhere, "module." and "base_model.model." where all names begin so
 * and nothing is an adapter.  Notes tell of it.  Before the tensors are sorted.
 */
bool q8_model_unwrap(struct q8_model *m, struct q8_placement *map, struct q8_arena *mem,
                     struct q8_err *err);

#endif
