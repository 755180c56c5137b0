/* archs.h - which class of transformers an architecture of GGUF is: its names and its config */
#ifndef Q8_MODEL_GGUF_ARCHS_H
#define Q8_MODEL_GGUF_ARCHS_H

#include "src/base/tensor.h"

/* What becomes of a tensor beside its name. */
enum q8_gguf_change {
    Q8_GGUF_SAME,
    Q8_GGUF_Q,       /* rows of all heads, which architectures that say `permuted` have moved */
    Q8_GGUF_K,       /* the same of the heads of keys */
    Q8_GGUF_QKV,     /* rows [head][3][size] are [3][head][size] there */
    Q8_GGUF_NORM,    /* architectures that say `less_one` have added 1 */
    Q8_GGUF_EXPERTS, /* cut along its first dimension: '*' in `hf` is the number of each */
    Q8_GGUF_ROW,     /* [n] becomes [1, n] */
    Q8_GGUF_LEFT     /* no weight: factors of rotary embeddings, which config.json has */
};

/* A name; '#' is the number of the layer.  ".weight" or ".bias" behind it stays as it is. */
struct q8_gguf_name {
    const char *gguf, *hf; /* hf NULL: q8 does not know what it is there */
    enum q8_gguf_change change;
};

/* A member of config.json. */
struct q8_gguf_member {
    const char *hf;   /* its key */
    const char *gguf; /* key of the file behind "ARCHITECTURE."; NULL: it has none */
    /* JSON where the file does not say; NULL: it must; "": the member is left out */
    const char *otherwise;
};

struct q8_gguf_arch {
    const char *name;                     /* general.architecture */
    const char *model_type, *class;       /* of transformers */
    bool permuted, less_one;              /* see above */
    bool experts;                         /* of an `expert_count` above 0; else of one without */
    const struct q8_gguf_name *names;     /* up to a NULL, looked at before the common ones */
    const struct q8_gguf_member *members; /* the same */
    const char *bias;   /* the member that says that attention has biases; NULL: it has none; "": it
                         always has */
    const char *rotary; /* the member that says which share of a head is rotated; NULL: all of it */
};

/* The row of an architecture with experts or without; NULL = none. */
const struct q8_gguf_arch *q8_gguf_arch_find(const char *name, bool experts);

/* Its name of a tensor and the number of its layer (0 where there is none); NULL = none. */
const struct q8_gguf_name *q8_gguf_name_find(const struct q8_gguf_arch *arch, const char *name,
                                             uint64_t *ret_layer);

/* The name in transformers of a tensor that has one; `expert`: the number of one of its experts. */
const char *q8_gguf_name_make(const struct q8_gguf_arch *arch, const char *name, uint64_t expert,
                              struct q8_arena *mem, struct q8_err *err);

/*
 * The module of transformers that a weight of GGUF is in a model of that model_type (NULL: of
 * GGUF's own names): its name without ".weight"; NULL without an error: it has none.
 */
const char *q8_gguf_module(const char *model_type, const char *weight, uint64_t expert,
                           struct q8_arena *mem, struct q8_err *err);

/* The names of all architectures into `text`, for a message: "gemma, gemma2"; returns it. */
const char *q8_gguf_archs(char *text, size_t size);

/* The members that most have, up to a NULL; a row of the architecture's own goes before. */
extern const struct q8_gguf_member q8_gguf_members[];

#endif
