/* target.h - where a model is to be loaded: scheme, layout, and what config.json must say */
#ifndef Q8_SCHEME_TARGET_H
#define Q8_SCHEME_TARGET_H

#include "src/model/arch.h"
#include "src/model/reader.h"
#include "src/scheme/scheme.h"

#define Q8_ROW_LIMIT (4u << 20) /* bytes of one row of a weight that becomes int8 */

/* One output target: a row of data, constant. */
struct q8_target {
    const char *name;    /* of --to */
    const char *title;   /* its arithmetic in one short word, for the heads of tables: "g128" */
    const char *summary; /* format and runtimes, one line for a list */
    unsigned takes;      /* bits 1 << enum q8_kind: int8 without being asked */
    unsigned accepts;    /* bits: int8 when --also asks */
    unsigned looks_up; /* bits: the same, of what is looked up; some readers have a place for it */
    unsigned readers;  /* bits 1 << enum q8_reader: the runtimes that it is written for */
    bool splits_experts; /* fused 3-D experts of a known layout become 2-D weights */
    /* what an int8 weight is stored as: of q8_schemes; NULL: nothing becomes int8 */
    const struct q8_scheme *scheme;
    enum q8_dtype dtype;   /* without one: what all floats become; Q8_DTYPES: nothing is computed */
    const char *container; /* format of the weight files, a word of formats/meson.build */
};

/* Every target that makes int8, the default first; NULL name at the end. */
extern const struct q8_target q8_targets[];

/* Those that make none: floats again, or the same tensors in other files; NULL name at the end. */
extern const struct q8_target q8_float_targets[];

/* The target of that name among those that make int8, a constant; NULL = none. */
const struct q8_target *q8_target_find(const char *name);

/* The same among those that make none. */
const struct q8_target *q8_target_find_float(const char *name);

/*
 * Why a weight of `cols` columns cannot be int8 in that target, or in its family, whatever anyone
 * asks: a clause, or NULL.
 */
const char *q8_target_obstacle(const struct q8_target *target, enum q8_kind kind,
                               const struct q8_tensor *t, uint64_t cols);

/* Whether the target makes 2-D weights of that fused tensor of experts, which can be cut. */
bool q8_target_splits(const struct q8_target *target, const struct q8_tensor *t);

/* Whether a weight of `cols` columns becomes int8 in that target when nobody asks for anything. */
bool q8_target_takes(const struct q8_target *target, enum q8_kind kind, const struct q8_tensor *t,
                     uint64_t cols);

/* Whether that runtime reads the target. */
bool q8_target_read_by(const struct q8_target *target, enum q8_reader reader);

#endif
