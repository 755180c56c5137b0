/* plan_parts.h - the pieces of the plan, each in its own file */
#ifndef Q8_CONVERT_PLAN_PARTS_H
#define Q8_CONVERT_PLAN_PARTS_H

#include "formats/format.h"
#include "src/base/name_set.h"
#include "src/convert/plan.h"
#include "src/model/folder/below.h"

/* ---- plan_float.c ---- */

/*
 * The jobs and totals of a target that makes nothing int8: every tensor is copied, as the model has
 * it by now.  Q8_EUSAGE for options that choose modules,
 * Q8_EUNSUPPORTED as q8_model_is_float where floats are wanted.
 */
bool q8_plan_float(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* ---- plan_use.c: schemes of single modules (--use) ---- */

/*
 * Before any module is looked at: Q8_EUSAGE when a pattern names no target, or one that the main
 * target does not mix with.
 */
bool q8_plan_use_open(const struct q8_plan *plan, struct q8_err *err);

/* The target whose scheme a module gets when it becomes int8. */
const struct q8_target *q8_plan_use(const struct q8_plan *plan, const struct q8_choice *choice);

/* Lists plan->group once the jobs are there; Q8_EUSAGE for a `use` that no int8 module goes by. */
bool q8_plan_use_groups(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* ---- plan_check.c ---- */

/* Adds a sentence for the user (printf); Q8_ELIMIT. */
bool q8_plan_warn(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The warnings, and the reasons not to start: nothing, or too little, to become int8. */
bool q8_plan_check(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* Percent of the Linear parameters that become int8; 0 when there are none. */
double q8_plan_coverage(const struct q8_plan *plan);

/* ---- plan_twice.c ---- */

/* Sets plan->schemes and what the totals say of weights that are quantized already; Q8_ELIMIT. */
bool q8_plan_schemes(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* The warnings of those that become floats, and of those that are rounded a second time. */
bool q8_plan_warn_twice(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* ---- plan_index.c ---- */

/* Prints the index file (self: the plan).  Format: formats.md 1.1.6. */
bool q8_plan_index(void *self, FILE *out, struct q8_err *err);

/* ---- plan_fence.c ---- */

/* Modules by the names that they have in the file and in memory, sorted. */
struct q8_plan_sides {
    struct q8_name_set kept; /* float Linears, heads that are tied */
    struct q8_name_set int8; /* none of them is in `kept` too */
};

/*
 * Makes regexes of entries that a reader of that layout would find in an int8 module's name, or
 * take for something else.  Q8_EUNSUPPORTED when one of `kept` has no entry then.
 */
bool q8_plan_fence(struct q8_name_set *entries, enum q8_layout layout,
                   const struct q8_plan_sides *sides, struct q8_arena *mem, struct q8_err *err);

/* ---- plan_lists.c ---- */

/*
 * The lists of quantization_config: plan->ignore, and the names of each group but the first.
 * Q8_EUNSUPPORTED when their readers could not tell an int8 module from a float one.
 */
bool q8_plan_lists(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* ---- plan_config.c ---- */

/* The lists, quantization_config and config.json. */
bool q8_plan_config(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/*
 * Whether the text of a config.json parses and, where weights become int8, its quantization_config
 * is an object; else Q8_EIO with the place, which `path` names.
 */
bool q8_plan_config_check(const struct q8_plan *plan, const char *path, const char *text,
                          uint64_t length, struct q8_err *err);

/* ---- plan_edit.c ---- */

/*
 * The text of config.json without what it says of numbers that are no more there, every other byte
 * as it was: no quantization_config where weights were dequantized (that of the root is left for
 * int8 to be put in its place), and of a target of floats its type wherever dtype or torch_dtype
 * name one.  NULL: Q8_ELIMIT.
 */
const char *q8_plan_edit(const struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* ---- plan_left.c ---- */

/* A file or folder of the input, as the walk comes by. */
struct q8_entry {
    const char *path, *full; /* below the input, and of the system */
    const char *in;          /* the folder that it is in, without links, below the input */
    bool linked;             /* that folder was reached by a link */
    struct q8_spot spot;     /* what is there */
};

/* Why it stays behind: ret->reason is NULL when it comes along.  False: it cannot be told. */
bool q8_plan_left(const struct q8_plan *plan, const struct q8_entry *e, struct q8_left *ret,
                  struct q8_err *err);

/* ---- plan_files.c ---- */

/* Which other files of the input directory come along. */
bool q8_plan_side(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/* ---- plan_layout.c ---- */

/*
 * The weight files of the output, in the target's format, sizes and offsets, the list of all output
 * files, and sums over it.  Q8_EUNSUPPORTED when two tensors or two files would have one name.
 */
bool q8_plan_layout(struct q8_plan *plan, struct q8_arena *mem, struct q8_err *err);

/*
 * Lays output shard `number` out: sets its size and the offsets of its jobs.  With a sink (else
 * NULL) it also writes everything but the tensor data.  The same plan gives the same bytes.
 */
bool q8_plan_header(struct q8_plan *plan, uint32_t number, struct q8_sink *sink,
                    struct q8_err *err);

/*
 * The name of that output tensor of a job, put together in `text` (for a copy the source's own
 * name), and in *ret its type, shape and bytes; name, offset and shard are left open.  NULL with
 * Q8_ELIMIT when the name is longer than `size`.
 */
const char *q8_job_part(const struct q8_job *job, unsigned part, struct q8_tensor *ret, char *text,
                        size_t size, struct q8_err *err);

/* How many tensors output shard `number` holds. */
uint64_t q8_plan_parts(const struct q8_plan *plan, uint32_t number);

/* How many tensors the job writes. */
unsigned q8_job_parts(const struct q8_job *job);

#endif
