/* weights.h - every weight of a checkpoint by module: a matrix, or a slice of fused experts */
#ifndef Q8_MODEL_WEIGHTS_H
#define Q8_MODEL_WEIGHTS_H

#include "src/model/arch.h"
#include "src/model/model.h"

struct q8_stored; /* src/scheme/stored.h */

/* A tensor, or a part of one, as a matrix of rows. */
struct q8_view {
    const struct q8_tensor *tensor; /* source; its elements have whole bytes */
    const struct q8_stored *stored; /* the int8 weight whose codes they are; NULL: floats */
    bool transpose;                 /* it is stored [cols, rows]; then `first` is 0 */
    uint64_t first;                 /* element of the tensor that the rows begin at */
    uint64_t rows, cols;            /* as the visitor sees them; cols > 0 */
};

/* One weight: "MODULE.weight" of two dimensions, or one expert of a tensor that holds them all. */
struct q8_weight {
    const char *module; /* "model.layers.0.mlp.up_proj" */
    enum q8_kind kind;  /* of the module, in the class of the model */
    /* its rows as they are multiplied; of any type, and here alone `cols` may be 0 */
    struct q8_view view;
    const struct q8_arch_experts
        *fused; /* how the tensor it is a slice of is cut; NULL: no slice */
};

/*
 * A checkpoint of n bytes has at most Q8_WEIGHTS_LEAST + n / Q8_WEIGHT_BYTES weights, so that what
 * is kept of each, some 1,200 bytes, is in proportion to it: a fused tensor can claim a million
 * experts of one element.  The largest known has 70,000 of 1 MB and more.
 */
#define Q8_WEIGHTS_LEAST 16384
#define Q8_WEIGHT_BYTES 128

/* All weights of a checkpoint.  Memory is the arena's. */
struct q8_weight_list {
    const struct q8_model *model; /* the checkpoint */
    const struct q8_arch *arch;   /* its class, the caller's */
    struct q8_weight *weight;     /* [count], by module */
    uint64_t count;               /* 0: none */
    /* [count] the same in the order of the index's tensors, then of their rows */
    const struct q8_weight **by_tensor;
    uint64_t parameters; /* elements of all tensors, also of those that are no weights */
    uint64_t linear;     /* of those, of Linear modules and of fused experts, cut or not */
};

/*
 * The kind of the module that owns tensor `name` of that rank in a model with that index: what its
 * class tells (q8_arch_kind), but for X.out_proj beside a bare X.in_proj_weight or X.q_proj_weight,
 * the parameters of an nn.MultiheadAttention, which is BYPASSED whatever the class.  Source: torch
 * 2.15, nn/modules/activation.py.
 */
enum q8_kind q8_weight_kind(const struct q8_index *index, const struct q8_arch *arch,
                            const char *name, uint32_t rank);

/* Whether a config says that the head is the embedding. */
enum q8_tied {
    Q8_UNTIED,    /* it says no */
    Q8_TIED,      /* it says yes */
    Q8_TIED_BLANK /* nothing: the class's default, which mostly is yes */
};

/* The class of a model, as its config.json names it; unknown without one.  Points into *model. */
void q8_model_arch(struct q8_arch *ret, const struct q8_model *model);

/*
 * What tie_word_embeddings is: yes when the root says so or the part of the language model does;
 * what other parts say (a vision_config) is of no head.  Source: transformers 5.23,
 * configuration_utils.py, PretrainedConfig.get_text_config; it leaves the word out where it has the
 * default of PretrainedConfig, which is yes.
 */
enum q8_tied q8_model_tied(const struct q8_model *model);

/*
 * Whether runtimes make that module, a head of the class, the embedding: the config says so
 * (q8_model_tied), or it says nothing, the class's default is yes (tied_table.inc) and the file has
 * the same weight as an embedding too.  Where those differ, transformers 5.23 leaves them apart
 * (modeling_utils.py, tie_weights).
 */
bool q8_weight_is_tied(const struct q8_model *model, const struct q8_arch *arch,
                       const char *module);

/*
 * Lists every "MODULE.weight" of rank 2, of any type and kind, turned where a Conv1D is stored
 * turned; and the slices of every fused tensor of experts that can be cut: floats, of a layout
 * known for the class, and borne out by the shapes of the pair, gate_up [E, 2 * I, H] and down [E,
 * H, I] (transposed ones have 2 * I where the other has H).  A slice is named as if it were a
 * file's own: "STEM.3.up_proj".  Nothing is int8 here: see q8_stored_weights.  Q8_ELIMIT;
 * Q8_EINPUT when a module has two, such as an expert that is fused and alone.
 */
bool q8_weights_find(struct q8_weight_list *ret, const struct q8_model *model,
                     const struct q8_arch *arch, struct q8_arena *mem, struct q8_err *err);

/*
 * Takes `count` more, of tensors of the model, in: each in place of the one of its tensor, where
 * there is one.  The sums stay.  Q8_ELIMIT; then the list is as it was.
 */
bool q8_weights_add(struct q8_weight_list *list, const struct q8_weight *more, uint64_t count,
                    struct q8_arena *mem, struct q8_err *err);

/* The weight of that module; NULL = none. */
const struct q8_weight *q8_weights_find_module(const struct q8_weight_list *list,
                                               const char *module);

/*
 * The weights that lie in that tensor of the model's index, by rows: *ret_count of them, one for a
 * matrix, more for fused experts; 0 where it is no weight.
 */
const struct q8_weight *const *q8_weights_of(const struct q8_weight_list *list,
                                             const struct q8_tensor *t, uint64_t *ret_count);

/* Whether it holds experts fused into one tensor: multiplied, though no matrix; cut or not. */
bool q8_tensor_is_fused(const struct q8_tensor *t);

/* Length of MODULE in the tensor name "MODULE.weight"; 0: it is no such name. */
size_t q8_weight_stem(const char *tensor);

/* "MODULE.weight"; NULL: Q8_ELIMIT. */
char *q8_weight_name(const char *module, struct q8_arena *mem, struct q8_err *err);

/*
 * The first part of a dotted path that is a number ("a.3.b": 3), UINT64_MAX for none; *ret_role is
 * what follows it ("b", "" when nothing does), or the whole path.
 */
uint64_t q8_path_layer(const char *path, const char **ret_role);

#endif
