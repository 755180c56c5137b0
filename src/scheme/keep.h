/* keep.h - what stays float in a target since the runtimes that read it build it so */
#ifndef Q8_SCHEME_KEEP_H
#define Q8_SCHEME_KEEP_H

#include "src/model/reader.h"
#include "src/model/section.h"
#include "src/scheme/target.h"

/* What --vision says of towers and projectors. */
enum q8_vision {
    Q8_VISION_DEFAULT, /* float in targets of vLLM and SGLang, which often build it so */
    Q8_VISION_FLOAT,
    Q8_VISION_INT8 /* where the readers have a place */
};

/* A model and the readers of a target.  Points into both. */
struct q8_keep {
    const struct q8_target *target;
    const struct q8_arch *arch; /* the class of the model, the caller's */
    struct q8_sections sections;
    struct q8_reading reading[Q8_READERS]; /* the model as each builds it */
    bool vision;                           /* towers and projectors may become int8 too */
};

/* Looks the model up; `arch` is its class. */
void q8_keep_init(struct q8_keep *ret, const struct q8_model *model, const struct q8_arch *arch,
                  const struct q8_target *target, enum q8_vision vision);

/* Why that Linear stays float unless asked for, by its name in the file: a clause, or NULL. */
const char *q8_keep_reason(const struct q8_keep *keep, const char *module);

/*
 * Whether that reader of the target makes int8 of a module of that kind when the file has it so:
 * of the head and the embedding too.  UNKNOWN: its model file is not in the table.
 */
enum q8_place q8_keep_place(const struct q8_keep *keep, enum q8_reader reader, enum q8_kind kind,
                            const char *module);

#endif
