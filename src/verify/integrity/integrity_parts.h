/* integrity_parts.h - the pieces that look at headers, config.json, index and manifest */
#ifndef Q8_VERIFY_INTEGRITY_INTEGRITY_PARTS_H
#define Q8_VERIFY_INTEGRITY_INTEGRITY_PARTS_H

#include "src/model/folder/folder.h"
#include "src/verify/result.h"

/* The finding of this level that fails, or is a note: for q8_findings_add. */
#define Q8_FINDING(word, about, bad) Q8_FINDING_FOR(0, word, about, bad)

/* The same about runtimes, bits 1 << enum q8_reader. */
#define Q8_FINDING_FOR(readers, word, about, bad)                                                  \
    (&(struct q8_finding){.level = Q8_LEVEL_INTEGRITY,                                             \
                          .kind = (word),                                                          \
                          .name = (about),                                                         \
                          .fails = (bad),                                                          \
                          .runtimes = (readers)})

/* A module of the quantized model, as who reads its config looks at it. */
struct q8_module {
    const char *name;               /* "model.layers.0.mlp.up_proj" */
    enum q8_kind kind;              /* in the reference's class */
    const struct q8_stored *stored; /* its int8 weight; NULL: it is float */
    bool absent; /* a head: the class has it, the file has not, or not by that name */
    /*
     * The class is one that the table was proved for and the module has the same name in memory:
     * what follows from its kind holds.  Else such a finding is a note.
     */
    bool sure;
};

/* pairs.c: tensors that are missing, extra, of another shape or type. */
bool q8_integrity_pairs(struct q8_verify *v, struct q8_err *err);

/* config.c: members of config.json that changed, then what its layout asks for. */
bool q8_integrity_config(struct q8_verify *v, struct q8_err *err);

/*
 * modules.c: calls `each` for every 2-D float weight and every int8 weight of the
 * quantized model, then for heads of the class that it has not.  Stops when one returns false.
 */
bool q8_integrity_modules(struct q8_verify *v,
                          bool (*each)(void *self, const struct q8_module *m, struct q8_err *err),
                          void *self, struct q8_err *err);

/* bnb.c: quantization_config for bitsandbytes against the tensors. */
bool q8_integrity_bnb(struct q8_verify *v, struct q8_err *err);

/* ct.c: the same for compressed-tensors. */
bool q8_integrity_ct(struct q8_verify *v, struct q8_err *err);

/* index.c: model.safetensors.index.json, beyond what q8_model_open refuses. */
bool q8_integrity_index(struct q8_verify *v, struct q8_err *err);

/* manifest.c: q8-manifest.json, if there is one; fills v->file. */
bool q8_integrity_manifest(struct q8_verify *v, struct q8_err *err);

#endif
