/* runtime_parts.h - the pieces of the check: a model as vLLM and SGLang build it */
#ifndef Q8_VERIFY_RUNTIME_RUNTIME_PARTS_H
#define Q8_VERIFY_RUNTIME_RUNTIME_PARTS_H

#include "src/model/names.h"
#include "src/model/reader.h"
#include "src/model/section.h"
#include "src/verify/result.h"

#define Q8_BIT(reader) (1u << Q8_READER_##reader)

/* What a group of config.json makes of a Linear, in one runtime. */
enum q8_recipe {
    Q8_RECIPE_NONE,    /* nothing: the runtime finds no scheme and stops */
    Q8_RECIPE_UNCLEAR, /* something that needs what cannot be seen here */
    Q8_RECIPE_W8A16,   /* packed codes, activations as they are */
    Q8_RECIPE_W8A8     /* plain codes, int8 activations */
};

/* One of config_groups. */
struct q8_group {
    const struct cJSON *json;
    const char *key;      /* "group_0" */
    const char *format;   /* its own or the config's; NULL: neither has one */
    const char *strategy; /* of its weights: "channel", "group", "tensor", ... */
    uint64_t size;        /* columns that share a scale, of "group" */
    struct q8_names targets;
    bool linear;                       /* a target is part of the class name Linear */
    bool other_class;                  /* a target may name a class of the runtime */
    enum q8_recipe recipe[Q8_READERS]; /* what it makes of a Linear */
    bool acts;                         /* it quantizes activations */
    bool static_inputs;                /* the scales of its activations are in the file */
};

/* Names of the modules that runtimes make one of, on top of each other. */
struct q8_fused {
    const char *name[2]; /* of the whole, in vLLM and SGLang */
    const char *part[4]; /* NULL behind the last */
    unsigned bit;        /* in packed_table.inc */
};

/* A weight of the file: a Linear, an expert, a head, a table. */
struct q8_piece {
    const char *module;             /* "model.layers.0.mlp.up_proj" */
    const char *key;                /* the module that it becomes a part of; itself: of none */
    const struct q8_stored *stored; /* NULL: float */
    const struct q8_fused *fused;   /* what `key` is; NULL: no such */
    enum q8_kind kind;              /* in the class of the int8 model */
    uint64_t rows, cols;
};

/* What a unit is to the runtimes. */
enum q8_unit_kind { Q8_UNIT_LINEAR, Q8_UNIT_EXPERTS, Q8_UNIT_HEAD, Q8_UNIT_EMBEDDING };

/* A module as vLLM and SGLang build it: of one weight of the file, or of several. */
struct q8_unit {
    enum q8_unit_kind kind;
    const char *name;             /* with the last part as vLLM has it: "...self_attn.qkv_proj" */
    const struct q8_piece *piece; /* [pieces] of the file, by module; fused experts: one float */
    uint64_t pieces, int8;        /* how many, and how many of them are int8 */
    bool whole_experts;           /* all experts are one float tensor of the file */
};

/* The same kind of finding of one runtime, many times. */
struct q8_tally {
    enum q8_reader reader;
    const char *kind, *name, *text; /* of the first */
    uint64_t more;                  /* others like it */
    bool doubt;                     /* the runtime is not known to fail */
};

#define Q8_TALLIES 64 /* more than there are kinds and readers */

/* What the check of one model needs. */
struct q8_runtime_run {
    struct q8_verify *v;
    struct q8_arch arch;         /* of the int8 model: what its runtime reads, unlike v->arch */
    struct q8_sections sections; /* of it too */
    const struct cJSON *root;    /* its config.json */
    const struct cJSON *config;  /* quantization_config */
    struct q8_group *group;      /* [groups] in the order of the config */
    uint64_t groups;
    struct q8_names ignore;
    struct q8_piece *piece; /* [pieces] by key, then by module */
    uint64_t pieces;
    struct q8_unit *unit; /* [units] by name */
    uint64_t units;
    /* whose checks are running, and what it builds */
    enum q8_reader reader;
    struct q8_reading reading;
    unsigned expands; /* bits of q8_fused that it expands to their parts in lists */
    struct q8_tally tally[Q8_TALLIES];
    unsigned tallies;
};

/* groups.c: reads config_groups and ignore.  Q8_ELIMIT. */
bool q8_runtime_groups(struct q8_runtime_run *r, struct q8_err *err);

/* units.c: fills pieces and units.  Q8_ELIMIT. */
bool q8_runtime_units(struct q8_runtime_run *r, struct q8_err *err);

/* Beside those bits: modules ask without the path to their layer. */
#define Q8_LOST_PATH 32

/* The bits of the fused modules that the runtime's class expands in lists. */
unsigned q8_runtime_expands(enum q8_reader reader, const char *class_name);

/* The name that the runtime has for the unit: `unit->name`, or written to text. */
const char *q8_unit_name(const struct q8_unit *unit, enum q8_reader reader, char *text,
                         size_t size);

/* What the runtime builds there. */
enum q8_place q8_unit_place(const struct q8_runtime_run *r, const struct q8_unit *unit);

/* What the lists of the config give a unit. */
enum q8_match {
    Q8_MATCH_IGNORED, /* it is on the list of what stays float */
    Q8_MATCH_NONE,    /* no group has it */
    Q8_MATCH_GROUP,   /* a group has it */
    Q8_MATCH_SPLIT,   /* its parts get different things, and the runtime stops */
    Q8_MATCH_UNCLEAR  /* a regex that q8 cannot judge might decide */
};

/* match.c: by the rule of the runtime whose checks run; *ret_group of Q8_MATCH_GROUP. */
enum q8_match q8_runtime_match(const struct q8_runtime_run *r, const struct q8_unit *unit,
                               const struct q8_group **ret_group);

/* check_config.c: what vLLM and SGLang refuse in the config as a whole. */
bool q8_runtime_config(struct q8_runtime_run *r, struct q8_err *err);

/* check_config.c: scales of activations that do not change must be in the file. */
bool q8_runtime_inputs(struct q8_runtime_run *r, struct q8_err *err);

/* check_units.c: for each unit, whether what is built is what the file has. */
bool q8_runtime_unit_match(struct q8_runtime_run *r, struct q8_err *err);

/* check_shapes.c: whether a kernel takes it, split for that many GPUs, of that capability. */
bool q8_runtime_shapes(struct q8_runtime_run *r, struct q8_err *err);
bool q8_runtime_device(struct q8_runtime_run *r, struct q8_err *err);

/* check_transformers.c: what transformers does beyond what integrity/ looks at. */
bool q8_runtime_transformers(struct q8_runtime_run *r, struct q8_err *err);

/* check_bnb.c: bitsandbytes in vLLM and SGLang. */
bool q8_runtime_bnb(struct q8_runtime_run *r, struct q8_err *err);

/*
 * Notes a finding about the runtime whose checks run; of each kind the first is told, and how many
 * more there are.  `kind` is a constant.  The text says what the runtime prints or computes.
 */
bool q8_runtime_say(struct q8_runtime_run *r, const char *kind, const char *name,
                    struct q8_err *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same, where it is not known whether the runtime loads it. */
bool q8_runtime_doubt(struct q8_runtime_run *r, const char *kind, const char *name,
                      struct q8_err *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
