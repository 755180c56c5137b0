/*
 * arch.h - what a model class tells about its weights: which are Linear, which are heads, how
 * experts lie
 */
#ifndef Q8_MODEL_ARCH_H
#define Q8_MODEL_ARCH_H

#include "src/model/path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Behind the name of a module: the name of its weight. */
#define Q8_WEIGHT_SUFFIX ".weight"

/* What kind of module a weight belongs to, as transformers 5.23 builds it. */
enum q8_kind {
    Q8_KIND_OTHER,  /* norm, bias, convolution, bare parameter: never int8 */
    Q8_KIND_LINEAR, /* exactly nn.Linear */
    /* a subclass of nn.Linear: compressed-tensors converts it, bitsandbytes does not */
    Q8_KIND_SUBLINEAR,
    Q8_KIND_CONV1D, /* GPT-2's transposed Linear, stored [in, out] */
    Q8_KIND_HEAD,   /* a Linear that stays float unless asked for: output head, tied weight */
    Q8_KIND_KEEP,   /* a Linear that transformers keeps in fp32 (_keep_in_fp32_modules: t5's wo) */
    Q8_KIND_EMBEDDING,     /* a lookup table: a 2-D weight, but not a Linear */
    Q8_KIND_ROUTER,        /* chooses experts; a bare parameter, or a subclass of nn.Linear */
    Q8_KIND_LINEAR_ROUTER, /* chooses experts and is exactly nn.Linear: bitsandbytes converts it,
                              llm-compressor's recipes leave it float */
    Q8_KIND_EXPERT,        /* one expert's 2-D Linear in the file, fused to 3-D by transformers 5 */
    Q8_KIND_BYPASSED,      /* a Linear whose weight the module around it multiplies by itself */
    Q8_KIND_FUSED, /* a Linear that transformers cuts, puts together or permutes on loading */
    Q8_KINDS
};

/* Kinds whose weights are multiplied: what the coverage counts. */
#define Q8_LINEAR_KINDS                                                                            \
    (1u << Q8_KIND_LINEAR | 1u << Q8_KIND_SUBLINEAR | 1u << Q8_KIND_CONV1D | 1u << Q8_KIND_HEAD |  \
     1u << Q8_KIND_KEEP | 1u << Q8_KIND_LINEAR_ROUTER | 1u << Q8_KIND_EXPERT |                     \
     1u << Q8_KIND_BYPASSED | 1u << Q8_KIND_FUSED)

/* Kinds that some runtime takes for a Linear: when float, they are listed in the config by name. */
#define Q8_LISTED_KINDS (Q8_LINEAR_KINDS | 1u << Q8_KIND_ROUTER)

/* A short sentence for reports, a constant: "an embedding is looked up, not multiplied". */
const char *q8_kind_reason(enum q8_kind kind);

/*
 * One row of a table: the rule in arch.c, or an exception to it in src/model/arch_table.inc, which
 * tests/oracle/arch_make.py writes.  What a pattern is: src/model/path.h.
 */
struct q8_arch_row {
    const char *owner;   /* architectures[0] or model_type; NULL in the rule */
    const char *pattern; /* of module paths, without ".weight" */
    enum q8_kind kind;   /* of the modules that match */
};

/* How a fused 3-D expert tensor [experts, rows, cols] is cut into 2-D Linears. */
struct q8_arch_experts {
    const char *suffix; /* of the tensor name: ".experts.gate_up_proj" */
    /* leaf names of the equal row blocks, top first: "gate_proj", "up_proj"; [1] NULL: one block */
    const char *part[2];
};

/*
 * One row of the table of names: what stands in memory for a part of a path in the file.  In both
 * '#' is a number, the same; ".a.b" may begin anywhere, "a.b" at the start alone; "" is nothing.
 */
struct q8_arch_rename {
    const char *owner;   /* class, else model_type */
    const char *pattern; /* whole components of the path */
    const char *name;    /* what stands for them */
};

/* A Linear that the file has as one and transformers as several, or as a part of one. */
struct q8_arch_fused {
    const char *owner;   /* model_type */
    const char *pattern; /* of its path, or of a bare parameter's: ".attn.in_proj_weight" */
    const char *parts;   /* leaves of the modules in memory, rows from the top: "q_proj k_proj" */
    bool equal;          /* the rows are cut into parts of one size, and stay in their order */
};

/* A class that transformers does not run on packed weights. */
struct q8_arch_packed {
    const char *owner; /* class, or model_type */
    bool init;         /* its initialization reads the weight of a Linear; else its code does */
};

/* Where the base model lies in the classes around it. */
struct q8_arch_base {
    const char *owner;  /* class, else model_type */
    const char *prefix; /* base_model_prefix: "transformer"; "" for none */
    const char *inside; /* its parts: "h wpe wte" */
};

/* A model class, as config.json names it.  Points into constant tables and the caller's strings. */
struct q8_arch {
    const char *model_type;           /* config.json model_type, or NULL */
    const char *class_name;           /* architectures[0], or NULL */
    bool known;                       /* one of the classes that the table was proved for */
    const struct q8_arch_row *row[2]; /* exceptions of the class, then of the type; NULL = none */
    size_t rows[2];                   /* how many of each */
    const struct q8_arch_row *head;   /* heads of the class that the rule does not know */
    size_t heads;                     /* how many; 0: q8_arch_head goes by the class's name */
    const struct q8_arch_rename *rename; /* of the class, else of the type; NULL = none */
    size_t renames;                      /* how many */
    const struct q8_arch_fused *fused;   /* of the type of a known class; NULL = none */
    size_t fuses;                        /* how many */
    const struct q8_arch_base *base;     /* of a known class; else NULL */
    bool unnamed;                        /* some of its names in memory are not known */
    bool is_base;                        /* the class is the base model itself */
};

/* Looks the class up.  Either name may be NULL; both must outlive *arch.  Allocates nothing. */
void q8_arch_init(struct q8_arch *arch, const char *model_type, const char *class_name);

/*
 * The kind of the module that owns tensor `name` (a full checkpoint name such as
 * "model.layers.0.mlp.up_proj.weight") of that rank.  Only rank 2 names that end in ".weight" can
 * be anything but OTHER (fused experts are asked for with q8_arch_experts).
 */
enum q8_kind q8_arch_kind(const struct q8_arch *arch, const char *name, uint32_t rank);

/*
 * Module names of heads that this class has whether or not the file holds them (tied heads), with
 * numbers as they are.  Returns the i-th, a constant, or NULL past the last.
 */
const char *q8_arch_head(const struct q8_arch *arch, size_t i);

/* The known layout of the fused 3-D expert tensor `name`, or NULL when it must stay float. */
const struct q8_arch_experts *q8_arch_experts(const struct q8_arch *arch, const char *name);

/*
 * The fused group that runtimes build from this module: "qkv_proj" for .q_proj/.k_proj/.v_proj,
 * "gate_up_proj" for .gate_proj/.up_proj; NULL when it stands alone.
 */
const char *q8_arch_group(const char *module);

/* Whether both modules are members of one fused group of one layer. */
bool q8_arch_same_group(const char *a, const char *b);

/* Whether both modules are experts of one layer, which runtimes make one weight of. */
bool q8_arch_same_experts(const char *a, const char *b);

/* How int8 weights lie in a file.  What they are called: scheme/layout.h. */
enum q8_layout {
    Q8_LAYOUT_NONE,   /* there are none */
    Q8_LAYOUT_BNB,    /* codes by row, beside their absmax */
    Q8_LAYOUT_PLAIN,  /* codes by row, beside their steps */
    Q8_LAYOUT_PACKED, /* four codes in a word, beside their steps */
    Q8_LAYOUT_MIXED,  /* several of one config */
    Q8_LAYOUTS
};

/* What is known of a runtime that does not load a combination. */
struct q8_arch_refusal {
    const char *runtime; /* "transformers 5.23" */
    const char *reason;  /* a clause: "FalconLinear.forward reads self.weight" */
};

/* What a plan holds that decides whether a runtime loads it. */
struct q8_arch_traits {
    bool experts;       /* 2-D experts in the file, int8 or not */
    bool int8_experts;  /* experts become int8, however they lie in the file */
    bool split_experts; /* fused experts of the file become int8 one by one */
    bool sublinear;     /* a subclass of Linear becomes int8 */
    /* 2-D experts become int8 in a scheme that the config's first group does not tell of */
    bool other_experts;
    bool moved; /* the config names the scheme of a module that q8_arch_moved tells of */
};

/*
 * The i-th refusal for a model of this class whose int8 weights are stored in `layout`; false, and
 * *ret as it was, past the last.
 */
bool q8_arch_refusal(const struct q8_arch *arch, enum q8_layout layout,
                     const struct q8_arch_traits *traits, size_t i, struct q8_arch_refusal *ret);

#endif
