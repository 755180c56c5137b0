/* activations.h - activations to multiply weights with: captured, from statistics, or made */
#ifndef Q8_FORWARD_ACTIVATIONS_H
#define Q8_FORWARD_ACTIVATIONS_H

#include "kernels/kernels.h"
#include "src/model/weights.h"

/* Where a module's activations come from, the best first. */
enum q8_activations_kind {
    Q8_ACTIVATIONS_CAPTURED,   /* rows of --activations: real inputs of the module */
    Q8_ACTIVATIONS_STATISTICS, /* Gaussian, each feature scaled to its absmax in --activations */
    Q8_ACTIVATIONS_GAINS,      /* Gaussian of unit RMS times the gains of the module's norm */
    Q8_ACTIVATIONS_GAUSSIAN,   /* Gaussian of unit RMS */
    Q8_ACTIVATIONS_KINDS
};

/* "captured", "statistics", "norm gains", "gaussian": a constant. */
const char *q8_activations_kind_name(enum q8_activations_kind kind);

/* How to make them. */
struct q8_activations_options {
    const char
        *path; /* --activations: .safetensors or .npz; NULL: none; must outlive the activations */
    uint64_t tokens; /* rows to make, and at most how many captured ones are taken; > 0 */
    uint64_t seed;   /* of the generator */
};

struct q8_activations_parts; /* activations_parts.h: the open file, arrays, norms */

/* The source of activations for one model.  Reading is safe from several threads. */
struct q8_activations {
    struct q8_activations_options options; /* a copy */
    const struct q8_model *model;          /* the float model, whose norms are read */
    struct q8_digest digest;            /* of the file at options.path, all bytes; 0 without one */
    struct q8_activations_parts *parts; /* memory of the arena */
};

/*
 * Opens the file, if any, and finds the norms of the model.  An array of rank 2 and more of the
 * file is captured activations [tokens.., in] (its name is the module's, without ".weight"), one of
 * rank 1 the absmax of each feature; F16, BF16, F32 or F64.  Arrays of numpy's files are held in
 * memory, options.tokens rows of each; captured ones of safetensors files are read when they are
 * asked for. Every array must be of one of the weights (a list of the float model, whose names
 * outlive the activations) and as wide: Q8_EINPUT with the nearest names, as q8_statistics_match
 * has it; so is an array that is a scalar, empty or no floats, and a file without arrays.
 * Q8_EUNSUPPORTED, Q8_ELIMIT, Q8_EIO.  Close it in every case.
 */
bool q8_activations_open(struct q8_activations *ret, const struct q8_activations_options *options,
                         const struct q8_weight_list *weights, struct q8_arena *mem,
                         struct q8_err *err);

/* Closes the file; accepts a zeroed struct. */
void q8_activations_close(struct q8_activations *p);

/*
 * Where the activations of that module come from, and into *ret_tokens how many rows there are.  A
 * module that is none of those of q8_activations_open is Q8_ACTIVATIONS_GAUSSIAN.
 */
enum q8_activations_kind q8_activations_find(const struct q8_activations *p, const char *module,
                                             uint64_t *ret_tokens);

/*
 * Writes the activations of a module into x [tokens, cols], each rounded to `type` (rne); tokens is
 * what q8_activations_find said, cols those of the module.  The same numbers on every machine and
 * for any order of calls: they depend on options, file, norm and the module's name alone.  The
 * generator is described in gaussian.h, what is made of it in activations.c, both in q8-verify(1).
 * A value that is NaN or infinite, or becomes so when rounded, is Q8_EINPUT with module, token and
 * feature, be it captured or made; Q8_EIO, also when the file is no longer the one that was opened.
 */
bool q8_activations_fill(const struct q8_activations *p, const char *module, uint64_t cols,
                         enum q8_float type, float *x, struct q8_err *err);

#endif
